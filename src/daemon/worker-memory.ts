/**
 * What the main thread and one worker thread agree on: words for commands, numbers for statistics, all in
 * shared memory. Every thread gets its own; the numbers of a thread that is gone are added up by the main
 * thread (totals.ts).
 */
import type { SharedPacketPool } from '../dataplane/packet-pool.js';
import type { SharedPacketVector } from '../dataplane/packet-vector.js';
import type { SharedTables } from '../dataplane/tables.js';
import type { SharedCapture } from '../observability/capture-ring.js';
import type { SharedPacketQueue } from './packet-queue.js';
import type { AnyPortSpec } from './ports.js';
import type { WarmUpFrames } from './warm-up.js';

/** Words of the command block. */
export const Word = {
  /** Command; written by the main thread, which then wakes the worker. */
  COMMAND: 0,
  /** State; written by the worker. */
  STATE: 1,
  /** What the worker says as a reader of groups (src/dataplane/group-reader.ts); written by the worker. */
  READER: 2,
} as const;
export const COMMAND_WORDS = 16;

export const Command = {
  /** Do not touch the ports yet. */
  WAIT: 0,
  RUN: 1,
  /** Finish what is in hand, and end. What the kernel's queues hold is for the next worker. */
  STOP: 2,
  /** Go on until the queues are empty, and end. */
  DRAIN: 3,
  /** Throw with the next packets in hand: for tests. */
  CRASH: 4,
} as const;

export const State = { STARTING: 0, READY: 1, RUNNING: 2, STOPPED: 3 } as const;

/** Messages of a worker to the main thread: it waits for the word to run; it has put answers into its queue. */
export const READY = 'ready';
export const ANSWERS = 'answers';

/** Upper bounds of the batch-size histogram: 1, 2, 4 … 256. */
export const BATCH_BUCKETS = 9;

/** Numbers of the statistics block, written by the worker alone. */
export const Stat = {
  /** When the loop last came round, in milliseconds since 1970. */
  HEARTBEAT: 0,
  VECTORS: 1,
  /** Milliseconds in rounds that had packets, and in rounds that had none (mostly asleep). */
  BUSY_MS: 2,
  IDLE_MS: 3,
  /** Packets that were received and have no verdict yet: lost if the worker fails now. */
  IN_HAND: 4,
  /** BATCH_BUCKETS numbers of vectors, by size. */
  BATCHES: 5,
} as const;
export const STATISTICS = Stat.BATCHES + BATCH_BUCKETS;

export function createCommandWords(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(COMMAND_WORDS * 4));
}

export function createStatistics(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(STATISTICS * 8));
}

/** A worker's pool with its vectors and staging areas: first the underlay's, then the overlay's. */
export interface SharedWorkerPool {
  readonly pool: SharedPacketPool;
  readonly vectors: readonly [SharedPacketVector, SharedPacketVector];
  readonly staging: readonly [Staging, Staging];
  /** For warming up, apart from the memory in which another thread may still be forwarding. */
  readonly warmUp: SharedPacketVector;
}

export interface Staging {
  readonly offset: number;
  readonly bytes: number;
}

/** For the health checks of the main thread. */
export interface SharedProbes {
  /** Probes to be sent, each with the tunnel that it is to go through. */
  readonly probes: SharedPacketQueue;
  /** What came out of tunnels and may be an answer: with the tunnel, and with the time by process.hrtime. */
  readonly answers: SharedPacketQueue;
}

/** What a worker thread gets when it starts: plain data and shared memory. */
export interface WorkerInput {
  readonly words: Int32Array;
  readonly statistics: Float64Array;
  /** The pipeline's (createCounters), zero when the worker says that it is ready. */
  readonly counters: Float64Array;
  readonly memory: SharedWorkerPool;
  readonly tables: SharedTables;
  readonly underlay: AnyPortSpec;
  readonly overlay: AnyPortSpec;
  readonly icmpPerSecond: number;
  readonly busyPoll: boolean;
  /** An eventfd that the main thread makes readable after a command; −1: the command word is waited on. */
  readonly wakeFd: number;
  /** For `grebe capture`; belongs to the worker's place. */
  readonly capture: SharedCapture;
  /** Null where no tunnel is probed. */
  readonly health: SharedProbes | null;
  /** Of the configuration that the tables stand for. */
  readonly generation: number;
  readonly warmUp: WarmUpFrames;
  /** How long warming up may take, in milliseconds. */
  readonly warmUpMs: number;
}
