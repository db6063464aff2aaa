/** A worker's place: threads come and go in it, by reloads and after failures; its numbers stay. */
import { PlaceTotals } from './totals.js';
import type { WorkerThread } from './worker-thread.js';

/** Milliseconds before a worker that failed is started again: at once, then later and later. */
const FIRST_BACKOFF = 100;
const LONGEST_BACKOFF = 10_000;
/** After so long without failure the next one counts as the first. */
const FORGIVEN_AFTER = 30_000;

export class Place {
  thread: WorkerThread | null = null;
  state: 'starting' | 'running' | 'failed' | 'stopped' = 'starting';
  restarts = 0;
  lastError: string | null = null;
  readonly totals = new PlaceTotals();
  /** Pending restart. */
  timer: NodeJS.Timeout | null = null;
  private failures = 0;
  private lastFailure = -Infinity;
  private lastHeartbeat = 0;
  private still = 0;

  constructor(readonly index: number) {}

  /** Notes a failure; answers after how many milliseconds to start again. */
  fail(error: Error): number {
    const now = performance.now();
    this.failures = now - this.lastFailure > FORGIVEN_AFTER ? 1 : this.failures + 1;
    this.lastFailure = now;
    this.lastError = error.message;
    this.state = 'failed';
    return this.failures === 1 ? 0 : Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (this.failures - 2));
  }

  cancelRestart(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  /**
   * How many calls in a row have found the heartbeat of the running thread where it was. Counted by calls, so
   * that a machine that slept does not look like a thread that hangs.
   */
  heartbeatStill(heartbeat: number): number {
    this.still = heartbeat === this.lastHeartbeat ? this.still + 1 : 0;
    this.lastHeartbeat = heartbeat;
    return this.still;
  }
}
