/** Programs under measurement: long-running ones, and those that answer with one JSON object. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import type { Netns } from '../../test/support/netns.js';

/** How much of what a program said last is told when it fails. */
const TAIL_CHARACTERS = 2000;
const STOP_MS = 5000;

function collect(child: ChildProcess): () => string {
  let text = '';
  const take = (chunk: Buffer): void => {
    text = (text + chunk.toString('utf8')).slice(-TAIL_CHARACTERS);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  return () => text.trim();
}

/** A program that runs until it is stopped. */
export class Running {
  private readonly said: () => string;

  private constructor(
    readonly name: string,
    private readonly child: ChildProcess,
  ) {
    this.said = collect(child);
  }

  static start(namespace: Netns, name: string, command: string, args: readonly string[]): Running {
    return new Running(name, namespace.spawn(command, args));
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** @throws Error with what it said last when it has ended */
  assertAlive(): void {
    if (this.child.exitCode === null && this.child.signalCode === null) return;
    throw new Error(`${this.name} ended: ${this.said() || 'without a word'}`);
  }

  /** Seconds of processor time that its threads have had. */
  get processorSeconds(): number {
    const tasks = `/proc/${this.pid}/task`;
    let ns = 0;
    for (const task of readdirSync(tasks)) {
      ns += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ', 1)[0]);
    }
    return ns / 1e9;
  }

  /** Tells it to end, and waits until it has. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const patience = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await ended;
    clearTimeout(patience);
  }
}

/** Runs a program to its end and reads its standard output as JSON. @throws Error with what it said */
export async function answerOf(child: ChildProcess, name: string): Promise<unknown> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
  await once(child, 'close');
  try {
    if (child.exitCode === 0) return JSON.parse(out) as unknown;
  } catch {
    // Told below.
  }
  throw new Error(`${name}: ${(err || out).trim().slice(-TAIL_CHARACTERS) || `exit code ${child.exitCode}`}`);
}
