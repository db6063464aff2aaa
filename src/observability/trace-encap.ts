/**
 * The way out of a packet, explained: route, forward, encap, deliver (docs/dataplane.md §§5–9). What happened
 * comes from the pipeline (tunnel chosen, verdict, frames sent); why, from the packet and the tables.
 */
import { formatAddress, formatWithLength, isInside, isSameAddress } from '../config/address.js';
import { Side } from '../dataplane/packet-vector.js';
import type { RouteSpec, TablesSpec, TunnelSpec } from '../dataplane/tables.js';
import { FIRST_DROP, Verdict, verdictEntry } from '../dataplane/verdicts.js';
import { be16, be32 } from '../wire/bytes.js';
import { GRE_HEADER, IpProtocol } from '../wire/protocol.js';
import { explainEcho } from './trace-answer.js';
import { layersOf, packetOf, type TraceNode } from './trace-decap.js';
import { ecnName, Fields, hex } from './trace-fields.js';
import type { IpInfo } from './trace-ip.js';
import { findMss } from './trace-mss.js';

/** A frame that the pipeline sent. */
export interface SentFrame {
  readonly bytes: Uint8Array;
  readonly linkType: number;
  readonly side: number;
}

/** What the pipeline did with the packet. */
export interface Outcome {
  readonly verdict: number;
  /** Tunnels by index, −1 for none. */
  readonly tunnelIn: number;
  readonly tunnelOut: number;
  readonly sent: readonly SentFrame[];
}

/** What is explained: the frame as received, the packet in it that was routed, and where it came from. */
export interface Subject {
  readonly bytes: Uint8Array;
  readonly packet: IpInfo;
  readonly side: number;
}

export function explainOutcome(subject: Subject, outcome: Outcome, spec: TablesSpec): TraceNode[] {
  const { verdict, tunnelOut } = outcome;
  const nodes = [explainRoute(subject, outcome, spec)];
  if (verdict === Verdict.answered_echo) {
    return [...nodes, explainEcho(subject.bytes, subject.packet, subject.side, nameOf(spec, tunnelOut))];
  }
  const tunnel = spec.tunnels[tunnelOut];
  if (tunnel !== undefined) {
    nodes.push(explainForward(subject, outcome));
    if (verdict !== Verdict.ttl_exceeded) nodes.push(explainEncap(subject, outcome, tunnel, spec));
  }
  if (verdict < FIRST_DROP) nodes.push(explainDelivery(subject, outcome, spec));
  return nodes;
}

function explainRoute({ packet, side, bytes }: Subject, outcome: Outcome, spec: TablesSpec): TraceNode {
  const f = new Fields();
  const size = packet.destination.length;
  const destination = formatAddress(packet.destination);
  f.at(packet.at + (packet.family === 4 ? 16 : 24), size, 'destination', destination);
  const local = spec.locals.find(({ address }) => isSameAddress(address, packet.destination));
  if (local !== undefined) return explainLocal(f, side, outcome, nameOf(spec, local.tunnel));
  const route = longestMatch(packet.destination, spec.routes);
  if (route === null) return explainNoRoute(f, 'longest match', side, outcome);
  const prefix = formatWithLength(route.address, route.length);
  f.fact('longest match', prefix, `of ${spec.routes.length} prefixes`);
  if (route.nexthops.length === 0) return explainNoRoute(f, 'next hop', side, outcome);
  const weights = route.nexthops.reduce((sum, { weight }) => sum + weight, 0);
  const names = route.nexthops.map(
    ({ tunnel, weight }) => `${nameOf(spec, tunnel)} (${Math.round((100 * weight) / weights)} %)`,
  );
  if (names.length > 1) {
    f.fact('next hops', names.join(', '));
    f.fact('flow', flowText(bytes, packet), 'its hash chooses');
  }
  f.fact('next hop', nameOf(spec, outcome.tunnelOut));
  return { node: 'route', title: `${prefix} by ${nameOf(spec, outcome.tunnelOut)}`, fields: f.list };
}

/** Nothing matches, or what does has no next hop here. */
function explainNoRoute(f: Fields, missing: string, side: number, { verdict }: Outcome): TraceNode {
  const isDelivered = verdict === Verdict.delivered_overlay;
  if (isDelivered) f.fact(missing, 'none', 'it came out of a tunnel');
  else f.wrongFact(missing, 'none', side === Side.UNDERLAY ? 'plain, from the underlay' : 'from the overlay');
  return { node: 'route', title: isDelivered ? 'no route, so to the overlay' : 'no route', fields: f.list };
}

/** A packet for an address of our own: answered, or for the kernel behind the overlay. */
function explainLocal(f: Fields, side: number, { verdict }: Outcome, tunnel: string): TraceNode {
  const where = `interface address of ${tunnel}`;
  if (verdict < FIRST_DROP) f.fact('our own address', where);
  else if (side === Side.UNDERLAY) f.wrongFact('our own address', where, 'known inside of tunnels only');
  else f.wrongFact('our own address', where, 'from the overlay, and no echo request');
  const isDelivered = verdict === Verdict.delivered_overlay;
  return {
    node: 'route',
    title: isDelivered ? 'our own address, so to the overlay' : 'our own address',
    fields: f.list,
  };
}

/** What the flow hash is of: addresses, and ports where there are any. */
function flowText(
  bytes: Uint8Array,
  { source, destination, protocol, payload, end, isFragment }: IpInfo,
): string {
  const hasPorts =
    (protocol === IpProtocol.TCP || protocol === IpProtocol.UDP) && !isFragment && payload + 4 <= end;
  const port = (at: number): string => (hasPorts ? ` port ${be16(bytes, at)}` : '');
  return `${formatAddress(source)}${port(payload)} > ${formatAddress(destination)}${port(payload + 2)}`;
}

export function longestMatch(destination: Uint8Array, routes: readonly RouteSpec[]): RouteSpec | null {
  let best: RouteSpec | null = null;
  for (const route of routes) {
    const isLonger = best === null || route.length > best.length;
    if (isLonger && isInside(destination, route.address, route.length)) best = route;
  }
  return best;
}

function explainForward({ packet, side }: Subject, { verdict }: Outcome): TraceNode {
  const f = new Fields();
  const at = packet.at + (packet.family === 4 ? 8 : 7);
  const name = packet.family === 4 ? 'TTL' : 'hop limit';
  if (side === Side.OVERLAY)
    f.at(at, 1, name, packet.ttl, 'left alone: the kernel behind the overlay has forwarded it');
  else if (verdict === Verdict.ttl_exceeded) f.wrongAt(at, 1, name, packet.ttl, 'runs out here');
  else f.at(at, 1, name, packet.ttl, verdict >= FIRST_DROP ? 'enough' : `becomes ${packet.ttl - 1}`);
  const title = side === Side.OVERLAY ? 'from the overlay' : 'underlay to underlay: grebe is the router';
  return { node: 'forward', title, fields: f.list };
}

function explainEncap(subject: Subject, outcome: Outcome, tunnel: TunnelSpec, spec: TablesSpec): TraceNode {
  const f = new Fields();
  const { packet } = subject;
  const length = packet.end - packet.at;
  const isCleared = tunnel.clearDontFragment && packet.family === 4 && packet.dontFragment;
  if (packet.family === 4) {
    const df = packet.dontFragment ? 'set' : 'clear';
    f.at(packet.at + 6, 1, 'DF', df, isCleared ? 'cleared: clear_dont_fragment_bit' : null);
  }
  const size = `${length} bytes, tunnel MTU ${tunnel.mtu}`;
  if (outcome.verdict === Verdict.mtu_exceeded) {
    f.wrongFact(
      'size',
      size,
      packet.family === 4 ? 'too large, and DF is set' : 'too large, IPv6 is not fragmented',
    );
  } else if (outcome.verdict === Verdict.fragment_invalid) {
    f.wrongFact('size', size, 'too large, and its own fragments would have no offset');
  } else if (outcome.verdict >= FIRST_DROP) {
    f.wrongFact('size', size, verdictEntry(outcome.verdict)?.explanation ?? '');
  } else {
    f.fact('size', size, length <= tunnel.mtu ? 'fits' : `cut into ${outcome.sent.length} fragments`);
  }
  const first = outcome.sent[0];
  if (outcome.verdict < FIRST_DROP && first !== undefined) {
    explainMss(f, subject, outcome, spec, first.bytes, layersOf(first.bytes, first.linkType).inner);
    explainOuter(f, first, tunnel);
  }
  return { node: 'encap', title: `into ${tunnel.name}`, fields: f.list };
}

function explainOuter(f: Fields, { bytes, linkType }: SentFrame, tunnel: TunnelSpec): void {
  const { outer, gre } = layersOf(bytes, linkType);
  if (outer === null || gre === null) return;
  const route = `${formatAddress(outer.source)} > ${formatAddress(outer.destination)}`;
  const ip = gre.at - outer.at;
  f.fact(
    'outer header',
    route,
    `${gre.payload - outer.at} bytes: IPv${outer.family} ${ip}, GRE ${gre.payload - gre.at}`,
  );
  f.fact(outer.family === 4 ? 'outer TTL' : 'outer hop limit', outer.ttl);
  const tos = outer.family === 4 ? bytes[outer.at + 1]! : (be16(bytes, outer.at) >>> 4) & 0xff;
  f.fact(
    'outer DSCP, ECN',
    `${tos >>> 2}, ${ecnName(tos)}`,
    tunnel.dscp === null ? 'inherited' : 'DSCP of the tunnel',
  );
  if (gre.hasChecksum) f.fact('GRE checksum', hex(be16(bytes, gre.at + GRE_HEADER), 4));
  if (gre.key !== null) f.fact('GRE key', gre.key);
  if (tunnel.sequence) f.fact('GRE sequence', be32(bytes, gre.payload - 4), 'numbers start at 0 in each run');
}

function explainDelivery(subject: Subject, outcome: Outcome, spec: TablesSpec): TraceNode {
  const f = new Fields();
  const isOverlay = outcome.verdict === Verdict.delivered_overlay;
  const first = outcome.sent[0];
  if (isOverlay && first !== undefined) {
    explainMss(f, subject, outcome, spec, first.bytes, packetOf(first.bytes, first.linkType));
  }
  const frames = outcome.sent.length === 1 ? 'one frame' : `${outcome.sent.length} frames`;
  return { node: 'deliver', title: `${frames} to the ${isOverlay ? 'overlay' : 'underlay'}`, fields: f.list };
}

/** MSS before and after, with the limits of the tunnel of arrival and of departure. */
function explainMss(
  f: Fields,
  { bytes, packet }: Subject,
  { tunnelIn, tunnelOut }: Outcome,
  spec: TablesSpec,
  sent: Uint8Array,
  sentPacket: IpInfo | null,
): void {
  const before = findMss(bytes, packet);
  if (before === null) return;
  const after = sentPacket === null ? null : findMss(sent, sentPacket);
  const family = packet.family === 4 ? 'v4' : 'v6';
  const limits = [
    {
      tunnel: spec.tunnels[tunnelIn],
      limit: spec.tunnels[tunnelIn]?.clampFrom[family] ?? 0,
      where: 'out of',
    },
    { tunnel: spec.tunnels[tunnelOut], limit: spec.tunnels[tunnelOut]?.clampTo[family] ?? 0, where: 'into' },
  ].filter(({ limit }) => limit > 0);
  const text = limits.map(({ tunnel, limit, where }) => `${limit} ${where} ${tunnel?.name ?? ''}`).join(', ');
  const limit = text === '' ? 'no limit' : `limit ${text}`;
  before.options.forEach(({ offset, value }, i) => {
    const now = after?.options[i]?.value ?? value;
    f.at(offset, 2, 'MSS', value, now === value ? `stays; ${limit}` : `becomes ${now}; ${limit}`);
  });
  if (before.options.length === 0) f.fact('MSS', 'no option', 'none is added');
  if (before.malformed) f.fact('TCP options', 'malformed', 'left as they are from there on');
}

function nameOf(spec: TablesSpec, tunnel: number): string {
  return spec.tunnels[tunnel]?.name ?? 'none';
}
