/**
 * ICMP errors: fragmentation needed and port unreachable (RFC 792, RFC 1191), time exceeded, and their
 * ICMPv6 counterparts (RFC 4443), built as RFC 1812 §4.3.2 asks.
 */
import { be16, putBe16, putBe32, putLe16 } from '../wire/bytes.js';
import { fold, sumBytes } from '../wire/checksum.js';
import { Ipv6Chain } from '../wire/ipv6-chain.js';
import type { PayloadKernels } from '../wire/payload.js';
import { ICMP_HEADER, IPV4_HEADER, IPV6_HEADER, IpProtocol } from '../wire/protocol.js';

export const IcmpError = { TOO_BIG: 0, TIME_EXCEEDED: 1, PORT_UNREACHABLE: 2 } as const;

/** Bytes of an ICMPv4 error in all (RFC 1812 §4.3.2.3) and of an ICMPv6 error (RFC 4443 §2.4 c). */
const LONGEST4 = 576;
const LONGEST6 = 1280;
const TTL = 64;
/** IP precedence 6, internetwork control (RFC 1812 §4.3.2.5). */
const TOS4 = 0xc0;

const V4_TYPE = [3, 11, 3];
const V4_CODE = [4, 0, 3];
const V6_TYPE = [2, 3, 1];
const V6_CODE = [0, 0, 4];

/** ICMPv4 messages about which no error is sent (RFC 1122 §3.2.2). */
const V4_ERRORS = [3, 4, 5, 11, 12];

const chain = new Ipv6Chain();

/** Whether RFC 1122 §3.2.2 and RFC 4443 §2.4 (e) allow an error about this checked packet. */
export function mayAnswer(bytes: Uint8Array, ip: number, length: number, family: number): boolean {
  return family === 4 ? mayAnswer4(bytes, ip, length) : mayAnswer6(bytes, ip, length);
}

/** Whether the source of the packet can be answered at all: neither unspecified, loopback, multicast nor broadcast. */
export function isUnicastSource(bytes: Uint8Array, ip: number, family: number): boolean {
  if (family === 4) {
    const first = bytes[ip + 12]!;
    return first !== 0 && first !== 127 && first < 224;
  }
  const source = ip + 8;
  if (bytes[source] === 0xff) return false;
  let sum = 0;
  for (let i = 0; i < 15; i++) sum |= bytes[source + i]!;
  return sum !== 0 || bytes[source + 15]! > 1;
}

function mayAnswer4(bytes: Uint8Array, ip: number, length: number): boolean {
  if ((be16(bytes, ip + 6) & 0x1fff) !== 0) return false;
  if (!isUnicastSource(bytes, ip, 4) || bytes[ip + 16]! >= 224) return false;
  const header = (bytes[ip]! & 0x0f) * 4;
  return bytes[ip + 9] !== IpProtocol.ICMP || length <= header || !V4_ERRORS.includes(bytes[ip + header]!);
}

function mayAnswer6(bytes: Uint8Array, ip: number, length: number): boolean {
  if (!isUnicastSource(bytes, ip, 6)) return false;
  chain.walk(bytes, ip, length, false);
  if (chain.laterFragment) return false;
  return chain.protocol !== IpProtocol.ICMPV6 || chain.offset >= ip + length || bytes[chain.offset]! >= 128;
}

/** Bytes of the error about a packet of `length` bytes, no longer than `limit`. */
export function icmpErrorLength(length: number, family: number, limit: number): number {
  const headers = family === 4 ? IPV4_HEADER + ICMP_HEADER : IPV6_HEADER + ICMP_HEADER;
  return Math.min(headers + length, family === 4 ? LONGEST4 : LONGEST6, limit);
}

/** Where the source address of an error at `at` belongs. */
export function icmpSourceAt(at: number, family: number): number {
  return at + (family === 4 ? 12 : 8);
}

/**
 * Writes an error of `total` bytes (icmpErrorLength) about the packet at `ip` to `at`, where its source
 * address stands already (`icmpSourceAt`).
 *
 * @param mtu next-hop MTU for TOO_BIG, else 0
 */
export function writeIcmpError(
  bytes: Uint8Array,
  kernels: PayloadKernels,
  at: number,
  total: number,
  ip: number,
  family: number,
  kind: number,
  mtu: number,
): void {
  const header = family === 4 ? IPV4_HEADER : IPV6_HEADER;
  const icmp = at + header;
  const size = total - header;
  kernels.copy(icmp + ICMP_HEADER, ip, size - ICMP_HEADER);
  putBe16(bytes, icmp + 2, 0);
  let pseudo = 0;
  if (family === 4) {
    bytes[icmp] = V4_TYPE[kind]!;
    bytes[icmp + 1] = V4_CODE[kind]!;
    putBe32(bytes, icmp + 4, mtu & 0xffff);
    bytes[at] = 0x45;
    bytes[at + 1] = TOS4;
    putBe16(bytes, at + 2, total);
    putBe32(bytes, at + 4, 0x4000);
    bytes[at + 8] = TTL;
    bytes[at + 9] = IpProtocol.ICMP;
    putBe16(bytes, at + 10, 0);
    for (let i = 0; i < 4; i++) bytes[at + 16 + i] = bytes[ip + 12 + i]!;
    putLe16(bytes, at + 10, ~sumBytes(bytes, at, IPV4_HEADER) & 0xffff);
  } else {
    bytes[icmp] = V6_TYPE[kind]!;
    bytes[icmp + 1] = V6_CODE[kind]!;
    putBe32(bytes, icmp + 4, mtu);
    putBe32(bytes, at, 0x60000000);
    putBe16(bytes, at + 4, size);
    bytes[at + 6] = IpProtocol.ICMPV6;
    bytes[at + 7] = TTL;
    for (let i = 0; i < 16; i++) bytes[at + 24 + i] = bytes[ip + 8 + i]!;
    // Pseudo-header (RFC 8200 §8.1): addresses, length, next header; the last two in network order.
    pseudo = sumBytes(bytes, at + 8, 32) + (((size & 0xff) << 8) | (size >>> 8)) + (IpProtocol.ICMPV6 << 8);
  }
  putLe16(bytes, icmp + 2, ~fold(kernels.sum(icmp, size) + pseudo) & 0xffff);
}
