/**
 * The way into a packet, decoded: frame, ip, and for each GRE header that is ours gre, endpoint, inner
 * (docs/dataplane.md §§1–4). Explains; the verdict itself is the pipeline's.
 */
import { formatAddress, formatWithLength, isInside, isSameAddress } from '../config/address.js';
import { keyWord } from '../dataplane/endpoint-table.js';
import { isKeepalive } from '../dataplane/keepalive.js';
import { LinkType, linkTypeName } from '../dataplane/link-type.js';
import { Side } from '../dataplane/packet-vector.js';
import type { TablesSpec, TunnelSpec } from '../dataplane/tables.js';
import type { Stage } from '../dataplane/verdicts.js';
import { EtherType, IpProtocol } from '../wire/protocol.js';
import { ecnName, etherTypeName, Fields, type TraceField } from './trace-fields.js';
import { decodeGre, type GreInfo } from './trace-gre.js';
import { decodeIp, decodeTransport, type IpInfo } from './trace-ip.js';
import { decodeEthernet, decodeLink } from './trace-link.js';

/** One step of a packet's way. */
export interface TraceNode {
  /** The stage of the pipeline, as in docs/verdicts.md. */
  readonly node: Stage;
  /** The step in a few words. */
  readonly title: string;
  readonly fields: readonly TraceField[];
}

export interface Way {
  readonly nodes: TraceNode[];
  /** The packet to route; null when a check failed, or a gretap frame carries no IP. */
  readonly packet: IpInfo | null;
  /** Whether a check failed, so that there is no more to show. */
  readonly failed: boolean;
  /** Whether the packet is a keepalive of the tunnel that it came out of: it is not routed. */
  readonly keepalive: boolean;
}

/** At most so many tunnels or prefixes are named in a note. */
const NAMED = 6;

const ECN_CE = 3;
const ECN_ECT0 = 2;
const ECN_ECT1 = 1;

export function decodeWay(bytes: Uint8Array, linkType: number, side: number, spec: TablesSpec): Way {
  const nodes: TraceNode[] = [];
  const failed = (): Way => ({ nodes, packet: null, failed: true, keepalive: false });
  const add = (node: Stage, title: string, { list }: Fields): void => {
    nodes.push({ node, title, fields: list });
  };

  const frame = new Fields();
  const link = decodeLink(frame, bytes, linkType);
  if (link !== null && link.family < 0 && !frame.hasWrong) {
    frame.wrongFact('payload', 'neither IPv4 nor IPv6', 'grebe takes nothing else');
  }
  const from = side === Side.UNDERLAY ? 'underlay' : 'overlay';
  add('frame', `${linkTypeName(linkType)}, ${bytes.length} bytes, from the ${from}`, frame);
  if (link === null || frame.hasWrong) return failed();

  const outer = new Fields();
  let ip = decodeIp(outer, bytes, link.payload, bytes.length, link.family);
  if (ip !== null) decodeTransport(outer, bytes, ip);
  const isGre = ip !== null && side === Side.UNDERLAY && judgeGre(outer, ip, spec, 0);
  add('ip', ip === null ? 'not an IP packet' : ipTitle(ip), outer);
  if (ip === null || outer.hasWrong) return failed();
  if (!isGre) return { nodes, packet: ip, failed: false, keepalive: false };

  let { ecn } = ip;
  for (let depth = 1; ; depth++) {
    const gre = new Fields();
    const header: GreInfo | null = decodeGre(gre, bytes, ip.payload, ip.end);
    add('gre', header === null ? 'not taken' : `carries ${etherTypeName(header.type)}`, gre);
    if (header === null) return failed();

    const endpoint = new Fields();
    const tunnel = findTunnel(endpoint, ip, header, spec);
    add('endpoint', tunnel === null ? 'no tunnel' : `tunnel ${tunnel.name}`, endpoint);
    if (tunnel === null || endpoint.hasWrong) return failed();

    const inner = new Fields();
    const opened = openPayload(inner, bytes, header);
    if (opened !== null && depth === 1 && judgeKeepalive(inner, bytes, ip, opened, tunnel)) {
      add('inner', ipTitle(opened), inner);
      return { nodes, packet: opened, failed: false, keepalive: true };
    }
    if (opened !== null) {
      judgeSource(inner, opened, tunnel);
      ecn = judgeEcn(inner, ecn, opened.ecn);
      decodeTransport(inner, bytes, opened);
    }
    const mayNest = header.type !== EtherType.TEB && !inner.hasWrong;
    const isNested = opened !== null && mayNest && judgeGre(inner, opened, spec, depth);
    add('inner', opened === null ? 'no IP packet' : ipTitle(opened), inner);
    if (inner.hasWrong) return failed();
    if (opened === null || !isNested) return { nodes, packet: opened, failed: false, keepalive: false };
    ip = opened;
  }
}

function ipTitle(ip: IpInfo): string {
  return `IPv${ip.family}, ${formatAddress(ip.source)} > ${formatAddress(ip.destination)}, ${ip.end - ip.at} bytes`;
}

/** Plain next hops stand among the tunnels, and no GRE is for their addresses (§4b). */
function encapsulating({ tunnels }: TablesSpec): TunnelSpec[] {
  return tunnels.filter(({ mode }) => mode !== 'plain');
}

/** Whether the packet is GRE for us (§3); `depth` GRE headers were taken off before. */
function judgeGre(f: Fields, ip: IpInfo, spec: TablesSpec, depth: number): boolean {
  if (ip.fragmentProtocol !== IpProtocol.GRE) return false;
  const address = formatAddress(ip.destination);
  if (!encapsulating(spec).some(({ local }) => isSameAddress(local, ip.destination))) {
    f.fact('GRE', 'not for us', `${address} is no endpoint address of ours`);
    return false;
  }
  if (depth >= spec.maxNestingDepth) {
    f.wrongFact('GRE', 'for us, again', `deeper than max_nesting_depth, ${spec.maxNestingDepth}`);
  } else if (ip.isFragment) {
    f.wrongFact('GRE', 'for us, a fragment', 'outer packets are not reassembled');
  } else {
    f.fact('GRE', 'for us', `${address} is an endpoint address of ours`);
  }
  return true;
}

function findTunnel(f: Fields, outer: IpInfo, gre: GreInfo, spec: TablesSpec): TunnelSpec | null {
  const source = formatAddress(outer.source);
  const destination = formatAddress(outer.destination);
  f.fact('looked up', `${source} > ${destination}, ${keyText(gre.key)}`);
  const pair = encapsulating(spec).filter(
    ({ local, remote }) => isSameAddress(local, outer.destination) && isSameAddress(remote, outer.source),
  );
  const tunnel = pair.find(({ key }) => key === gre.key);
  if (tunnel === undefined) {
    const others = pair.map(({ name, key }) => `${name} (${keyText(key)})`);
    const note =
      pair.length === 0 ? `no tunnel has ${source} as its customer endpoint` : `there is ${some(others)}`;
    f.wrongFact('tunnel', 'none', note);
    return null;
  }
  f.fact('tunnel', tunnel.name, `mode ${tunnel.mode}, MTU ${tunnel.mtu}`);
  if ((tunnel.mode === 'gretap') !== (gre.type === EtherType.TEB)) {
    f.wrongFact('mode', tunnel.mode, `does not carry ${etherTypeName(gre.type)}`);
  } else if (tunnel.checksum && !gre.hasChecksum) {
    f.wrongFact('checksum', 'none', 'the tunnel has checksum: true');
  }
  return tunnel;
}

function openPayload(f: Fields, bytes: Uint8Array, gre: GreInfo): IpInfo | null {
  if (gre.type !== EtherType.TEB) {
    return decodeIp(f, bytes, gre.payload, gre.end, gre.type === EtherType.IPV4 ? 4 : 6);
  }
  const link = decodeEthernet(f, bytes, gre.payload, gre.end);
  if (link === null) return null;
  if (link.family > 0) return decodeIp(f, bytes, link.payload, gre.end, link.family);
  f.fact('frame', 'no IP', 'delivered to the overlay as it is');
  return null;
}

/** §4a. */
function judgeKeepalive(
  f: Fields,
  bytes: Uint8Array,
  outer: IpInfo,
  inner: IpInfo,
  { mode, key }: TunnelSpec,
): boolean {
  const isIpv4 = outer.family === 4 && inner.family === 4 && mode === 'gre';
  const size = inner.end - inner.at;
  const found = isIpv4 && isKeepalive(bytes, outer.at, inner.at, size, keyWord(key ?? 0), key !== null);
  if (found) f.fact('keepalive', 'of the other side', 'GRE back to itself, protocol type 0');
  return found;
}

function judgeSource(f: Fields, ip: IpInfo, { allowedSources }: TunnelSpec): void {
  const source = formatAddress(ip.source);
  if (allowedSources === null) {
    f.fact('allowed sources', 'any');
    return;
  }
  const match = allowedSources.find(({ address, length }) => isInside(ip.source, address, length));
  const names = allowedSources.map(({ address, length }) => formatWithLength(address, length));
  if (match !== undefined)
    f.fact('allowed sources', source, `lies in ${formatWithLength(match.address, match.length)}`);
  else
    f.wrongFact(
      'allowed sources',
      source,
      names.length === 0 ? 'the list is empty' : `outside ${some(names)}`,
    );
}

/**
 * RFC 6040 §4.2. Answers the ECN field that the inner packet has afterwards: the outer one of a nested
 * packet inside it.
 */
function judgeEcn(f: Fields, outer: number, inner: number): number {
  if (outer === 0) return inner;
  const before = `outer ${ecnName(outer)}, inner ${ecnName(inner)}`;
  if (outer === ECN_CE && inner === 0) {
    f.wrongFact('ECN', before, 'congestion that the inner packet cannot carry on');
    return inner;
  }
  const isEct1 = outer === ECN_ECT1 && inner === ECN_ECT0;
  const combined = outer === ECN_CE ? ECN_CE : isEct1 ? ECN_ECT1 : inner;
  f.fact('ECN', before, `becomes ${ecnName(combined)}`);
  return combined;
}

function keyText(key: number | null): string {
  return key === null ? 'no key' : `key ${key}`;
}

function some(names: readonly string[]): string {
  const rest = names.length - NAMED;
  return names.slice(0, NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

export interface Layers {
  /** The outermost packet, and the GRE header and packet directly inside it, if any. */
  readonly outer: IpInfo | null;
  readonly gre: GreInfo | null;
  readonly inner: IpInfo | null;
}

/** The layers of a frame that grebe has made, one GRE header deep. */
export function layersOf(bytes: Uint8Array, linkType: number): Layers {
  const f = new Fields();
  const link = decodeLink(f, bytes, linkType);
  const outer =
    link === null || link.family < 0 ? null : decodeIp(f, bytes, link.payload, bytes.length, link.family);
  if (outer?.protocol !== IpProtocol.GRE || outer.isFragment) return { outer, gre: null, inner: null };
  const gre = decodeGre(new Fields(), bytes, outer.payload, outer.end);
  return { outer, gre, inner: gre === null ? null : openPayload(new Fields(), bytes, gre) };
}

/** The packet in an Ethernet frame or raw: what a delivered frame carries. */
export function packetOf(bytes: Uint8Array, linkType: number): IpInfo | null {
  const link = decodeLink(new Fields(), bytes, linkType);
  if (link === null || link.family < 0) return null;
  return decodeIp(
    new Fields(),
    bytes,
    link.payload,
    bytes.length,
    linkType === LinkType.RAW ? 0 : link.family,
  );
}
