/** Bins of time that a run counts in: at most 300, of a width that people count in. */
import { MILLISECOND, SECOND, type Nanoseconds } from '../../network/time.js';

const MOST_BINS = 300;

const WIDTHS: readonly Nanoseconds[] = [
  ...[10, 20, 50, 100, 200, 500].map((ms) => ms * MILLISECOND),
  ...[1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600].map((s) => s * SECOND),
];

export interface Axis {
  readonly width: Nanoseconds;
  readonly count: number;
}

/** The finest bins that a run of this length may have. */
export function axisOf(duration: Nanoseconds): Axis {
  const longest = WIDTHS.at(-1)!;
  const width =
    WIDTHS.find((width) => width * MOST_BINS >= duration) ??
    Math.ceil(duration / longest / MOST_BINS) * longest;
  return { width, count: Math.max(1, Math.ceil(duration / width)) };
}
