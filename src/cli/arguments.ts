/** Option values: required ones, and parsers. */
import { InvalidArgumentError } from 'commander';
import { UsageError } from './errors.js';

/**
 * The value of an option that has to be given. Asked for after parsing, so that a misspelt option is
 * reported as that and not as a missing one.
 * @param flags as in the command's help, `--config <file>`
 */
export function required<T>(value: T | undefined, flags: string): T {
  if (value === undefined) throw new UsageError(`required option '${flags}' not specified`);
  return value;
}

/** A parser for whole numbers from `least` to `most`. */
export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `${least} and up` : `${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number, ${range}.`);
  };
}
