/**
 * The loop of a worker: receive, run, transmit, from whichever side has packets; asleep when neither has.
 * Nothing is allocated in it.
 */
import type { Pipeline } from '../dataplane/pipeline.js';
import { Side, type PacketVector } from '../dataplane/packet-vector.js';
import type { Addon } from '../device/native/addon.js';
import type { Port } from '../device/port.js';
import { BATCH_BUCKETS, Command, Stat, State, Word } from './worker-memory.js';

/** Sees packets on their way, when somebody asked for it. */
export interface Tap {
  /** Whether anybody looks; asked once for each vector. */
  readonly active: boolean;
  /** As received, before the pipeline changes them in place. */
  before(vector: PacketVector): void;
  /** With their verdicts. */
  after(vector: PacketVector): void;
}

export interface LoopParts {
  readonly words: Int32Array;
  readonly statistics: Float64Array;
  readonly pipeline: Pipeline;
  readonly underlay: Port;
  readonly overlay: Port;
  readonly underlayVector: PacketVector;
  readonly overlayVector: PacketVector;
  readonly tap: Tap;
  readonly busyPoll: boolean;
  readonly wakeFd: number;
  /** Null without native addon: then no port has descriptors. */
  readonly addon: Pick<Addon, 'poll' | 'eventfdClear'> | null;
}

/** The longest sleep, so that a heartbeat comes at least so often. Milliseconds. */
const LONGEST_SLEEP = 1000;

/** Descriptors that say "ready" so often without a packet are in error: then the worker sleeps a little. */
const FRUITLESS_LIMIT = 16;
const FRUITLESS_SLEEP = 10;

/** Rounds that a worker still makes for packets that a port holds itself, when it is to stop. */
const LAST_ROUNDS = 256;

export class Loop {
  private pollFds = new Int32Array(0);
  private underlayFds: readonly number[] = [];
  private overlayFds: readonly number[] = [];
  private readonly now: () => number;

  constructor(private readonly parts: LoopParts) {
    this.now = performance.now.bind(performance);
  }

  /** Returns when it was told to stop. */
  run(): void {
    const { words, statistics, underlay, overlay, underlayVector, overlayVector } = this.parts;
    const { now } = this;
    const origin = performance.timeOrigin;
    let last = now();
    let spent: number = Stat.BUSY_MS;
    let fruitless = 0;
    let roundsLeft = LAST_ROUNDS;
    Atomics.store(words, Word.STATE, State.RUNNING);
    for (;;) {
      const time = now();
      statistics[Stat.HEARTBEAT] = origin + time;
      statistics[spent]! += time - last;
      last = time;
      const command = Atomics.load(words, Word.COMMAND);
      if (command === Command.STOP) {
        if ((underlay.waitMs > 0 && overlay.waitMs > 0) || --roundsLeft === 0) return;
      }
      const received = this.forward(underlay, underlayVector, Side.UNDERLAY, time, command);
      const more = this.forward(overlay, overlayVector, Side.OVERLAY, time, command);
      if (received + more > 0) {
        spent = Stat.BUSY_MS;
        fruitless = 0;
        continue;
      }
      if (command === Command.CRASH) throw new Error('made to fail by a test');
      if (command === Command.DRAIN) return;
      if (command === Command.STOP) continue;
      spent = Stat.IDLE_MS;
      if (this.parts.busyPoll) continue;
      fruitless = this.sleep() ? fruitless + 1 : 0;
      if (fruitless > FRUITLESS_LIMIT) Atomics.wait(words, Word.COMMAND, Command.RUN, FRUITLESS_SLEEP);
    }
  }

  /** One vector from one side, if there is any. */
  private forward(port: Port, vector: PacketVector, side: number, time: number, command: number): number {
    const count = port.receive(vector, side);
    if (count === 0) return 0;
    const { statistics, pipeline, tap, underlay, overlay } = this.parts;
    statistics[Stat.IN_HAND] = count;
    if (command === Command.CRASH) throw new Error('made to fail by a test');
    const tapped = tap.active;
    if (tapped) tap.before(vector);
    pipeline.run(vector, time);
    statistics[Stat.IN_HAND] = 0;
    if (tapped) tap.after(vector);
    underlay.transmit(vector, Side.UNDERLAY);
    overlay.transmit(vector, Side.OVERLAY);
    statistics[Stat.VECTORS]! += 1;
    // 1 → 0, 2 → 1, 3 and 4 → 2 …
    const bucket = 32 - Math.clz32(count - 1);
    statistics[Stat.BATCHES + (bucket < BATCH_BUCKETS ? bucket : BATCH_BUCKETS - 1)]! += 1;
    return count;
  }

  /** Waits until something may have arrived or a command came; whether a port's descriptor was ready. */
  private sleep(): boolean {
    const { underlay, overlay, words, addon, wakeFd } = this.parts;
    const wait = Math.min(underlay.waitMs, overlay.waitMs, LONGEST_SLEEP);
    if (wait <= 0) return false;
    // A port whose interface has vanished takes its descriptor back: it would be in error for ever.
    if (underlay.pollFds !== this.underlayFds || overlay.pollFds !== this.overlayFds) this.readDescriptors();
    if (addon === null || this.pollFds.length === 0) {
      Atomics.wait(words, Word.COMMAND, Command.RUN, wait);
      return false;
    }
    if (addon.poll(this.pollFds, Math.ceil(wait)) === 0) return false;
    if (Atomics.load(words, Word.COMMAND) === Command.RUN) return true;
    addon.eventfdClear(wakeFd);
    return false;
  }

  private readDescriptors(): void {
    const { underlay, overlay, wakeFd } = this.parts;
    this.underlayFds = underlay.pollFds;
    this.overlayFds = overlay.pollFds;
    const fds = [...this.underlayFds, ...this.overlayFds];
    this.pollFds = Int32Array.from(fds.length === 0 ? [] : [...fds, wakeFd]);
  }
}
