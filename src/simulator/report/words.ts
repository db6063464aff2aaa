/** Numbers for people, the same on every machine. */
import type { Seconds, Series } from '../run/results.js';

/** With thousands separators: 1,234,567. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `12.5 ms`, `1.25 s`, `3 min 20 s`. */
export function time(value: Seconds): string {
  if (value === 0) return '0 s';
  if (value < 1e-3) return `${decimals(value * 1e6)} µs`;
  if (value < 1) return `${decimals(value * 1e3)} ms`;
  if (value < 120) return `${decimals(value)} s`;
  const whole = Math.round(value);
  const seconds = whole % 60;
  const minutes = Math.floor(whole / 60);
  if (minutes < 120) return seconds === 0 ? `${minutes} min` : `${minutes} min ${seconds} s`;
  return `${decimals(value / 3600)} h`;
}

/** A moment on the axis: always seconds, with three decimals. */
export function moment(value: Seconds): string {
  return `${value.toFixed(3)} s`;
}

/** `1.5 MB`. */
export function bytes(value: number): string {
  if (value >= 1e9) return `${decimals(value / 1e9)} GB`;
  if (value >= 1e6) return `${decimals(value / 1e6)} MB`;
  return value >= 1e4 ? `${decimals(value / 1e3)} kB` : `${count(value)} B`;
}

/** `1.5 Gbit/s`. */
export function bitRate(value: number): string {
  if (value >= 1e9) return `${decimals(value / 1e9)} Gbit/s`;
  if (value >= 1e6) return `${decimals(value / 1e6)} Mbit/s`;
  return value >= 1e3 ? `${decimals(value / 1e3)} kbit/s` : `${decimals(value)} bit/s`;
}

/** Of 0 to 1: never rounded to 0 % or 100 % when it is not. */
export function percent(share: number): string {
  if (share > 0 && share < 1e-4) return '< 0.01 %';
  if (share < 1 && share > 0.9999) return '> 99.99 %';
  return `${decimals(share * 100)} %`;
}

/** `1 packet`, `2 packets`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function decimals(value: number): string {
  return value >= 1000 ? count(value) : String(Number(value.toPrecision(3)));
}

/** Text for people who do not see the curve: where it begins, its most and where it ends. */
export function inWords(series: Series, say: (value: number) => string): string {
  if (series.length === 0) return 'nothing';
  const most = series.reduce((a, b) => Math.max(a, b), 0);
  return `from ${say(series[0] ?? 0)}, at most ${say(most)}, at the end ${say(series.at(-1) ?? 0)}`;
}

/** Cut to a number of characters, the last of them dots. */
export function shortened(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length <= most ? text : `${characters.slice(0, most - 1).join('')}…`;
}
