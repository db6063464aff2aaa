/**
 * Health checks of the daemon: the prober of src/network/health with a clock, workers that send its probes and bring
 * the answers, and routes that follow. It runs in the main thread; of its time only the order matters, for answers
 * bear the time at which a worker saw them.
 */
import { randomBytes } from 'node:crypto';
import type { Tables } from '../dataplane/tables.js';
import { IcmpListener } from '../device/underlay/icmp-listener.js';
import { HEALTH_STATES } from '../network/health/health-state.js';
import { PROBE_BYTES, PROBE_MAGIC, writeProbe, type Probe } from '../network/health/probe.js';
import { Prober, type HealthTransition, type ProbeTarget } from '../network/health/prober.js';
import { sipKey } from '../network/health/siphash.js';
import { PENALTIES } from '../network/routing/penalty.js';
import type { TunnelHealthSnapshot } from '../observability/snapshot.js';
import { HEALTH_CLOCK, type HealthClock } from './health-clock.js';
import type { DaemonLog } from './log.js';
import type { Plan } from './plan.js';
import { Steering } from './steering.js';
import type { ProbeSide, WorkerThread } from './worker-thread.js';

const MILLISECOND = 1e6;

/**
 * When the main thread comes so much too late it has stood still, or the machine has: probes whose answers may have
 * been lost meanwhile tell nothing. Nanoseconds.
 */
const STOOD_STILL = 300 * MILLISECOND;

/** As the tunnel of an answer that came out of none. */
const OUTSIDE = -1;

/** Where no worker runs, so often it is looked whether one does. Milliseconds. */
const NAP_MS = 100;

interface Counts {
  sent: number;
  answered: number;
  lost: number;
}

/** What of a worker's thread the health checks use. */
export type ProbeThread = Pick<WorkerThread, 'probes' | 'answers' | 'isSending' | 'sendProbes' | 'ended'>;

interface Sender {
  readonly thread: ProbeThread;
  /** Of the tunnels, as the thread numbers them. */
  readonly names: readonly string[];
}

interface Answer {
  readonly time: number;
  readonly tunnel: string;
  readonly bytes: Uint8Array;
}

/** What is in effect. */
interface InEffect {
  readonly plan: Pick<Plan, 'names' | 'targets' | 'steered' | 'config'>;
  readonly tables: Tables;
}

export class HealthWatch implements ProbeSide {
  private readonly key = sipKey(randomBytes(16));
  private readonly bytes = new Uint8Array(PROBE_BYTES[6]);
  private readonly senders = new Set<Sender>();
  private readonly counts = new Map<string, Counts>();
  private readonly prober: Prober;
  private names: readonly string[] = [];
  private numbers: ReadonlyMap<string, number> = new Map();
  /** Targets by name, with their places in the prober's list. */
  private targets: ReadonlyMap<string, number> = new Map();
  private steering: Steering | null = null;
  private readonly untold: HealthTransition[] = [];
  /** Calls off what `arm` has ordered. */
  private disarm: () => void = () => undefined;
  private last: number;
  private due = Infinity;
  private listener: IcmpListener | null = null;
  private isClosed = false;

  constructor(
    private readonly log: DaemonLog,
    private readonly clock: HealthClock = HEALTH_CLOCK,
  ) {
    this.last = clock.now();
    this.prober = new Prober({
      pop: randomBytes(4).readUInt32BE(),
      key: this.key,
      targets: [],
      now: this.last,
      sink: {
        send: (target, probe) => {
          this.send(target, probe);
        },
        transition: (transition) => {
          this.transition(transition);
        },
        result: ({ name }, _at, succeeded) => {
          this.countsOf(name)[succeeded ? 'answered' : 'lost']++;
        },
      },
    });
  }

  /** The next hops of a group of the tables in effect. */
  nexthopsOf(group: number): { readonly tunnel: number; readonly weight: number }[] {
    return this.steering?.nexthopsOf(group) ?? [];
  }

  /** Null for a tunnel that is not probed. */
  ofTunnel(name: string): TunnelHealthSnapshot | null {
    const target = this.targets.get(name);
    if (target === undefined) return null;
    return {
      state: HEALTH_STATES[this.prober.stateOf(target)]!,
      sinceSeconds: Math.max(0, this.clock.now() - this.prober.sinceOf(target)) / (1000 * MILLISECOND),
      ...this.countsOf(name),
    };
  }

  /** A thread that may send probes, from the moment at which its configuration is in effect until it ends. */
  attach(thread: ProbeThread, names: readonly string[]): void {
    const sender = { thread, names };
    this.senders.add(sender);
    void thread.ended.then(() => {
      this.collect();
      this.senders.delete(sender);
    });
  }

  /**
   * Another configuration is in effect; called while no worker runs. What is known of tunnels that were probed
   * before stays.
   */
  takeUp({ plan, tables }: InEffect): void {
    this.collect();
    this.names = plan.names;
    this.numbers = new Map(plan.names.map((name, i) => [name, i]));
    const targets = this.audible(plan.targets);
    this.targets = new Map(targets.map(({ name }, i) => [name, i]));
    for (const name of this.counts.keys()) if (!this.targets.has(name)) this.counts.delete(name);
    this.prober.setTargets(targets, this.time());
    this.steering = new Steering(plan, tables, (tunnel) => this.penaltyOf(tunnel));
    this.arm();
  }

  answered(): void {
    this.collect();
    this.arm();
  }

  close(): void {
    this.isClosed = true;
    this.disarm();
    this.listener?.close();
    this.listener = null;
  }

  /** Hears answers outside of tunnels where any are to come; answers what can be probed with the ears that there are. */
  private audible(targets: readonly ProbeTarget[]): readonly ProbeTarget[] {
    const bidirectional = targets.filter(({ isBidirectional }) => isBidirectional);
    if (bidirectional.length === targets.length) {
      this.listener?.close();
      this.listener = null;
      return targets;
    }
    try {
      this.listener ??= IcmpListener.ofEchoReplies(PROBE_MAGIC, (packet) => {
        this.collect();
        this.prober.receive(this.time(), packet, 0, packet.length, OUTSIDE);
        this.arm();
      });
      return targets;
    } catch (error) {
      // All of them would seem to be down.
      this.log.warn({ reason: String(error) }, 'no unidirectional health checks: ICMP cannot be heard');
      return bidirectional;
    }
  }

  private penaltyOf(tunnel: number): number {
    const target = this.targets.get(this.names[tunnel]!);
    return target === undefined ? 0 : PENALTIES[HEALTH_STATES[this.prober.stateOf(target)]!];
  }

  /** The time, which does not go back whatever answers say. */
  private time(): number {
    return (this.last = Math.max(this.last, this.clock.now()));
  }

  /** Waits for the next thing to do. The end of whatever the prober was made to do. */
  private arm(): void {
    this.tell();
    this.disarm();
    this.due = this.prober.next;
    if (this.isClosed || this.due === Infinity) return;
    const wait = Math.max(0, Math.ceil((this.due - this.clock.now()) / MILLISECOND));
    this.disarm = this.clock.after(wait, () => {
      this.turn();
    });
  }

  private turn(): void {
    this.collect();
    const now = this.time();
    if (this.sender() === undefined) {
      // Nobody forwards either: that says nothing of the tunnels.
      this.prober.resume(now);
      this.disarm = this.clock.after(NAP_MS, () => {
        this.turn();
      });
      return;
    }
    if (now - this.due > STOOD_STILL) this.prober.resume(now);
    this.prober.advance(now);
    this.arm();
  }

  /** Hands in what the workers have brought, in the order in which it came. */
  private collect(): void {
    const found: Answer[] = [];
    for (const { thread, names } of this.senders) {
      const { answers } = thread;
      while (answers?.take() === true) {
        const { time, tunnel, bytes, at, length } = answers;
        found.push({ time, tunnel: names[tunnel]!, bytes: bytes.slice(at, at + length) });
        answers.done();
      }
    }
    found.sort((a, b) => a.time - b.time);
    for (const { time, tunnel, bytes } of found) {
      this.last = Math.max(this.last, time);
      this.prober.receive(this.last, bytes, 0, bytes.length, this.numbers.get(tunnel) ?? OUTSIDE);
    }
  }

  private sender(): ProbeThread | undefined {
    for (const { thread, names } of this.senders) {
      if (names === this.names && thread.isSending) return thread;
    }
    return undefined;
  }

  private send({ name, type, addresses, nexthop }: ProbeTarget, probe: Probe): void {
    const length = writeProbe(this.bytes, 0, type, addresses, probe, this.key);
    this.countsOf(name).sent++;
    const thread = this.sender();
    if (thread?.probes?.put(this.bytes, 0, length, nexthop, probe.sent) === true) thread.sendProbes();
  }

  private transition(transition: HealthTransition): void {
    this.steering?.changed(transition.target.nexthop);
    this.untold.push(transition);
  }

  /** Writes transitions into the log, once all results of their instant have been counted. */
  private tell(): void {
    for (const { target, from, to, reason } of this.untold.splice(0)) {
      const [before, after] = [HEALTH_STATES[from]!, HEALTH_STATES[to]!];
      const fields = { tunnel: target.name, from: before, to: after, reason, ...this.countsOf(target.name) };
      if (after === 'down') this.log.warn(fields, 'tunnel is down');
      else this.log.info(fields, `tunnel is ${after}`);
    }
  }

  private countsOf(name: string): Counts {
    let counts = this.counts.get(name);
    if (counts === undefined) this.counts.set(name, (counts = { sent: 0, answered: 0, lost: 0 }));
    return counts;
  }
}
