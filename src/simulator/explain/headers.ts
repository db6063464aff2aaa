/** The headers of a packet in words, outermost first, one line each: what tcpdump shows, with what an MTU is about. */
import { formatAddress } from '../../config/address.js';
import { Fields, protocolName } from '../../observability/trace-fields.js';
import { decodeGre } from '../../observability/trace-gre.js';
import { decodeIp, tcpFlags, type IpInfo } from '../../observability/trace-ip.js';
import { findMss } from '../../observability/trace-mss.js';
import { icmpName } from '../../observability/trace-summary.js';
import { be16, be32 } from '../../wire/bytes.js';
import { EtherType, IpProtocol } from '../../wire/protocol.js';

/** Flag of the GRE header (RFC 2890): its last four bytes are a sequence number. */
const SEQUENCE_PRESENT = 0x10;

export interface HeaderLine {
  /** `IPv4`, `GRE`, `TCP`. */
  readonly name: string;
  readonly text: string;
}

/** @param length bytes of the packet that begins at `at` */
export function headersOf(bytes: Uint8Array, at: number, length: number): HeaderLine[] {
  return ipHeaders(bytes, at, at + length, 0);
}

function ipHeaders(bytes: Uint8Array, at: number, end: number, family: number): HeaderLine[] {
  const ip = decodeIp(new Fields(), bytes, at, end, family);
  if (ip === null) return [{ name: 'IP', text: 'malformed or cut off' }];
  const { source, destination, ttl, dontFragment, isFragment } = ip;
  const flags = ip.family === 4 && dontFragment ? ', DF' : '';
  const fragment = isFragment ? `, ${fragmentText(bytes, ip)}` : '';
  const hops = ip.family === 4 ? 'TTL' : 'hop limit';
  const addresses = `${formatAddress(source)} > ${formatAddress(destination)}`;
  const line = {
    name: `IPv${ip.family}`,
    text: `${addresses}, ${ip.end - at} bytes, ${hops} ${ttl}${flags}${fragment}`,
  };
  return [line, ...payloadHeaders(bytes, ip)];
}

function fragmentText(bytes: Uint8Array, ip: IpInfo): string {
  if (!ip.isLaterFragment) return 'first fragment';
  const offset =
    ip.family === 6
      ? be16(bytes, fragmentHeader(bytes, ip) + 2) & 0xfff8
      : (be16(bytes, ip.at + 6) & 0x1fff) * 8;
  return `fragment from byte ${offset}`;
}

/** Of an IPv6 packet that has one: other extension headers may stand in front of it, each with its length. */
function fragmentHeader(bytes: Uint8Array, { at, end }: IpInfo): number {
  let header = at + 40;
  let next = bytes[at + 6]!;
  while (next !== IpProtocol.FRAGMENT && header + 8 < end) {
    next = bytes[header]!;
    header += (bytes[header + 1]! + 1) * 8;
  }
  return header;
}

function payloadHeaders(bytes: Uint8Array, ip: IpInfo): HeaderLine[] {
  const { payload, end, protocol } = ip;
  const there = end - payload;
  if (ip.isLaterFragment) return [];
  if (protocol === IpProtocol.GRE) return greHeaders(bytes, ip);
  if ((protocol === IpProtocol.TCP && there >= 20) || (protocol === IpProtocol.UDP && there >= 8)) {
    return [portsLine(bytes, ip)];
  }
  if ((protocol === IpProtocol.ICMP || protocol === IpProtocol.ICMPV6) && there >= 8) {
    return [icmpLine(bytes, ip)];
  }
  return [{ name: protocolName(protocol), text: `${there} bytes` }];
}

function greHeaders(bytes: Uint8Array, ip: IpInfo): HeaderLine[] {
  const gre = decodeGre(new Fields(), bytes, ip.payload, ip.end);
  if (gre === null) return [{ name: 'GRE', text: 'malformed or cut off' }];
  const key = gre.key === null ? '' : `, key ${gre.key}`;
  const sequence =
    (bytes[gre.at]! & SEQUENCE_PRESENT) === 0 ? '' : `, sequence number ${be32(bytes, gre.payload - 4)}`;
  const text = `${gre.payload - gre.at} bytes${key}${sequence}${gre.hasChecksum ? ', checksum' : ''}`;
  const inner =
    gre.type === EtherType.TEB
      ? [{ name: 'Ethernet', text: `${gre.end - gre.payload} bytes` }]
      : ipHeaders(bytes, gre.payload, gre.end, gre.type === EtherType.IPV4 ? 4 : 6);
  return [{ name: 'GRE', text }, ...inner];
}

function portsLine(bytes: Uint8Array, ip: IpInfo): HeaderLine {
  const at = ip.payload;
  const ports = `${be16(bytes, at)} > ${be16(bytes, at + 2)}`;
  if (ip.protocol === IpProtocol.UDP)
    return { name: 'UDP', text: `${ports}, ${ip.end - at - 8} bytes of data` };
  const mss = findMss(bytes, ip)?.options[0];
  const data = ip.end - at - (bytes[at + 12]! >>> 4) * 4;
  const option = mss === undefined ? '' : `, MSS ${mss.value}`;
  return { name: 'TCP', text: `${ports}, ${tcpFlags(bytes[at + 13]!)}${option}, ${data} bytes of data` };
}

function icmpLine(bytes: Uint8Array, ip: IpInfo): HeaderLine {
  const [type, code] = [bytes[ip.payload]!, bytes[ip.payload + 1]!];
  const what = icmpName(ip.family, type, code);
  const isTooBig = what === 'fragmentation needed' || what === 'packet too big';
  const mtu = isTooBig ? `, MTU ${be16(bytes, ip.payload + 6)}` : '';
  return { name: ip.family === 4 ? 'ICMP' : 'ICMPv6', text: `${what ?? `type ${type}, code ${code}`}${mtu}` };
}
