/**
 * Faults: ways to break a good packet, each named for the drop reason that it must cause. A fault changes
 * the description of a packet (not its bytes), so that everything else about the packet stays right: a
 * packet with a bad GRE version still has good checksums. Tests, fixtures and the fuzzer use the same list.
 *
 * Two reasons are not here: `no_buffer` is about memory, not about a packet; `link_unsupported` is here
 * but needs a capture format in which each packet has a link type of its own (pcapng).
 */
import { isInside } from '../config/address.js';
import type { VerdictName } from '../dataplane/verdicts.js';
import { be16 } from '../wire/bytes.js';
import {
  addressBytes,
  buildPacket,
  isIpv6,
  linkHeaderLength,
  type FrameSpec,
  type GreSpec,
  type IpSpec,
} from '../wire/build.js';
import { EtherType, IpProtocol, IPV6_HEADER } from '../wire/protocol.js';
import { INTERNET4, INTERNET6, type Flow, type TrafficKind } from './flow.js';
import { addressIn, type TrafficNetwork, type TrafficTunnel } from './network.js';
import type { Random } from './random.js';

/** A good packet, and what a fault may need to know to break it. */
export interface GoodPacket {
  readonly frame: FrameSpec;
  readonly flow: Flow;
  readonly network: TrafficNetwork;
  readonly random: Random;
  /** Whether the packet may get a link type of its own. */
  readonly mixedLinkTypes: boolean;
}

/** A broken packet. `linkType`: when it is not the one that belongs to `frame.link`. */
export interface BrokenPacket {
  readonly frame: FrameSpec;
  readonly linkType?: number;
}

export interface Fault {
  readonly name: string;
  /** How the dataplane must drop the packet. */
  readonly expectedVerdict: VerdictName;
  /** Kinds of traffic that can have this fault. */
  readonly kinds: readonly TrafficKind[];
  /** The broken packet, or null when this packet (its family, its tunnel, its network) cannot have the fault. */
  apply(packet: GoodPacket): BrokenPacket | null;
}

const ALL: readonly TrafficKind[] = ['tunnel', 'internet', 'overlay'];
const TUNNEL: readonly TrafficKind[] = ['tunnel'];
const PLAIN: readonly TrafficKind[] = ['internet', 'overlay'];

/** LINKTYPE_USER0: set aside for private use. */
const UNREAD_LINK_TYPE = 147;
const ARP = 0x0806;
const MPLS = 0x8847;
const CE = 3;
/** Largest offset that a fragment can have, in bytes. */
const LAST_FRAGMENT_OFFSET = 65_528;
/** Any bits that make a checksum differ in more than 0x0000 against 0xffff. */
const FLIP = 0x5555;

type Change = (packet: GoodPacket) => FrameSpec | null;

function fault(
  name: string,
  expectedVerdict: VerdictName,
  kinds: readonly TrafficKind[],
  change: Change,
): Fault {
  return {
    name,
    expectedVerdict,
    kinds,
    apply(packet) {
      const frame = change(packet);
      return frame === null ? null : { frame };
    },
  };
}

function isSix(ip: IpSpec | undefined): boolean {
  return ip !== undefined && isIpv6(ip.source);
}

/** The header checks that IPv6 has no field for. */
function onlyIpv4(frame: FrameSpec | undefined, change: () => FrameSpec | null): FrameSpec | null {
  return frame === undefined || isSix(frame.ip) ? null : change();
}

function changeIp({ frame }: Pick<GoodPacket, 'frame'>, change: Partial<IpSpec>): FrameSpec | null {
  return frame.ip === undefined ? null : { ...frame, ip: { ...frame.ip, ...change } };
}

function changeInnerIp(frame: FrameSpec, change: Partial<IpSpec>): FrameSpec | null {
  const inner = frame.inner === undefined ? null : changeIp({ frame: frame.inner }, change);
  return inner === null ? null : { ...frame, inner };
}

function changeGre(frame: FrameSpec, change: Partial<GreSpec>): FrameSpec | null {
  return frame.gre === undefined ? null : { ...frame, gre: { ...frame.gre, ...change } };
}

/** The link header alone. */
function linkOf({ link, vlan, sourceMac }: FrameSpec): FrameSpec {
  return { link, vlan, sourceMac };
}

/** The packet without its link header. */
function contentOf({ ip, tcp, udp, icmp, payload }: FrameSpec): FrameSpec {
  return { ip, tcp, udp, icmp, payload };
}

/** A packet of protocol GRE with these bytes in place of header and payload. */
function bareGre(frame: FrameSpec, payload: Uint8Array): FrameSpec | null {
  if (frame.ip === undefined) return null;
  return { ...linkOf(frame), ip: { ...frame.ip, protocol: IpProtocol.GRE }, payload };
}

/** Tunnel of a packet of kind `tunnel`. */
function tunnelOf(flow: Flow): TrafficTunnel {
  if (flow.tunnel === null) throw new Error('a fault of tunnel traffic was applied to a plain packet');
  return flow.tunnel;
}

/** An address on the Internet that has nothing to do with the customers (mostly: the caller checks). */
function stranger({ random }: GoodPacket, bytes: number): Uint8Array {
  return addressIn(bytes === 4 ? INTERNET4 : INTERNET6, random);
}

/** A packet whose payload alone is larger than the MTU of every tunnel that it may take. */
function enlarge(packet: GoodPacket, header: Partial<IpSpec>): FrameSpec | null {
  const { nexthops } = packet.flow;
  const changed = changeIp(packet, header);
  if (changed === null || nexthops.length === 0) return null;
  return { ...changed, payload: Math.max(...nexthops.map(({ mtu }) => mtu)) + packet.random.below(24) };
}

function toUnrouted(packet: GoodPacket): FrameSpec | null {
  const destination = stranger(packet, packet.flow.destination.length);
  return packet.network.nexthops(destination).length > 0 ? null : changeIp(packet, { destination });
}

export const FAULTS: readonly Fault[] = [
  fault('frame_cut', 'frame_truncated', ALL, ({ frame, random }) => {
    const header = linkHeaderLength(frame);
    return header === 0 ? null : { ...frame, truncate: random.below(header) };
  }),
  fault('frame_arp', 'ethertype_unsupported', ALL, ({ frame }) => {
    if (linkHeaderLength(frame) === 0) return null;
    return { ...frame, etherType: frame.link === 'null' ? 99 : ARP };
  }),
  fault('frame_second_tag', 'ethertype_unsupported', ALL, ({ frame }) =>
    frame.link === 'ethernet' ? { ...frame, vlan: 100, etherType: 0x8100 } : null,
  ),
  {
    name: 'link_type',
    expectedVerdict: 'link_unsupported',
    kinds: ALL,
    apply: ({ frame, mixedLinkTypes }) => (mixedLinkTypes ? { frame, linkType: UNREAD_LINK_TYPE } : null),
  },

  fault('ip_version', 'ip_bad_version', ALL, (packet) => changeIp(packet, { version: 5 })),
  fault('ip_header_length_short', 'ip_bad_header_length', ALL, (packet) =>
    onlyIpv4(packet.frame, () => changeIp(packet, { headerLength: packet.random.below(5) })),
  ),
  fault('ip_total_length_short', 'ip_bad_header_length', ALL, (packet) =>
    onlyIpv4(packet.frame, () => changeIp(packet, { length: packet.random.below(20) })),
  ),
  fault('ip_cut', 'ip_truncated', ALL, (packet) => {
    const whole = buildPacket(packet.frame).length;
    const header = linkHeaderLength(packet.frame);
    return { ...packet.frame, truncate: packet.random.between(header, whole - 1) };
  }),
  fault('ip_length_long', 'ip_truncated', ALL, (packet) => {
    const bytes = buildPacket(packet.frame).length - linkHeaderLength(packet.frame);
    const counted = bytes - (isSix(packet.frame.ip) ? IPV6_HEADER : 0);
    return changeIp(packet, { length: counted + packet.random.between(1, 400) });
  }),
  fault('ip_checksum', 'ip_bad_checksum', ALL, (packet) =>
    onlyIpv4(packet.frame, () => {
      const right = be16(buildPacket(packet.frame), linkHeaderLength(packet.frame) + 10);
      return changeIp(packet, { checksum: right ^ FLIP });
    }),
  ),
  fault('outer_first_fragment', 'outer_fragment', TUNNEL, (packet) =>
    isSix(packet.frame.ip)
      ? changeIp(packet, { extensions: [{ header: IpProtocol.FRAGMENT, more: true, id: 1 }] })
      : changeIp(packet, { moreFragments: true, dontFragment: false }),
  ),
  fault('outer_last_fragment', 'outer_fragment', TUNNEL, (packet) =>
    isSix(packet.frame.ip)
      ? changeIp(packet, { extensions: [{ header: IpProtocol.FRAGMENT, offset: 1448, id: 1 }] })
      : changeIp(packet, { fragmentOffset: 1480, dontFragment: false }),
  ),

  fault('gre_cut', 'gre_truncated', TUNNEL, ({ frame, random }) =>
    bareGre(frame, new Uint8Array(random.below(4))),
  ),
  fault('gre_options_cut', 'gre_truncated', TUNNEL, ({ frame, random }) => {
    // Checksum, key and sequence announced, and fewer than their 12 bytes there.
    const cut = new Uint8Array(4 + random.below(12));
    cut.set([0xb0, 0x00, 0x08, 0x00]);
    return bareGre(frame, cut);
  }),
  fault('gre_version_1', 'gre_bad_version', TUNNEL, ({ frame, random }) =>
    changeGre(frame, { version: random.between(1, 7) }),
  ),
  fault('gre_routing', 'gre_routing_present', TUNNEL, ({ frame }) => changeGre(frame, { flags: 0x40 })),
  fault('gre_reserved', 'gre_reserved_bits', TUNNEL, ({ frame, random }) =>
    changeGre(frame, { flags: random.pick([0x08, 0x04, 0x0c]) }),
  ),
  fault('gre_checksum', 'gre_bad_checksum', TUNNEL, ({ frame }) => {
    const withChecksum = changeGre(frame, { checksum: true });
    if (withChecksum?.ip === undefined) return null;
    const gre = linkHeaderLength(frame) + (isSix(withChecksum.ip) ? IPV6_HEADER : 20);
    return changeGre(frame, { checksum: be16(buildPacket(withChecksum), gre + 4) ^ FLIP });
  }),
  fault('gre_mpls', 'gre_unsupported_protocol', TUNNEL, ({ frame }) => changeGre(frame, { protocol: MPLS })),
  fault('gre_wrong_mode', 'gre_unsupported_protocol', TUNNEL, ({ frame, flow }) =>
    changeGre(frame, { protocol: flow.tunnel?.gretap === true ? EtherType.IPV4 : EtherType.TEB }),
  ),
  fault('gre_no_checksum', 'gre_checksum_missing', TUNNEL, ({ frame, flow }) =>
    flow.tunnel?.checksum === true ? changeGre(frame, { checksum: false }) : null,
  ),
  fault('stranger', 'endpoint_unknown', TUNNEL, (packet) => {
    const { flow, network } = packet;
    const source = stranger(packet, tunnelOf(flow).local.length);
    return network.hasEndpoints(source, tunnelOf(flow).local) ? null : changeIp(packet, { source });
  }),
  fault('wrong_key', 'gre_key_mismatch', TUNNEL, (packet) => {
    const key = packet.random.uint32();
    const { local, remote } = tunnelOf(packet.flow);
    return packet.network.hasKey(remote, local, key) ? null : changeGre(packet.frame, { key });
  }),
  fault('no_key', 'gre_key_mismatch', TUNNEL, ({ frame, flow, network }) => {
    const tunnel = tunnelOf(flow);
    if (frame.gre === undefined || network.hasKey(tunnel.remote, tunnel.local, null)) return null;
    return changeGre(frame, { key: undefined });
  }),

  fault('inner_version', 'inner_bad_version', TUNNEL, ({ frame }) => changeInnerIp(frame, { version: 5 })),
  fault('inner_header_length', 'inner_bad_header_length', TUNNEL, ({ frame, random }) =>
    onlyIpv4(frame.inner, () => changeInnerIp(frame, { headerLength: random.below(5) })),
  ),
  fault('inner_total_length', 'inner_bad_header_length', TUNNEL, ({ frame, random }) =>
    onlyIpv4(frame.inner, () => changeInnerIp(frame, { length: random.below(20) })),
  ),
  fault('inner_cut', 'inner_truncated', TUNNEL, ({ frame, random }) => {
    if (frame.inner === undefined) return null;
    const whole = buildPacket(frame.inner).length;
    return { ...frame, inner: { ...frame.inner, truncate: random.below(whole) } };
  }),
  fault('inner_checksum', 'inner_bad_checksum', TUNNEL, ({ frame }) =>
    onlyIpv4(frame.inner, () => {
      const inner = frame.inner ?? {};
      const right = be16(buildPacket(inner), linkHeaderLength(inner) + 10);
      return changeInnerIp(frame, { checksum: right ^ FLIP });
    }),
  ),
  fault('spoofed_source', 'inner_source_denied', TUNNEL, (packet) => {
    const { frame, flow } = packet;
    const { allowedSources } = tunnelOf(flow);
    const source = stranger(packet, flow.source.length);
    const allowed = allowedSources?.some((prefix) => isInside(source, prefix.address, prefix.length)) ?? true;
    return allowed ? null : changeInnerIp(frame, { source });
  }),
  fault('congestion_not_capable', 'inner_ecn_invalid', TUNNEL, (packet) => {
    const inner = changeInnerIp(packet.frame, { tos: packet.flow.tos & ~CE });
    return inner === null ? null : changeIp({ ...packet, frame: inner }, { tos: packet.flow.tos | CE });
  }),
  fault('nested', 'nesting_too_deep', TUNNEL, ({ frame, flow, network }) => {
    // A deeper limit would take one more good tunnel packet for each level.
    const tunnel = tunnelOf(flow);
    if (frame.inner === undefined || tunnel.gretap || network.maxNestingDepth !== 1) return null;
    if (tunnel.local.length !== flow.source.length) return null;
    const ip = { source: flow.source, destination: tunnel.local, tos: flow.tos, ttl: flow.ttl };
    return { ...frame, inner: { ip, gre: {}, inner: frame.inner } };
  }),

  fault('unrouted', 'not_for_us', ['internet'], (packet) => toUnrouted(packet)),
  fault('gre_for_others', 'not_for_us', ['internet'], (packet) => {
    const plain = toUnrouted(packet);
    if (plain?.ip === undefined || packet.network.isLocal(addressBytes(plain.ip.destination))) return null;
    return { ...linkOf(plain), ip: plain.ip, gre: {}, inner: contentOf(packet.frame) };
  }),
  fault('unrouted_overlay', 'no_route', ['overlay'], (packet) => toUnrouted(packet)),

  fault('last_hop', 'ttl_exceeded', ['tunnel', 'internet'], (packet) => {
    if (packet.flow.nexthops.length === 0) return null;
    const ttl = packet.random.below(2);
    return packet.flow.tunnel === null ? changeIp(packet, { ttl }) : changeInnerIp(packet.frame, { ttl });
  }),
  fault('too_big', 'mtu_exceeded', PLAIN, (packet) => {
    const { nexthops, family } = packet.flow;
    if (family === 4 && nexthops.some((tunnel) => tunnel.clearDontFragment)) return null;
    return enlarge(packet, { dontFragment: true });
  }),
  fault('endless_fragment', 'fragment_invalid', PLAIN, (packet) =>
    onlyIpv4(packet.frame, () =>
      enlarge(packet, { dontFragment: false, fragmentOffset: LAST_FRAGMENT_OFFSET }),
    ),
  ),
];
