/**
 * The supervisor: starts workers, replaces all of them at a reload and one after a failure, and ends them.
 * Both kinds of replacement are the same: a new thread warms up beside the old one, and takes over its
 * descriptors and memory once the old one has left its loop. The kernel's queues hold what arrives meanwhile.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CaptureRings } from '../observability/capture-session.js';
import { ConfigError, type ConfigProblem } from '../config/problem.js';
import { devicesOnlyIn, acquireDevices, type DeviceSet, type HeldDevice } from './devices.js';
import { DeviceTotals } from './device-totals.js';
import { Generation } from './generation.js';
import { LastReceived } from './last-received.js';
import type { DaemonLog } from './log.js';
import { Place } from './place.js';
import { PathMtuWatch } from './path-mtu-watch.js';
import type { Plan } from './plan.js';
import { preparePlan, type PreparedPlan } from './planner.js';
import { Totals } from './totals.js';
import { WARM_UP_MS } from './warm-up.js';
import { Stat } from './worker-memory.js';
import type { WorkerThread } from './worker-thread.js';

export interface SupervisorOptions {
  readonly file: string;
  /** In place of the configuration's number. */
  readonly workers?: number | undefined;
  readonly log: DaemonLog;
  /** How long a worker may warm up before it takes over, in milliseconds. */
  readonly warmUpMs?: number | undefined;
}

export type ReloadResult =
  | { readonly ok: true; readonly generation: number; readonly gapMs: number; readonly tookMs: number }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

/** A thread that was told to stop and may still count. */
interface Leaving {
  readonly thread: WorkerThread;
  readonly names: readonly string[];
}

/** How long the main thread waits for a worker to finish its vector before it is taken for one that hangs. */
const STOP_WAIT_MS = 500;
/** A heartbeat comes each second at least: after so many looks, a second apart, the worker hangs. */
const STILL_LIMIT = 5;
const TICK_MS = 1000;
/** How long workers may take to work off the queues at the end. */
const DRAIN_MS = 1000;

export class Supervisor {
  readonly startedAt = new Date();
  readonly totals = new Totals();
  readonly deviceTotals = new DeviceTotals();
  readonly lastReceived = new LastReceived();
  readonly captures = new CaptureRings();
  readonly leaving = new Set<Leaving>();
  places: Place[] = [];
  reloads = 0;
  failedReloads = 0;
  lastReloadError: string | null = null;
  private generation: Generation | null = null;
  private pathMtuWatch: PathMtuWatch | null = null;
  private ticker: NodeJS.Timeout | null = null;
  private reloading: Promise<unknown> = Promise.resolve();
  private closing = false;

  private constructor(private readonly options: SupervisorOptions) {}

  /**
   * Opens the devices and starts the workers; resolves when all of them forward.
   *
   * @param plan of options.file
   * @throws Error when a device cannot be opened or a worker does not come up
   */
  static async start(options: SupervisorOptions, plan: PreparedPlan): Promise<Supervisor> {
    const { warmUpMs = WARM_UP_MS } = options;
    const supervisor = new Supervisor(options);
    let devices: DeviceSet | null = null;
    try {
      devices = await acquireDevices(plan, null);
      const generation = new Generation(1, plan, devices, null, warmUpMs, supervisor.captures);
      const threads = await supervisor.startThreads(generation);
      supervisor.takeOver(generation, threads);
      supervisor.hearIcmp();
    } catch (error) {
      if (devices !== null) await closeAll(devicesOnlyIn(devices, null));
      throw error;
    }
    supervisor.ticker = setInterval(() => {
      supervisor.tick();
    }, TICK_MS);
    return supervisor;
  }

  /** What is in effect. */
  get current(): Generation {
    if (this.generation === null) throw new Error('nothing is in effect yet');
    return this.generation;
  }

  get pathMtu(): PathMtuWatch {
    if (this.pathMtuWatch === null) throw new Error('nothing is in effect yet');
    return this.pathMtuWatch;
  }

  /** Threads whose numbers are not in the totals yet, with the names of their tunnels. */
  *counting(): Generator<Leaving> {
    const { names } = this.current.plan;
    for (const { thread } of this.places) if (thread !== null) yield { thread, names };
    yield* this.leaving;
  }

  /** Reads the configuration again and puts it into effect; else everything stays as it was. One at a time. */
  reload(): Promise<ReloadResult> {
    const result = this.reloading.then(() => this.reloadNow());
    this.reloading = result;
    return result;
  }

  /** Makes a worker fail: for tests. */
  crash(place: number): boolean {
    const worker = this.places[place];
    if (worker?.state !== 'running') return false;
    worker.thread?.crash();
    return true;
  }

  /** Lets the workers finish what is queued, and closes the devices. */
  async close(): Promise<void> {
    this.closing = true;
    await this.reloading;
    if (this.ticker !== null) clearInterval(this.ticker);
    this.pathMtu.close();
    const ends: Promise<unknown>[] = [...this.leaving].map(({ thread }) => thread.ended);
    for (const place of this.places) {
      place.cancelRestart();
      const { thread } = place;
      if (thread === null) continue;
      thread.drain();
      ends.push(endWithin(thread, DRAIN_MS));
    }
    await Promise.all(ends);
    await closeAll(devicesOnlyIn(this.current.devices, null));
  }

  private async reloadNow(): Promise<ReloadResult> {
    const { log, file, workers, warmUpMs = WARM_UP_MS } = this.options;
    const before = this.current;
    const startedAt = performance.now();
    let devices: DeviceSet | null = null;
    try {
      if (this.closing) throw new Error('the daemon is ending');
      const plan = await preparePlan(file, workers);
      devices = await acquireDevices(plan, before.devices);
      updateKept(devices, before.devices, plan);
      const next = new Generation(before.number + 1, plan, devices, before, warmUpMs, this.captures);
      const threads = await this.startThreads(next);
      const gapMs = this.takeOver(next, threads);
      this.reloads++;
      this.lastReloadError = null;
      this.closeReleased(devicesOnlyIn(before.devices, devices));
      this.hearIcmp();
      return { ok: true, generation: next.number, gapMs, tookMs: performance.now() - startedAt };
    } catch (error) {
      this.failedReloads++;
      this.lastReloadError = error instanceof Error ? error.message : String(error);
      if (devices !== null) await this.putBack(devices, before);
      log.warn({ problems: this.lastReloadError.split('\n') }, 'reload refused, the old configuration stays');
      return { ok: false, problems: problemsOf(error, file) };
    }
  }

  /** After a reload that failed half-way: what was opened for it is closed, what was changed is changed back. */
  private async putBack(devices: DeviceSet, before: Generation): Promise<void> {
    try {
      await closeAll(devicesOnlyIn(devices, before.devices));
      updateKept(before.devices, devices, before.plan);
    } catch (error) {
      this.options.log.error({ reason: String(error) }, 'the devices could not be put back as they were');
    }
  }

  private async startThreads(generation: Generation): Promise<WorkerThread[]> {
    const threads = Array.from({ length: generation.plan.workers }, (_, i) => generation.startThread(i));
    try {
      await Promise.all(threads.map((thread) => thread.ready));
    } catch (error) {
      for (const thread of threads) thread.stop();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`a worker did not come up: ${reason}`, { cause: error });
    }
    return threads;
  }

  /** From one generation to the next; answers how long nobody forwarded, in milliseconds. */
  private takeOver(next: Generation, threads: readonly WorkerThread[]): number {
    const before = this.generation;
    const sequences = before === null ? null : next.sequencesFrom(before);
    if (this.pathMtuWatch === null) this.pathMtuWatch = new PathMtuWatch(next, this.options.log);
    else this.pathMtuWatch.takeUp(next);
    const old = this.places.flatMap((place) => {
      place.cancelRestart();
      const { thread } = place;
      place.thread = null;
      // One that is not running yet has nothing to finish.
      return thread === null ? [] : [{ place, thread, stopped: !thread.isRunning }];
    });

    const startedAt = performance.now();
    for (const { thread } of old) thread.stop();
    for (const one of old) one.stopped ||= one.thread.waitStopped(STOP_WAIT_MS);
    if (before === null || sequences === null) next.tables.shared.sequences.fill(0);
    else next.inheritSequences(before, sequences);
    for (const thread of threads) thread.run();
    const gap = performance.now() - startedAt;

    this.generation = next;
    for (const { place, thread, stopped } of old)
      this.leave(place, thread, before?.plan.names ?? [], stopped);
    this.places = threads.map((thread, i) => this.settle(this.places[i] ?? new Place(i), thread, next));
    this.totals.keepTunnels(new Set(next.plan.names));
    this.lastReceived.takeUp(next.plan.names);
    return gap;
  }

  /** Gives a thread that runs its place. */
  private settle(place: Place, thread: WorkerThread, generation: Generation): Place {
    place.thread = thread;
    place.state = 'running';
    void thread.ended.then((error) => {
      if (place.thread === thread) this.failed(place, thread, generation, error);
    });
    return place;
  }

  /** Takes a thread out of its place. Its numbers go to the totals at once when it counts no more. */
  private leave(place: Place, thread: WorkerThread, names: readonly string[], stopped: boolean): void {
    if (stopped) {
      this.totals.add(thread, names);
      place.totals.add(thread);
      return;
    }
    const leaving = { thread, names };
    this.leaving.add(leaving);
    void thread.ended.then(() => {
      this.leaving.delete(leaving);
      this.totals.add(thread, names);
      place.totals.add(thread);
    });
    void thread.terminate('it did not finish its vector');
  }

  private failed(place: Place, thread: WorkerThread, generation: Generation, error: Error | null): void {
    place.thread = null;
    this.leave(place, thread, generation.plan.names, true);
    if (this.closing) {
      place.state = 'stopped';
      return;
    }
    const inMs = place.fail(error ?? new Error('it stopped without being told to'));
    this.options.log.error(
      { worker: place.index, reason: place.lastError, restartInMs: inMs },
      'worker failed',
    );
    this.restartIn(place, generation, inMs);
  }

  private restartIn(place: Place, generation: Generation, inMs: number): void {
    place.timer = setTimeout(() => {
      place.timer = null;
      void this.restart(place, generation);
    }, inMs);
  }

  private async restart(place: Place, generation: Generation): Promise<void> {
    const thread = generation.startThread(place.index);
    place.state = 'starting';
    try {
      await thread.ready;
    } catch (error) {
      if (this.generation === generation && !this.closing) {
        const inMs = place.fail(error instanceof Error ? error : new Error(String(error)));
        this.restartIn(place, generation, inMs);
      }
      return;
    }
    if (this.generation !== generation || this.closing) {
      thread.stop();
      return;
    }
    place.restarts++;
    thread.run();
    this.settle(place, thread, generation);
    this.options.log.info({ worker: place.index, restarts: place.restarts }, 'worker runs again');
  }

  /** Path MTU discovery, where the underlay is a real one. Without it the daemon works as well as it can. */
  private hearIcmp(): void {
    if (this.current.devices.underlay.device.kind === 'synthetic') return;
    try {
      this.pathMtu.listen();
    } catch (error) {
      this.options.log.warn({ reason: String(error) }, 'no path MTU discovery: ICMP cannot be heard');
    }
  }

  /** Once a second: heartbeats, and when tunnels were last heard of. */
  private tick(): void {
    this.options.log.tick();
    for (const place of this.places) {
      const { thread } = place;
      if (thread === null || place.state !== 'running') continue;
      if (place.heartbeatStill(thread.statistics[Stat.HEARTBEAT]!) < STILL_LIMIT) continue;
      void thread.terminate(`its loop did not come round for ${(STILL_LIMIT * TICK_MS) / 1000} s`);
    }
    this.lastReceived.sample(
      this.places.flatMap(({ thread }) => (thread === null ? [] : [thread.counters])),
      this.totals,
    );
    this.pathMtuWatch?.expire();
  }

  private closeReleased(devices: readonly HeldDevice[]): void {
    for (const { side, device } of devices) {
      this.deviceTotals.add(side, device);
      device.close().catch((error: unknown) => {
        this.options.log.warn({ device: device.name, reason: String(error) }, 'a device was not closed well');
      });
    }
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

/** Lets the devices that both sets have take over what the plan changes. */
function updateKept(devices: DeviceSet, before: DeviceSet, plan: Plan): void {
  for (const held of [devices.underlay, devices.overlay]) {
    if (held === before.underlay || held === before.overlay) held.update(plan);
  }
}

async function closeAll(devices: readonly HeldDevice[]): Promise<void> {
  await Promise.all(devices.map(({ device }) => device.close()));
}

function problemsOf(error: unknown, file: string): readonly ConfigProblem[] {
  if (error instanceof ConfigError) return error.problems;
  const message = error instanceof Error ? error.message : String(error);
  return [{ file, line: null, column: null, path: '', found: null, expected: null, message }];
}
