/**
 * Frames: link headers off on the way in, back on (with the addresses reversed) on the way out.
 *
 * Stage 1 of the pipeline. Reads the vector's offset, length and link; writes ip, length, family and
 * linkLength, or a verdict.
 */
import { be16 } from '../wire/bytes.js';
import { ETHERNET_HEADER, EtherType, VLAN_TAG } from '../wire/protocol.js';
import { LinkType } from './link-type.js';
import type { PacketPool } from './packet-pool.js';
import type { PacketVector } from './packet-vector.js';
import { Step, type Scratch } from './scratch.js';
import { VectorField } from './vector-layout.js';
import { Verdict } from './verdicts.js';

const SLL_HEADER = 16;
const SLL2_HEADER = 20;
const NULL_HEADER = 4;
/** Room for the longest link header that is kept. */
const LONGEST_HEADER = 24;

/** Packet type of a cooked frame that the capturing host sends. */
const SLL_OUTGOING = 4;
const AF_INET = 2;
/** AF_INET6 of NetBSD and OpenBSD, FreeBSD, Darwin, Linux; the first is written when a family changes. */
const AF_INET6 = [24, 28, 30, 10];

const DONE = Step.DONE;
const CAREFUL = Step.CAREFUL;
const ETHERNET = LinkType.ETHERNET;
const RAW = LinkType.RAW;
const IPV4 = EtherType.IPV4;
const IPV6 = EtherType.IPV6;
const VLAN = EtherType.VLAN;
const UNTAGGED = ETHERNET_HEADER;
const TAGGED = ETHERNET_HEADER + VLAN_TAG;
const TRUNCATED = Verdict.frame_truncated;
const UNSUPPORTED = Verdict.ethertype_unsupported;
const OFFSET = VectorField.OFFSET;
const LENGTH = VectorField.LENGTH;
const LINK = VectorField.LINK;
const SIDE = VectorField.SIDE;
const VERDICT = VectorField.VERDICT;
const TUNNEL_IN = VectorField.TUNNEL_IN;
const TUNNEL_OUT = VectorField.TUNNEL_OUT;
const OUT_LENGTH = VectorField.OUT_LENGTH;

export type FrameStage = (this: void, vector: PacketVector) => void;

/** Closures over their memory for the reason told in decap.ts. */
export function createFrameStage(pool: PacketPool, scratch: Scratch): FrameStage {
  const { words, bytes } = pool;
  const { step, ip, length: available, family, linkLength, ethernet, frameLength } = scratch;

  /** Ethernet and raw IP; answers whether there were frames of other link types. */
  function flat(n: number, vector: number): boolean {
    const offset = vector + OFFSET;
    const length = vector + LENGTH;
    const link = vector + LINK;
    const side = vector + SIDE;
    const verdict = vector + VERDICT;
    const tunnelIn = vector + TUNNEL_IN;
    const tunnelOut = vector + TUNNEL_OUT;
    const outLength = vector + OUT_LENGTH;
    let others = false;
    for (let i = 0; i < n; i++) {
      const start = words[offset + i]!;
      const kind = words[link + i]!;
      const from = words[side + i]!;
      let header = 0;
      let announced = 0;
      let bad = 0;
      let payload = 0;
      if (kind === ETHERNET) {
        header = UNTAGGED;
        let type = (bytes[start + 12]! << 8) | bytes[start + 13]!;
        if (type === VLAN) {
          header = TAGGED;
          type = (bytes[start + 16]! << 8) | bytes[start + 17]!;
        }
        announced = type === IPV4 ? 4 : type === IPV6 ? 6 : 0;
        if (announced === 0) bad = UNSUPPORTED;
        if (words[length + i]! < header) bad = TRUNCATED;
        payload = header & -(from & 1);
      } else if (kind !== RAW) {
        others = true;
      }
      step[i] = bad === 0 ? CAREFUL : DONE;
      words[verdict + i] = bad;
      ip[i] = start + header;
      available[i] = words[length + i]! - header;
      // Side.OVERLAY is 1, a plain next hop has bit 1.
      family[i] = announced | ((from & 2) << 2);
      linkLength[i] = header;
      ethernet[i] = payload;
      frameLength[i] = 0;
      words[tunnelIn + i] = -1;
      words[tunnelOut + i] = -1;
      words[outLength + i] = 0;
    }
    return others;
  }

  /** A frame that is neither Ethernet nor raw IP. */
  function other(vector: PacketVector, i: number): void {
    const kind = vector.link[i]!;
    const header = linkHeaderLength(kind);
    let bad = 0;
    if (header < 0) {
      bad = Verdict.link_unsupported;
    } else if (vector.length[i]! < header) {
      bad = Verdict.frame_truncated;
    } else {
      const announced = otherFamily(bytes, vector.offset[i]!, kind);
      family[i]! |= announced;
      if (announced === 0) bad = Verdict.ethertype_unsupported;
      ip[i]! += header;
      available[i]! -= header;
      linkLength[i] = header;
    }
    vector.verdict[i] = bad;
    step[i] = bad === 0 ? CAREFUL : DONE;
  }

  return function frame(vector: PacketVector): void {
    const { count, link } = vector;
    if (!flat(count, vector.base)) return;
    for (let i = 0; i < count; i++) if (link[i] !== ETHERNET && link[i] !== RAW) other(vector, i);
  };
}

/** Bytes of link header of a link type (Ethernet: without a tag); −1 for one that is not read. */
export function linkHeaderLength(link: number): number {
  switch (link) {
    case LinkType.ETHERNET:
      return ETHERNET_HEADER;
    case LinkType.RAW:
    case LinkType.IPV4:
    case LinkType.IPV6:
      return 0;
    case LinkType.NULL:
    case LinkType.LOOP:
      return NULL_HEADER;
    case LinkType.LINUX_SLL:
      return SLL_HEADER;
    case LinkType.LINUX_SLL2:
      return SLL2_HEADER;
    default:
      return -1;
  }
}

/** Family that the link header at `start` announces; 0 when it is neither IPv4 nor IPv6. */
function otherFamily(bytes: Uint8Array, start: number, kind: number): number {
  switch (kind) {
    case LinkType.IPV4:
      return 4;
    case LinkType.IPV6:
      return 6;
    case LinkType.LINUX_SLL:
      return familyOfEtherType(be16(bytes, start + 14));
    case LinkType.LINUX_SLL2:
      return familyOfEtherType(be16(bytes, start));
    default: {
      const b0 = bytes[start]!;
      const b3 = bytes[start + 3]!;
      if (bytes[start + 1] !== 0 || bytes[start + 2] !== 0) return 0;
      if (b0 === 0) return familyOfAf(b3);
      return kind === LinkType.NULL && b3 === 0 ? familyOfAf(b0) : 0;
    }
  }
}

export function familyOfEtherType(type: number): number {
  return type === EtherType.IPV4 ? 4 : type === EtherType.IPV6 ? 6 : 0;
}

function familyOfAf(af: number): number {
  if (af === AF_INET) return 4;
  return AF_INET6.includes(af) ? 6 : 0;
}

const header = new Uint8Array(LONGEST_HEADER);

/**
 * Writes the link header found at `from` again so that it ends at `to`, for a packet of `family` that goes
 * back out of the interface that it came in by: Ethernet addresses swapped, 802.1Q tag kept, cooked packet
 * type "outgoing". Source and target may overlap. Answers the offset of the new frame.
 */
export function putReversedLink(
  bytes: Uint8Array,
  from: number,
  length: number,
  link: number,
  to: number,
  family: number,
): number {
  const at = to - length;
  if (length === 0) return at;
  for (let i = 0; i < length; i++) header[i] = bytes[from + i]!;
  const type = family === 4 ? EtherType.IPV4 : EtherType.IPV6;
  for (let i = 0; i < length; i++) bytes[at + i] = header[i]!;
  switch (link) {
    case LinkType.ETHERNET:
      for (let i = 0; i < 6; i++) {
        bytes[at + i] = header[6 + i]!;
        bytes[at + 6 + i] = header[i]!;
      }
      bytes[to - 2] = type >>> 8;
      bytes[to - 1] = type;
      break;
    case LinkType.LINUX_SLL:
      bytes[at] = 0;
      bytes[at + 1] = SLL_OUTGOING;
      bytes[at + 14] = type >>> 8;
      bytes[at + 15] = type;
      break;
    case LinkType.LINUX_SLL2:
      bytes[at] = type >>> 8;
      bytes[at + 1] = type;
      bytes[at + 10] = SLL_OUTGOING;
      break;
    default: {
      // BSD null and loop: the family's byte stands first or last.
      const last = header[0] === 0 ? 3 : 0;
      if (familyOfAf(header[last]!) !== family) bytes[at + last] = family === 4 ? AF_INET : AF_INET6[0]!;
    }
  }
  return at;
}
