/**
 * Writers of single headers, for packets that are made rather than forwarded: tests, fixtures, synthetic
 * traffic. Each is a pure function over (bytes, offset) that returns the bytes it wrote. Plain byte-wise
 * code with sums in network order, on purpose not shared with the hot path that it is used to test.
 *
 * Every field has a right default; naming a field that is otherwise computed (a length, a version, a
 * checksum) writes the given value instead, true or not. `undefined` is the same as absent.
 */
import { addressBytes, isIpv6, macBytes, type Address } from './build-address.js';
import { checksumOf, padded, sumWords, writeOptions } from './build-sums.js';
import { putBe16, putBe32 } from './bytes.js';
import { ETHERNET_HEADER, EtherType, GreFlag, IPV4_HEADER, IPV6_HEADER, VLAN_TAG } from './protocol.js';

export interface EthernetSpec {
  /** Default 02:00:00:00:00:02. */
  destinationMac?: string | Uint8Array | undefined;
  /** Default 02:00:00:00:00:01. */
  sourceMac?: string | Uint8Array | undefined;
  /** The 16 bits behind ethertype 0x8100: priority, DEI and VLAN identifier. No tag when absent. */
  vlan?: number | undefined;
}

/** An IPv6 extension header (RFC 8200 §4). */
export interface ExtensionSpec {
  /** Its protocol number: 0 hop-by-hop, 43 routing, 44 fragment, 51 authentication, 60 destination options. */
  header: number;
  /** Bytes in all, default 8 (authentication: 24). */
  size?: number | undefined;
  /** Fragment header: offset in bytes (a multiple of 8), more fragments, identification. */
  offset?: number | undefined;
  more?: boolean | undefined;
  id?: number | undefined;
  /** Lie: the length field (byte 1). */
  lengthField?: number | undefined;
}

/** An IPv4 or IPv6 header: the family is that of the addresses. */
export interface IpSpec {
  source: Address;
  destination: Address;
  /** TTL or hop limit. Default 64. */
  ttl?: number | undefined;
  /** TOS or traffic class, 0 to 255: DSCP in the upper six bits, ECN in the lower two. Default 0. */
  tos?: number | undefined;
  /** IPv4 identification. Default 0. */
  id?: number | undefined;
  dontFragment?: boolean | undefined;
  moreFragments?: boolean | undefined;
  /** The IPv4 flag that must be zero. */
  reservedFlag?: boolean | undefined;
  /** IPv4 fragment offset in bytes, a multiple of 8. Default 0. */
  fragmentOffset?: number | undefined;
  /** IPv4 options, padded with zeros to a multiple of 4 bytes. At most 40 bytes. */
  options?: readonly number[] | undefined;
  /** IPv6 flow label, 20 bits. Default 0. */
  flowLabel?: number | undefined;
  /** IPv6 extension headers, in order. */
  extensions?: readonly ExtensionSpec[] | undefined;
  /** Number of the protocol behind the header(s). Default: that of what is built there. */
  protocol?: number | undefined;
  /** Lies. */
  version?: number | undefined;
  /** IPv4 header length field, in 4-byte words. */
  headerLength?: number | undefined;
  /** IPv4 total length or IPv6 payload length field. */
  length?: number | undefined;
  checksum?: number | undefined;
}

export interface GreSpec {
  /** 32-bit key; absent: no key field. */
  key?: number | undefined;
  /** true: with a right checksum. A number: that value in the checksum field, right or not. */
  checksum?: boolean | number | undefined;
  /** 32-bit sequence number; absent: none. */
  sequence?: number | undefined;
  /** Protocol type. Default: that of the payload. */
  protocol?: number | undefined;
  /** Lies: the version (0 to 7), bits added to byte 0 (0x40 routing, 0x0c reserved) and to byte 1. */
  version?: number | undefined;
  flags?: number | undefined;
  flags1?: number | undefined;
}

/** For a few bytes a loop is faster than TypedArray.set. */
function copy(bytes: Uint8Array, at: number, from: Uint8Array): void {
  for (let i = 0; i < from.length; i++) bytes[at + i] = from[i]!;
}

const DESTINATION_MAC = macBytes('02:00:00:00:00:02');
const SOURCE_MAC = macBytes('02:00:00:00:00:01');

/** Ethernet II, with one 802.1Q tag when `vlan` is given. */
export function writeEthernet(bytes: Uint8Array, at: number, spec: EthernetSpec, etherType: number): number {
  copy(bytes, at, spec.destinationMac === undefined ? DESTINATION_MAC : macBytes(spec.destinationMac));
  copy(bytes, at + 6, spec.sourceMac === undefined ? SOURCE_MAC : macBytes(spec.sourceMac));
  if (spec.vlan === undefined) {
    putBe16(bytes, at + 12, etherType);
    return ETHERNET_HEADER;
  }
  putBe16(bytes, at + 12, EtherType.VLAN);
  putBe16(bytes, at + 14, spec.vlan);
  putBe16(bytes, at + 16, etherType);
  return ETHERNET_HEADER + VLAN_TAG;
}

/** Linux cooked v1 (LINKTYPE_LINUX_SLL). `packetType`: 0 to us, 4 outgoing. */
export function writeCookedV1(
  bytes: Uint8Array,
  at: number,
  packetType: number,
  mac: Uint8Array,
  protocol: number,
): number {
  putBe16(bytes, at, packetType);
  putBe16(bytes, at + 2, 1); // ARPHRD_ETHER
  putBe16(bytes, at + 4, 6);
  copy(bytes, at + 6, mac);
  putBe16(bytes, at + 12, 0);
  putBe16(bytes, at + 14, protocol);
  return 16;
}

/** Linux cooked v2 (LINKTYPE_LINUX_SLL2) of interface 2. */
export function writeCookedV2(
  bytes: Uint8Array,
  at: number,
  packetType: number,
  mac: Uint8Array,
  protocol: number,
): number {
  putBe16(bytes, at, protocol);
  putBe16(bytes, at + 2, 0);
  putBe32(bytes, at + 4, 2);
  putBe16(bytes, at + 8, 1); // ARPHRD_ETHER
  bytes[at + 10] = packetType;
  bytes[at + 11] = 6;
  copy(bytes, at + 12, mac);
  putBe16(bytes, at + 18, 0);
  return 20;
}

/** BSD loopback: 4 bytes of address family, in network order (LOOP) or little-endian (NULL of most machines). */
export function writeFamily(bytes: Uint8Array, at: number, family: number, networkOrder: boolean): number {
  putBe32(bytes, at, 0);
  bytes[networkOrder ? at + 3 : at] = family;
  return 4;
}

/** Bytes of the header(s) that `writeIp` writes. */
export function ipLength(spec: IpSpec): number {
  if (!isIpv6(spec.source)) return IPV4_HEADER + padded(spec.options?.length ?? 0);
  let length = IPV6_HEADER;
  for (const extension of spec.extensions ?? []) length += extensionSize(extension);
  return length;
}

/** IPv4 header, or IPv6 header with its extension headers, before `payload` bytes of `protocol`. */
export function writeIp(
  bytes: Uint8Array,
  at: number,
  spec: IpSpec,
  protocol: number,
  payload: number,
): number {
  return isIpv6(spec.source)
    ? writeIpv6(bytes, at, spec, protocol, payload)
    : writeIpv4(bytes, at, spec, protocol, payload);
}

function writeIpv4(bytes: Uint8Array, at: number, spec: IpSpec, protocol: number, payload: number): number {
  const length = ipLength(spec);
  const flags =
    (spec.reservedFlag === true ? 0x8000 : 0) |
    (spec.dontFragment === true ? 0x4000 : 0) |
    (spec.moreFragments === true ? 0x2000 : 0);
  bytes[at] = ((spec.version ?? 4) << 4) | (spec.headerLength ?? length >> 2);
  bytes[at + 1] = spec.tos ?? 0;
  putBe16(bytes, at + 2, spec.length ?? length + payload);
  putBe16(bytes, at + 4, spec.id ?? 0);
  putBe16(bytes, at + 6, flags | ((spec.fragmentOffset ?? 0) >> 3));
  bytes[at + 8] = spec.ttl ?? 64;
  bytes[at + 9] = protocol;
  putBe16(bytes, at + 10, 0);
  copy(bytes, at + 12, addressBytes(spec.source));
  copy(bytes, at + 16, addressBytes(spec.destination));
  writeOptions(bytes, at + IPV4_HEADER, spec.options);
  putBe16(bytes, at + 10, spec.checksum ?? checksumOf(sumWords(bytes, at, at + length)));
  return length;
}

function writeIpv6(bytes: Uint8Array, at: number, spec: IpSpec, protocol: number, payload: number): number {
  const length = ipLength(spec);
  const extensions = spec.extensions ?? [];
  putBe32(bytes, at, ((spec.version ?? 6) << 28) | ((spec.tos ?? 0) << 20) | (spec.flowLabel ?? 0));
  putBe16(bytes, at + 4, spec.length ?? length - IPV6_HEADER + payload);
  bytes[at + 6] = extensions[0]?.header ?? protocol;
  bytes[at + 7] = spec.ttl ?? 64;
  copy(bytes, at + 8, addressBytes(spec.source));
  copy(bytes, at + 24, addressBytes(spec.destination));
  let next = at + IPV6_HEADER;
  extensions.forEach((extension, i) => {
    writeExtension(bytes, next, extension, extensions[i + 1]?.header ?? protocol);
    next += extensionSize(extension);
  });
  return length;
}

function extensionSize(spec: ExtensionSpec): number {
  return spec.size ?? (spec.header === 51 ? 24 : 8);
}

function writeExtension(bytes: Uint8Array, at: number, spec: ExtensionSpec, next: number): void {
  const size = extensionSize(spec);
  bytes.fill(0, at, at + size);
  bytes[at] = next;
  if (spec.header === 44) {
    putBe16(bytes, at + 2, (spec.offset ?? 0) | (spec.more === true ? 1 : 0));
    putBe32(bytes, at + 4, spec.id ?? 0);
    return;
  }
  bytes[at + 1] = spec.lengthField ?? (spec.header === 51 ? size / 4 - 2 : size / 8 - 1);
  if (spec.header === 43) {
    bytes[at + 2] = 253; // routing type for experiments (RFC 4727), segments left 0
  } else if (spec.header === 0 || spec.header === 60) {
    bytes[at + 2] = 1; // PadN
    bytes[at + 3] = size - 4;
  }
}

/** Bytes of the header that `writeGre` writes. */
export function greLength(spec: GreSpec): number {
  const checksum = spec.checksum === undefined || spec.checksum === false ? 0 : 4;
  return 4 + checksum + (spec.key === undefined ? 0 : 4) + (spec.sequence === undefined ? 0 : 4);
}

/**
 * GRE header (RFC 2784, 2890) in front of a payload that already stands behind it, up to `end`.
 * `protocol`: protocol type of that payload.
 */
export function writeGre(
  bytes: Uint8Array,
  at: number,
  spec: GreSpec,
  protocol: number,
  end: number,
): number {
  const withChecksum = spec.checksum !== undefined && spec.checksum !== false;
  bytes[at] =
    (withChecksum ? GreFlag.CHECKSUM : 0) |
    (spec.key === undefined ? 0 : GreFlag.KEY) |
    (spec.sequence === undefined ? 0 : GreFlag.SEQUENCE) |
    (spec.flags ?? 0);
  bytes[at + 1] = (spec.version ?? 0) | (spec.flags1 ?? 0);
  putBe16(bytes, at + 2, spec.protocol ?? protocol);
  let next = at + 4;
  if (withChecksum) {
    putBe32(bytes, next, 0);
    next += 4;
  }
  if (spec.key !== undefined) {
    putBe32(bytes, next, spec.key);
    next += 4;
  }
  if (spec.sequence !== undefined) {
    putBe32(bytes, next, spec.sequence);
    next += 4;
  }
  if (withChecksum) {
    const right = typeof spec.checksum === 'number' ? spec.checksum : checksumOf(sumWords(bytes, at, end));
    putBe16(bytes, at + 4, right);
  }
  return next - at;
}
