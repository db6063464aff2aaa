/**
 * How a change of the routing table gets to the PoPs: from the edge to a central relay, and from there to each PoP
 * after a time of its own, within the convergence time (behaviour §3: 20 s).
 *
 * Without the relay the edge is in resiliency mode: each PoP forwards by the last table that it has, and health checks
 * go on with it; what has changed meanwhile is taken over when the relay is back.
 */
import { hashName } from '../../dataplane/ecmp.js';
import { SECOND } from '../time.js';

/** Nanoseconds within which all PoPs have a change (behaviour §3). */
export const CONVERGENCE = 20 * SECOND;

interface Delivery<T> {
  readonly at: number;
  readonly pop: number;
  readonly value: T;
  readonly number: number;
}

/** @typeParam T what is handed on: a table, or a number that stands for one */
export class Relay<T> {
  private readonly delays: readonly number[];
  private due: Delivery<T>[] = [];
  private newest: { readonly value: T; readonly number: number } | null = null;
  /** Number of the newest table that each PoP has. */
  private readonly reached: number[];
  private up = true;
  private publishedAt = -Infinity;

  /**
   * @param pops names: each has its own delay, the same in every run
   * @param convergence nanoseconds that the last PoP may wait, at the most
   * @param deliver called at the time of the delivery, in the order of time and then of the PoPs
   */
  constructor(
    pops: readonly string[],
    convergence: number,
    private readonly deliver: (pop: number, value: T, at: number) => void,
  ) {
    this.delays = pops.map((name) => relayDelay(name, convergence));
    this.reached = pops.map(() => 0);
  }

  /** Whether the edge forwards without the relay. */
  get isResilient(): boolean {
    return !this.up;
  }

  /** When `advance` has something to do, in nanoseconds. */
  get next(): number {
    return this.due[0]?.at ?? Infinity;
  }

  /** Hands a new table to all PoPs, each after its delay; `advance` delivers also what has none. */
  publish(now: number, value: T): void {
    // Of several at one moment (a thousand sessions that come up together) PoPs need the last one only.
    const before = this.newest?.number;
    if (now === this.publishedAt) this.due = this.due.filter(({ number }) => number !== before);
    this.publishedAt = now;
    this.newest = { value, number: (this.newest?.number ?? 0) + 1 };
    if (this.up) this.spread(now);
  }

  /** The relay is lost; what is on the way to PoPs does not arrive. */
  lose(now: number): void {
    this.advance(now);
    this.up = false;
    this.due = [];
  }

  /** The relay is back: PoPs that do not have the newest table get it, as after a change. */
  restore(now: number): void {
    if (this.up) return;
    this.up = true;
    this.spread(now);
  }

  /** Delivers what is due until and including `now`. */
  advance(now: number): void {
    while (this.next <= now) {
      const { at, pop, value, number } = this.due.shift()!;
      this.reached[pop] = number;
      this.deliver(pop, value, at);
    }
  }

  private spread(now: number): void {
    const { newest } = this;
    if (newest === null) return;
    this.delays.forEach((delay, pop) => {
      if (this.reached[pop] !== newest.number) this.due.push({ ...newest, at: now + delay, pop });
    });
    this.due.sort((a, b) => a.at - b.at);
  }
}

/** Nanoseconds until a PoP of this name has a change: more than 0, at the most `convergence`, rounded up. */
export function relayDelay(pop: string, convergence: number): number {
  return Math.ceil(((hashName(pop) + 1) / 0x1_0000_0000) * convergence);
}
