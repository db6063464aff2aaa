/**
 * Quantities as text with a unit, so that nobody has to guess whether `20` is seconds: `20ms`, `1m30s`,
 * `10Gbps`, `500kpps`, `200kB`, `0.1%`. Each reader is total: what its schema lets through has a value.
 */
import type { Schema } from './schema-parts.js';

const NUMBER = '\\d+(\\.\\d+)?';

/** Nanoseconds. */
const TIMES: Record<string, number> = {
  ns: 1,
  us: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
  d: 86_400e9,
};
/** Bits per second. */
const BIT_RATES: Record<string, number> = { bps: 1, kbps: 1e3, Mbps: 1e6, Gbps: 1e9, Tbps: 1e12 };
/** Packets per second. */
const PACKET_RATES: Record<string, number> = { pps: 1, kpps: 1e3, Mpps: 1e6 };
/** Bytes. */
const SIZES: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

export const DURATION: Schema = {
  title: 'duration with its unit, such as 20ms, 1.5s or 10m',
  type: 'string',
  pattern: `^(${NUMBER}(${Object.keys(TIMES).join('|')}))+$`,
};

/** A moment that may lie in front of time 0. */
export const SIGNED_DURATION: Schema = {
  title: 'duration with its unit, such as 10m, or -2d for before the beginning',
  type: 'string',
  pattern: `^-?(${NUMBER}(${Object.keys(TIMES).join('|')}))+$`,
};

export const BIT_RATE: Schema = {
  title: 'rate with its unit, such as 200Mbps or 10Gbps',
  type: 'string',
  pattern: `^${NUMBER}(${Object.keys(BIT_RATES).join('|')})$`,
};

export const PACKET_RATE: Schema = {
  title: 'packet rate with its unit, such as 100pps or 1.5Mpps',
  type: 'string',
  pattern: `^${NUMBER}(${Object.keys(PACKET_RATES).join('|')})$`,
};

export const SIZE: Schema = {
  title: 'size with its unit, such as 200kB or 1.5MB',
  type: 'string',
  pattern: `^${NUMBER}(${Object.keys(SIZES).join('|')})$`,
};

export const SHARE: Schema = {
  title: 'percentage from 0% to 100%, such as 0.1%',
  type: 'string',
  pattern: '^(100(\\.0+)?|\\d{1,2}(\\.\\d+)?)%$',
};

/** Whole nanoseconds; `1m30s` is a sum. */
export function durationOf(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)([a-z]+)/g)) sum += Number(number) * TIMES[unit!]!;
  return sum === 0 ? 0 : sign * Math.round(sum);
}

/** Bits per second. */
export function bitRateOf(text: string): number {
  return withUnit(text, BIT_RATES);
}

/** Packets per second. */
export function packetRateOf(text: string): number {
  return withUnit(text, PACKET_RATES);
}

/** Whole bytes. */
export function sizeOf(text: string): number {
  return Math.round(withUnit(text, SIZES));
}

/** `0.1%` is 0.001. */
export function shareOf(text: string): number {
  // 99.9 / 100 is 0.9990000000000001.
  return Number((Number(text.slice(0, -1)) / 100).toPrecision(15));
}

function withUnit(text: string, units: Record<string, number>): number {
  const number = /^[\d.]+/.exec(text)?.[0] ?? '';
  return Number(number) * (units[text.slice(number.length)] ?? 1);
}
