/**
 * Timing with the `benchmark` package: samples of two implementations taken by turns, so that whatever else
 * the machine does meets both alike. A ratio is taken within each turn; the result is the median of ratios.
 */
import Benchmark from 'benchmark';

// Otherwise it would time a copy of the function's text, which cannot see what the function closes over.
Benchmark.support.decompilation = false;

/** Nanoseconds for one unit of work. */
export interface Measured {
  readonly ns: number;
  /** Of each twin. */
  readonly twinNs: readonly number[];
  /** Median over all turns of ns divided by the first twin's; null without a twin. */
  readonly ratio: number | null;
}

export interface Effort {
  /** How often each implementation has its turn. */
  readonly turns: number;
  /** Seconds of a turn, preparation included. */
  readonly seconds: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Median time of a call of `run`, in nanoseconds; `prepare` goes before each call and is not timed. */
function turn(prepare: () => void, run: () => void, seconds: number): number {
  // minTime: one call is one sample, since the next needs fresh packets.
  const benchmark = new Benchmark(run, { setup: prepare, initCount: 1, minTime: 1e-9, maxTime: seconds });
  benchmark.run({ async: false });
  if (benchmark.stats.sample.length === 0)
    throw new Error('a benchmark took no samples', { cause: benchmark.error });
  return median(benchmark.stats.sample as number[]) * 1e9;
}

/** Times `run` and its twins; `units` is how many units of work a call does. */
export function measure(
  prepare: () => void,
  run: () => void,
  twins: readonly (() => void)[],
  units: number,
  effort: Effort,
): Measured {
  const times: number[] = [];
  const twinTimes = twins.map((): number[] => []);
  for (let i = 0; i < effort.turns; i++) {
    times.push(turn(prepare, run, effort.seconds) / units);
    twins.forEach((twin, k) => twinTimes[k]!.push(turn(prepare, twin, effort.seconds) / units));
  }
  const [first] = twinTimes;
  return {
    ns: median(times),
    twinNs: twinTimes.map(median),
    ratio: first === undefined ? null : median(times.map((time, i) => time / first[i]!)),
  };
}
