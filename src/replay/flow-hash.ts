/**
 * Which worker a packet goes to under the distribution `flow`: a hash of the addresses and ports of the
 * outermost IP header and, for GRE, of the packet inside, so that one busy tunnel is spread over all
 * workers and every packet of an (inner) flow meets the same one.
 *
 * Read before anything has been checked, so every access is bounded by the frame; a frame that ends early
 * or is not IP hashes by what could be read of it.
 */
import { be16, word } from '../wire/bytes.js';
import { EtherType, GRE_HEADER, IpProtocol } from '../wire/protocol.js';
import { ipOffset } from './link-header.js';

/** Spreads the bits of one 32-bit word over the hash so far. */
function mix(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x9e3779b1);
  return h ^ (h >>> 15);
}

/**
 * Hash of the flow of the frame `bytes[offset, offset + length)` of a link type, 0 to 2^32 − 1. The two
 * directions of a flow have different hashes.
 */
export function flowHash(bytes: Uint8Array, offset: number, length: number, linkType: number): number {
  const header = ipOffset(bytes, offset, length, linkType);
  return header < 0 ? 0 : hashPacket(bytes, offset + header, offset + length, 0x5bd1e995, true) >>> 0;
}

/** Hash of the IP packet in `bytes[at, end)`; `outermost` packets are looked into for GRE. */
function hashPacket(bytes: Uint8Array, at: number, end: number, seed: number, outermost: boolean): number {
  if (end - at < 20) return seed;
  let hash = seed;
  let protocol: number;
  let next: number;
  if (bytes[at]! >>> 4 === 4) {
    hash = mix(mix(hash, word(bytes, at + 12)), word(bytes, at + 16));
    // Fragments, the first included, have no ports in common: all go by address.
    if ((bytes[at + 6]! & 0x3f) !== 0 || bytes[at + 7] !== 0) return hash;
    protocol = bytes[at + 9]!;
    next = at + 4 * (bytes[at]! & 0x0f);
  } else {
    if (end - at < 40) return hash;
    for (let i = at + 8; i < at + 40; i += 4) hash = mix(hash, word(bytes, i));
    protocol = bytes[at + 6]!;
    next = at + 40;
  }
  if (end - next < 4) return hash;
  if (protocol === IpProtocol.TCP || protocol === IpProtocol.UDP) return mix(hash, word(bytes, next));
  if (protocol === IpProtocol.GRE && outermost) return hashGrePayload(bytes, next, end, hash);
  return hash;
}

/** Hash of what a GRE header at `at` carries. */
function hashGrePayload(bytes: Uint8Array, at: number, end: number, hash: number): number {
  const flags = bytes[at]!;
  let type = be16(bytes, at + 2);
  // Checksum, key and sequence take four bytes each.
  let inner = at + GRE_HEADER + 4 * ((flags >>> 7) + ((flags >>> 5) & 1) + ((flags >>> 4) & 1));
  if (type === EtherType.TEB) {
    if (end - inner < 18) return hash;
    const tag = be16(bytes, inner + 12) === EtherType.VLAN ? 4 : 0;
    type = be16(bytes, inner + 12 + tag);
    inner += 14 + tag;
  }
  return type === EtherType.IPV4 || type === EtherType.IPV6
    ? hashPacket(bytes, inner, end, hash, false)
    : hash;
}
