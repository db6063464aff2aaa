/**
 * The loop of a worker: receive, run, transmit, from whichever side has packets; asleep when neither has.
 * Nothing is allocated in it.
 */
import type { GroupReader } from '../dataplane/group-reader.js';
import type { Pipeline } from '../dataplane/pipeline.js';
import { Side, type PacketVector } from '../dataplane/packet-vector.js';
import type { Addon } from '../device/native/addon.js';
import { sharedWords, type Pinned } from '../device/native/pin-calls.js';
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
  readonly pipeline: Pick<Pipeline, 'run' | 'runLarge'>;
  /** Told before each vector, and when there is none. */
  readonly reader: Pick<GroupReader, 'begin' | 'end'>;
  readonly underlay: Port;
  readonly overlay: Port;
  readonly underlayVector: PacketVector;
  readonly overlayVector: PacketVector;
  readonly tap: Tap;
  readonly busyPoll: boolean;
  readonly wakeFd: number;
  /** Null without native addon: then no port has descriptors. */
  readonly addon: Pick<Addon, 'pin' | 'pollReady' | 'eventfdClear'> | null;
  /** The time in milliseconds since the thread began. */
  readonly now: () => number;
}

/** The longest sleep, so that a heartbeat comes at least so often. Milliseconds. */
const LONGEST_SLEEP = 1000;

/** Sides to be asked for packets: bits. */
const Ask = { UNDERLAY: 1, OVERLAY: 2, BOTH: 3 } as const;
/** A side with fewer packets than that in a round is asked again by itself, but not so often in a row. */
const FEW = 32;
const ALONE_LIMIT = 8;

/** Descriptors that say "ready" so often without a packet are in error: then the worker sleeps a little. */
const FRUITLESS_LIMIT = 16;
const FRUITLESS_SLEEP = 10;

/** Rounds that a worker still makes for packets that a port holds itself, when it is to stop. */
const LAST_ROUNDS = 256;

export class Loop {
  /** The descriptors of both ports, the one that wakes us, and where there have been more −1. */
  private fds = sharedWords(0);
  private pollFds: Pinned<Int32Array> = this.fds;
  private underlayFds: readonly number[] = [];
  private overlayFds: readonly number[] = [];
  /** For each descriptor whether it was ready. */
  private ready = sharedWords(0);
  private pinnedReady: Pinned<Int32Array> = this.ready;
  /** Whether a port's descriptor ended the last sleep. */
  private wasReady = false;

  constructor(private readonly parts: LoopParts) {}

  /** Returns when it was told to stop. */
  run(): void {
    const { words, statistics, reader, underlay, overlay, underlayVector, overlayVector, now } = this.parts;
    const origin = performance.timeOrigin;
    let last = now();
    let spent: number = Stat.BUSY_MS;
    let fruitless = 0;
    let roundsLeft = LAST_ROUNDS;
    let ask: number = Ask.BOTH;
    let alone = 0;
    Atomics.store(words, Word.STATE, State.RUNNING);
    for (;;) {
      const time = now();
      statistics[Stat.HEARTBEAT] = origin + time;
      statistics[spent]! += time - last;
      last = time;
      const command = Atomics.load(words, Word.COMMAND);
      if (command !== Command.RUN) ask = Ask.BOTH;
      if (command === Command.STOP) {
        if ((underlay.waitMs > 0 && overlay.waitMs > 0) || --roundsLeft === 0) return;
      }
      const received =
        (ask & Ask.UNDERLAY) === 0 ? 0 : this.forward(underlay, underlayVector, Side.UNDERLAY, time, command);
      const more =
        (ask & Ask.OVERLAY) === 0 ? 0 : this.forward(overlay, overlayVector, Side.OVERLAY, time, command);
      if (received + more > 0) {
        spent = Stat.BUSY_MS;
        fruitless = 0;
        // Packets that come one by one cost little more than the calls that find nothing on the other side.
        const isAlone = received + more < FEW && ++alone < ALONE_LIMIT;
        if (!isAlone) alone = 0;
        ask = isAlone ? (received > 0 ? Ask.UNDERLAY : 0) | (more > 0 ? Ask.OVERLAY : 0) : Ask.BOTH;
        continue;
      }
      reader.end();
      if (command === Command.CRASH) throw new Error('made to fail by a test');
      if (command === Command.DRAIN) return;
      if (command === Command.STOP) continue;
      spent = Stat.IDLE_MS;
      if (this.parts.busyPoll) {
        ask = Ask.BOTH;
        continue;
      }
      ask = this.sleep();
      fruitless = this.wasReady ? fruitless + 1 : 0;
      if (fruitless > FRUITLESS_LIMIT) Atomics.wait(words, Word.COMMAND, Command.RUN, FRUITLESS_SLEEP);
    }
  }

  /** One vector from one side, if there is any; the number of packets. */
  private forward(port: Port, vector: PacketVector, side: number, time: number, command: number): number {
    const { statistics, pipeline, reader, tap, underlay, overlay } = this.parts;
    const tapped = tap.active;
    // Whoever looks wants to see packets.
    vector.takesLarge = !tapped;
    const count = port.receive(vector, side);
    if (count === 0) return 0;
    statistics[Stat.IN_HAND] = count;
    if (command === Command.CRASH) throw new Error('made to fail by a test');
    if (tapped) {
      vector.completeAll();
      tap.before(vector);
    }
    reader.begin();
    if (vector.large) pipeline.runLarge(vector);
    else pipeline.run(vector, time);
    statistics[Stat.IN_HAND] = 0;
    if (tapped) tap.after(vector);
    if (vector.leavesOn(Side.UNDERLAY)) underlay.transmit(vector, Side.UNDERLAY);
    if (vector.leavesOn(Side.OVERLAY)) overlay.transmit(vector, Side.OVERLAY);
    statistics[Stat.VECTORS]! += 1;
    // 1 → 0, 2 → 1, 3 and 4 → 2 …
    const bucket = 32 - Math.clz32(count - 1);
    statistics[Stat.BATCHES + (bucket < BATCH_BUCKETS ? bucket : BATCH_BUCKETS - 1)]! += 1;
    return count;
  }

  /** Waits until something may have arrived, or a command came; answers whom to ask. */
  private sleep(): number {
    const { underlay, overlay, words, addon, wakeFd } = this.parts;
    this.wasReady = false;
    const wait = Math.min(underlay.waitMs, overlay.waitMs, LONGEST_SLEEP);
    if (wait <= 0) return Ask.BOTH;
    // A port whose interface has vanished takes its descriptor back: it would be in error for ever.
    if (underlay.pollFds !== this.underlayFds || overlay.pollFds !== this.overlayFds) this.readDescriptors();
    const { pollFds, ready, pinnedReady } = this;
    const between = this.underlayFds.length;
    const last = between + this.overlayFds.length;
    if (addon === null || last === 0) {
      Atomics.wait(words, Word.COMMAND, Command.RUN, wait);
      return Ask.BOTH;
    }
    if (addon.pollReady(pollFds, pinnedReady, Math.ceil(wait)) === 0) return Ask.BOTH;
    // A command, or a probe to be sent: either is looked for before the next sleep.
    if (ready[last] !== 0 || Atomics.load(words, Word.COMMAND) !== Command.RUN) {
      addon.eventfdClear(wakeFd);
      return Ask.BOTH;
    }
    this.wasReady = true;
    let ask = 0;
    for (let i = 0; i < last; i++) if (ready[i] !== 0) ask |= i < between ? Ask.UNDERLAY : Ask.OVERLAY;
    return ask;
  }

  private readDescriptors(): void {
    const { underlay, overlay, wakeFd, addon } = this.parts;
    this.underlayFds = underlay.pollFds;
    this.overlayFds = overlay.pollFds;
    if (addon === null) return;
    const fds = [...this.underlayFds, ...this.overlayFds, wakeFd];
    if (fds.length > this.fds.length) {
      this.fds = sharedWords(fds.length);
      this.ready = sharedWords(fds.length);
      this.pollFds = addon.pin(this.fds);
      this.pinnedReady = addon.pin(this.ready);
    }
    this.fds.fill(-1).set(fds);
  }
}
