/** `min`, `max`, `is` and `within` of an assertion, in the unit of what it is about. */
import { describe, type ConfigPath } from '../../config/problem.js';
import { BIT_RATE, bitRateOf, DURATION, durationOf, SHARE, shareOf } from '../../config/quantities.js';
import type { RawExpectation } from './raw.js';
import type { Reading } from './reading.js';
import type { Bounds } from './scenario.js';

type Unit = 'share' | 'seconds' | 'bytes' | 'count' | 'rate';

interface Quantity {
  readonly expected: string;
  readonly pattern: RegExp;
  readonly read: (text: string) => number;
}

const WHOLE: Omit<Quantity, 'expected'> = { pattern: /^\d+$/, read: Number };

const QUANTITIES: Record<Unit, Quantity> = {
  share: { expected: `a ${SHARE.title ?? ''}`, pattern: new RegExp(SHARE.pattern ?? ''), read: shareOf },
  seconds: {
    expected: `a ${DURATION.title ?? ''}`,
    pattern: new RegExp(DURATION.pattern ?? ''),
    read: (text) => durationOf(text) / 1e9,
  },
  bytes: { expected: 'a number of bytes, such as 1436', ...WHOLE },
  count: { expected: 'a number of packets', ...WHOLE },
  rate: {
    expected: `a ${BIT_RATE.title ?? ''}`,
    pattern: new RegExp(BIT_RATE.pattern ?? ''),
    read: bitRateOf,
  },
};

/** @param otherwise when neither is given; null: one has to be */
export function readBounds(
  raw: RawExpectation,
  unit: Unit,
  path: ConfigPath,
  { source }: Reading,
  otherwise: Bounds | null = null,
): Bounds {
  const { expected, pattern, read } = QUANTITIES[unit];
  const bound = (key: 'min' | 'max' | 'is' | 'within'): number | null => {
    const value = raw[key];
    if (value === undefined) return null;
    if (pattern.test(String(value)) && (typeof value === 'number') === (unit === 'bytes' || unit === 'count'))
      return read(String(value));
    source.mismatch([...path, key], describe(value), expected);
    return null;
  };
  const [min, max, is, within] = [bound('min'), bound('max'), bound('is'), bound('within')];
  if (raw.is !== undefined) {
    for (const key of ['min', 'max'] as const) {
      if (raw[key] !== undefined)
        source.report([...path, key], `${key} beside \`is\`: expected one of them`, { of: 'key' });
    }
    // Halves of a percent do not add up exactly.
    const exact = (value: number): number => Number(value.toPrecision(12));
    return is === null ? NONE : { min: exact(is - (within ?? 0)), max: exact(is + (within ?? 0)) };
  }
  if (raw.within !== undefined)
    source.report([...path, 'within'], 'within what? Expected `is` beside it', { of: 'key' });
  const isGiven = (['min', 'max', 'is'] as const).some((key) => source.has([...path, key]));
  if (!isGiven && otherwise === null) source.report(path, 'expected `is`, `min` or `max`');
  if (!isGiven) return otherwise ?? NONE;
  if (min !== null && max !== null && min > max) {
    source.mismatch([...path, 'max'], String(raw.max), `no less than min (${String(raw.min)})`);
  }
  return { min, max };
}

const NONE: Bounds = { min: null, max: null };
