/** UDP datagrams and echo requests of traffic, built in place. */
import { putBe16, putLe16 } from '../../wire/bytes.js';
import { fold, sumBytes } from '../../wire/checksum.js';
import { IpProtocol } from '../../wire/protocol.js';
import type { Packets } from '../core/packets.js';
import { EchoType } from '../node/echo.js';
import { ipHeaderLength, pseudoSum, putIpHeader } from '../node/ip-header.js';
import type { Pattern } from './pattern.js';

export const UDP_HEADER = 8;
export const ICMP_HEADER = 8;

/** What a datagram is like, beside its bytes. Senders keep one, and change it from packet to packet. */
export interface DatagramSpec {
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  sourcePort: number;
  destinationPort: number;
  /** Bytes behind the UDP or ICMP header. */
  readonly payload: number;
  ttl: number;
  readonly dontFragment: boolean;
  /** IPv4 identification. */
  id: number;
}

/** Bytes of the smallest packet of a family that holds a UDP (or echo) header. */
export function leastSize(address: Uint8Array): number {
  return ipHeaderLength(address.length === 4 ? 4 : 6) + UDP_HEADER;
}

/**
 * A UDP packet of this description whose payload is a stretch of a stream; the first four bytes of it, if there are
 * so many, are `sequence` instead.
 */
export function buildDatagram(
  packets: Packets,
  pattern: Pattern,
  spec: DatagramSpec,
  stream: number,
  sequence: number,
): number {
  const { source, destination, payload } = spec;
  const header = ipHeaderLength(source.length === 4 ? 4 : 6);
  const size = UDP_HEADER + payload;
  const packet = packets.take(header + size);
  const { bytes } = packets;
  const at = packets.start[packet]!;
  const udp = at + header;
  const data = udp + UDP_HEADER;
  // prettier-ignore
  putIpHeader(bytes, at, source, destination, IpProtocol.UDP, size, spec.ttl, spec.dontFragment, spec.id);
  putBe16(bytes, udp, spec.sourcePort);
  putBe16(bytes, udp + 2, spec.destinationPort);
  putBe16(bytes, udp + 4, size);
  putBe16(bytes, udp + 6, 0);
  const counted = payload < 4 ? 0 : 4;
  if (counted !== 0) {
    putBe16(bytes, data, sequence >>> 16);
    putBe16(bytes, data + 2, sequence & 0xffff);
  }
  const sum =
    pattern.put(data + counted, stream, 0, payload - counted) +
    sumBytes(bytes, udp, UDP_HEADER + counted) +
    pseudoSum(bytes, at, source.length === 4 ? 4 : 6, IpProtocol.UDP, size);
  // A checksum of 0 would mean that there is none (RFC 768).
  putLe16(bytes, udp + 6, ~fold(sum) & 0xffff || 0xffff);
  packets.length[packet] = header + size;
  return packet;
}

/** An echo request; its identifier is the source port of the description. @param sequence 16 bits */
export function buildEchoRequest(
  packets: Packets,
  pattern: Pattern,
  spec: DatagramSpec,
  sequence: number,
): number {
  const { source, destination, payload, sourcePort: identifier } = spec;
  const isV4 = source.length === 4;
  const header = ipHeaderLength(isV4 ? 4 : 6);
  const protocol = isV4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
  const size = ICMP_HEADER + payload;
  const packet = packets.take(header + size);
  const { bytes } = packets;
  const at = packets.start[packet]!;
  const icmp = at + header;
  putIpHeader(bytes, at, source, destination, protocol, size, spec.ttl, spec.dontFragment, spec.id);
  bytes[icmp] = isV4 ? EchoType.REQUEST4 : EchoType.REQUEST6;
  bytes[icmp + 1] = 0;
  putBe16(bytes, icmp + 2, 0);
  putBe16(bytes, icmp + 4, identifier);
  putBe16(bytes, icmp + 6, sequence);
  const pseudo = isV4 ? 0 : pseudoSum(bytes, at, 6, protocol, size);
  const sum =
    pattern.put(icmp + ICMP_HEADER, identifier, 0, payload) + sumBytes(bytes, icmp, ICMP_HEADER) + pseudo;
  putLe16(bytes, icmp + 2, ~fold(sum) & 0xffff);
  packets.length[packet] = header + size;
  return packet;
}

/** Turns a UDP packet round: addresses and ports swapped, which leaves its checksum right. */
export function turnDatagram(
  bytes: Uint8Array,
  source: number,
  destination: number,
  size: number,
  udp: number,
): void {
  swapBytes(bytes, source, destination, size);
  swapBytes(bytes, udp, udp + 2, 2);
}

function swapBytes(bytes: Uint8Array, a: number, b: number, count: number): void {
  for (let i = 0; i < count; i++) {
    const byte = bytes[a + i]!;
    bytes[a + i] = bytes[b + i]!;
    bytes[b + i] = byte;
  }
}
