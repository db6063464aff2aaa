/**
 * The process in which fuzz.test.ts calls the addon: SEED and CALLS in its arguments, and names of functions
 * (default: all). Says on standard error which function it is at, so that a crash has a name; ends with a
 * line for each call that ended as none may.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { loadAddon, type SystemError } from '../../src/device/native/addon.js';
import type { Watch } from '../../src/device/native/system-calls.js';
import { Prng } from '../fuzz/prng.js';
import { HostileValues } from './hostile-values.js';
import { SIGNATURES, type Signature } from './signatures.js';

/** Descriptors below this number are the process's own: none of the functions under test gets one. */
const OWN_DESCRIPTORS = 64;

const [seed = '1', calls = '1000', ...names] = process.argv.slice(2);
const addon = loadAddon();
const functions = addon as unknown as Readonly<Record<string, (...values: unknown[]) => unknown>>;
while (openSync('/dev/null', 'r') < OWN_DESCRIPTORS);

/** What a call came to: null, or why it must not. */
function judge(signature: Signature, name: string, values: unknown[]): string | null {
  try {
    const result = functions[name]!(...values);
    if (name === 'watchReadable') addon.unwatch(result as Watch);
    else if (signature.opens === true) release(result);
    return null;
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return null;
    const { code, syscall, errno } = error as Partial<SystemError>;
    const isSystemError = typeof code === 'string' && typeof syscall === 'string' && Number.isInteger(errno);
    return isSystemError ? null : `threw ${String(error)}`;
  }
}

function release(result: unknown): void {
  if (Array.isArray(result)) result.forEach(release);
  else closeSync(typeof result === 'number' ? result : (result as { fd: number }).fd);
}

const values = new HostileValues(new Prng(Number(seed)));
for (const [index, [name, signature]] of Object.entries(SIGNATURES).entries()) {
  if (names.length > 0 && !names.includes(name)) continue;
  writeSync(2, `${name} with seed ${seed}\n`);
  values.continueWith(new Prng(Number(seed), index));
  for (let call = 0; call < Number(calls); call++) {
    const list = values.list(signature.kinds);
    const complaint = judge(signature, name, list) ?? (values.isIntact() ? null : 'wrote beside an array');
    if (complaint !== null) console.log(`${name}, seed ${seed}, call ${call}: ${complaint}`);
    if (call % 64 === 0) await setImmediate();
  }
}
values.close();
