/** `grebe show workers`. */
import type { WorkerSnapshot } from '../observability/snapshot.js';
import { count } from './format.js';
import type { Growing, Interval } from './show-interval.js';
import type { Paint } from './show-paint.js';
import { rateText, RIGHT, tableOf } from './show-table.js';
import { percent, timeSpan, packetRate } from './show-units.js';

type Worker = Growing<WorkerSnapshot>;

export function workerTable({ workers, isWatched }: Interval, paint: Paint): string {
  const drawn = tableOf<Worker>(
    [
      { head: 'worker', ...RIGHT, of: ({ now }) => String(now.index) },
      { head: 'state', of: ({ now }) => now.state },
      { head: 'restarts', ...RIGHT, of: ({ now }) => count(now.restarts) },
      { head: 'busy', ...RIGHT, of: busyText },
      { head: 'packets', ...RIGHT, of: ({ now }) => count(now.received) },
      {
        head: 'pps',
        ...RIGHT,
        when: isWatched,
        of: ({ rate }) =>
          rateText(
            rate(({ received }) => received),
            packetRate,
          ),
      },
      { head: 'batch', ...RIGHT, of: batchText },
      { head: 'heartbeat', ...RIGHT, of: ({ now }) => heartbeat(now.heartbeatMs) },
    ],
    workers,
  );
  const errors = workers.flatMap(({ now: { index, state, lastError } }) => {
    if (lastError === null) return [];
    const line = `worker ${index}, last error: ${lastError}`;
    return [state === 'running' ? line : paint.bad(line)];
  });
  return [drawn, ...(errors.length === 0 ? [] : ['', ...errors])].join('\n');
}

/** The share of its time that a worker works: in the interval, or since the start. */
export function busyText({ now, rate }: Worker): string {
  const busy = rate(({ busySeconds }) => busySeconds) ?? now.busySeconds;
  const idle = rate(({ idleSeconds }) => idleSeconds) ?? now.idleSeconds;
  return percent(busy, busy + idle);
}

/** Packets in a vector, on average. */
function batchText({ now, rate }: Worker): string {
  const packets = rate(({ received }) => received) ?? now.received;
  const vectors = rate(({ vectors }) => vectors) ?? now.vectors;
  return vectors === 0 ? '-' : (packets / vectors).toFixed(1);
}

function heartbeat(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : timeSpan(milliseconds / 1000);
}
