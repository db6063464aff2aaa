/**
 * The crew: whoever runs the pipeline over the vectors of a window. Threads, each with one vector of
 * every window; or, with no threads, the calling thread itself.
 *
 * Hand-over goes through one word of each vector: MAIN (the main thread has it), WORKER (the worker has
 * it), STOP (the worker is to end). Windows form a ring that main thread and workers walk in step, so no
 * queue is needed, and storing the word publishes everything written before it.
 */
import { Worker } from 'node:worker_threads';
import { createCounters } from '../dataplane/counters.js';
import type { PacketPool } from '../dataplane/packet-pool.js';
import { Pipeline } from '../dataplane/pipeline.js';
import type { Tables } from '../dataplane/tables.js';
import { Handover, type WorkerInput } from './handover.js';
import type { Window } from './window.js';

export interface Crew {
  /** One block of counters for each member. */
  readonly counters: readonly Float64Array[];
  /** Hands all vectors of a window out. */
  dispatch(window: Window): void;
  /** Resolves when all vectors of the window are back; throws when a worker failed. */
  finish(window: Window): Promise<void> | undefined;
  /** Makes a waiting `finish`, and every later one, throw this error. */
  interrupt(reason: Error): void;
  /** Ends the workers and waits until they are gone. */
  close(): Promise<void>;
}

/** A crew of none: `dispatch` runs the pipeline on the calling thread. */
export class InlineCrew implements Crew {
  readonly counters: readonly Float64Array[];
  private readonly pipeline: Pipeline;

  constructor(pool: PacketPool, tables: Tables) {
    this.counters = [createCounters(tables.tunnelCount)];
    this.pipeline = new Pipeline(pool, tables, this.counters[0]!);
  }

  dispatch(window: Window): void {
    for (const vector of window.vectors) this.pipeline.run(vector, 0);
  }

  finish(): undefined {
    // The work was done in `dispatch`.
  }

  interrupt(): void {
    // Nobody ever waits.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** What TypeScript's ES2023 library does not know yet of what Node 20 has. */
interface WaitAsync {
  waitAsync(
    array: Int32Array,
    index: number,
    value: number,
    timeoutMs?: number,
  ): { async: false; value: string } | { async: true; value: Promise<string> };
}
const atomics = Atomics as unknown as WaitAsync;

/** Looks at a word so often before going to sleep on it: about a microsecond, less than a wake-up costs. */
const SPINS = 50;

/**
 * The main thread sleeps like a worker for so long, in milliseconds, before it lets the event loop wait: a
 * wake-up through the loop takes several times as long. Signals and a worker's death can wait so long.
 */
const NAP_MS = 5;

export class ThreadCrew implements Crew {
  readonly counters: readonly Float64Array[];
  private readonly threads: Worker[] = [];
  private readonly exits: Promise<void>[] = [];
  private readonly words: Int32Array[][];
  private next = 0;
  private failure: Error | null = null;
  private closing = false;

  private constructor(pool: PacketPool, tables: Tables, ring: readonly Window[], module: URL) {
    this.words = ring.map((window) => window.vectors.map((vector) => vector.handover));
    const size = ring[0]!.vectors.length;
    this.counters = Array.from({ length: size }, () => createCounters(tables.tunnelCount));
    for (let i = 0; i < size; i++) {
      const input: WorkerInput = {
        pool: pool.share(),
        tables: tables.share(),
        counters: this.counters[i]!,
        vectors: ring.map((window) => window.vectors[i]!.share()),
      };
      // No loaders of the calling process: a worker is plain JavaScript, and starts sooner without.
      const thread = new Worker(module, { workerData: input, execArgv: [] });
      this.threads.push(thread);
      thread.on('error', (error) => {
        this.fail(i, error);
      });
      this.exits.push(
        new Promise((resolve) => {
          thread.once('exit', () => {
            this.fail(i, 'it ended by itself');
            resolve();
          });
        }),
      );
    }
  }

  /** Starts one thread for each vector of a window and waits until all are ready for work. */
  static async start(
    pool: PacketPool,
    tables: Tables,
    ring: readonly Window[],
    module: URL,
  ): Promise<ThreadCrew> {
    const crew = new ThreadCrew(pool, tables, ring, module);
    try {
      await Promise.all(
        crew.threads.map(
          (thread) =>
            new Promise<void>((resolve, reject) => {
              thread.once('message', () => {
                resolve();
              });
              thread.once('error', reject);
            }),
        ),
      );
    } catch (error) {
      await crew.close();
      throw crew.failure ?? error;
    }
    return crew;
  }

  dispatch(window: Window): void {
    for (const word of this.words[window.index]!) {
      Atomics.store(word, 0, Handover.WORKER);
      Atomics.notify(word, 0);
    }
    this.next = (window.index + 1) % this.words.length;
  }

  finish(window: Window): Promise<void> | undefined {
    const words = this.words[window.index]!;
    for (const word of words) {
      for (let spin = 0; Atomics.load(word, 0) !== Handover.MAIN; spin++) {
        if (spin < SPINS) continue;
        Atomics.wait(word, 0, Handover.WORKER, NAP_MS);
        if (Atomics.load(word, 0) !== Handover.MAIN) return this.sleepUntilBack(words);
      }
    }
    if (this.failure !== null) throw this.failure;
    return undefined;
  }

  private async sleepUntilBack(words: readonly Int32Array[]): Promise<void> {
    for (const word of words) {
      const wait = atomics.waitAsync(word, 0, Handover.WORKER);
      if (wait.async) await wait.value;
    }
    if (this.failure !== null) throw this.failure;
  }

  private fail(worker: number, cause: unknown): void {
    if (this.closing) return;
    const message = cause instanceof Error ? cause.message : String(cause);
    this.interrupt(new Error(`worker ${worker + 1} of ${this.threads.length} failed: ${message}`, { cause }));
  }

  interrupt(reason: Error): void {
    this.failure ??= reason;
    // The vectors of a dead worker do not come back by themselves: all are taken back.
    for (const word of this.words.flat()) {
      Atomics.store(word, 0, Handover.MAIN);
      Atomics.notify(word, 0);
    }
  }

  async close(): Promise<void> {
    this.closing = true;
    // Each worker waits at the window that would have come next, unless it is still busy or has failed.
    const words = this.words[this.next]!;
    const idle = this.failure === null && words.every((word) => Atomics.load(word, 0) === Handover.MAIN);
    if (idle) {
      for (const word of words) {
        Atomics.store(word, 0, Handover.STOP);
        Atomics.notify(word, 0);
      }
    } else {
      await Promise.all(this.threads.map((thread) => thread.terminate()));
    }
    await Promise.all(this.exits);
  }
}
