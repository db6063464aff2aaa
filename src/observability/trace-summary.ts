/** A frame in one line, outermost header first, as tcpdump would print it. */
import { formatAddress } from '../config/address.js';
import { be16 } from '../wire/bytes.js';
import { EtherType, GRE_HEADER, IpProtocol, TCP_HEADER, UDP_HEADER } from '../wire/protocol.js';
import { Fields, protocolName } from './trace-fields.js';
import { decodeGre } from './trace-gre.js';
import { decodeIp, tcpFlags, type IpInfo } from './trace-ip.js';
import { decodeEthernet, decodeLink } from './trace-link.js';
import { findMss } from './trace-mss.js';

export interface Summary {
  readonly text: string;
  /** Bytes from the start of the frame to the end of the innermost header that was read. */
  readonly headers: number;
}

/** Of UDP, and the least of TCP and ICMP that says something. */
const SHORT_HEADER = UDP_HEADER;

/** ICMP types that quote the packet which they are about. */
const QUOTING4 = [3, 4, 5, 11, 12];
const QUOTING6_BELOW = 128;

const ICMP_NAMES = new Map([
  ['4 8 0', 'echo request'],
  ['4 0 0', 'echo reply'],
  ['6 128 0', 'echo request'],
  ['6 129 0', 'echo reply'],
  ['4 3 0', 'network unreachable'],
  ['4 3 1', 'host unreachable'],
  ['4 3 3', 'port unreachable'],
  ['4 3 4', 'fragmentation needed'],
  ['4 11 0', 'time exceeded in transit'],
  ['6 1 0', 'no route to destination'],
  ['6 1 3', 'address unreachable'],
  ['6 1 4', 'port unreachable'],
  ['6 2 0', 'packet too big'],
  ['6 3 0', 'time exceeded in transit'],
]);

/** `echo request`; undefined for messages that have no name here. */
export function icmpName(family: 4 | 6, type: number, code: number): string | undefined {
  return ICMP_NAMES.get(`${family} ${type} ${code}`);
}

export function summarize(bytes: Uint8Array, linkType: number): Summary {
  const link = decodeLink(new Fields(), bytes, linkType);
  if (link === null) return { text: 'no link header', headers: bytes.length };
  if (link.family < 0) return { text: 'not IP', headers: link.payload };
  return summarizeIp(bytes, link.payload, bytes.length, link.family);
}

function summarizeIp(bytes: Uint8Array, at: number, end: number, family: number): Summary {
  const ip = decodeIp(new Fields(), bytes, at, end, family);
  if (ip === null) return { text: 'IP, malformed or cut off', headers: end };
  const addresses = (source: string, destination: string): string =>
    `${formatAddress(ip.source)}${source} > ${formatAddress(ip.destination)}${destination}`;
  const head = `IPv${ip.family} ${addresses('', '')}`;
  const { payload, protocol } = ip;
  const there = ip.end - payload;
  const cut = (size: number): number => Math.min(bytes.length, payload + size);
  if (ip.isLaterFragment) return { text: `${head}, later fragment`, headers: cut(0) };
  const fragment = ip.isFragment ? ', first fragment' : '';
  if (protocol === IpProtocol.GRE) return summarizeGre(bytes, ip, head);
  if ((protocol === IpProtocol.TCP || protocol === IpProtocol.UDP) && there >= SHORT_HEADER) {
    const ports = addresses(`.${be16(bytes, payload)}`, `.${be16(bytes, payload + 2)}`);
    const start = `IPv${ip.family} ${ports}`;
    if (protocol === IpProtocol.UDP) return { text: `${start}: UDP${fragment}`, headers: cut(SHORT_HEADER) };
    const flags =
      there >= TCP_HEADER && bytes[payload + 13] !== 0 ? ` ${tcpFlags(bytes[payload + 13]!)}` : '';
    const mss = findMss(bytes, ip)?.options[0];
    const option = mss === undefined ? '' : `, MSS ${mss.value}`;
    const size = there >= TCP_HEADER ? (bytes[payload + 12]! >>> 4) * 4 : SHORT_HEADER;
    return { text: `${start}: TCP${flags}${option}${fragment}`, headers: cut(size) };
  }
  if ((protocol === IpProtocol.ICMP || protocol === IpProtocol.ICMPV6) && there >= SHORT_HEADER) {
    return summarizeIcmp(bytes, ip, head);
  }
  return { text: `${head}: protocol ${protocolName(protocol)}${fragment}`, headers: cut(0) };
}

function summarizeGre(bytes: Uint8Array, ip: IpInfo, head: string): Summary {
  const gre = decodeGre(new Fields(), bytes, ip.payload, ip.end);
  if (gre === null) {
    const isType0 = ip.end - ip.payload >= GRE_HEADER && be16(bytes, ip.payload + 2) === 0;
    const what = isType0 ? 'protocol type 0 (a keepalive)' : 'malformed or cut off';
    return { text: `${head}: GRE, ${what}`, headers: ip.end };
  }
  const key = gre.key === null ? '' : `, key ${gre.key}`;
  const start = `${head}: GRE${gre.hasChecksum ? ', checksum' : ''}${key}`;
  if (gre.type !== EtherType.TEB) {
    const inner = summarizeIp(bytes, gre.payload, gre.end, gre.type === EtherType.IPV4 ? 4 : 6);
    return { text: `${start}: ${inner.text}`, headers: inner.headers };
  }
  const link = decodeEthernet(new Fields(), bytes, gre.payload, gre.end);
  if (link === null || link.family < 0)
    return { text: `${start}: Ethernet`, headers: link?.payload ?? gre.end };
  const inner = summarizeIp(bytes, link.payload, gre.end, link.family);
  return { text: `${start}: Ethernet: ${inner.text}`, headers: inner.headers };
}

function summarizeIcmp(bytes: Uint8Array, ip: IpInfo, head: string): Summary {
  const at = ip.payload;
  const type = bytes[at]!;
  const code = bytes[at + 1]!;
  const name = icmpName(ip.family, type, code);
  const mtu =
    name === 'fragmentation needed' || name === 'packet too big' ? `, MTU ${be16(bytes, at + 6)}` : '';
  const protocol = ip.family === 4 ? 'ICMP' : 'ICMPv6';
  const text = `${head}: ${protocol} ${name ?? `type ${type}, code ${code}`}${mtu}`;
  const isError = ip.family === 4 ? QUOTING4.includes(type) : type < QUOTING6_BELOW;
  const quoted = isError ? (ip.family === 4 ? 20 : 40) : 0;
  return { text, headers: Math.min(bytes.length, at + SHORT_HEADER + quoted) };
}
