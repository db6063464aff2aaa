/** IP headers and checksums of what hosts and routers send themselves. Sums are in native order (src/wire/checksum.ts). */
import { putBe16, putBe32, putLe16, swap16 } from '../../wire/bytes.js';
import { fold, sumBytes } from '../../wire/checksum.js';
import type { PayloadKernels } from '../../wire/payload.js';
import { IPV4_HEADER, IPV6_HEADER, IpProtocol } from '../../wire/protocol.js';

export const DEFAULT_TTL = 64;

/** Bytes of the header that `putIpHeader` writes. */
export function ipHeaderLength(family: number): number {
  return family === 4 ? IPV4_HEADER : IPV6_HEADER;
}

/**
 * Writes an IP header without options in front of `payload` bytes.
 *
 * @param source 4 or 16 bytes, as `destination`
 * @param id IPv4 identification, 0 to 65,535
 */
export function putIpHeader(
  bytes: Uint8Array,
  at: number,
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  payload: number,
  ttl: number,
  dontFragment: boolean,
  id: number,
): void {
  const size = source.length;
  if (size === 4) {
    putBe16(bytes, at, 0x4500);
    putBe16(bytes, at + 2, IPV4_HEADER + payload);
    putBe16(bytes, at + 4, id);
    putBe16(bytes, at + 6, dontFragment ? 0x4000 : 0);
    bytes[at + 8] = ttl;
    bytes[at + 9] = protocol;
    putBe16(bytes, at + 10, 0);
    for (let i = 0; i < 4; i++) {
      bytes[at + 12 + i] = source[i]!;
      bytes[at + 16 + i] = destination[i]!;
    }
    sealIpv4(bytes, at);
  } else {
    putBe32(bytes, at, 0x60000000);
    putBe16(bytes, at + 4, payload);
    bytes[at + 6] = protocol;
    bytes[at + 7] = ttl;
    for (let i = 0; i < 16; i++) {
      bytes[at + 8 + i] = source[i]!;
      bytes[at + 24 + i] = destination[i]!;
    }
  }
}

/** Puts the right checksum into an IPv4 header. */
export function sealIpv4(bytes: Uint8Array, at: number): void {
  putLe16(bytes, at + 10, 0);
  const isPlain = bytes[at] === 0x45;
  const sum = isPlain ? sumHeader4(bytes, at) : sumBytes(bytes, at, (bytes[at]! & 0x0f) * 4);
  putLe16(bytes, at + 10, ~sum & 0xffff);
}

/** `sumBytes` of an IPv4 header without options, which hosts and routers ask for several times for each packet. */
export function sumHeader4(bytes: Uint8Array, at: number): number {
  // What lies at even offsets counts once, what lies at odd ones 256 times (native order).
  const even =
    bytes[at]! +
    bytes[at + 2]! +
    bytes[at + 4]! +
    bytes[at + 6]! +
    bytes[at + 8]! +
    bytes[at + 10]! +
    bytes[at + 12]! +
    bytes[at + 14]! +
    bytes[at + 16]! +
    bytes[at + 18]!;
  const odd =
    bytes[at + 1]! +
    bytes[at + 3]! +
    bytes[at + 5]! +
    bytes[at + 7]! +
    bytes[at + 9]! +
    bytes[at + 11]! +
    bytes[at + 13]! +
    bytes[at + 15]! +
    bytes[at + 17]! +
    bytes[at + 19]!;
  return fold(even + (odd << 8));
}

/** Sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1) of `size` bytes of a protocol in the packet at `at`. */
export function pseudoSum(
  bytes: Uint8Array,
  at: number,
  family: number,
  protocol: number,
  size: number,
): number {
  const addresses = family === 4 ? sumBytes(bytes, at + 12, 8) : sumBytes(bytes, at + 8, 32);
  return addresses + swap16(size & 0xffff) + (protocol << 8);
}

/** Whether an ICMP, ICMPv6, UDP or TCP message of `size` bytes at `transport` has a right checksum. */
export function isSumRight(
  bytes: Uint8Array,
  kernels: PayloadKernels,
  at: number,
  family: number,
  protocol: number,
  transport: number,
  size: number,
): boolean {
  const pseudo = protocol === IpProtocol.ICMP ? 0 : pseudoSum(bytes, at, family, protocol, size);
  return fold(kernels.sum(transport, size) + pseudo) === 0xffff;
}

/** Where the checksum stands, bytes behind the start of a message, by protocol. */
const SUM_AT = new Int32Array(256);
SUM_AT[IpProtocol.ICMP] = 2;
SUM_AT[IpProtocol.ICMPV6] = 2;
SUM_AT[IpProtocol.UDP] = 6;
SUM_AT[IpProtocol.TCP] = 16;

/** Writes the checksum of such a message, whose IP header stands at `at`. */
export function sealTransport(
  bytes: Uint8Array,
  kernels: PayloadKernels,
  at: number,
  family: number,
  protocol: number,
  transport: number,
  size: number,
): void {
  const field = transport + SUM_AT[protocol]!;
  putLe16(bytes, field, 0);
  const pseudo = protocol === IpProtocol.ICMP ? 0 : pseudoSum(bytes, at, family, protocol, size);
  const sum = ~fold(kernels.sum(transport, size) + pseudo) & 0xffff;
  // A UDP checksum of 0 would mean that there is none (RFC 768).
  putLe16(bytes, field, sum === 0 && protocol === IpProtocol.UDP ? 0xffff : sum);
}
