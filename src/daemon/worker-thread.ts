/** One worker thread as the main thread sees it: from its start to its end, of whatever kind. */
import { Worker } from 'node:worker_threads';
import { createCounters, Misc } from '../dataplane/counters.js';
import type { ReaderWord } from '../dataplane/group-steering.js';
import { PacketQueue } from './packet-queue.js';
import {
  ANSWERS,
  Command,
  createCommandWords,
  createStatistics,
  READY,
  Stat,
  State,
  Word,
  type WorkerInput,
} from './worker-memory.js';

export type WorkerThreadInput = Omit<WorkerInput, 'words' | 'statistics' | 'counters' | 'wakeFd' | 'health'>;

/** The health checks, as a worker meets them. */
export interface ProbeSide {
  /** There are packets in the queue of answers. */
  answered(): void;
}

/** Packets that a queue holds, so that a burst of probes for thousands of tunnels has room. */
const QUEUED = 4096;

/** Wakes a worker that sleeps on descriptors; null where no port has any. */
export interface Waker {
  readonly fd: number;
  wake(): void;
  close(): void;
}

/**
 * Limits of a thread's heap in megabytes. The loop allocates nothing: this is room for its code and for what
 * starting and ending takes, and a bound for what goes wrong.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 2, codeRangeSizeMb: 16 };

const MODULE = new URL('./worker.js', import.meta.url);

export class WorkerThread {
  readonly statistics = createStatistics();
  readonly counters: Float64Array;
  /** Probes for the worker to send, and what it has got for answers; null where no tunnel is probed. */
  readonly probes: PacketQueue | null;
  readonly answers: PacketQueue | null;
  /** Resolves when the thread has warmed up and waits for `run`; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when the thread is gone, with the error that ended it; null: it was told to. */
  readonly ended: Promise<Error | null>;
  private readonly words = createCommandWords();
  /** What it says as a reader of groups. */
  readonly reader: ReaderWord = { words: this.words, at: Word.READER };
  private readonly thread: Worker;
  private terminatedBecause: string | null = null;

  constructor(
    tunnelCount: number,
    input: WorkerThreadInput,
    private readonly waker: Waker | null,
    health: ProbeSide | null = null,
  ) {
    this.counters = createCounters(tunnelCount);
    this.probes = health === null ? null : PacketQueue.create(QUEUED);
    this.answers = health === null ? null : PacketQueue.create(QUEUED);
    const workerData: WorkerInput = {
      ...input,
      words: this.words,
      statistics: this.statistics,
      counters: this.counters,
      wakeFd: waker?.fd ?? -1,
      health:
        this.probes === null || this.answers === null
          ? null
          : { probes: this.probes.share(), answers: this.answers.share() },
    };
    this.thread = new Worker(MODULE, { workerData, execArgv: [], resourceLimits: RESOURCE_LIMITS });
    let failure: Error | null = null;
    this.thread.on('error', (error) => {
      failure = error;
    });
    this.ended = new Promise((resolve) => {
      this.thread.once('exit', (code) => {
        waker?.close();
        if (this.terminatedBecause !== null) failure = new Error(this.terminatedBecause);
        const byItself = Atomics.load(this.words, Word.STATE) !== State.STOPPED;
        resolve(failure ?? (byItself ? new Error(`the thread ended by itself (code ${code})`) : null));
      });
    });
    this.ready = new Promise((resolve, reject) => {
      this.thread.on('message', (message: typeof READY | typeof ANSWERS) => {
        if (message === READY) resolve();
        else health?.answered();
      });
      void this.ended.then((error) => {
        reject(error ?? new Error('the thread was stopped'));
      });
    });
    // Whoever waits for `ready` gets the error; nobody may.
    this.ready.catch(() => undefined);
  }

  run(): void {
    this.statistics[Stat.HEARTBEAT] = Date.now();
    Atomics.store(this.words, Word.COMMAND, Command.RUN);
    Atomics.notify(this.words, Word.COMMAND);
  }

  /** Lets the thread finish its vector and end. */
  stop(): void {
    this.command(Command.STOP);
  }

  /** Lets the thread work off what the queues hold, and end. */
  drain(): void {
    this.command(Command.DRAIN);
  }

  /** Makes the loop throw. */
  crash(): void {
    this.command(Command.CRASH);
  }

  /** Whether probes that are put into the queue will be sent: it runs, or has been told to. */
  get isSending(): boolean {
    return this.probes !== null && Atomics.load(this.words, Word.COMMAND) === Command.RUN;
  }

  /** To be called when probes have been put into the queue. */
  sendProbes(): void {
    Atomics.notify(this.words, Word.COMMAND);
    this.waker?.wake();
  }

  /** Blocks until the thread has left its loop; false when it has not in `timeoutMs`. */
  waitStopped(timeoutMs: number): boolean {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const state = Atomics.load(this.words, Word.STATE);
      if (state === State.STOPPED) return true;
      const left = end - performance.now();
      if (left <= 0) return false;
      Atomics.wait(this.words, Word.STATE, state, left);
    }
  }

  /** Ends a thread that does not listen. */
  async terminate(because: string): Promise<void> {
    this.terminatedBecause = because;
    await this.thread.terminate();
  }

  get isRunning(): boolean {
    return Atomics.load(this.words, Word.STATE) === State.RUNNING;
  }

  /** Milliseconds since the loop last came round. */
  heartbeatAge(now: number): number {
    return Math.max(0, now - this.statistics[Stat.HEARTBEAT]!);
  }

  get received(): number {
    return this.counters[Misc.received_packets]!;
  }

  /** For a thread that runs, and may sleep on its descriptors. */
  private command(command: number): void {
    Atomics.store(this.words, Word.COMMAND, command);
    Atomics.notify(this.words, Word.COMMAND);
    this.waker?.wake();
  }
}
