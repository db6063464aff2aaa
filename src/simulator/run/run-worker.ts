/** A thread that runs one scenario: told what to do in its workerData, tells of progress and then of the results. */
import { parentPort, workerData } from 'node:worker_threads';
import { loadScenario } from '../scenario/load.js';
import type { Results } from './results.js';
import { runScenario, type RunProgress } from './run.js';

export interface WorkerTask {
  readonly file: string;
  readonly seed: number | null;
  readonly until: number | null;
}

export type WorkerMessage =
  | { readonly kind: 'progress'; readonly progress: RunProgress }
  | { readonly kind: 'results'; readonly results: Results };

const { file, seed, until } = workerData as WorkerTask;

function tell(message: WorkerMessage): void {
  parentPort?.postMessage(message);
}

const results = await runScenario(loadScenario(file), {
  file,
  ...(seed === null ? {} : { seed }),
  ...(until === null ? {} : { until }),
  onProgress: (progress) => {
    tell({ kind: 'progress', progress });
  },
});
tell({ kind: 'results', results });
