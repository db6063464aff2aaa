/**
 * Runs scenario files, several at a time, each in a thread of its own: the pipeline is as fast as it can be only in
 * the first world of a thread. The results do not depend on how many run at a time.
 */
import { Worker } from 'node:worker_threads';
import type { Nanoseconds } from '../../network/time.js';
import type { Results } from './results.js';
import type { RunProgress } from './run.js';
import type { WorkerMessage, WorkerTask } from './run-worker.js';

export interface RunFilesOptions {
  /** Threads at a time, from 1. */
  readonly workers: number;
  /** Instead of the scenarios' own. */
  readonly seed?: number;
  readonly until?: Nanoseconds;
  readonly signal?: AbortSignal;
  /** @param file index */
  readonly onProgress?: (file: number, progress: RunProgress) => void;
  /** Called in the order of the files, as soon as all before are there. */
  readonly onResults?: (results: Results) => void;
}

/** A scenario on which the simulator failed, which is a fault of the simulator. */
export class RunError extends Error {
  override readonly name = 'RunError';
}

/**
 * @returns results in the order of the files
 * @throws RunError, or the signal's reason
 */
export async function runFiles(files: readonly string[], options: RunFilesOptions): Promise<Results[]> {
  const { workers, signal, onResults } = options;
  const found: (Results | undefined)[] = files.map(() => undefined);
  let next = 0;
  let told = 0;
  const takeTurns = async (): Promise<void> => {
    while (next < files.length) {
      signal?.throwIfAborted();
      const file = next++;
      found[file] = await runInThread(files[file]!, file, options);
      for (let ready = found[told]; ready !== undefined; ready = found[told]) {
        onResults?.(ready);
        told++;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, files.length) }, takeTurns));
  return found.filter((results) => results !== undefined);
}

function runInThread(file: string, index: number, options: RunFilesOptions): Promise<Results> {
  const { signal, onProgress, seed = null, until = null } = options;
  const task: WorkerTask = { file, seed, until };
  // No loaders of the calling process: a worker is plain JavaScript, and starts sooner without.
  const thread = new Worker(new URL('./run-worker.js', import.meta.url), { workerData: task, execArgv: [] });
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      void thread.terminate();
      reject(signal?.reason instanceof Error ? signal.reason : new RunError('ended'));
    };
    signal?.addEventListener('abort', stop);
    const finish = (act: () => void): void => {
      signal?.removeEventListener('abort', stop);
      act();
    };
    thread.on('message', (message: WorkerMessage) => {
      if (message.kind === 'progress') onProgress?.(index, message.progress);
      else
        finish(() => {
          resolve(message.results);
        });
    });
    thread.once('error', (error) => {
      finish(() => {
        reject(new RunError(`${file}: ${error.message}`, { cause: error }));
      });
    });
    thread.once('exit', () => {
      finish(() => {
        reject(new RunError(`${file}: its thread ended before the run`));
      });
    });
  });
}
