/** Metrics of the workers. */
import type { Families } from './metrics-families.js';
import type { Snapshot, WorkerSnapshot } from './snapshot.js';

/** Upper bounds of WorkerSnapshot.batchSizes. */
const BATCH_BOUNDS = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

export function workerMetrics(families: Families): void {
  const each = (
    value: (worker: WorkerSnapshot) => number,
  ): ((snapshot: Snapshot, set: (value: number, labels: { worker: string }) => void) => void) => {
    return ({ workers }, set) => {
      for (const worker of workers) set(value(worker), { worker: String(worker.index) });
    };
  };
  families.gauge({
    name: 'grebe_worker_up',
    help: '1 while the worker runs.',
    labels: ['worker'],
    read: each(({ state }) => (state === 'running' ? 1 : 0)),
  });
  families.counter({
    name: 'grebe_worker_restarts_total',
    help: 'Times that the worker was started again after a failure.',
    labels: ['worker'],
    read: each(({ restarts }) => restarts),
  });
  families.counter({
    name: 'grebe_worker_lost_packets_total',
    help: 'Packets that failed workers had in hand: in no other count, and lost.',
    read: ({ workerLost }, set) => set(workerLost, {}),
  });
  families.gauge({
    name: 'grebe_worker_heartbeat_age_seconds',
    help: "Time since the worker's loop last came round.",
    labels: ['worker'],
    read: each(({ heartbeatMs }) => heartbeatMs / 1000),
  });
  families.counter({
    name: 'grebe_worker_loop_seconds_total',
    help: 'Time that the worker spent working (busy) and waiting for packets (idle).',
    labels: ['worker', 'mode'],
    read: ({ workers }, set) => {
      for (const { index, busySeconds, idleSeconds } of workers) {
        set(busySeconds, { worker: String(index), mode: 'busy' });
        set(idleSeconds, { worker: String(index), mode: 'idle' });
      }
    },
  });
  families.histogram({
    name: 'grebe_worker_batch_packets',
    help: 'Packets in a vector that the worker ran through the pipeline.',
    labels: ['worker'],
    bounds: BATCH_BOUNDS,
    read: ({ workers }) =>
      workers.map(({ index, batchSizes, received }) => ({
        labels: { worker: String(index) },
        counts: batchSizes,
        sum: received,
      })),
  });
}
