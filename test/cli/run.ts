/** Runs `grebe`: as a user would, in a process of its own; or faster, in this one. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { main } from '../../src/cli/program.js';

/** The command's file. */
export const GREBE = fileURLToPath(new URL('../../src/cli/grebe.js', import.meta.url));

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  input?: Uint8Array;
  /** Called with each piece of standard output; may end the reading of it. */
  onStdout?: (close: () => void) => void;
  /** Sends this signal after so many milliseconds. */
  kill?: { signal: NodeJS.Signals; afterMs: number };
}

export function grebe(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    // Without the loaders of the test runner, as from a shell.
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = spawn(process.execPath, [GREBE, ...args], { cwd: options.cwd, env });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => {
      out.push(data);
      options.onStdout?.(() => child.stdout.destroy());
    });
    child.stderr.on('data', (data: Buffer) => err.push(data));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() });
    });
    child.stdin.on('error', () => undefined);
    if (options.input !== undefined || options.kill === undefined) child.stdin.end(options.input);
    if (options.kill !== undefined) {
      const { signal, afterMs } = options.kill;
      setTimeout(() => child.kill(signal), afterMs);
    }
  });
}

/** Runs `grebe` in this process, from the folder `cwd`. One at a time. */
export async function inProcess(t: Test, args: readonly string[], cwd: string): Promise<Omit<Ran, 'signal'>> {
  const before = process.cwd();
  const stdout = t.capture(process.stdout, 'write', () => true);
  const stderr = t.capture(process.stderr, 'write', () => true);
  process.chdir(cwd);
  let code: number;
  try {
    code = await main(args);
  } finally {
    process.chdir(before);
    stdout.restore();
    stderr.restore();
  }
  const text = (calls: { args: unknown[] }[]): string => calls.map((call) => String(call.args[0])).join('');
  return { code, stdout: text(stdout()), stderr: text(stderr()) };
}
