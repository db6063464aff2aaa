/** Bounds, times and sizes in words, and whether a number lies within bounds. */
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { Bounds } from '../scenario/scenario.js';

export function within({ min, max }: Bounds, value: number): boolean {
  return (min === null || value >= min) && (max === null || value <= max);
}

/** `exactly 5`, `at least 3`, `3 to 7`; `say` gives a number its unit. */
export function boundsText({ min, max }: Bounds, say: (value: number) => string): string {
  if (min === null && max === null) return 'any';
  if (min === null) return `at most ${say(max!)}`;
  if (max === null) return `at least ${say(min)}`;
  return min === max ? `exactly ${say(min)}` : `${say(min)} to ${say(max)}`;
}

/** `70 %`, `70.31 %`: with as many of two decimals as say something, and never rounded to 0 or 100 %. */
export function percent(share: number): string {
  const rounded = rounding(share * 100, 2);
  if (rounded === 0 && share > 0) return 'less than 0.01 %';
  if (rounded === 100 && share < 1) return 'more than 99.99 %';
  return `${rounded} %`;
}

/** `1.25 s`, `12.5 ms`, `800 µs`, of nanoseconds. */
export function time(value: Nanoseconds): string {
  if (value >= SECOND || value === 0) return `${rounding(value / SECOND, 3)} s`;
  return value >= 1e6 ? `${rounding(value / 1e6, 3)} ms` : `${rounding(value / 1e3, 3)} µs`;
}

export function seconds(value: number): string {
  return time(value * SECOND);
}

export function bytes(value: number): string {
  return `${group(value)} bytes`;
}

/** `812 kbit/s`, `1.5 Gbit/s`. */
export function bitRate(value: number): string {
  const [unit, word] = (
    [
      [1e9, 'Gbit/s'],
      [1e6, 'Mbit/s'],
      [1e3, 'kbit/s'],
    ] as const
  ).find(([unit]) => value >= unit) ?? [1, 'bit/s'];
  return `${rounding(value / unit, 2)} ${word}`;
}

/** With thousands separators, whatever the machine's language. */
export function group(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 packet`, `2 packets`. */
export function counted(value: number, noun: string): string {
  return `${group(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`; of many the first, and how many more there are. */
export function listed(names: readonly string[], most = 6): string {
  const rest = names.length - most;
  const shown = rest > 0 ? [...names.slice(0, most), `${rest} more`] : names;
  return shown.length < 2 ? (shown[0] ?? 'none') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)!}`;
}

function rounding(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor;
}
