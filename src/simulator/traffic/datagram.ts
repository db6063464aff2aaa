/** UDP datagrams and echo requests of traffic, built in place. */
import { putBe16, putBe32, putLe16, swap16, word } from '../../wire/bytes.js';
import { fold, sumBytes } from '../../wire/checksum.js';
import {
  EchoType,
  ICMP_HEADER,
  IpProtocol,
  IPV4_HEADER,
  IPV6_HEADER,
  UDP_HEADER,
} from '../../wire/protocol.js';
import type { Packets } from '../core/packets.js';
import { DEFAULT_TTL, ipHeaderLength, pseudoSum, putIpHeader } from '../node/ip-header.js';
import type { Pattern } from './pattern.js';

/** What a datagram is like, beside its bytes. Senders keep one, and change it from packet to packet. */
export class DatagramSpec {
  sourcePort = 0;
  ttl = DEFAULT_TTL;
  /** IPv4 identification. */
  id = 0;
  /** IPv4: the addresses as they lie in packets. */
  readonly source4: number;
  readonly destination4: number;

  /** @param payload bytes behind the UDP or ICMP header */
  constructor(
    readonly source: Uint8Array,
    readonly destination: Uint8Array,
    public destinationPort: number,
    readonly payload: number,
    readonly dontFragment: boolean,
  ) {
    const isV4 = source.length === 4;
    this.source4 = isV4 ? word(source, 0) : 0;
    this.destination4 = isV4 ? word(destination, 0) : 0;
  }

  get isV4(): boolean {
    return this.source.length === 4;
  }
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
  return spec.isV4
    ? buildDatagram4(packets, pattern, spec, stream, sequence)
    : buildDatagram6(packets, pattern, spec, stream, sequence);
}

/** Headers are written as words, in the order of the machine (src/wire/bytes.ts). */
function buildDatagram4(
  packets: Packets,
  pattern: Pattern,
  spec: DatagramSpec,
  stream: number,
  sequence: number,
): number {
  const { payload, source4, destination4 } = spec;
  const size = UDP_HEADER + payload;
  const total = IPV4_HEADER + size;
  const packet = packets.take(total);
  const { words } = packets.pool;
  const at = packets.start[packet]!;
  const w = at >> 2;
  const lengths = 0x45 | (swap16(total) << 16);
  const fragment = swap16(spec.id) | (spec.dontFragment ? 0x40_0000 : 0);
  const protocol = spec.ttl | (IpProtocol.UDP << 8);
  const addresses = halves(source4) + halves(destination4);
  const ports = swap16(spec.sourcePort) | (swap16(spec.destinationPort) << 16);
  words[w] = lengths;
  words[w + 1] = fragment;
  words[w + 2] =
    protocol | ((~fold(halves(lengths) + halves(fragment) + protocol + addresses) & 0xffff) << 16);
  words[w + 3] = source4;
  words[w + 4] = destination4;
  words[w + 5] = ports;
  let sum = addresses + halves(ports) + 2 * swap16(size) + (IpProtocol.UDP << 8);
  let counted = 0;
  if (payload >= 4) {
    counted = 4;
    const number = swap16(sequence >>> 16) | (swap16(sequence & 0xffff) << 16);
    words[w + 7] = number;
    sum += halves(number);
  }
  sum += pattern.put(at + IPV4_HEADER + UDP_HEADER + counted, stream, 0, payload - counted);
  // A checksum of 0 would mean that there is none (RFC 768).
  words[w + 6] = swap16(size) | ((~fold(sum) & 0xffff || 0xffff) << 16);
  packets.length[packet] = total;
  return packet;
}

/** Sum of the two halves of a word. */
function halves(value: number): number {
  return (value & 0xffff) + (value >>> 16);
}

function buildDatagram6(
  packets: Packets,
  pattern: Pattern,
  spec: DatagramSpec,
  stream: number,
  sequence: number,
): number {
  const { source, destination, payload } = spec;
  const size = UDP_HEADER + payload;
  const packet = packets.take(IPV6_HEADER + size);
  const { bytes } = packets;
  const at = packets.start[packet]!;
  const udp = at + IPV6_HEADER;
  const data = udp + UDP_HEADER;
  // prettier-ignore
  putIpHeader(bytes, at, source, destination, IpProtocol.UDP, size, spec.ttl, spec.dontFragment, spec.id);
  putBe16(bytes, udp, spec.sourcePort);
  putBe16(bytes, udp + 2, spec.destinationPort);
  putBe16(bytes, udp + 4, size);
  putBe16(bytes, udp + 6, 0);
  const counted = payload < 4 ? 0 : 4;
  if (counted !== 0) putBe32(bytes, data, sequence);
  const sum =
    pattern.put(data + counted, stream, 0, payload - counted) +
    sumBytes(bytes, udp, UDP_HEADER + counted) +
    pseudoSum(bytes, at, 6, IpProtocol.UDP, size);
  // It must not be 0 (RFC 8200 §8.1).
  putLe16(bytes, udp + 6, ~fold(sum) & 0xffff || 0xffff);
  packets.length[packet] = IPV6_HEADER + size;
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
