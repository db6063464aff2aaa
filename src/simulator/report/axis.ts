/** The axis of time: where its lines stand. */
import type { Seconds } from '../run/results.js';
import { count } from './words.js';

const STEPS = [
  ...[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30],
  ...[60, 120, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800],
];
const MOST_STEPS = 9;

/** Between two lines: a round time, so that there are nine of them at most. */
export function tickStep(end: Seconds): Seconds {
  return STEPS.find((step) => end / step <= MOST_STEPS) ?? end / MOST_STEPS;
}

/** From 0 to `end`. */
export function ticks(end: Seconds): Seconds[] {
  const step = tickStep(end);
  return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, i) => Number((i * step).toFixed(6)));
}

/** A moment of the axis, always in seconds: `1,200 s`, `0.05 s`. */
export function tickText(at: Seconds): string {
  return `${at >= 1000 ? count(at) : String(Number(at.toFixed(3)))} s`;
}
