/** Amounts as `wg show` writes them: `4.09 GiB`, `3 minutes, 5 seconds ago`. */
import { plural } from './format.js';

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const BITS = ['bit/s', 'kbit/s', 'Mbit/s', 'Gbit/s', 'Tbit/s'] as const;
const PACKETS = ['pps', 'kpps', 'Mpps'] as const;

const SPANS = [
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const;

/** Bytes in binary units: `17 B`, `4.09 GiB`. */
export function byteCount(bytes: number): string {
  const [amount, unit] = scaled(bytes, 1024, BINARY);
  return unit === 'B' ? `${amount} B` : `${amount.toFixed(2)} ${unit}`;
}

/** Bytes per second as bits in decimal units, three digits: `980 bit/s`, `1.24 Gbit/s`. */
export function bitRate(bytesPerSecond: number): string {
  return threeDigits(bytesPerSecond * 8, BITS);
}

/** Packets per second, three digits: `12 pps`, `6.12 kpps`. */
export function packetRate(perSecond: number): string {
  return threeDigits(perSecond, PACKETS);
}

/** Seconds in the two largest units that there are: `2 days, 3 hours`. */
export function timeSpan(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [length, unit] of SPANS) {
    const amount = Math.floor(rest / length);
    rest -= amount * length;
    if (amount > 0) parts.push(plural(amount, unit));
    // A smaller unit says nothing beside one that is not its neighbour.
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0 seconds' : parts.join(', ');
}

/** How long ago: `now`, `3 seconds ago`. */
export function ago(seconds: number): string {
  return seconds < 1 ? 'now' : `${timeSpan(seconds)} ago`;
}

/** The same in few characters, for tables: `now`, `3 s`, `2 min`, `4 h`, `9 d`. */
export function shortAgo(seconds: number): string {
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** A share as `1.7 %`; `<0.1 %` for what would be written as none. */
export function percent(part: number, whole: number): string {
  if (whole === 0 || part === 0) return '0 %';
  const share = (100 * part) / whole;
  return share < 0.05 ? '<0.1 %' : `${share.toFixed(1)} %`;
}

function scaled<U extends string>(value: number, step: number, units: readonly [U, ...U[]]): [number, U] {
  let unit = 0;
  // What rounds to the step is written in the next unit: 1.00 MiB, not 1024.00 KiB.
  while (unit + 1 < units.length && value >= step - (unit === 0 ? 0 : 0.005)) {
    value /= step;
    unit++;
  }
  return [value, units[unit]!];
}

/** In decimal units with three digits, where there are no more before the point; the smallest unit whole. */
function threeDigits(value: number, units: readonly [string, ...string[]]): string {
  const [amount, unit] = scaled(value, 1000, units);
  if (unit === units[0]) return `${amount.toFixed(0)} ${unit}`;
  return `${amount >= 99.95 ? amount.toFixed(0) : amount.toFixed(amount >= 9.995 ? 1 : 2)} ${unit}`;
}
