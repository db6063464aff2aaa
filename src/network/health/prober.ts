/**
 * One prober: a PoP of the simulator, or a daemon. It knows which probe is due when, takes answers, notices those
 * that do not come, and tells when the health of a target becomes another one. No clock and no I/O: it is told
 * the time (whole nanoseconds, of any origin, never back), and what is to be sent goes to a sink.
 *
 * Tunnels and endpoints (addresses behind the customer's router, behaviour §4) are both targets; what their health
 * is good for is the owner's business.
 */
import type { HealthCheckType } from '../../config/network.js';
import { AwaitedProbes } from './awaited-probes.js';
import type { HealthReason } from './health-state.js';
import { hasAddresses, PROBE_REFUSALS, readAnswer, type Probe, type ProbeAddresses } from './probe.js';
import { PROBE_TIMEOUT } from './probe-rate.js';
import { ProbeSchedule } from './probe-schedule.js';
import { LEAST_INTERVAL, TunnelHealth } from './tunnel-health.js';

/** Something to be probed through a tunnel or interconnect. */
export interface ProbeTarget {
  /** Unique: what is known of a target stays when the targets are set anew. */
  readonly name: string;
  /** Number of the next hop that probes are sent through; -1: by the routes. */
  readonly nexthop: number;
  readonly type: HealthCheckType;
  readonly addresses: ProbeAddresses;
  /** The answer must come out of the same next hop (bidirectional). */
  readonly isBidirectional: boolean;
  /** Nanoseconds between two probes; LEAST_INTERVAL at least. */
  readonly interval: number;
  /** `tunnel`: its health steers. `endpoint`: it only informs. */
  readonly kind: 'tunnel' | 'endpoint';
}

export interface HealthTransition {
  /** When: a result that was a time-out is as old as the time-out. */
  readonly at: number;
  readonly target: ProbeTarget;
  /** Numbers of states (health-state.ts). */
  readonly from: number;
  readonly to: number;
  readonly reason: HealthReason;
}

/** Where the prober's doings go. Called from within `advance` and `receive`. */
export interface ProberSink {
  /**
   * Send this probe (writeProbe) through the target's next hop. `probe` is the caller's: its server may be set, all
   * of it is another one's afterwards.
   */
  send(target: ProbeTarget, probe: Probe): void;
  transition(transition: HealthTransition): void;
  /** A probe was answered or has failed; `state` is the target's after that. */
  result(target: ProbeTarget, at: number, succeeded: boolean, state: number): void;
}

/** What became of a packet that was received. All but the first three are counted as refused. */
export const ANSWER_OUTCOMES = [
  /** An answer that was waited for. */
  'answered',
  /** An answer to another prober: `answer.pop` says to which. It is to be handed over to it, as it is. */
  'for_other',
  ...PROBE_REFUSALS,
  /** The probe had timed out. */
  'late',
  /** Answered before, or never sent by this prober. */
  'not_awaited',
  /** Not between the addresses of the target. */
  'other_addresses',
  /** It should have come back through the tunnel and did not. */
  'other_way',
] as const;
export type AnswerOutcome = (typeof ANSWER_OUTCOMES)[number];

export interface ProberOptions {
  /** Number of the prober; that of no other one that has the same key. */
  readonly pop: number;
  /** Made by sipKey; the same for all probers of an edge. */
  readonly key: Int32Array;
  readonly targets: readonly ProbeTarget[];
  readonly sink: ProberSink;
  readonly now: number;
}

/** As `via` of an answer: it was handed over by someone who does not say, so that it is not looked at. */
export const WAY_UNKNOWN = -2;

export class Prober {
  /** Packets given to `receive`, by what became of them. */
  readonly outcomes = Object.fromEntries(ANSWER_OUTCOMES.map((outcome) => [outcome, 0])) as Record<
    AnswerOutcome,
    number
  >;
  /** What the last packet that `receive` took for an answer says. */
  readonly answer: Probe = { pop: 0, server: 0, target: 0, sequence: 0, sent: 0 };
  /** Probes sent. */
  sent = 0;
  private list: readonly ProbeTarget[] = [];
  private health: TunnelHealth;
  private schedule: ProbeSchedule;
  private readonly awaited = new AwaitedProbes();
  private readonly probe: Probe = { pop: 0, server: 0, target: 0, sequence: 0, sent: 0 };
  /** Targets of the probes that time out together, and how many are to be sent for each. */
  private readonly expired: number[] = [];
  private readonly wanted: number[] = [];

  /** @throws RangeError for a target whose interval is too short, or a name that occurs twice */
  constructor(private readonly options: ProberOptions) {
    this.health = new TunnelHealth(0, options.now);
    this.schedule = new ProbeSchedule([], options.pop, options.now);
    this.setTargets(options.targets, options.now);
  }

  get targets(): readonly ProbeTarget[] {
    return this.list;
  }

  /** State of a target (by its place in `targets`). */
  stateOf(target: number): number {
    return this.health.state[target]!;
  }

  /** Since when. */
  sinceOf(target: number): number {
    return this.health.since[target]!;
  }

  /**
   * Takes up other targets. Those that were there before (by name) go on as they are.
   *
   * @throws RangeError as the constructor; nothing has changed then
   */
  setTargets(targets: readonly ProbeTarget[], now: number): void {
    const numbers = new Map(targets.map(({ name }, i) => [name, i]));
    if (numbers.size < targets.length) throw new RangeError('two targets have one name');
    const hasty = targets.find(({ interval }) => !(interval >= LEAST_INTERVAL));
    if (hasty !== undefined) {
      throw new RangeError(
        `${hasty.name}: found an interval of ${hasty.interval} ns, the least is ${LEAST_INTERVAL} ns`,
      );
    }
    const before = this.health;
    const renumbered = this.list.map(({ name }) => numbers.get(name) ?? -1);
    this.health = new TunnelHealth(targets.length, now);
    renumbered.forEach((target, i) => {
      if (target >= 0) this.health.adopt(target, before, i);
    });
    this.awaited.renumber(renumbered);
    this.list = targets;
    this.schedule = this.scheduleFrom(now);
  }

  /**
   * Goes on after a time in which nothing could be sent or received: what was on its way is not waited for, and
   * tells nothing of the tunnels.
   */
  resume(now: number): void {
    this.awaited.renumber(this.list.map(() => -1));
    this.schedule = this.scheduleFrom(now);
  }

  /** When `advance` has something to do; Infinity: never. */
  get next(): number {
    const { oldest } = this.awaited;
    const deadline = oldest < 0 ? Infinity : this.awaited.sentAt(oldest) + PROBE_TIMEOUT;
    return Math.min(deadline, this.schedule.next);
  }

  /**
   * Sends what is due, and gives up what has not been answered in time. When called late, whoever has answers that
   * came in time hands them in first.
   */
  advance(now: number): void {
    this.expire(now);
    for (let target = this.schedule.take(now); target >= 0; target = this.schedule.take(now)) {
      this.send(target, now, true);
    }
  }

  /**
   * Takes a packet for one of the edge's own addresses, which may be the answer to a probe: any bytes whatever.
   *
   * @param now when it came. An answer at the very time at which its probe times out is late.
   * @param at offset of its IP header, `length` bytes of it
   * @param via next hop that it came out of; -1: none, from the Internet; WAY_UNKNOWN
   */
  receive(now: number, bytes: Uint8Array, at: number, length: number, via: number): AnswerOutcome {
    const outcome = this.judge(now, bytes, at, length, via);
    this.outcomes[outcome]++;
    if (outcome !== 'answered') return outcome;
    const { sequence } = this.answer;
    const regular = this.awaited.isRegular(sequence);
    const target = this.awaited.targetOf(sequence);
    this.awaited.settle(sequence);
    const wanted = this.health.record(target, now, true, regular);
    this.conclude(target, now, true);
    this.sendMore(target, wanted, now);
    return outcome;
  }

  private scheduleFrom(now: number): ProbeSchedule {
    const intervals = this.list.map(({ interval }) => interval);
    return new ProbeSchedule(intervals, this.options.pop, now);
  }

  private judge(now: number, bytes: Uint8Array, at: number, length: number, via: number): AnswerOutcome {
    const { answer } = this;
    const refusal = readAnswer(bytes, at, length, this.options.key, answer);
    if (refusal !== null) return refusal;
    if (answer.pop !== this.options.pop) return 'for_other';
    this.expire(now);
    if (!this.awaited.isAwaited(answer.sequence, answer.sent)) {
      return now - answer.sent >= PROBE_TIMEOUT ? 'late' : 'not_awaited';
    }
    const target = this.list[this.awaited.targetOf(answer.sequence)]!;
    if (!hasAddresses(bytes, at, target.addresses)) return 'other_addresses';
    return !target.isBidirectional || via === target.nexthop || via === WAY_UNKNOWN
      ? 'answered'
      : 'other_way';
  }

  private expire(now: number): void {
    for (let due = this.firstExpired(now); due <= now; due = this.firstExpired(now)) {
      // Those that were sent together are judged together: three of three are down, not degraded first.
      this.expired.length = 0;
      this.wanted.length = 0;
      while (this.firstExpired(now) === due) {
        const { oldest } = this.awaited;
        const target = this.awaited.targetOf(oldest);
        this.expired.push(target);
        this.wanted.push(this.health.record(target, due, false, this.awaited.isRegular(oldest)));
        this.awaited.settle(oldest);
      }
      for (const target of this.expired) this.conclude(target, due, false);
      this.expired.forEach((target, i) => this.sendMore(target, this.wanted[i]!, now));
    }
  }

  /** When the oldest probe timed out, if that is not after `now`; Infinity otherwise. */
  private firstExpired(now: number): number {
    const { oldest } = this.awaited;
    const due = oldest < 0 ? Infinity : this.awaited.sentAt(oldest) + PROBE_TIMEOUT;
    return due <= now ? due : Infinity;
  }

  private conclude(target: number, at: number, succeeded: boolean): void {
    const { sink } = this.options;
    const from = this.health.state[target]!;
    const reason = this.health.judge(target, at);
    const to = this.health.state[target]!;
    const what = this.list[target]!;
    if (reason !== null) sink.transition({ at, target: what, from, to, reason });
    sink.result(what, at, succeeded, to);
  }

  private sendMore(target: number, count: number, now: number): void {
    for (let i = 0; i < count; i++) this.send(target, now, false);
  }

  private send(target: number, now: number, regular: boolean): void {
    const { probe } = this;
    probe.pop = this.options.pop;
    probe.server = 0;
    probe.target = target;
    probe.sequence = this.awaited.add(target, now, regular);
    probe.sent = now;
    this.sent++;
    this.options.sink.send(this.list[target]!, probe);
  }
}
