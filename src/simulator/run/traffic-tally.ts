/**
 * What became of a traffic's packets in a span of time: of the whole run, or of the span that an expectation is
 * about. What begins in the span (packets, questions, connections) is followed beyond its end.
 */
import type { Nanoseconds } from '../core/time.js';
import type { TrafficSpec } from '../scenario/scenario.js';

/** What counts as having arrived: a question's answer, a connection's end, a packet. */
export type Unit = 'answer' | 'connection' | 'packet';

export function unitOf(spec: TrafficSpec): Unit {
  if (spec.type === 'tcp') return 'connection';
  const isAsked = spec.type === 'ping' || spec.type === 'traceroute' || (spec.type === 'udp' && spec.echo);
  return isAsked ? 'answer' : 'packet';
}

/** Least, mean and most of numbers, one by one. */
export class Statistic {
  count = 0;
  least = Infinity;
  most = -Infinity;
  private sum = 0;

  add(value: number): void {
    this.count++;
    this.sum += value;
    if (value < this.least) this.least = value;
    if (value > this.most) this.most = value;
  }

  get mean(): number {
    return this.sum / this.count;
  }
}

/** A time in which something was sent and nothing came. */
export interface Gap {
  readonly from: Nanoseconds;
  readonly to: Nanoseconds;
}

export class TrafficTally {
  /** Packets and bytes sent in the span. */
  sentPackets = 0;
  sentBytes = 0;
  /** Of those the ones that arrived, then or later. */
  arrivedPackets = 0;
  arrivedBytes = 0;
  /** Bytes that arrived in the span, whenever they were sent. */
  deliveredBytes = 0;
  /** Questions of the span, and those among them that were answered. */
  asked = 0;
  answered = 0;
  /** Connections opened in the span, and what became of them. */
  opened = 0;
  completed = 0;
  failed = 0;
  readonly delay = new Statistic();
  readonly rtt = new Statistic();
  readonly mssAtClient = new Statistic();
  readonly mssAtServer = new Statistic();
  /** Of packets; for traffic with answers, of those. */
  longestGap: Gap | null = null;
  /** First thing sent since the last one came, −1: none. */
  private waitingSince = -1;
  private lastSent = -1;

  /** The span includes `from`, not `to`. */
  constructor(
    readonly from: Nanoseconds,
    readonly to: Nanoseconds,
    private readonly unit: Unit,
  ) {}

  sent(now: Nanoseconds, bytes: number): void {
    if (!this.includes(now)) return;
    this.sentPackets++;
    this.sentBytes += bytes;
    if (this.unit !== 'answer') this.waits(now);
  }

  delivered(now: Nanoseconds, born: Nanoseconds, bytes: number): void {
    if (this.includes(born)) {
      this.arrivedPackets++;
      this.arrivedBytes += bytes;
      this.delay.add(now - born);
    }
    if (!this.includes(now)) return;
    this.deliveredBytes += bytes;
    if (this.unit !== 'answer') this.came(now);
  }

  ask(now: Nanoseconds): void {
    if (!this.includes(now)) return;
    this.asked++;
    if (this.unit === 'answer') this.waits(now);
  }

  answer(now: Nanoseconds, askedAt: Nanoseconds): void {
    if (this.includes(askedAt)) {
      this.answered++;
      this.rtt.add(now - askedAt);
    }
    if (this.unit === 'answer' && this.includes(now)) this.came(now);
  }

  connection(openedAt: Nanoseconds, what: 'opened' | 'closed' | 'failed'): void {
    if (!this.includes(openedAt)) return;
    if (what === 'opened') this.opened++;
    else if (what === 'closed') this.completed++;
    else this.failed++;
  }

  mss(now: Nanoseconds, atServer: boolean, mss: number): void {
    if (!this.includes(now)) return;
    (atServer ? this.mssAtServer : this.mssAtClient).add(mss);
  }

  /** Ends a gap that is open: the last thing sent was sent in vain. */
  finish(): void {
    if (this.waitingSince >= 0) this.came(this.lastSent);
  }

  /** How many began in the span, and how many of them arrived. */
  reached(): { began: number; arrived: number } {
    if (this.unit === 'answer') return { began: this.asked, arrived: this.answered };
    if (this.unit === 'connection') return { began: this.opened, arrived: this.completed };
    return { began: this.sentPackets, arrived: this.arrivedPackets };
  }

  private includes(time: Nanoseconds): boolean {
    return time >= this.from && time < this.to;
  }

  private waits(now: Nanoseconds): void {
    if (this.waitingSince < 0) this.waitingSince = now;
    this.lastSent = now;
  }

  private came(now: Nanoseconds): void {
    const since = this.waitingSince;
    this.waitingSince = -1;
    if (since < 0 || (this.longestGap !== null && now - since <= this.longestGap.to - this.longestGap.from))
      return;
    this.longestGap = { from: since, to: now };
  }
}
