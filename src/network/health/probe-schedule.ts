/**
 * Which target is to be probed when. Each has a place within its interval, by its number and the prober's: targets
 * of one prober are spread evenly over the interval, and so are the probers of one target, whatever their number.
 * (Multiples of two irrational numbers, modulo 1; the golden ratio spreads best.) Nothing is kept but where each
 * interval's round stands; a target more or less moves no other one.
 */

/** 2^32 times the golden ratio's and the square root of two's fractions, made odd. */
const GOLDEN = 0x9e3779b1;
const ROOT = 0x6a09e667;
const TURN = 0x1_0000_0000;

/** The targets of one interval, in the order of their places. */
interface Round {
  readonly interval: number;
  readonly targets: Int32Array;
  readonly places: Float64Array;
  /** When the round began, and which target is the next. */
  begin: number;
  next: number;
}

export class ProbeSchedule {
  private readonly rounds: Round[];

  /**
   * @param intervals of the targets, in nanoseconds
   * @param prober its number
   * @param from no target is due before
   */
  constructor(intervals: readonly number[], prober: number, from: number) {
    this.rounds = [...new Set(intervals)].map((interval) => roundOf(intervals, interval, prober, from));
  }

  /** When the next target is due; Infinity when there is none. */
  get next(): number {
    return Math.min(...this.rounds.map(dueOf));
  }

  /**
   * The target that was due first, if it is not due after `now`; -1 when there is none. Rounds that were missed
   * altogether are left out: what was not asked in time need not be asked.
   */
  take(now: number): number {
    const { rounds } = this;
    let first: Round | null = null;
    for (const round of rounds) if (first === null || dueOf(round) < dueOf(first)) first = round;
    if (first === null || dueOf(first) > now) return -1;
    const target = first.targets[first.next]!;
    const missed = Math.floor((now - dueOf(first)) / first.interval);
    first.begin += missed * first.interval;
    step(first);
    return target;
  }
}

function roundOf(intervals: readonly number[], interval: number, prober: number, from: number): Round {
  const place = (target: number): number =>
    Math.floor(((Math.imul(target, GOLDEN) + Math.imul(prober, ROOT)) >>> 0) * (interval / TURN));
  const targets = intervals
    .flatMap((own, target) => (own === interval ? [target] : []))
    .sort((a, b) => place(a) - place(b) || a - b);
  const round: Round = {
    interval,
    targets: Int32Array.from(targets),
    places: Float64Array.from(targets, place),
    begin: Math.floor(from / interval) * interval,
    next: 0,
  };
  while (dueOf(round) < from) step(round);
  return round;
}

function dueOf({ begin, places, next }: Round): number {
  return begin + places[next]!;
}

function step(round: Round): void {
  round.next++;
  if (round.next < round.targets.length) return;
  round.next = 0;
  round.begin += round.interval;
}
