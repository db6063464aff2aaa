/** Option values with a unit of time, as in scenarios. */
import { InvalidArgumentError } from 'commander';
import { DURATION, durationOf } from '../config/quantities.js';

/** Nanoseconds, more than none. */
export function span(text: string): number {
  const value = duration(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('Expected more than no time, such as 30s.');
}

/** Nanoseconds; `30s`, `1m30s`, `250ms`. */
export function duration(text: string): number {
  if (new RegExp(DURATION.pattern ?? '').test(text)) return durationOf(text);
  throw new InvalidArgumentError('Expected a time with its unit, such as 30s, 1m30s or 250ms.');
}
