/**
 * The recorder of a run: counts packets by link, next hop, PoP, traffic and reason, in bins of time, and keeps a
 * tally of each traffic. What is no packet goes to the chronicle.
 */
import { Names, type ConnectionEvent, type NexthopDirection, type Recorder } from '../core/recorder.js';
import { Records } from '../core/records.js';
import type { Handler } from '../core/scheduler.js';
import type { Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { Scenario } from '../scenario/scenario.js';
import { axisOf, type Axis } from './axis.js';
import { BinnedCounters } from './binned-counters.js';
import { Chronicle } from './chronicle.js';
import { LargestPackets } from './largest-packets.js';
import { Moments } from './moments.js';
import { Moves } from './moves.js';
import { TALLY_NUMBERS, TrafficTally, unitOf, type Unit } from './traffic-tally.js';

/** Counters of a next hop, by direction: packets and bytes. */
const NEXTHOP_COUNTERS = 4;
/** Counters of a traffic: sent and delivered packets, delivered bytes. */
const TRAFFIC_COUNTERS = 3;
/** Reasons that may be registered: the dataplane's and the simulator's are some sixty. */
const MOST_REASONS = 256;

interface Carried {
  packets: number;
  bytes: number;
}

/** What is known of one traffic. */
interface Traffic {
  readonly number: number;
  readonly unit: Unit;
  /** Of the whole run, then those that expectations asked for. */
  readonly tallies: TrafficTally[];
  /** Packets dropped, by reason. */
  readonly drops: Map<number, number>;
  /** What took each next hop, by its number; most traffic takes a few of very many. */
  readonly nexthops: Map<number, Carried>;
  /** The one of `nexthops` that was taken last, and its number; −1: none. */
  lastNexthop: number;
  lastCarried: Carried;
  readonly moves: Moves | null;
  flows: number;
}

export class RunRecorder implements Recorder, Handler {
  readonly axis: Axis;
  readonly nodes = new Names();
  readonly links = new Names();
  readonly nexthops = new Names();
  readonly reasons = new Names();
  readonly trafficNames = new Names();
  readonly traffics: Traffic[] = [];
  /** Packets and bytes of each link (2 × link, and 1 more). */
  readonly linkCounters = new BinnedCounters();
  readonly largest = new LargestPackets();
  /** Four of each next hop: packets, bytes to the customer, packets, bytes from the customer. */
  readonly nexthopCounters = new BinnedCounters();
  /** Three of each traffic: packets sent, packets delivered, bytes delivered. */
  readonly trafficCounters = new BinnedCounters();
  /** Packets by number of `dropPairs`. */
  readonly dropCounters = new BinnedCounters();
  /** Node and reason (256 × node + reason) of each drop counter. */
  readonly dropPairs: number[] = [];
  private readonly tallyNumbers = new Records(TALLY_NUMBERS);
  private readonly dropNumbers = new Map<number, number>();
  /** Four of each next hop in each PoP: room for so many in each. */
  private coloCounters = new Float64Array(0);
  private coloWidth = 0;
  private readonly flowNumbers = new Map<string, number>();
  /** The traffic of each flow; when its connection was opened. */
  private readonly trafficOf: Traffic[] = [];
  private readonly openedAt: number[] = [];
  private world: World | null = null;
  private story: Chronicle | null = null;
  private times: Moments | null = null;
  private binHandler = 0;
  private over = false;

  constructor(
    private readonly scenario: Pick<Scenario, 'duration' | 'traffic' | 'timeline' | 'edge' | 'expect'>,
  ) {
    this.axis = axisOf(scenario.duration);
    const moving = new Set(scenario.expect.flatMap((e) => (e.check === 'failover' ? [e.traffic] : [])));
    for (const spec of scenario.traffic) {
      this.trafficNames.number(spec.name);
      const unit = unitOf(spec);
      const tallies = [new TrafficTally(0, scenario.duration, unit, this.tallyNumbers)];
      const moves = moving.has(spec.name) ? new Moves() : null;
      this.traffics.push({
        number: this.traffics.length,
        unit,
        tallies,
        drops: new Map(),
        nexthops: new Map(),
        lastNexthop: -1,
        lastCarried: { packets: 0, bytes: 0 },
        moves,
        flows: 0,
      });
    }
    this.trafficCounters.reserve(TRAFFIC_COUNTERS * this.traffics.length);
  }

  /** Begins to keep time by the clock of the world that records here; before any other handler is registered. */
  begin(world: World): void {
    this.world = world;
    this.story = new Chronicle(world.scheduler);
    this.times = new Moments(world.scheduler);
    this.binHandler = world.scheduler.register(this);
    world.scheduler.at(this.axis.width, this.binHandler);
  }

  get chronicle(): Chronicle {
    return required(this.story);
  }

  /** For what is to be looked at in the middle of the run. */
  get moments(): Moments {
    return required(this.times);
  }

  /** The end of a bin. */
  fire(): void {
    if (this.over) return;
    this.closeBins();
    const { now } = required(this.world).scheduler;
    required(this.world).scheduler.at(now + this.axis.width, this.binHandler);
  }

  /** The time is up: from now on it only counts what becomes of what was sent before. */
  stop(): void {
    const { now } = required(this.world).scheduler;
    if (now % this.axis.width !== 0 || now === 0) this.closeBins();
    this.largest.finish(now);
    this.chronicle.close();
    this.over = true;
  }

  /** Ends all tallies. */
  finish(): void {
    for (const { tallies } of this.traffics) for (const tally of tallies) tally.finish();
  }

  /** A tally of a traffic over a span of its own; asked for before the run. */
  tally(traffic: string, from: Nanoseconds, to: Nanoseconds): TrafficTally {
    const known = this.trafficOfName(traffic);
    const end = Math.min(to, this.scenario.duration);
    const tally = new TrafficTally(from, end, known.unit, this.tallyNumbers);
    known.tallies.push(tally);
    return tally;
  }

  trafficOfName(name: string): Traffic {
    const traffic = this.traffics[this.trafficNames.list.indexOf(name)];
    if (traffic === undefined) throw new Error(`no traffic is called ${name}`);
    return traffic;
  }

  node(name: string): number {
    return this.nodes.number(name);
  }

  link(name: string): number {
    const number = this.links.number(name);
    this.linkCounters.reserve(2 * number + 2);
    this.largest.reserve(number);
    return number;
  }

  nexthop(name: string): number {
    const number = this.nexthops.number(name);
    const size = NEXTHOP_COUNTERS * (number + 1);
    this.nexthopCounters.reserve(size);
    if (size > this.coloWidth) this.widenColos(2 * size);
    return number;
  }

  reason(name: string): number {
    const number = this.reasons.number(name);
    if (number >= MOST_REASONS) throw new RangeError(`more than ${MOST_REASONS} reasons`);
    return number;
  }

  flow(traffic: string, index: number): number {
    const name = `${traffic} ${index}`;
    const known = this.flowNumbers.get(name);
    if (known !== undefined) return known;
    const of = this.trafficOfName(traffic);
    of.flows++;
    const number = this.trafficOf.push(of) - 1;
    this.openedAt.push(0);
    this.flowNumbers.set(name, number);
    return number;
  }

  drop(node: number, reason: number, packet: number): void {
    if (this.over) return;
    const pair = MOST_REASONS * node + reason;
    let number = this.dropNumbers.get(pair);
    if (number === undefined) {
      number = this.dropPairs.push(pair) - 1;
      this.dropNumbers.set(pair, number);
      this.dropCounters.reserve(number + 1);
    }
    this.dropCounters.values[number]!++;
    const flow = required(this.world).packets.flow[packet]!;
    if (flow < 0) return;
    const { drops } = this.trafficOf[flow]!;
    drops.set(reason, (drops.get(reason) ?? 0) + 1);
  }

  linkPacket(link: number, bytes: number): void {
    if (this.over) return;
    const { values } = this.linkCounters;
    values[2 * link]!++;
    values[2 * link + 1]! += bytes;
    const largest = this.largest.values;
    if (bytes > largest[link]!) largest[link] = bytes;
  }

  nexthopPacket(nexthop: number, direction: NexthopDirection, colo: number, packet: number): void {
    if (this.over) return;
    const { packets, scheduler } = required(this.world);
    const flow = packets.flow[packet]!;
    // The edge's own packets, health probes, are no traffic.
    if (flow < 0) return;
    const bytes = packets.length[packet]!;
    const at = NEXTHOP_COUNTERS * nexthop + 2 * direction;
    const all = this.nexthopCounters.values;
    all[at]!++;
    all[at + 1]! += bytes;
    const here = this.coloCounters;
    const there = colo * this.coloWidth + at;
    here[there]!++;
    here[there + 1]! += bytes;
    const traffic = this.trafficOf[flow]!;
    if (traffic.lastNexthop !== nexthop) carriedBy(traffic, nexthop);
    traffic.lastCarried.packets++;
    traffic.lastCarried.bytes += bytes;
    traffic.moves?.took(scheduler.now, flow, direction, nexthop);
  }

  sent(flow: number, packet: number): void {
    const { packets, scheduler } = required(this.world);
    const { number, tallies } = this.trafficOf[flow]!;
    if (!this.over) this.trafficCounters.values[TRAFFIC_COUNTERS * number]!++;
    for (const tally of tallies) tally.sent(scheduler.now, packets.length[packet]!);
  }

  delivered(flow: number, packet: number): void {
    const { packets, scheduler } = required(this.world);
    const { number, tallies } = this.trafficOf[flow]!;
    const bytes = packets.length[packet]!;
    if (!this.over) {
      const { values } = this.trafficCounters;
      values[TRAFFIC_COUNTERS * number + 1]!++;
      values[TRAFFIC_COUNTERS * number + 2]! += bytes;
    }
    for (const tally of tallies) tally.delivered(scheduler.now, packets.born[packet]!, bytes);
  }

  asked(flow: number): void {
    for (const tally of this.talliesOf(flow)) tally.ask(this.now);
  }

  answered(flow: number, askedAt: Nanoseconds): void {
    for (const tally of this.talliesOf(flow)) tally.answer(this.now, askedAt);
  }

  mss(flow: number, atServer: boolean, mss: number): void {
    for (const tally of this.talliesOf(flow)) tally.mss(this.now, atServer, mss);
  }

  connection(flow: number, what: ConnectionEvent): void {
    if (what === 'opened') this.openedAt[flow] = this.now;
    for (const tally of this.talliesOf(flow)) tally.connection(this.openedAt[flow]!, what);
  }

  event(kind: string, text: string): void {
    this.chronicle.event(kind, text);
  }

  /** Node and reason of a number of `dropPairs`. */
  pairOf(pair: number): { node: number; reason: number } {
    return { node: Math.floor(pair / MOST_REASONS), reason: pair % MOST_REASONS };
  }

  /** Packets and bytes of a next hop in a PoP: to the customer, from the customer. */
  atColo(colo: number, nexthop: number): readonly [number, number, number, number] {
    const values = this.coloCounters;
    const at = colo * this.coloWidth + NEXTHOP_COUNTERS * nexthop;
    return [values[at]!, values[at + 1]!, values[at + 2]!, values[at + 3]!];
  }

  private get now(): Nanoseconds {
    return required(this.world).scheduler.now;
  }

  private talliesOf(flow: number): readonly TrafficTally[] {
    return this.trafficOf[flow]!.tallies;
  }

  /** Makes room for more next hops in each PoP. */
  private widenColos(width: number): void {
    const { coloCounters: before, coloWidth } = this;
    const colos = this.scenario.edge.pops.length;
    this.coloWidth = width;
    this.coloCounters = new Float64Array(colos * width);
    for (let colo = 0; colo < colos; colo++) {
      this.coloCounters.set(before.subarray(colo * coloWidth, (colo + 1) * coloWidth), colo * width);
    }
  }

  private closeBins(): void {
    this.nexthopCounters.closeBin();
    this.trafficCounters.closeBin();
    this.dropCounters.closeBin();
  }
}

function required<T>(value: T | null): T {
  if (value === null) throw new Error('the recorder has not begun');
  return value;
}

/** Has the packets of a traffic counted for this next hop. */
function carriedBy(traffic: Traffic, nexthop: number): void {
  let carried = traffic.nexthops.get(nexthop);
  if (carried === undefined) {
    carried = { packets: 0, bytes: 0 };
    traffic.nexthops.set(nexthop, carried);
  }
  traffic.lastNexthop = nexthop;
  traffic.lastCarried = carried;
}
