/**
 * Health checks in the simulator: every PoP has a prober of its own (src/network/health/prober.ts), whose probes go as
 * real packets through the tunnels and interconnects. An answer comes to whatever PoP and server is nearest to the
 * customer; there it is recognised and, if it is another PoP's, taken to it over the backbone.
 */
import type { HealthCheckConfig, NetworkConfig } from '../../config/network.js';
import { parseAddress } from '../../config/address.js';
import {
  Health,
  HEALTH_STATES,
  type HealthReason,
  type HealthState,
} from '../../network/health/health-state.js';
import { interconnectProbeAddresses, tunnelProbeAddresses } from '../../network/health/probe-addresses.js';
import { PROBE_REFUSALS, writeProbe, type Probe, type ProbeAddresses } from '../../network/health/probe.js';
import { ENDPOINT_INTERVAL, PROBE_INTERVALS } from '../../network/health/probe-rate.js';
import {
  Prober,
  type AnswerOutcome,
  type ProberSink,
  type ProbeTarget,
} from '../../network/health/prober.js';
import { takesPlain } from '../../network/interconnect/rules.js';
import { sipKey } from '../../network/health/siphash.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { EdgeNetwork } from './edge-network.js';

/** Who wants to know. PoPs are numbers, next hops names. */
export interface EdgeHealthSink {
  /** The health of a tunnel or interconnect has changed in a PoP: it is to be steered by. */
  transition(
    pop: number,
    nexthop: string,
    from: HealthState,
    to: HealthState,
    at: Nanoseconds,
    reason: HealthReason,
  ): void;
  /**
   * A health check of a tunnel or interconnect is over.
   *
   * @param good whether the tunnel is healthy after it: alerts go by the state, and degraded is not good
   */
  result(nexthop: string, at: Nanoseconds, good: boolean, pop: number): void;
  /** The health of an endpoint has changed as a PoP sees it. */
  endpoint?(pop: number, name: string, from: HealthState, to: HealthState, at: Nanoseconds): void;
}

/** A PoP that is down looks so often whether it is up again. */
const NAP = SECOND;
const ENDPOINT_PREFIX = 'endpoint ';

/** Not an answer, or not one that this key made: nobody's business. */
const NOT_TAKEN: ReadonlySet<AnswerOutcome> = new Set(PROBE_REFUSALS);

interface PopHealth {
  readonly prober: Prober;
  /** When its next event is. */
  armedFor: Nanoseconds;
  asleep: boolean;
}

export class EdgeHealth implements Handler {
  private readonly key: Int32Array;
  private readonly pops: readonly PopHealth[];
  private readonly handler: number;
  private targets: readonly ProbeTarget[];

  /**
   * Takes answers from now on (`edge.onLocal`); probes are sent after `start`.
   *
   * @throws RangeError for a health check that is impossible, as does `setNetwork`
   */
  constructor(
    private readonly world: World,
    private readonly edge: EdgeNetwork,
    network: NetworkConfig,
    private readonly sink: EdgeHealthSink,
  ) {
    const random = world.random('health checks');
    this.key = sipKey(Uint8Array.from({ length: 16 }, () => random.below(256)));
    this.targets = this.targetsOf(network);
    const { now } = world.scheduler;
    this.pops = edge.pops.map((_, pop) => {
      const options = { pop, key: this.key, targets: this.targets, sink: this.sinkOf(pop), now };
      return { prober: new Prober(options), armedFor: Infinity, asleep: false };
    });
    this.handler = world.scheduler.register(this);
    edge.onLocal = (pop, _server, packet, via) => this.take(pop, packet, via);
  }

  /** Names of the tunnels and interconnects that every PoP probes. */
  get probed(): readonly string[] {
    return this.targets.filter(({ kind }) => kind === 'tunnel').map(({ name }) => name);
  }

  start(): void {
    this.pops.forEach((_, pop) => {
      this.arm(pop);
    });
  }

  /** After a change, once the edge has its new tables. What is known of tunnels that were there before stays. */
  setNetwork(network: NetworkConfig): void {
    this.targets = this.targetsOf(network);
    this.pops.forEach(({ prober }, pop) => {
      prober.setTargets(this.targets, this.world.scheduler.now);
      this.arm(pop);
    });
  }

  /** The prober of a PoP: its counters, and the states as it sees them. */
  proberOf(pop: number): Prober {
    return this.pops[pop]!.prober;
  }

  fire(pop: number): void {
    const { now } = this.world.scheduler;
    const health = this.pops[pop]!;
    // Overtaken by an earlier one.
    if (health.armedFor !== now) return;
    health.armedFor = Infinity;
    if (!this.edge.pops[pop]!.up) {
      health.asleep = true;
      this.armFor(pop, now + NAP);
      return;
    }
    if (health.asleep) health.prober.resume(now);
    health.asleep = false;
    health.prober.advance(now);
    this.arm(pop);
  }

  private take(pop: number, packet: number, via: number): boolean {
    const { world, edge } = this;
    const { bytes, start, length } = world.packets;
    const { prober } = this.pops[pop]!;
    const outcome = prober.receive(world.scheduler.now, bytes, start[packet]!, length[packet]!, via);
    if (NOT_TAKEN.has(outcome)) return false;
    const other = prober.answer.pop;
    if (outcome === 'for_other' && other < this.pops.length) edge.handOver(pop, other, packet, via);
    else world.arrive(packet, edge.pops[pop]!.name);
    this.arm(pop);
    return true;
  }

  private arm(pop: number): void {
    const { prober, asleep } = this.pops[pop]!;
    if (!asleep) this.armFor(pop, prober.next);
  }

  private armFor(pop: number, time: Nanoseconds): void {
    const health = this.pops[pop]!;
    if (time >= health.armedFor) return;
    health.armedFor = time;
    this.world.scheduler.at(time, this.handler, pop);
  }

  private sinkOf(pop: number): ProberSink {
    const { sink } = this;
    return {
      send: (target, probe) => {
        this.send(pop, target, probe);
      },
      transition: ({ at, target, from, to, reason }) => {
        const [before, after] = [HEALTH_STATES[from]!, HEALTH_STATES[to]!];
        if (target.kind === 'tunnel') sink.transition(pop, target.name, before, after, at, reason);
        else sink.endpoint?.(pop, target.name.slice(ENDPOINT_PREFIX.length), before, after, at);
      },
      result: ({ kind, name }, at, _succeeded, state) => {
        if (kind === 'tunnel') sink.result(name, at, state === Health.HEALTHY, pop);
      },
    };
  }

  private send(pop: number, { nexthop, type, addresses }: ProbeTarget, probe: Probe): void {
    const { packets, scheduler } = this.world;
    const packet = packets.take();
    packets.length[packet] = writeProbe(
      packets.bytes,
      packets.start[packet]!,
      type,
      addresses,
      probe,
      this.key,
    );
    packets.born[packet] = scheduler.now;
    if (nexthop < 0) this.edge.sendFrom(pop, packet);
    else this.edge.sendThrough(pop, nexthop, packet);
  }

  private targetsOf({ tunnels, interconnects, endpoint_health_checks }: NetworkConfig): ProbeTarget[] {
    const numbers = new Map(this.edge.nexthops.map((name, number) => [name, number]));
    const [publicAddress = ''] = this.edge.endpoints;
    const target = (
      name: string,
      check: HealthCheckConfig,
      addresses: ProbeAddresses | string,
    ): ProbeTarget[] => {
      const nexthop = numbers.get(name);
      if (!check.enabled || nexthop === undefined) return [];
      return [
        {
          name,
          nexthop,
          type: check.type,
          addresses: possible(name, addresses),
          isBidirectional: check.direction === 'bidirectional',
          interval: PROBE_INTERVALS[check.rate],
          kind: 'tunnel',
        },
      ];
    };
    return [
      ...tunnels.flatMap((tunnel) =>
        target(tunnel.name, tunnel.health_check, tunnelProbeAddresses(tunnel, tunnel.health_check)),
      ),
      // One that takes only GRE is no next hop: its tunnels have health checks of their own.
      ...interconnects
        .filter(takesPlain)
        .flatMap((circuit) =>
          target(
            circuit.name,
            circuit.health_check,
            interconnectProbeAddresses(circuit, publicAddress, circuit.health_check),
          ),
        ),
      ...endpoint_health_checks.map(({ name, endpoint }): ProbeTarget => ({
        name: `${ENDPOINT_PREFIX}${name}`,
        nexthop: -1,
        type: 'request',
        addresses: possible(name, this.betweenPublic(endpoint)),
        isBidirectional: false,
        interval: ENDPOINT_INTERVAL,
        kind: 'endpoint',
      })),
    ];
  }

  /** From the edge's first public address of the family to an endpoint. */
  private betweenPublic(endpoint: string): ProbeAddresses | string {
    const theirs = parseAddress(endpoint)?.bytes;
    const all = this.edge.endpoints.flatMap((text) => parseAddress(text)?.bytes ?? []);
    const ours = all.find(({ length }) => length === theirs?.length);
    return theirs === undefined || ours === undefined
      ? `no address to ask ${endpoint} from`
      : { ours, theirs };
  }
}

function possible(name: string, addresses: ProbeAddresses | string): ProbeAddresses {
  if (typeof addresses === 'string') throw new RangeError(`health check of ${name}: ${addresses}`);
  return addresses;
}
