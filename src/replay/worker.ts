/**
 * A replay worker: runs the pipeline over one vector after the other, in ring order, until told to stop.
 * Stateless by itself; all that it knows is in shared memory.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { PacketPool } from '../dataplane/packet-pool.js';
import { PacketVector } from '../dataplane/packet-vector.js';
import { Pipeline } from '../dataplane/pipeline.js';
import { Tables } from '../dataplane/tables.js';
import { Handover, type WorkerInput } from './handover.js';

/** Looks at a word so often before going to sleep on it: some microseconds. */
const SPINS = 200;

const input = workerData as WorkerInput;
const pool = PacketPool.open(input.pool);
const pipeline = new Pipeline(pool, Tables.open(input.tables), input.counters);
const vectors = input.vectors.map((shared) => PacketVector.open(pool, shared));
const words = vectors.map((vector) => vector.handover);

parentPort?.postMessage('ready');

for (let i = 0; ; i = i + 1 === vectors.length ? 0 : i + 1) {
  const word = words[i]!;
  for (let spin = 0; spin < SPINS && Atomics.load(word, 0) === Handover.MAIN; spin++);
  while (Atomics.load(word, 0) === Handover.MAIN) Atomics.wait(word, 0, Handover.MAIN);
  if (Atomics.load(word, 0) === Handover.STOP) break;
  pipeline.run(vectors[i]!, 0);
  Atomics.store(word, 0, Handover.MAIN);
  Atomics.notify(word, 0);
}
