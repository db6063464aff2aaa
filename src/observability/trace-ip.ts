/** The ip and inner nodes: fields of an IP header, and of the transport header behind it. */
import { be16, be32 } from '../wire/bytes.js';
import { sumBytes } from '../wire/checksum.js';
import { Ipv6Chain } from '../wire/ipv6-chain.js';
import { IPV4_HEADER, IPV6_HEADER, IpProtocol, Ipv4Flag } from '../wire/protocol.js';
import { addressAt, ecnName, hex, protocolName, type Fields } from './trace-fields.js';

/** What a whole and correct IP header says. Offsets are from the start of the frame. */
export interface IpInfo {
  readonly family: 4 | 6;
  readonly at: number;
  /** Where the packet ends by its own length; padding lies behind. */
  readonly end: number;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Protocol behind the header and the extension headers walked; −1 when the chain does not end. */
  readonly protocol: number;
  /** Offset of that protocol's header. */
  readonly payload: number;
  /** A fragment, and one other than the first. */
  readonly isFragment: boolean;
  readonly isLaterFragment: boolean;
  /** Protocol that a fragment (with extension headers: its fragment header) names; as `protocol` otherwise. */
  readonly fragmentProtocol: number;
  /** TTL or hop limit. */
  readonly ttl: number;
  readonly ecn: number;
  readonly dontFragment: boolean;
}

/**
 * Decodes the IP header in `bytes[at, end)`. `announced`: version that the header in front names, 0 if it
 * names none. Null when the packet is cut off or wrong; the fields then say how.
 */
export function decodeIp(
  f: Fields,
  bytes: Uint8Array,
  at: number,
  end: number,
  announced: number,
): IpInfo | null {
  const there = end - at;
  if (there === 0) {
    f.wrongAt(at, 0, 'IP header', '0 bytes', 'cut off');
    return null;
  }
  const version = bytes[at]! >>> 4;
  const family = announced === 0 ? version : announced;
  const needed = family === 6 ? IPV6_HEADER : IPV4_HEADER;
  if (there < needed) {
    f.wrongAt(at, there, 'IP header', `${there} bytes`, `cut off: ${needed} bytes are needed`);
    return null;
  }
  if (version !== family || (version !== 4 && version !== 6)) {
    f.wrongAt(at, 1, 'version', version, announced === 0 ? 'neither 4 nor 6' : `${announced} was announced`);
    return null;
  }
  f.at(at, 1, 'version', version);
  return family === 4 ? decodeIp4(f, bytes, at, end) : decodeIp6(f, bytes, at, end);
}

function decodeIp4(f: Fields, bytes: Uint8Array, at: number, end: number): IpInfo | null {
  const there = end - at;
  const header = (bytes[at]! & 0x0f) * 4;
  if (header < IPV4_HEADER) f.wrongAt(at, 1, 'header length', `${header} bytes`, 'below 20');
  else if (header > there) f.wrongAt(at, 1, 'header length', `${header} bytes`, `${there} are there`);
  else f.at(at, 1, 'header length', `${header} bytes`, header > IPV4_HEADER ? 'with options' : null);
  if (f.hasWrong) return null;
  decodeTos(f, at + 1, 1, bytes[at + 1]!);
  const total = be16(bytes, at + 2);
  decodeLength(f, at + 2, 'total length', total, there, header);
  f.at(at + 4, 2, 'ID', hex(be16(bytes, at + 4), 4));
  const dontFragment = (bytes[at + 6]! & Ipv4Flag.DONT_FRAGMENT) !== 0;
  const more = (bytes[at + 6]! & Ipv4Flag.MORE_FRAGMENTS) !== 0;
  const offset = (be16(bytes, at + 6) & 0x1fff) * 8;
  const flags =
    [dontFragment ? 'DF' : '', more ? 'MF' : ''].filter((flag) => flag !== '').join(', ') || 'none';
  f.at(at + 6, 2, 'flags, offset', `${flags}, ${offset}`, more || offset > 0 ? 'a fragment' : null);
  f.at(at + 8, 1, 'TTL', bytes[at + 8]!);
  f.at(at + 9, 1, 'protocol', protocolName(bytes[at + 9]!));
  const found = be16(bytes, at + 10);
  const expected = checksum(bytes, at, header, 10);
  // Of the two zeros of one's complement both are right.
  if (sumBytes(bytes, at, header) === 0xffff) f.at(at + 10, 2, 'checksum', hex(found, 4), 'correct');
  else if (!f.hasWrong)
    f.wrongAt(at + 10, 2, 'checksum', hex(found, 4), `wrong, ${hex(expected, 4)} would be right`);
  f.at(at + 12, 4, 'source', addressAt(bytes, at + 12, 4));
  f.at(at + 16, 4, 'destination', addressAt(bytes, at + 16, 4));
  if (f.hasWrong) return null;
  return {
    family: 4,
    at,
    end: at + total,
    source: bytes.slice(at + 12, at + 16),
    destination: bytes.slice(at + 16, at + 20),
    protocol: bytes[at + 9]!,
    payload: at + header,
    isFragment: more || offset > 0,
    isLaterFragment: offset > 0,
    fragmentProtocol: bytes[at + 9]!,
    ttl: bytes[at + 8]!,
    ecn: bytes[at + 1]! & 3,
    dontFragment,
  };
}

function decodeIp6(f: Fields, bytes: Uint8Array, at: number, end: number): IpInfo | null {
  const there = end - at;
  const trafficClass = (be16(bytes, at) >>> 4) & 0xff;
  decodeTos(f, at, 2, trafficClass);
  f.at(at + 1, 3, 'flow label', hex(be32(bytes, at) & 0xfffff, 5));
  const length = be16(bytes, at + 4);
  decodeLength(f, at + 4, 'payload length', length, there - IPV6_HEADER, 0);
  f.at(at + 6, 1, 'next header', protocolName(bytes[at + 6]!));
  f.at(at + 7, 1, 'hop limit', bytes[at + 7]!);
  f.at(at + 8, 16, 'source', addressAt(bytes, at + 8, 16));
  f.at(at + 24, 16, 'destination', addressAt(bytes, at + 24, 16));
  if (f.hasWrong) return null;
  const total = IPV6_HEADER + length;
  const chain = new Ipv6Chain();
  chain.walk(bytes, at, total, false);
  const { protocol, offset } = chain;
  if (protocol < 0 && !chain.fragment) f.fact('extension headers', 'run out of the packet, or more than 8');
  else if (protocol >= 0 && offset > at + IPV6_HEADER) {
    f.at(at + IPV6_HEADER, offset - at - IPV6_HEADER, 'extension headers', `to ${protocolName(protocol)}`);
  }
  if (chain.fragment) f.fact('fragment', protocolName(chain.fragmentProtocol));
  return {
    family: 6,
    at,
    end: at + total,
    source: bytes.slice(at + 8, at + 24),
    destination: bytes.slice(at + 24, at + 40),
    protocol,
    payload: offset,
    isFragment: chain.fragment,
    isLaterFragment: chain.laterFragment,
    fragmentProtocol: chain.fragment ? chain.fragmentProtocol : protocol,
    ttl: bytes[at + 7]!,
    ecn: trafficClass & 3,
    dontFragment: true,
  };
}

function decodeTos(f: Fields, offset: number, length: number, tos: number): void {
  f.at(offset, length, 'DSCP, ECN', `${tos >>> 2}, ${ecnName(tos)}`);
}

function decodeLength(
  f: Fields,
  offset: number,
  name: string,
  value: number,
  there: number,
  least: number,
): void {
  if (value < least) f.wrongAt(offset, 2, name, value, `below the header's ${least} bytes`);
  else if (value > there) f.wrongAt(offset, 2, name, value, `cut off: ${there} bytes are there`);
  else f.at(offset, 2, name, value, value < there ? `${there - value} bytes of padding behind` : null);
}

/** The checksum that the `length` bytes at `at` should have in the two bytes at `at + field`, in network order. */
export function checksum(bytes: Uint8Array, at: number, length: number, field: number): number {
  const copy = bytes.slice(at, at + length);
  copy[field] = 0;
  copy[field + 1] = 0;
  const sum = ~sumBytes(copy, 0, length) & 0xffff;
  return ((sum & 0xff) << 8) | (sum >>> 8);
}

const TCP_FLAGS = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG', 'ECE', 'CWR'];

/** Ports and flags of TCP, ports of UDP, type and code of ICMP, as far as the packet has them. */
export function decodeTransport(f: Fields, bytes: Uint8Array, ip: IpInfo): void {
  const { protocol, payload: at } = ip;
  const there = ip.end - at;
  if (ip.isLaterFragment || protocol < 0) return;
  if ((protocol === IpProtocol.TCP || protocol === IpProtocol.UDP) && there >= 4) {
    f.at(at, 2, 'source port', be16(bytes, at));
    f.at(at + 2, 2, 'destination port', be16(bytes, at + 2));
  }
  if (protocol === IpProtocol.TCP && there >= 14) f.at(at + 13, 1, 'TCP flags', tcpFlags(bytes[at + 13]!));
  if ((protocol === IpProtocol.ICMP || protocol === IpProtocol.ICMPV6) && there >= 2) {
    f.at(at, 2, 'type, code', `${bytes[at]!}, ${bytes[at + 1]!}`);
  }
}

export function tcpFlags(flags: number): string {
  return TCP_FLAGS.filter((_, bit) => (flags & (1 << bit)) !== 0).join(' ') || 'none';
}
