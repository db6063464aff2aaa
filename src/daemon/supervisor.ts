/**
 * The supervisor: goes from one generation to the next, at the start and at each reload. New threads warm up
 * beside the old ones, and take over their descriptors and memory once the old ones have left their loops. The
 * kernel's queues hold what arrives meanwhile.
 */
import { CaptureRings } from '../observability/capture-session.js';
import { ConfigError, type ConfigProblem } from '../config/problem.js';
import {
  acquireDevices,
  closeDevices,
  devicesOnlyIn,
  updateKept,
  type DeviceSet,
  type HeldDevice,
} from './devices.js';
import { reportChanges, type ChangeReport } from './change-report.js';
import { DeviceTotals } from './device-totals.js';
import { Generation } from './generation.js';
import { HealthWatch } from './health-watch.js';
import { InterfaceWatch } from './interface-watch.js';
import { LastReceived } from './last-received.js';
import type { DaemonLog } from './log.js';
import type { Place } from './place.js';
import { Places } from './places.js';
import { PathMtuWatch } from './path-mtu-watch.js';
import { preparePlan, type PreparedPlan } from './planner.js';
import { Totals } from './totals.js';
import { WARM_UP_MS } from './warm-up.js';
import type { WorkerThread } from './worker-thread.js';

export interface SupervisorOptions {
  readonly file: string;
  /** In place of the configuration's number. */
  readonly workers?: number | undefined;
  readonly log: DaemonLog;
  /** How long a worker may warm up before it takes over, in milliseconds. */
  readonly warmUpMs?: number | undefined;
}

export type ReloadResult = Reloaded | Refused;

export interface Reloaded {
  readonly ok: true;
  readonly generation: number;
  readonly gapMs: number;
  readonly tookMs: number;
  readonly changes: ChangeReport;
}

export interface Refused {
  readonly ok: false;
  readonly problems: readonly ConfigProblem[];
}

/** What a reload would change, as far as the configuration says. */
export type PreviewResult = { readonly ok: true; readonly changes: ChangeReport } | Refused;

const TICK_MS = 1000;

export class Supervisor {
  readonly startedAt = new Date();
  readonly totals = new Totals();
  readonly deviceTotals = new DeviceTotals();
  readonly lastReceived = new LastReceived();
  readonly captures = new CaptureRings();
  readonly health: HealthWatch;
  readonly interfaces: InterfaceWatch;
  reloads = 0;
  failedReloads = 0;
  lastReloadError: string | null = null;
  private readonly workers: Places;
  private generation: Generation | null = null;
  private pathMtuWatch: PathMtuWatch | null = null;
  private ticker: NodeJS.Timeout | null = null;
  private reloading: Promise<unknown> = Promise.resolve();
  private closing = false;

  private constructor(private readonly options: SupervisorOptions) {
    this.workers = new Places(this.totals, options.log);
    this.health = new HealthWatch(options.log);
    this.interfaces = new InterfaceWatch(options.log);
  }

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
      devices = await acquireDevices(plan, null, () => false);
      const generation = new Generation(1, plan, devices, null, warmUpMs, supervisor);
      supervisor.takeOver(generation, await generation.startThreads());
      supervisor.hearIcmp();
      supervisor.interfaces.takeUp(devices);
    } catch (error) {
      if (devices !== null) await closeDevices(devicesOnlyIn(devices, null));
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

  get places(): readonly Place[] {
    return this.workers.list;
  }

  /** Threads whose numbers are not in the totals yet, with the names of their tunnels. */
  counting(): ReturnType<Places['counting']> {
    return this.workers.counting();
  }

  /** Reads the configuration again and puts it into effect; else everything stays as it was. One at a time. */
  reload(): Promise<ReloadResult> {
    const result = this.reloading.then(() => this.reloadNow());
    this.reloading = result;
    return result;
  }

  /** What a reload would do; nothing changes. Devices are not asked: they may still refuse. */
  async preview(): Promise<PreviewResult> {
    const { file, workers } = this.options;
    try {
      const { changes } = await preparePlan(file, workers, this.current.plan);
      return { ok: true, changes: reportChanges(changes) };
    } catch (error) {
      return { ok: false, problems: problemsOf(error, file) };
    }
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
    this.interfaces.close();
    this.pathMtu.close();
    this.health.close();
    await this.workers.close();
    await closeDevices(devicesOnlyIn(this.current.devices, null));
  }

  private async reloadNow(): Promise<ReloadResult> {
    const { log, file, workers, warmUpMs = WARM_UP_MS } = this.options;
    const before = this.current;
    const startedAt = performance.now();
    let devices: DeviceSet | null = null;
    try {
      if (this.closing) throw new Error('the daemon is ending');
      const plan = await preparePlan(file, workers, before.plan);
      devices = await acquireDevices(plan, before.devices, (held) => this.interfaces.isGone(held));
      updateKept(devices, before.devices, plan);
      const next = new Generation(before.number + 1, plan, devices, before, warmUpMs, this);
      const gapMs = this.takeOver(next, await next.startThreads());
      this.reloads++;
      this.lastReloadError = null;
      this.interfaces.takeUp(devices);
      this.closeReleased(devicesOnlyIn(before.devices, devices));
      this.hearIcmp();
      const tookMs = performance.now() - startedAt;
      return { ok: true, generation: next.number, gapMs, tookMs, changes: reportChanges(plan.changes) };
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
      await closeDevices(devicesOnlyIn(devices, before.devices));
      updateKept(before.devices, devices, before.plan);
    } catch (error) {
      this.options.log.error({ reason: String(error) }, 'the devices could not be put back as they were');
    }
  }

  /** From one generation to the next; answers how long nobody forwarded, in milliseconds. */
  private takeOver(next: Generation, threads: readonly WorkerThread[]): number {
    const before = this.generation;
    const sequences = before === null ? null : next.sequencesFrom(before);
    if (this.pathMtuWatch === null) this.pathMtuWatch = new PathMtuWatch(next, this.options.log);
    else this.pathMtuWatch.takeUp(next);
    const gap = this.workers.takeOver(next, threads, () => {
      if (before === null || sequences === null) next.tables.shared.sequences.fill(0);
      else next.inheritSequences(before, sequences);
      this.health.takeUp(next);
    });
    this.generation = next;
    this.totals.keepTunnels(new Set(next.plan.names));
    this.lastReceived.takeUp(next.plan.names);
    return gap;
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
    this.workers.endHanging();
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

function problemsOf(error: unknown, file: string): readonly ConfigProblem[] {
  if (error instanceof ConfigError) return error.problems;
  const message = error instanceof Error ? error.message : String(error);
  return [{ file, line: null, column: null, path: '', found: null, expected: null, message }];
}
