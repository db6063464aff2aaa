/**
 * What became of a traffic's packets in a span of time: of the whole run, or of the span that an expectation is
 * about. What begins in the span (packets, questions, connections) is followed beyond its end.
 */
import { Records } from '../core/records.js';
import type { Nanoseconds } from '../../network/time.js';
import type { TrafficSpec } from '../scenario/scenario.js';

/** What counts as having arrived: a question's answer, a connection's end, a packet. */
export type Unit = 'answer' | 'connection' | 'packet';

export function unitOf(spec: TrafficSpec): Unit {
  if (spec.type === 'tcp') return 'connection';
  const isAsked = spec.type === 'ping' || spec.type === 'traceroute' || (spec.type === 'udp' && spec.echo);
  return isAsked ? 'answer' : 'packet';
}

/**
 * A tally's numbers, in records: what a packet changes when it is sent comes first, then what it changes when it
 * arrives, each in a cache line of its own.
 */
const SENT_PACKETS = 0;
const SENT_BYTES = 1;
/** First thing sent since the last one came, −1: none. */
const WAITING_SINCE = 2;
const LAST_SENT = 3;
/** The longest gap; −1 in both: none yet. */
const GAP_FROM = 4;
const GAP_TO = 5;
const ARRIVED_PACKETS = 8;
const ARRIVED_BYTES = 9;
const DELIVERED_BYTES = 10;
const DELAY = 12;
const ASKED = 16;
const ANSWERED = 17;
const OPENED = 18;
const COMPLETED = 19;
const FAILED = 20;
const RTT = 24;
const MSS_AT_CLIENT = 28;
const MSS_AT_SERVER = 32;

/** Numbers of a record. */
export const TALLY_NUMBERS = 40;

/** Of a statistic. */
const COUNT = 0;
const LEAST = 1;
const MOST = 2;
const SUM = 3;

/** Least, mean and most of numbers that came one by one. Infinity and −Infinity as long as there was none. */
export class Statistic {
  constructor(
    private readonly records: Records,
    private readonly at: number,
  ) {
    records.values[at + LEAST] = Infinity;
    records.values[at + MOST] = -Infinity;
  }

  get count(): number {
    return this.records.values[this.at + COUNT]!;
  }

  get least(): number {
    return this.records.values[this.at + LEAST]!;
  }

  get most(): number {
    return this.records.values[this.at + MOST]!;
  }

  get mean(): number {
    return this.records.values[this.at + SUM]! / this.count;
  }
}

function add(values: Float64Array, at: number, value: number): void {
  values[at + COUNT]!++;
  if (value < values[at + LEAST]!) values[at + LEAST] = value;
  if (value > values[at + MOST]!) values[at + MOST] = value;
  values[at + SUM]! += value;
}

/** A time in which something was sent and nothing came. */
export interface Gap {
  readonly from: Nanoseconds;
  readonly to: Nanoseconds;
}

export class TrafficTally {
  readonly delay: Statistic;
  readonly rtt: Statistic;
  readonly mssAtClient: Statistic;
  readonly mssAtServer: Statistic;
  private readonly at: number;
  private readonly isAnswered: boolean;

  /**
   * The span includes `from`, not `to`.
   *
   * @param records of TALLY_NUMBERS
   */
  constructor(
    readonly from: Nanoseconds,
    readonly to: Nanoseconds,
    private readonly unit: Unit,
    private readonly records = new Records(TALLY_NUMBERS),
  ) {
    const at = records.open();
    this.at = at;
    this.isAnswered = unit === 'answer';
    for (const number of [WAITING_SINCE, LAST_SENT, GAP_FROM, GAP_TO]) records.values[at + number] = -1;
    this.delay = new Statistic(records, at + DELAY);
    this.rtt = new Statistic(records, at + RTT);
    this.mssAtClient = new Statistic(records, at + MSS_AT_CLIENT);
    this.mssAtServer = new Statistic(records, at + MSS_AT_SERVER);
  }

  /** Packets and bytes sent in the span. */
  get sentPackets(): number {
    return this.number(SENT_PACKETS);
  }
  get sentBytes(): number {
    return this.number(SENT_BYTES);
  }

  /** Of those the ones that arrived, then or later. */
  get arrivedPackets(): number {
    return this.number(ARRIVED_PACKETS);
  }
  get arrivedBytes(): number {
    return this.number(ARRIVED_BYTES);
  }

  /** Bytes that arrived in the span, whenever they were sent. */
  get deliveredBytes(): number {
    return this.number(DELIVERED_BYTES);
  }

  /** Questions of the span, and those among them that were answered. */
  get asked(): number {
    return this.number(ASKED);
  }
  get answered(): number {
    return this.number(ANSWERED);
  }

  /** Connections opened in the span, and what became of them. */
  get opened(): number {
    return this.number(OPENED);
  }
  get completed(): number {
    return this.number(COMPLETED);
  }
  get failed(): number {
    return this.number(FAILED);
  }

  /** Of packets; for traffic with answers, of those. */
  get longestGap(): Gap | null {
    const from = this.number(GAP_FROM);
    return from < 0 ? null : { from, to: this.number(GAP_TO) };
  }

  sent(now: Nanoseconds, bytes: number): void {
    if (!this.includes(now)) return;
    const { at } = this;
    const { values } = this.records;
    values[at + SENT_PACKETS]!++;
    values[at + SENT_BYTES]! += bytes;
    if (!this.isAnswered) waits(values, at, now);
  }

  delivered(now: Nanoseconds, born: Nanoseconds, bytes: number): void {
    const { at } = this;
    const { values } = this.records;
    if (this.includes(born)) {
      values[at + ARRIVED_PACKETS]!++;
      values[at + ARRIVED_BYTES]! += bytes;
      add(values, at + DELAY, now - born);
    }
    if (!this.includes(now)) return;
    values[at + DELIVERED_BYTES]! += bytes;
    if (!this.isAnswered) came(values, at, now);
  }

  ask(now: Nanoseconds): void {
    if (!this.includes(now)) return;
    const { at } = this;
    const { values } = this.records;
    values[at + ASKED]!++;
    if (this.isAnswered) waits(values, at, now);
  }

  answer(now: Nanoseconds, askedAt: Nanoseconds): void {
    const { at } = this;
    const { values } = this.records;
    if (this.includes(askedAt)) {
      values[at + ANSWERED]!++;
      add(values, at + RTT, now - askedAt);
    }
    if (this.isAnswered && this.includes(now)) came(values, at, now);
  }

  connection(openedAt: Nanoseconds, what: 'opened' | 'closed' | 'failed'): void {
    if (!this.includes(openedAt)) return;
    const number = what === 'opened' ? OPENED : what === 'closed' ? COMPLETED : FAILED;
    this.records.values[this.at + number]!++;
  }

  mss(now: Nanoseconds, atServer: boolean, mss: number): void {
    if (!this.includes(now)) return;
    add(this.records.values, this.at + (atServer ? MSS_AT_SERVER : MSS_AT_CLIENT), mss);
  }

  /** Ends a gap that is open: the last thing sent was sent in vain. */
  finish(): void {
    if (this.number(WAITING_SINCE) >= 0) came(this.records.values, this.at, this.number(LAST_SENT));
  }

  /** How many began in the span, and how many of them arrived. */
  reached(): { began: number; arrived: number } {
    if (this.unit === 'answer') return { began: this.asked, arrived: this.answered };
    if (this.unit === 'connection') return { began: this.opened, arrived: this.completed };
    return { began: this.sentPackets, arrived: this.arrivedPackets };
  }

  private number(number: number): number {
    return this.records.values[this.at + number]!;
  }

  private includes(time: Nanoseconds): boolean {
    return time >= this.from && time < this.to;
  }
}

function waits(values: Float64Array, at: number, now: Nanoseconds): void {
  if (values[at + WAITING_SINCE]! < 0) values[at + WAITING_SINCE] = now;
  values[at + LAST_SENT] = now;
}

function came(values: Float64Array, at: number, now: Nanoseconds): void {
  const since = values[at + WAITING_SINCE]!;
  values[at + WAITING_SINCE] = -1;
  const from = values[at + GAP_FROM]!;
  if (since < 0 || (from >= 0 && now - since <= values[at + GAP_TO]! - from)) return;
  values[at + GAP_FROM] = since;
  values[at + GAP_TO] = now;
}
