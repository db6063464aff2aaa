/**
 * Packets built layer by layer from the inside out, with all lengths and checksums right, and with a note
 * of where each layer lies. For making templates, not for speed.
 */
import { checksum, concat, write16, write32 } from '../oracle/bytes.js';

export const LayerKind = {
  ETHERNET: 0,
  COOKED: 1,
  FAMILY: 2,
  IPV4: 3,
  IPV6: 4,
  EXTENSION: 5,
  GRE: 6,
  TCP: 7,
  UDP: 8,
  ICMP: 9,
  PAYLOAD: 10,
} as const;
export type LayerKindNumber = (typeof LayerKind)[keyof typeof LayerKind];

export interface Layer {
  kind: LayerKindNumber;
  /** Offset of its first byte. */
  at: number;
  /** Bytes of its header. */
  length: number;
}

/** Bytes and the layers in them, outermost first. */
export interface Built {
  bytes: Uint8Array;
  layers: Layer[];
}

function prepend(kind: LayerKindNumber, header: Uint8Array, inside: Built): Built {
  const shifted = inside.layers.map((layer) => ({ ...layer, at: layer.at + header.length }));
  return {
    bytes: concat(header, inside.bytes),
    layers: [{ kind, at: 0, length: header.length }, ...shifted],
  };
}

export function payload(bytes: Uint8Array): Built {
  return { bytes, layers: [{ kind: LayerKind.PAYLOAD, at: 0, length: bytes.length }] };
}

export interface Addresses {
  source: Uint8Array;
  destination: Uint8Array;
}

/** The pseudo header of RFC 1071 users: addresses, length, protocol. */
function pseudoHeader(addresses: Addresses, protocol: number, length: number): Uint8Array {
  const tail = new Uint8Array(8);
  write32(tail, 0, length);
  tail[7] = protocol;
  return concat(addresses.source, addresses.destination, tail);
}

export function tcp(
  addresses: Addresses,
  ports: { source: number; destination: number },
  flags: number,
  options: Uint8Array,
  data: Uint8Array,
): Built {
  const header = concat(new Uint8Array(20), options, new Uint8Array((4 - (options.length % 4)) % 4));
  write16(header, 0, ports.source);
  write16(header, 2, ports.destination);
  write32(header, 4, 0x1234_5678);
  header[12] = (header.length / 4) * 16;
  header[13] = flags;
  write16(header, 14, 65_535);
  write16(header, 16, checksum(pseudoHeader(addresses, 6, header.length + data.length), header, data));
  return prepend(LayerKind.TCP, header, payload(data));
}

export function udp(
  addresses: Addresses,
  ports: { source: number; destination: number },
  data: Uint8Array,
): Built {
  const header = new Uint8Array(8);
  write16(header, 0, ports.source);
  write16(header, 2, ports.destination);
  write16(header, 4, 8 + data.length);
  write16(header, 6, checksum(pseudoHeader(addresses, 17, 8 + data.length), header, data) || 0xffff);
  return prepend(LayerKind.UDP, header, payload(data));
}

/** ICMP, or ICMPv6 when the addresses are IPv6. */
export function icmp(addresses: Addresses, type: number, code: number, data: Uint8Array): Built {
  const header = new Uint8Array(8);
  header[0] = type;
  header[1] = code;
  const isIpv6 = addresses.source.length === 16;
  const pseudo = isIpv6 ? pseudoHeader(addresses, 58, 8 + data.length) : new Uint8Array(0);
  write16(header, 2, checksum(pseudo, header, data));
  return prepend(LayerKind.ICMP, header, payload(data));
}

export interface Ipv4Fields extends Addresses {
  protocol: number;
  tos?: number;
  id?: number;
  /** Flags and fragment offset, the whole 16-bit word. */
  flags?: number;
  ttl?: number;
  /** A multiple of 4 bytes, up to 40. */
  options?: Uint8Array;
}

export function ipv4(fields: Ipv4Fields, inside: Built): Built {
  const header = concat(new Uint8Array(20), fields.options ?? new Uint8Array(0));
  header[0] = 0x40 + header.length / 4;
  header[1] = fields.tos ?? 0;
  write16(header, 2, header.length + inside.bytes.length);
  write16(header, 4, fields.id ?? 0);
  write16(header, 6, fields.flags ?? 0);
  header[8] = fields.ttl ?? 64;
  header[9] = fields.protocol;
  header.set(fields.source, 12);
  header.set(fields.destination, 16);
  write16(header, 10, checksum(header));
  return prepend(LayerKind.IPV4, header, inside);
}

export interface Ipv6Fields extends Addresses {
  protocol: number;
  trafficClass?: number;
  flowLabel?: number;
  hopLimit?: number;
}

export function ipv6(fields: Ipv6Fields, inside: Built): Built {
  const header = new Uint8Array(40);
  write32(header, 0, 0x6000_0000 + (fields.trafficClass ?? 0) * 0x10_0000 + (fields.flowLabel ?? 0));
  write16(header, 4, inside.bytes.length);
  header[6] = fields.protocol;
  header[7] = fields.hopLimit ?? 64;
  header.set(fields.source, 8);
  header.set(fields.destination, 24);
  return prepend(LayerKind.IPV6, header, inside);
}

/** An IPv6 extension header; `body` is what stands behind its first two bytes. */
export function extension(next: number, lengthByte: number, body: Uint8Array, inside: Built): Built {
  return prepend(LayerKind.EXTENSION, concat(Uint8Array.of(next, lengthByte), body), inside);
}

export interface GreFields {
  protocol: number;
  checksum: boolean;
  key: number | null;
  sequence: number | null;
}

export function gre(fields: GreFields, inside: Built): Built {
  const words =
    (fields.checksum ? 1 : 0) + (fields.key === null ? 0 : 1) + (fields.sequence === null ? 0 : 1);
  const header = new Uint8Array(4 + 4 * words);
  header[0] =
    (fields.checksum ? 0x80 : 0) + (fields.key === null ? 0 : 0x20) + (fields.sequence === null ? 0 : 0x10);
  write16(header, 2, fields.protocol);
  let at = fields.checksum ? 8 : 4;
  if (fields.key !== null) {
    write32(header, at, fields.key);
    at += 4;
  }
  if (fields.sequence !== null) write32(header, at, fields.sequence);
  if (fields.checksum) write16(header, 4, checksum(header, inside.bytes));
  return prepend(LayerKind.GRE, header, inside);
}

/** An Ethernet header with one 802.1Q tag for each number of `tags`. */
export function ethernet(ethertype: number, tags: readonly number[], inside: Built): Built {
  const header = new Uint8Array(14 + 4 * tags.length);
  header.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
  tags.forEach((tag, i) => {
    write16(header, 12 + 4 * i, 0x8100);
    write16(header, 14 + 4 * i, tag);
  });
  write16(header, header.length - 2, ethertype);
  return prepend(LayerKind.ETHERNET, header, inside);
}

export function cooked1(ethertype: number, inside: Built): Built {
  const header = Uint8Array.of(0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0);
  write16(header, 14, ethertype);
  return prepend(LayerKind.COOKED, header, inside);
}

export function cooked2(ethertype: number, inside: Built): Built {
  const header = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0);
  write16(header, 0, ethertype);
  return prepend(LayerKind.COOKED, header, inside);
}

/** BSD null and loop: the address family in either byte order. */
export function family(number: number, littleEndian: boolean, inside: Built): Built {
  const header = new Uint8Array(4);
  header[littleEndian ? 0 : 3] = number;
  return prepend(LayerKind.FAMILY, header, inside);
}

export function pad(inside: Built, bytes: Uint8Array): Built {
  return { bytes: concat(inside.bytes, bytes), layers: inside.layers };
}
