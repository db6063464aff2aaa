/** Writers of TCP, UDP and ICMP headers for the packet builder; see build-headers.ts for how they are used. */
import { addressBytes } from './build-address.js';
import type { IpSpec } from './build-headers.js';
import { checksumOf, padded, sumWords, writeOptions } from './build-sums.js';
import { putBe16, putBe32 } from './bytes.js';

export interface TcpSpec {
  sourcePort?: number | undefined;
  destinationPort?: number | undefined;
  sequence?: number | undefined;
  acknowledgment?: number | undefined;
  syn?: boolean | undefined;
  ack?: boolean | undefined;
  fin?: boolean | undefined;
  rst?: boolean | undefined;
  psh?: boolean | undefined;
  window?: number | undefined;
  /** Padded with zeros (end of list) to a multiple of 4 bytes. At most 40 bytes. */
  options?: readonly number[] | undefined;
  /** Lies: data offset in 4-byte words; the checksum. */
  dataOffset?: number | undefined;
  checksum?: number | undefined;
}

export interface UdpSpec {
  sourcePort?: number | undefined;
  destinationPort?: number | undefined;
  /** Lies: the length field; the checksum (0: none). */
  length?: number | undefined;
  checksum?: number | undefined;
}

/** ICMP over IPv4, ICMPv6 over IPv6. */
export interface IcmpSpec {
  type: number;
  code?: number | undefined;
  /** Echo: identifier and sequence number (bytes 4 to 7). */
  id?: number | undefined;
  sequence?: number | undefined;
  /** Second half of the header (bytes 6 and 7 for ICMP 3/4, 4 to 7 for ICMPv6 type 2): the next-hop MTU. */
  mtu?: number | undefined;
  checksum?: number | undefined;
}

/** Sum of the pseudo header (RFC 9293 §3.1, RFC 8200 §8.1) of `length` bytes of this protocol. */
export function pseudoHeaderSum(ip: IpSpec, protocol: number, length: number): number {
  const source = addressBytes(ip.source);
  const destination = addressBytes(ip.destination);
  return (
    sumWords(source, 0, source.length) + sumWords(destination, 0, destination.length) + protocol + length
  );
}

/** Bytes of the header that `writeTcp` writes. */
export function tcpLength(spec: TcpSpec): number {
  return 20 + padded(spec.options?.length ?? 0);
}

/** TCP header (RFC 9293); `sum` is that of pseudo header and payload. */
export function writeTcp(bytes: Uint8Array, at: number, spec: TcpSpec, sum: number): number {
  const length = tcpLength(spec);
  const flags =
    (spec.fin === true ? 0x01 : 0) |
    (spec.syn === true ? 0x02 : 0) |
    (spec.rst === true ? 0x04 : 0) |
    (spec.psh === true ? 0x08 : 0) |
    (spec.ack === true ? 0x10 : 0);
  putBe16(bytes, at, spec.sourcePort ?? 40000);
  putBe16(bytes, at + 2, spec.destinationPort ?? 443);
  putBe32(bytes, at + 4, spec.sequence ?? 1);
  putBe32(bytes, at + 8, spec.acknowledgment ?? 0);
  bytes[at + 12] = (spec.dataOffset ?? length >> 2) << 4;
  bytes[at + 13] = flags;
  putBe16(bytes, at + 14, spec.window ?? 64240);
  putBe32(bytes, at + 16, 0);
  writeOptions(bytes, at + 20, spec.options);
  putBe16(bytes, at + 16, spec.checksum ?? checksumOf(sum + sumWords(bytes, at, at + length)));
  return length;
}

/** UDP header (RFC 768) before `payload` bytes; `sum` is that of pseudo header and payload. */
export function writeUdp(bytes: Uint8Array, at: number, spec: UdpSpec, sum: number, payload: number): number {
  putBe16(bytes, at, spec.sourcePort ?? 40000);
  putBe16(bytes, at + 2, spec.destinationPort ?? 5004);
  putBe16(bytes, at + 4, spec.length ?? 8 + payload);
  putBe16(bytes, at + 6, 0);
  // A sum that comes out as 0 is sent as 0xffff: 0 means "no checksum".
  const right = checksumOf(sum + sumWords(bytes, at, at + 8)) || 0xffff;
  putBe16(bytes, at + 6, spec.checksum ?? right);
  return 8;
}

/** ICMP (RFC 792) or ICMPv6 (RFC 4443) header; `sum` is that of the payload, for ICMPv6 with the pseudo header. */
export function writeIcmp(bytes: Uint8Array, at: number, spec: IcmpSpec, sum: number): number {
  bytes[at] = spec.type;
  bytes[at + 1] = spec.code ?? 0;
  putBe16(bytes, at + 2, 0);
  if (spec.mtu === undefined) {
    putBe16(bytes, at + 4, spec.id ?? 0);
    putBe16(bytes, at + 6, spec.sequence ?? 0);
  } else {
    putBe32(bytes, at + 4, spec.mtu);
  }
  putBe16(bytes, at + 2, spec.checksum ?? checksumOf(sum + sumWords(bytes, at, at + 8)));
  return 8;
}
