/**
 * The packet builder: a nested description in, the bytes of a frame out, with right lengths and checksums
 * unless the description names wrong ones.
 *
 *     buildPacket({
 *       link: 'ethernet',
 *       vlan: 100,
 *       ip: { source: '203.0.113.10', destination: '198.51.100.1' },
 *       gre: { key: 42, checksum: true },
 *       inner: { ip: { source: '192.0.2.1', destination: '8.8.8.8' }, tcp: { syn: true, options: mssOption(1460) } },
 *     });
 */
import { isIpv6, macBytes } from './build-address.js';
import {
  greLength,
  ipLength,
  writeCookedV1,
  writeCookedV2,
  writeEthernet,
  writeFamily,
  writeGre,
  writeIp,
  type EthernetSpec,
  type GreSpec,
  type IpSpec,
} from './build-headers.js';
import { sumWords } from './build-sums.js';
import {
  pseudoHeaderSum,
  tcpLength,
  writeIcmp,
  writeTcp,
  writeUdp,
  type IcmpSpec,
  type TcpSpec,
  type UdpSpec,
} from './build-transport.js';
import { ETHERNET_HEADER, EtherType, IpProtocol, VLAN_TAG } from './protocol.js';

export type { Address } from './build-address.js';
export type { EthernetSpec, ExtensionSpec, GreSpec, IpSpec } from './build-headers.js';
export type { IcmpSpec, TcpSpec, UdpSpec } from './build-transport.js';
export { addressBytes, isIpv6, macBytes } from './build-address.js';
export { tcpLength } from './build-transport.js';

/** Link headers that can be built; `null` is BSD loopback in little-endian order, `loop` the OpenBSD form. */
export type BuildLink = 'ethernet' | 'raw' | 'sll' | 'sll2' | 'null' | 'loop';

/** A frame. What is absent is not built: `{ ip, tcp }` is a raw IP packet without data. */
export interface FrameSpec extends EthernetSpec {
  /** Default raw: no link header. */
  link?: BuildLink | undefined;
  /** Ethertype (cooked: protocol; null and loop: address family). Default: that of the IP packet. */
  etherType?: number | undefined;
  /** Cooked links: packet type, 0 (to us, default) to 4 (outgoing). */
  packetType?: number | undefined;
  ip?: IpSpec | undefined;
  /** With `inner` as payload. */
  gre?: GreSpec | undefined;
  /** The packet in the tunnel: raw IP, or with `link: 'ethernet'` a frame (gretap). */
  inner?: FrameSpec | undefined;
  tcp?: TcpSpec | undefined;
  udp?: UdpSpec | undefined;
  icmp?: IcmpSpec | undefined;
  /** What stands behind the last header: bytes, or a number of bytes of the pattern 00 01 02 … ff 00 …. */
  payload?: number | Uint8Array | undefined;
  /** Zero bytes behind the packet, beyond what its IP header counts. */
  padding?: number | undefined;
  /** Cuts the frame to this many bytes, after everything else (lengths and checksums are of the whole). */
  truncate?: number | undefined;
}

/** Longest frame that can be built. */
const MAX_FRAME = 80_000;
const PATTERN_SIZE = 65_536;
const pattern = Uint8Array.from({ length: PATTERN_SIZE }, (_, i) => i & 0xff);
/** Sum of the words of the first n bytes of the pattern, so that long payloads cost no loop. */
const patternSums = new Float64Array(PATTERN_SIZE + 1);
for (let n = 0, whole = 0; n <= PATTERN_SIZE; n++) {
  if (n % 2 === 1) {
    patternSums[n] = whole + (pattern[n - 1]! << 8);
  } else {
    if (n > 0) whole += (pattern[n - 2]! << 8) | pattern[n - 1]!;
    patternSums[n] = whole;
  }
}
const scratch = new Uint8Array(MAX_FRAME);

/** The bytes of the frame that is described. */
export function buildPacket(spec: FrameSpec): Uint8Array {
  return scratch.slice(0, writeFrame(scratch, 0, spec));
}

/** Writes the frame that is described at an offset; returns its length in bytes. */
export function writeFrame(bytes: Uint8Array, at: number, spec: FrameSpec): number {
  const packet = at + writeLink(bytes, at, spec);
  let end =
    spec.ip === undefined
      ? writePayload(bytes, packet, spec.payload)
      : writePacket(bytes, packet, spec, spec.ip);
  if (spec.padding !== undefined) {
    bytes.fill(0, end, end + spec.padding);
    end += spec.padding;
  }
  return Math.min(end - at, spec.truncate ?? MAX_FRAME);
}

const NO_MAC = new Uint8Array(6);

function writeLink(bytes: Uint8Array, at: number, spec: FrameSpec): number {
  const six = spec.ip !== undefined && isIpv6(spec.ip.source);
  const etherType = spec.etherType ?? (six ? EtherType.IPV6 : EtherType.IPV4);
  const mac = spec.sourceMac === undefined ? NO_MAC : macBytes(spec.sourceMac);
  switch (spec.link) {
    case 'ethernet':
      return writeEthernet(bytes, at, spec, etherType);
    case 'sll':
      return writeCookedV1(bytes, at, spec.packetType ?? 0, mac, etherType);
    case 'sll2':
      return writeCookedV2(bytes, at, spec.packetType ?? 0, mac, etherType);
    case 'null':
    case 'loop':
      return writeFamily(bytes, at, spec.etherType ?? (six ? 30 : 2), spec.link === 'loop');
    default:
      return 0;
  }
}

function writePacket(bytes: Uint8Array, at: number, spec: FrameSpec, ip: IpSpec): number {
  const content = at + ipLength(ip);
  const protocol = ip.protocol ?? protocolOf(spec, isIpv6(ip.source));
  const end = writeContent(bytes, content, spec, ip, protocol);
  writeIp(bytes, at, ip, protocol, end - content);
  return end;
}

function protocolOf(spec: FrameSpec, six: boolean): number {
  if (spec.gre !== undefined) return IpProtocol.GRE;
  if (spec.tcp !== undefined) return IpProtocol.TCP;
  if (spec.udp !== undefined) return IpProtocol.UDP;
  if (spec.icmp !== undefined) return six ? IpProtocol.ICMPV6 : IpProtocol.ICMP;
  return 253; // for experiments (RFC 3692)
}

function writeContent(bytes: Uint8Array, at: number, spec: FrameSpec, ip: IpSpec, protocol: number): number {
  const { gre, tcp, udp, icmp, payload } = spec;
  if (gre !== undefined) {
    const data = at + greLength(gre);
    const end =
      spec.inner === undefined
        ? writePayload(bytes, data, payload)
        : data + writeFrame(bytes, data, spec.inner);
    writeGre(bytes, at, gre, spec.inner === undefined ? EtherType.IPV4 : greProtocol(spec.inner), end);
    return end;
  }
  if (tcp !== undefined) {
    const data = at + tcpLength(tcp);
    const end = writePayload(bytes, data, payload);
    const pseudo = pseudoHeaderSum(ip, protocol, end - at);
    writeTcp(bytes, at, tcp, pseudo + payloadSum(bytes, data, end, payload));
    return end;
  }
  if (udp !== undefined) {
    const data = at + 8;
    const end = writePayload(bytes, data, payload);
    const pseudo = pseudoHeaderSum(ip, protocol, end - at);
    writeUdp(bytes, at, udp, pseudo + payloadSum(bytes, data, end, payload), end - data);
    return end;
  }
  if (icmp !== undefined) {
    const data = at + 8;
    const end = writePayload(bytes, data, payload);
    const pseudo = isIpv6(ip.source) ? pseudoHeaderSum(ip, protocol, end - at) : 0;
    writeIcmp(bytes, at, icmp, pseudo + payloadSum(bytes, data, end, payload));
    return end;
  }
  return writePayload(bytes, at, payload);
}

/** The GRE protocol type that announces this inner packet. */
function greProtocol(inner: FrameSpec): number {
  if (inner.link === 'ethernet') return EtherType.TEB;
  return inner.ip !== undefined && isIpv6(inner.ip.source) ? EtherType.IPV6 : EtherType.IPV4;
}

/** Writes the payload; returns where it ends. */
function writePayload(bytes: Uint8Array, at: number, payload: number | Uint8Array | undefined): number {
  if (payload === undefined) return at;
  if (typeof payload !== 'number') {
    bytes.set(payload, at);
    return at + payload.length;
  }
  if (payload < 128) {
    for (let i = 0; i < payload; i++) bytes[at + i] = i;
  } else {
    bytes.set(pattern.subarray(0, payload), at);
  }
  return at + payload;
}

function payloadSum(
  bytes: Uint8Array,
  from: number,
  to: number,
  payload: number | Uint8Array | undefined,
): number {
  return (typeof payload === 'number' ? patternSums[payload] : undefined) ?? sumWords(bytes, from, to);
}

/** A TCP MSS option (RFC 9293 §3.2). */
export function mssOption(value: number): readonly number[] {
  return [2, 4, value >>> 8, value & 0xff];
}

/** Bytes of the link header (with tag) of a frame. */
export function linkHeaderLength(spec: Pick<FrameSpec, 'link' | 'vlan'>): number {
  switch (spec.link) {
    case 'ethernet':
      return ETHERNET_HEADER + (spec.vlan === undefined ? 0 : VLAN_TAG);
    case 'sll':
      return 16;
    case 'sll2':
      return 20;
    case 'null':
    case 'loop':
      return 4;
    default:
      return 0;
  }
}
