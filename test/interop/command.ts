/** Commands that run beside the test, each with a time-out, in a namespace or in none. */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Netns } from '../support/netns.js';
import { missing } from '../support/program.js';

/** Why tests that need these programs cannot run here, or false. */
export function missingOf(...programs: readonly string[]): string | false {
  return programs.map(missing).find((reason) => reason !== false) ?? false;
}

export interface Ended {
  /** Exit code; −1: killed, by a signal or because it took too long. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Reads all that a child prints, until it ends; kills it when that takes too long. */
export function ended(child: ChildProcess, timeoutMs: number): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      // Without waiting for its output to close: what it has started itself may hold that open.
      resolve({ status: -1, stdout, stderr: `${stderr}\nkilled: it took longer than ${timeoutMs} ms` });
    }, timeoutMs);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ status: code ?? -1, stdout, stderr });
    });
  });
}

/** Runs a command in a namespace, whatever status it ends with. */
export function tryExecute(namespace: Netns, line: readonly string[], timeoutMs = 180_000): Promise<Ended> {
  const [command, ...args] = line;
  return ended(namespace.spawn(command!, args), timeoutMs);
}

/** Runs a command in a namespace and answers its output. @throws Error with what it printed, if it fails */
export async function execute(
  namespace: Netns,
  line: readonly string[],
  timeoutMs = 180_000,
): Promise<string> {
  const { status, stdout, stderr } = await tryExecute(namespace, line, timeoutMs);
  if (status === 0) return stdout;
  throw new Error(`${line.join(' ')}: status ${status}: ${stderr.trim()} ${stdout.trim()}`);
}

/**
 * Pings so many times and answers what ping prints. One after the other: where ping sends several, it waits
 * for the last answer no longer than until the next would be due.
 *
 * @throws Error with what it prints, when an answer is missing
 */
export async function ping(namespace: Netns, count: number, ...words: readonly string[]): Promise<string> {
  const printed: string[] = [];
  for (let i = 0; i < count; i++)
    printed.push(await execute(namespace, ['ping', '-c', '1', '-W', '20', ...words]));
  return printed.join('');
}

/** Runs a command outside of any namespace of ours with a text as its input. */
export function executeHere(line: readonly string[], input = '', timeoutMs = 180_000): Promise<Ended> {
  const [command, ...args] = line;
  const child = spawn(command!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return ended(child, timeoutMs);
}

/** Asks until the answer is something else than null or false. @throws Error if that takes too long */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null | false> | T | null | false,
  timeoutMs = 180_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`did not come about in ${timeoutMs} ms: ${what}`);
    await sleep(50);
  }
}
