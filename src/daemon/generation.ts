/** Everything that one configuration in effect consists of: tables, devices, memory, and its worker threads. */
import { Tables } from '../dataplane/tables.js';
import { loadAddon } from '../device/native/addon.js';
import type { CaptureRings } from '../observability/capture-session.js';
import type { DeviceSet } from './devices.js';
import type { HealthWatch } from './health-watch.js';
import type { PreparedPlan } from './planner.js';
import type { AnyPortSpec } from './ports.js';
import type { SharedWorkerPool } from './worker-memory.js';
import { createWorkerPool } from './worker-pool.js';
import { WorkerThread, type Waker } from './worker-thread.js';

/** What outlives generations. */
export interface GenerationParts {
  readonly captures: CaptureRings;
  readonly health: HealthWatch;
}

export class Generation {
  readonly tables: Tables;
  readonly pools: readonly SharedWorkerPool[];

  /** @param previous its pools are used on, if the devices are the same */
  constructor(
    readonly number: number,
    readonly plan: PreparedPlan,
    readonly devices: DeviceSet,
    previous: Generation | null,
    private readonly warmUpMs: number,
    private readonly parts: GenerationParts,
  ) {
    this.tables = Tables.open(plan.tables);
    const same =
      previous?.devices.underlay === devices.underlay && previous.devices.overlay === devices.overlay;
    this.pools = same
      ? previous.pools
      : Array.from({ length: plan.workers }, (_, i) => createWorkerPool(...this.portsOf(i)));
  }

  /** Starts a thread for a worker's place; it warms up for `warmUpMs` milliseconds at the most, and waits. */
  startThread(place: number, warmUpMs = this.warmUpMs): WorkerThread {
    const { daemon } = this.plan.config;
    const [underlay, overlay] = this.portsOf(place);
    const isProbing = this.plan.targets.length > 0;
    const thread = new WorkerThread(
      this.tables.tunnelCount,
      {
        memory: this.pools[place]!,
        tables: this.tables.share(),
        underlay,
        overlay,
        icmpPerSecond: daemon.icmp_errors_per_second,
        busyPoll: daemon.busy_poll,
        capture: this.parts.captures.shared(place),
        generation: this.number,
        warmUp: this.plan.warmUp,
        warmUpMs,
      },
      hasDescriptors(underlay) || hasDescriptors(overlay) ? openWaker() : null,
      isProbing ? this.parts.health : null,
    );
    if (isProbing) this.parts.health.attach(thread, this.plan.names);
    this.tables.addReader(thread.reader);
    void thread.ended.then(() => {
      this.tables.removeReader(thread.reader);
    });
    return thread;
  }

  /**
   * Starts a thread for each place; resolves when all of them wait.
   *
   * @throws Error when one does not come up: then none stays
   */
  async startThreads(): Promise<WorkerThread[]> {
    const threads = this.pools.map((_, place) => this.startThread(place));
    try {
      await Promise.all(threads.map((thread) => thread.ready));
    } catch (error) {
      for (const thread of threads) thread.stop();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`a worker did not come up: ${reason}`, { cause: error });
    }
    return threads;
  }

  /** Where the sequence numbers of the tunnels that `old` has too are: pairs of numbers of tunnels, old and new. */
  sequencesFrom(old: Generation): Int32Array {
    const numbers = new Map(old.plan.names.map((name, i) => [name, i]));
    return Int32Array.from(
      this.plan.names.flatMap((name, i) => {
        const before = numbers.get(name);
        return before === undefined ? [] : [before, i];
      }),
    );
  }

  /** Takes over the sequence numbers that the tunnels of `old` have come to. Called while no worker runs. */
  inheritSequences(old: Generation, pairs: Int32Array): void {
    const { sequences } = this.tables.shared;
    const before = old.tables.shared.sequences;
    for (let i = 0; i < pairs.length; i += 2) sequences[pairs[i + 1]!] = before[pairs[i]!]!;
  }

  private portsOf(place: number): [AnyPortSpec, AnyPortSpec] {
    const { underlay, overlay } = this.devices;
    return [underlay.device.ports[place]!, overlay.device.ports[place]!];
  }
}

function hasDescriptors(spec: AnyPortSpec): boolean {
  return spec.kind !== 'synthetic' && spec.kind !== 'discard';
}

function openWaker(): Waker {
  const addon = loadAddon();
  const fd = addon.eventfd();
  let open = true;
  return {
    fd,
    wake: () => {
      if (open) addon.eventfdSignal(fd);
    },
    close: () => {
      if (open) addon.closeDescriptor(fd);
      open = false;
    },
  };
}
