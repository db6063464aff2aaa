/** What the readers of a scenario's sections have in common: where problems go, names, times, places, paths. */
import { formatAddress, isUnicast, parseAddress } from '../../config/address.js';
import { formatPath, nearest, quote, type ConfigPath, type ConfigProblem } from '../../config/problem.js';
import { bitRateOf, durationOf, shareOf, sizeOf } from '../../config/quantities.js';
import type { Source } from '../../config/source.js';
import type { Nanoseconds } from '../../network/time.js';
import { PATH_DEFAULTS } from './defaults.js';
import { CITY_CODES, cityOf } from './geography.js';
import type { RawLocation, RawPath } from './raw.js';
import type { Coordinates, PathSpec } from './scenario.js';

/** Virtual time is exact up to here: 2^53 nanoseconds. */
const LONGEST = Number.MAX_SAFE_INTEGER;

export class Reading {
  readonly warnings: ConfigProblem[] = [];

  constructor(readonly source: Source) {}

  /** For what is odd, yet may be meant. */
  warn(path: ConfigPath, message: string): void {
    const at = this.source.positionOf(path);
    this.warnings.push({ ...at, path: formatPath(path), found: null, expected: null, message });
  }

  /** Whether something is wrong at this place, or below it. */
  isWrong(path: ConfigPath): boolean {
    const above = formatPath(path);
    return this.source.problems.some(
      (problem) => problem.path.startsWith(above) && !/^\w/.test(problem.path.slice(above.length)),
    );
  }

  /** Nanoseconds; `otherwise` when not given. */
  duration(text: string | undefined, path: ConfigPath, otherwise: Nanoseconds): Nanoseconds {
    if (text === undefined) return otherwise;
    const value = durationOf(text);
    if (value <= LONGEST) return value;
    this.source.mismatch(path, quote(text), 'at most 104 days');
    return otherwise;
  }

  /** Like `duration`, and more than nothing. */
  span(text: string | undefined, path: ConfigPath, otherwise: Nanoseconds): Nanoseconds {
    const value = this.duration(text, path, otherwise);
    if (value > 0) return value;
    this.source.mismatch(path, quote(text ?? ''), 'more than no time');
    return otherwise;
  }

  /** Canonical text, or null after a report. */
  address(text: string, path: ConfigPath): string | null {
    const address = parseAddress(text);
    if (address !== null && isUnicast(address.bytes)) return formatAddress(address.bytes);
    this.source.mismatch(path, quote(text), 'a unicast IPv4 or IPv6 address');
    return null;
  }

  /** Null after a report. */
  location(raw: RawLocation, path: ConfigPath): Coordinates | null {
    if (typeof raw === 'string') {
      const city = cityOf(raw);
      if (city !== null) return [city[2], city[3]];
      const near = nearest(raw, CITY_CODES);
      this.source.mismatch(
        path,
        quote(raw),
        `a city that the table has, or [degrees north, degrees east]${near}`,
      );
      return null;
    }
    const [north, east] = raw;
    if (north === undefined || east === undefined) return null;
    if (Math.abs(north) <= 90) return [north, east];
    this.source.mismatch([...path, 0], String(north), 'degrees north, from -90 to 90');
    return null;
  }

  /** What is not given is as in `base`. */
  path(raw: RawPath, path: ConfigPath, base: PathSpec): PathSpec {
    return { ...base, ...this.partialPath(raw, path) };
  }

  /** What is given; a rate brings a queue that fits it. */
  partialPath(raw: RawPath, path: ConfigPath): Partial<PathSpec> {
    const part: { -readonly [K in keyof PathSpec]?: PathSpec[K] } = {};
    if (raw.delay !== undefined) part.delay = this.duration(raw.delay, [...path, 'delay'], 0);
    if (raw.jitter !== undefined) part.jitter = this.duration(raw.jitter, [...path, 'jitter'], 0);
    if (raw.loss !== undefined) part.loss = shareOf(raw.loss);
    if (raw.reorder !== undefined) part.reorder = shareOf(raw.reorder);
    if (raw.rate !== undefined) Object.assign(part, withRate(this.rate(raw.rate, [...path, 'rate'])));
    if (raw.queue !== undefined) part.queue = sizeOf(raw.queue);
    if (raw.mtu !== undefined) part.mtu = raw.mtu;
    if (raw.too_big !== undefined) part.too_big = raw.too_big;
    return part;
  }

  /** Bits per second, more than none. */
  rate(text: string, path: ConfigPath): number {
    const value = bitRateOf(text);
    if (value >= 1 && Number.isFinite(value)) return value;
    this.source.mismatch(path, quote(text), 'at least 1bps');
    return 1;
  }
}

/** Of nothing but delay. */
export function plainPath(delay: Nanoseconds): PathSpec {
  return {
    delay,
    jitter: 0,
    loss: 0,
    reorder: 0,
    rate: null,
    queue: PATH_DEFAULTS.queue_least,
    mtu: PATH_DEFAULTS.mtu,
    too_big: 'send',
  };
}

/** A rate in bits per second, and a queue that fits it. */
export function withRate(rate: number): Pick<PathSpec, 'rate' | 'queue'> {
  const burst = Math.round((rate / 8) * PATH_DEFAULTS.queue_seconds);
  return { rate, queue: Math.max(PATH_DEFAULTS.queue_least, burst) };
}

/** What the schema left of a list. */
export function present<T>(list: readonly (T | undefined)[] | undefined): readonly (readonly [T, number])[] {
  return (list ?? []).flatMap((value, i) => (value === undefined ? [] : [[value, i] as const]));
}
