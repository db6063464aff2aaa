/**
 * All workers' places: puts threads into them and takes them out, at a reload and at the end, and starts those
 * again that fail. Whoever goes is counted in the totals in the same turn of the event loop.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Generation } from './generation.js';
import type { DaemonLog } from './log.js';
import { Place } from './place.js';
import type { Totals } from './totals.js';
import { Stat } from './worker-memory.js';
import type { WorkerThread } from './worker-thread.js';

/** A thread that counts, or did so to the last, and the tunnels that it counts for. */
interface Counting {
  readonly thread: WorkerThread;
  readonly names: readonly string[];
}

/** How long the main thread waits for a worker to finish its vector before it is taken for one that hangs. */
const STOP_WAIT_MS = 500;
/** A heartbeat comes each second at least: after so many looks, a second apart, the worker hangs. */
const STILL_LIMIT = 5;
/** How long workers may take to work off the queues at the end. */
const DRAIN_MS = 1000;

export class Places {
  list: readonly Place[] = [];
  /** Told to stop, and not gone yet. */
  private readonly leaving = new Set<Counting>();
  private generation: Generation | null = null;
  private closing = false;

  constructor(
    private readonly totals: Totals,
    private readonly log: DaemonLog,
  ) {}

  /** Threads whose numbers are not in the totals yet. */
  *counting(): Generator<Counting> {
    const { names } = this;
    for (const { thread } of this.list) if (thread !== null) yield { thread, names };
    yield* this.leaving;
  }

  /**
   * From one generation to the next, and from its threads to these, which wait.
   *
   * @param between called while nobody runs
   * @returns how long nobody forwarded, in milliseconds
   */
  takeOver(next: Generation, threads: readonly WorkerThread[], between: () => void): number {
    const { names } = this;
    const old = this.list.flatMap((place) => {
      place.cancelRestart();
      const { thread } = place;
      place.thread = null;
      // One that is not running yet has nothing to finish.
      return thread === null ? [] : [{ place, thread, stopped: !thread.isRunning }];
    });

    const startedAt = performance.now();
    for (const { thread } of old) thread.stop();
    for (const one of old) one.stopped ||= one.thread.waitStopped(STOP_WAIT_MS);
    between();
    for (const thread of threads) thread.run();
    const gap = performance.now() - startedAt;

    this.generation = next;
    for (const { place, thread, stopped } of old) this.leave(place, { thread, names }, stopped);
    this.list = threads.map((thread, i) => this.settle(this.list[i] ?? new Place(i), thread));
    return gap;
  }

  /** Ends threads whose loops do not come round any more. Called once a second. */
  endHanging(): void {
    for (const place of this.list) {
      const { thread } = place;
      if (thread === null || place.state !== 'running') continue;
      if (place.heartbeatStill(thread.statistics[Stat.HEARTBEAT]!) < STILL_LIMIT) continue;
      void thread.terminate(`its loop did not come round for ${STILL_LIMIT} s`);
    }
  }

  /** Lets the workers finish what is queued, and end. */
  async close(): Promise<void> {
    this.closing = true;
    const ends: Promise<unknown>[] = [...this.leaving].map(({ thread }) => thread.ended);
    for (const place of this.list) {
      place.cancelRestart();
      const { thread } = place;
      if (thread === null) continue;
      thread.drain();
      ends.push(endWithin(thread, DRAIN_MS));
    }
    await Promise.all(ends);
  }

  /** Of the tunnels of the generation in effect. */
  private get names(): readonly string[] {
    return this.generation?.plan.names ?? [];
  }

  /** Gives a thread that runs its place. */
  private settle(place: Place, thread: WorkerThread): Place {
    place.thread = thread;
    place.state = 'running';
    void thread.ended.then((error) => {
      if (place.thread === thread) this.failed(place, thread, error);
    });
    return place;
  }

  /** Takes a thread out of its place. Its numbers go to the totals at once when it counts no more. */
  private leave(place: Place, leaving: Counting, stopped: boolean): void {
    const { thread, names } = leaving;
    if (stopped) {
      this.totals.add(thread, names);
      place.totals.add(thread);
      return;
    }
    this.leaving.add(leaving);
    void thread.ended.then(() => {
      this.leaving.delete(leaving);
      this.totals.add(thread, names);
      place.totals.add(thread);
    });
    void thread.terminate('it did not finish its vector');
  }

  private failed(place: Place, thread: WorkerThread, error: Error | null): void {
    place.thread = null;
    this.leave(place, { thread, names: this.names }, true);
    if (this.closing) {
      place.state = 'stopped';
      return;
    }
    this.restartLater(place, error ?? new Error('it stopped without being told to'));
  }

  private restartLater(place: Place, error: Error): void {
    const { generation } = this;
    if (generation === null) return;
    const restartInMs = place.fail(error);
    this.log.error({ worker: place.index, reason: place.lastError, restartInMs }, 'worker failed');
    place.timer = setTimeout(() => {
      place.timer = null;
      void this.restart(place, generation);
    }, restartInMs);
  }

  private async restart(place: Place, generation: Generation): Promise<void> {
    // Without warming up: nobody forwards in this place, and the kernel's queue is full soon.
    const thread = generation.startThread(place.index, 0);
    place.state = 'starting';
    const isOver = (): boolean => this.generation !== generation || this.closing;
    try {
      await thread.ready;
    } catch (error) {
      if (!isOver()) this.restartLater(place, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    if (isOver()) {
      thread.stop();
      return;
    }
    place.restarts++;
    thread.run();
    this.settle(place, thread);
    this.log.info({ worker: place.index, restarts: place.restarts }, 'worker runs again');
  }
}

/** Resolves when the thread has ended; by force after `ms`. */
async function endWithin(thread: WorkerThread, ms: number): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(
    () => thread.terminate('it did not end in time'),
    () => undefined,
  );
  await thread.ended;
  timer.abort();
  await late;
}
