/**
 * A worker thread that runs one job and answers with its result. Every job gets a thread of its own, because
 * that is how pipelines run: one to an isolate, for whose memory V8 compiles the flat loops.
 */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Arena, type SharedArena } from './arena.js';
import { watchHeap, type HeapGrowth } from './heap.js';
import { measure, type Effort, type Measured } from './measure.js';
import { verify } from './verify.js';

export interface TimingJob {
  readonly kind: 'timing';
  readonly arena: SharedArena;
  /** Path of the compiled twin. */
  readonly addon: string | null;
  /** The verdict of every packet. */
  readonly verdict: number;
  readonly effort: Effort;
}

export interface HeapJob {
  readonly kind: 'heap';
  readonly arena: SharedArena;
  readonly packets: number;
}

/** Results of TimingJob are nanoseconds for one packet. */
export type LaneResult<J> = J extends TimingJob ? Measured : HeapGrowth;

/** Runs a job in a new thread. */
export function runLane<J extends TimingJob | HeapJob>(job: J): Promise<LaneResult<J>> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: job });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`a lane ended with code ${code}`)));
  });
}

/** Passes through both implementations whose results are compared, prefetching twin included. */
const VERIFIED_PASSES = 4;
/** Milliseconds of packets before the first measurement, until V8 has compiled everything. */
const WARM_UP = 300;

function time(job: TimingJob): Measured {
  const arena = new Arena(job.arena, job.addon);
  verify(arena, job.verdict, VERIFIED_PASSES);
  for (const end = performance.now() + WARM_UP; performance.now() < end;) {
    arena.load();
    arena.run();
  }
  return measure(
    () => arena.load(),
    () => arena.run(),
    arena.twin === null ? [] : [() => arena.runTwin(), () => arena.runTwin(true)],
    arena.packets,
    job.effort,
  );
}

async function main(): Promise<void> {
  const job = workerData as TimingJob | HeapJob;
  const result = job.kind === 'timing' ? time(job) : await watchHeap(new Arena(job.arena, null), job.packets);
  parentPort?.postMessage(result);
}

if (!isMainThread) await main();
