/** Packets of a flow, as descriptions for the packet builder. */
import {
  mssOption,
  tcpLength,
  type BuildLink,
  type FrameSpec,
  type IcmpSpec,
  type IpSpec,
  type TcpSpec,
  type UdpSpec,
} from '../wire/build.js';
import { IpProtocol, IPV4_HEADER, IPV6_HEADER } from '../wire/protocol.js';
import type { Flow } from './flow.js';

/** Link headers by the name that the command line uses. */
export const TRAFFIC_LINKS = ['ethernet', 'vlan', 'raw', 'sll', 'sll2', 'null'] as const;
export type TrafficLink = (typeof TRAFFIC_LINKS)[number];

/** VLAN of `--link vlan`. */
const TRAFFIC_VLAN = 100;

/** Ports of clients that open a connection; those of flows end below. */
const SYN_PORTS = { first: 61_000, count: 4536 } as const;

const ROUTER_MAC = Uint8Array.of(0x02, 0, 0, 0, 0, 1);

/** What is particular to one packet. */
export interface PacketChoice {
  /** Number of the packet in the capture. */
  readonly number: number;
  /** Data bytes that the flow has sent so far. */
  readonly sent: number;
  /** Wanted bytes of the (inner) IP packet. */
  readonly size: number;
  /** A SYN or SYN-ACK, whatever the flow's protocol. It is as long as its headers. */
  readonly syn: boolean;
}

const SACK_PERMITTED = [4, 2] as const;
const TIMESTAMP = [8, 10, 0, 0, 0, 1, 0, 0, 0, 0] as const;
const NOP = 1;
const WINDOW_SCALE = [3, 3, 7] as const;

/** TCP options of SYNs: as Linux, as Windows, MSS behind one NOP (at an odd offset), MSS alone. */
const SYN_OPTIONS: readonly ((mss: readonly number[]) => readonly number[])[] = [
  (mss) => [...mss, ...SACK_PERMITTED, ...TIMESTAMP, NOP, ...WINDOW_SCALE],
  (mss) => [...mss, NOP, ...WINDOW_SCALE, NOP, NOP, ...SACK_PERMITTED],
  (mss) => [NOP, ...mss, ...WINDOW_SCALE],
  (mss) => mss,
];
const SYN_OPTIONS_BY_FAMILY = {
  4: SYN_OPTIONS.map((make) => make(mssOption(1460))),
  6: SYN_OPTIONS.map((make) => make(mssOption(1440))),
};

/** A frame of the flow: link header, for tunnel traffic the outer headers, then the packet itself. */
export function frameOf(flow: Flow, choice: PacketChoice, link: TrafficLink): FrameSpec {
  const buildLink = link === 'vlan' ? 'ethernet' : link;
  const vlan = link === 'vlan' ? TRAFFIC_VLAN : undefined;
  const tunnel = flow.tunnel;
  if (tunnel === null) return packetOf(flow, choice, buildLink, vlan);
  // One literal with every field keeps all frames in one shape, which is what makes the builder fast.
  return {
    link: buildLink,
    vlan,
    sourceMac: ROUTER_MAC,
    ip: {
      source: tunnel.remote,
      destination: tunnel.local,
      ttl: flow.outerTtl,
      tos: flow.tos,
      id: 0,
      dontFragment: true,
      flowLabel: flow.label & 0xfffff,
    },
    gre: {
      key: tunnel.key ?? undefined,
      checksum: tunnel.checksum,
      sequence: tunnel.sequence ? choice.number >>> 0 : undefined,
    },
    inner: packetOf(flow, choice, tunnel.gretap ? 'ethernet' : 'raw', undefined),
    tcp: undefined,
    udp: undefined,
    icmp: undefined,
    payload: undefined,
  };
}

function packetOf(flow: Flow, choice: PacketChoice, link: BuildLink, vlan: number | undefined): FrameSpec {
  const protocol = choice.syn ? IpProtocol.TCP : flow.protocol;
  const tcp = protocol === IpProtocol.TCP ? tcpOf(flow, choice) : undefined;
  const udp = protocol === IpProtocol.UDP ? udpOf(flow) : undefined;
  const icmp = tcp === undefined && udp === undefined ? icmpOf(flow, choice) : undefined;
  const headers = (flow.family === 4 ? IPV4_HEADER : IPV6_HEADER) + (tcp === undefined ? 8 : tcpLength(tcp));
  const size = choice.syn ? headers : Math.max(headers, sizeThatFits(flow, choice.size));
  return {
    link,
    vlan,
    sourceMac: ROUTER_MAC,
    ip: headerOf(flow, choice, tcp !== undefined, size),
    gre: undefined,
    inner: undefined,
    tcp,
    udp,
    icmp,
    payload: size - headers,
  };
}

/**
 * A customer's router sends nothing longer than its tunnel's MTU, and IPv6 hosts know the MTU of the path.
 * IPv4 packets for a tunnel may be longer: they then allow to be fragmented.
 */
function sizeThatFits(flow: Flow, size: number): number {
  let fitting = flow.tunnel === null ? size : Math.min(size, flow.tunnel.mtu);
  if (flow.family === 6) for (const tunnel of flow.nexthops) fitting = Math.min(fitting, tunnel.mtu);
  return fitting;
}

function headerOf(flow: Flow, choice: PacketChoice, isTcp: boolean, size: number): IpSpec {
  return {
    source: flow.source,
    destination: flow.destination,
    ttl: flow.ttl,
    tos: flow.tos,
    id: choice.number & 0xffff,
    dontFragment: isTcp && fits(flow, size),
    flowLabel: flow.label & 0xfffff,
  };
}

function fits(flow: Flow, size: number): boolean {
  for (const tunnel of flow.nexthops) if (size > tunnel.mtu) return false;
  return true;
}

function tcpOf(flow: Flow, choice: PacketChoice): TcpSpec {
  const { syn, number } = choice;
  // Every SYN opens a connection of its own: a port that no flow has.
  const client = SYN_PORTS.first + (number % SYN_PORTS.count);
  return {
    sourcePort: syn && !flow.answers ? client : flow.sourcePort,
    destinationPort: syn && flow.answers ? client : flow.destinationPort,
    sequence: syn ? 0 : (choice.sent + 1) >>> 0,
    acknowledgment: syn && !flow.answers ? 0 : 1,
    syn,
    ack: !syn || flow.answers,
    options: syn ? SYN_OPTIONS_BY_FAMILY[flow.family][flow.synOptions % SYN_OPTIONS.length] : undefined,
  };
}

function udpOf(flow: Flow): UdpSpec {
  return { sourcePort: flow.sourcePort, destinationPort: flow.destinationPort };
}

/** Echo requests, and replies where the flow is an answer. */
function icmpOf(flow: Flow, choice: PacketChoice): IcmpSpec {
  const type = flow.family === 4 ? (flow.answers ? 0 : 8) : flow.answers ? 129 : 128;
  return { type, id: flow.label & 0xffff, sequence: choice.number & 0xffff };
}
