/** What main thread and workers of a replay agree on. */
import type { SharedPacketPool } from '../dataplane/packet-pool.js';
import type { SharedPacketVector } from '../dataplane/packet-vector.js';
import type { SharedTables } from '../dataplane/tables.js';

/** Values of a vector's hand-over word: who holds the vector. */
export const Handover = {
  /** The main thread: the vector is being filled, or its results are being read. */
  MAIN: 0,
  /** The worker: it may run the pipeline over the vector. */
  WORKER: 1,
  /** Nobody any more: the worker ends. */
  STOP: 2,
} as const;

/** What a worker gets when it starts. Everything in it is shared memory. */
export interface WorkerInput {
  pool: SharedPacketPool;
  tables: SharedTables;
  /** Written by this worker only. */
  counters: Float64Array;
  /** Its vector of each window of the ring, in the order in which they come. */
  vectors: SharedPacketVector[];
}
