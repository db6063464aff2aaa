/** Flows: what the packets between two hosts have in common. */
import { addressBytes } from '../wire/build.js';
import { IpProtocol } from '../wire/protocol.js';
import { addressIn, type Family, type TrafficNetwork, type TrafficTunnel } from './network.js';
import type { Random } from './random.js';

/** Where packets come from: a customer's router, the Internet, the hosts behind grebe. */
export type TrafficKind = 'tunnel' | 'internet' | 'overlay';

export interface Flow {
  readonly kind: TrafficKind;
  readonly family: Family;
  /** IpProtocol.TCP, UDP, ICMP or ICMPV6. */
  readonly protocol: number;
  /** Of the inner packet. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** TOS or traffic class of the inner packet. */
  readonly tos: number;
  /** TTL or hop limit on arrival, of the inner and of the outer packet. */
  readonly ttl: number;
  readonly outerTtl: number;
  /** Identifier of ICMP echo, flow label of the outer packet. */
  readonly label: number;
  /** Whether a SYN of this flow is a SYN-ACK, and which of SYN_OPTIONS it has. */
  readonly answers: boolean;
  readonly synOptions: number;
  /** Tunnel that the packets arrive in; null for plain packets. */
  readonly tunnel: TrafficTunnel | null;
  /** Tunnels that the packets may leave in; empty: they go to the overlay. */
  readonly nexthops: readonly TrafficTunnel[];
}

export interface WeightedKind {
  readonly kind: TrafficKind;
  readonly weight: number;
}

/** What decides about flows. */
export interface FlowMix {
  readonly kinds: readonly [WeightedKind, ...WeightedKind[]];
  /** Share of IPv6 among the (inner) packets, where addresses of both families are to be had. */
  readonly ipv6Share: number;
  /** Share of the flows out of tunnels that go to a routed prefix, not to the Internet. */
  readonly transitShare: number;
}

/** Hosts on the Internet: the blocks set aside for benchmarks (RFC 2544, RFC 5180). */
export const INTERNET4 = { address: addressBytes('198.18.0.0'), length: 15 };
export const INTERNET6 = { address: addressBytes('2001:2::'), length: 48 };

/** TCP 70 %, UDP 25 %, ICMP echo 5 %. */
const TCP_SHARE = 0.7;
const UDP_SHARE = 0.25;
/** Ports on which no tool takes our pattern for a malformed message: HTTPS, HTTP; RTP, iperf3, games. */
const TCP_PORTS = [443, 443, 443, 80, 8443] as const;
const UDP_PORTS = [5004, 5201, 27015] as const;

/** Best effort mostly; EF for voice, AF21, CS1; ECT(0) for half of TCP (RFC 3168). */
const DSCPS = [0, 0, 0, 0, 0, 46, 18, 8] as const;
const ECT0 = 2;

/**
 * Makes flow `index`.
 * @param random seeded for this flow: the same numbers give the same flow
 */
export function makeFlow(network: TrafficNetwork, mix: FlowMix, index: number, random: Random): Flow {
  const kind = drawKind(mix, random);
  const wanted: Family = random.chance(mix.ipv6Share) ? 6 : 4;
  const tunnel = kind === 'tunnel' ? network.sender(index % network.senders) : null;
  const family = tunnel === null ? familyOfRoutes(network, wanted) : familyOfSources(tunnel, wanted);
  const internet = family === 4 ? INTERNET4 : INTERNET6;
  const routed =
    network.routes(family) > 0 && (tunnel === null || random.chance(mix.transitShare))
      ? network.route(
          family,
          tunnel === null ? index % network.routes(family) : random.below(network.routes(family)),
        )
      : internet;
  const sources = tunnel === null ? [internet] : family === 4 ? tunnel.sources4 : tunnel.sources6;
  const destination = addressIn(routed, random);
  const protocol = drawProtocol(family, random);
  const ecn = protocol === IpProtocol.TCP && random.chance(0.5) ? ECT0 : 0;
  // The server's port is on the side of the answer: what comes out of a tunnel is mostly answers.
  const serverPort = random.pick(protocol === IpProtocol.TCP ? TCP_PORTS : UDP_PORTS);
  const clientPort = random.between(32_768, 60_999);
  const answers = tunnel !== null && random.chance(0.75);
  return {
    kind,
    family,
    protocol,
    source: addressIn(random.pick(sources), random),
    destination,
    sourcePort: answers ? serverPort : clientPort,
    destinationPort: answers ? clientPort : serverPort,
    tos: (random.pick(DSCPS) << 2) | ecn,
    ttl: random.between(48, 63),
    outerTtl: random.between(50, 250),
    label: random.uint32(),
    answers,
    synOptions: random.uint32(),
    tunnel,
    nexthops: network.nexthops(destination),
  };
}

function drawKind(mix: FlowMix, random: Random): TrafficKind {
  let rest = random.below(mix.kinds.reduce((sum, { weight }) => sum + weight, 0));
  for (const { kind, weight } of mix.kinds) {
    if (rest < weight) return kind;
    rest -= weight;
  }
  return mix.kinds[0].kind;
}

function familyOfRoutes(network: TrafficNetwork, wanted: Family): Family {
  if (network.routes(wanted) > 0) return wanted;
  return wanted === 4 ? 6 : 4;
}

function familyOfSources(tunnel: TrafficTunnel, wanted: Family): Family {
  if ((wanted === 4 ? tunnel.sources4 : tunnel.sources6).length > 0) return wanted;
  return wanted === 4 ? 6 : 4;
}

function drawProtocol(family: Family, random: Random): number {
  const draw = random.uint32() / 0x1_0000_0000;
  if (draw < TCP_SHARE) return IpProtocol.TCP;
  if (draw < TCP_SHARE + UDP_SHARE) return IpProtocol.UDP;
  return family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6;
}
