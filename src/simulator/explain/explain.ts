/**
 * One packet on its way through a scenario's network: sent at a given time, with health, BGP and the timeline as
 * they are by then, and without the scenario's traffic.
 */
import { MILLISECOND, SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { Host } from '../node/host.js';
import { Simulation } from '../run/simulation.js';
import { Timeline } from '../run/timeline.js';
import type { Scenario, TrafficSpec } from '../scenario/scenario.js';
import { openPorts } from '../traffic/create-traffic.js';
import { mssOption, type FrameSpec } from '../../wire/build.js';
import { IpProtocol } from '../../wire/protocol.js';
import { parseFlow, FlowError, type ExplainFlow, type ExplainProtocol } from './flow.js';
import { Follower, type Way } from './follower.js';

export interface ExplainOptions {
  /** `client→web`. */
  readonly flow: string;
  /** Null: TCP if the destination listens, else ICMP. */
  readonly protocol: ExplainProtocol | null;
  /** Bytes of the IP packet; null: a SYN, an echo request of 84 bytes, a UDP packet of 100. */
  readonly size: number | null;
  readonly dontFragment: boolean;
  readonly at: Nanoseconds;
}

/** Ready for JSON. */
export interface Explanation {
  readonly scenario: string;
  readonly from: string;
  readonly source: string;
  readonly to: string | null;
  readonly destination: string;
  readonly protocol: ExplainProtocol;
  readonly port: number;
  /** When it was sent, in seconds of the scenario. */
  readonly at: number;
  /** Whether it arrived where it was sent to. */
  readonly arrived: boolean;
  /** Whether the edge's servers tell each other of the path MTUs that they learn. */
  readonly spread_too_big: boolean;
  /** The packet, then all that was made of it. */
  readonly ways: readonly Way[];
}

const NAME = 'explained';
const STEP = 100 * MILLISECOND;
/** After so long without a step all is over, but for fragments that wait for others. */
const QUIET = 5 * SECOND;
const LONGEST = 70 * SECOND;
const SOURCE_PORT = 40_000;
/** Headers of the smallest packets, by protocol; IPv6 is 20 bytes longer. */
const HEADERS = { tcp: 40, udp: 28, icmp: 28 } as const;
const SYN_BYTES = 44;
const DEFAULT_SIZES = { udp: 100, icmp: 84 } as const;

/** @throws FlowError for a flow that the scenario does not have, or a size that no packet of it can have */
export function explain(scenario: Scenario, options: ExplainOptions): Explanation {
  const flow = parseFlow(options.flow, options.protocol, scenario);
  const spec = specOf(flow, options, scenario);
  const traffic: TrafficSpec = {
    type: 'capture',
    name: NAME,
    at: options.at,
    until: null,
    from: flow.from.name,
    file: '',
  };
  const duration = options.at + LONGEST;
  const simulation = new Simulation({ ...scenario, traffic: [traffic], expect: [], duration });
  const { world, recorder, places } = simulation;
  new Timeline(simulation).schedule(scenario.timeline);
  simulation.begin();
  world.scheduler.run(options.at);

  const number = recorder.flow(NAME, 0);
  const follower = new Follower(world, number);
  world.observer = follower;
  const host = places.hosts.get(flow.from.name)!;
  for (const other of places.hosts.values()) openPorts(other);
  listen(host, flow, world);
  const packet = world.packets.build(spec);
  world.packets.flow[packet] = number;
  world.packets.born[packet] = world.scheduler.now;
  follower.step(packet, host.name, 'sends', host.mtu);
  host.send(packet);
  const from = world.scheduler.now;
  for (let now = from + STEP; now <= from + LONGEST; now += STEP) {
    world.scheduler.run(now);
    if (follower.done && now - follower.lastStep > QUIET) break;
  }
  follower.giveUp();
  return {
    scenario: scenario.name,
    ...{ from: flow.from.name, source: flow.source, to: flow.to, destination: flow.destination },
    ...{ protocol: flow.protocol, port: flow.port, at: options.at / SECOND },
    arrived: arrived(follower.ways, flow),
    spread_too_big: scenario.edge.spread_too_big,
    ways: follower.ways,
  };
}

/** What comes back to the host is taken there, whatever it is. */
function listen(host: Host, { protocol }: ExplainFlow, world: World): void {
  const number = { tcp: IpProtocol.TCP, udp: IpProtocol.UDP, icmp: IpProtocol.ICMP }[protocol];
  host.bind(number, SOURCE_PORT, {
    receive: (packet) => {
      world.arrive(packet, host.name);
    },
    hasSent: () => true,
    failed: () => undefined,
  });
}

/** It arrived if the host received it, or put it together there; a part of it is not enough. */
function arrived(ways: readonly Way[], { to }: ExplainFlow): boolean {
  if (to === null) return false;
  return ways.some(({ kind, hops, end }) => {
    if (kind === 'packet') return hops.some(({ place, action }) => place === to && action === 'receives');
    return kind === 'reassembled' && [...hops, end].some((step) => step?.place === to);
  });
}

function specOf(flow: ExplainFlow, options: ExplainOptions, scenario: Scenario): FrameSpec {
  const { protocol, source, destination, port } = flow;
  const longer = destination.includes(':') ? 20 : 0;
  const least = HEADERS[protocol] + longer;
  const isSyn = protocol === 'tcp' && options.size === null;
  const size = options.size ?? (protocol === 'tcp' ? SYN_BYTES + longer : DEFAULT_SIZES[protocol] + longer);
  const isIpv4 = longer === 0;
  if (size < least)
    throw new FlowError(`found a size of ${size} bytes, expected ${least} at least for ${protocol}`);
  const ip = {
    source,
    destination,
    ttl: 64,
    ...(isIpv4 ? { dontFragment: options.dontFragment, id: scenario.seed & 0xffff } : {}),
  };
  const payload = size - least;
  switch (protocol) {
    case 'tcp': {
      const { mss, mtu } = flow.from;
      const ports = { sourcePort: SOURCE_PORT, destinationPort: port };
      if (!isSyn) return { ip, tcp: { ...ports, ack: true }, payload };
      return { ip, tcp: { ...ports, syn: true, options: mssOption(mss ?? mtu - 40 - longer) } };
    }
    case 'udp':
      return { ip, udp: { sourcePort: SOURCE_PORT, destinationPort: port }, payload };
    case 'icmp':
      return { ip, icmp: { type: isIpv4 ? 8 : 128, id: SOURCE_PORT, sequence: 1 }, payload };
  }
}
