/**
 * The captures of a replay as one stream of packets: merged by time, each file in its own order. Packets
 * of the same time come in the order of the list (underlay files first, then as on the command line).
 * Played several times over, each pass starts at the time at which the one before ended.
 */
import { openCapture } from '../device/capture/capture-reader.js';
import type { CaptureReader } from '../device/capture/base-reader.js';
import type { StagingArea } from '../device/capture/read-buffer.js';

/** A capture to play. */
export interface InputFile {
  readonly path: string;
  /** Side.UNDERLAY or Side.OVERLAY: where its packets arrive. */
  readonly side: number;
}

/** What `head` answers. */
export const Head = {
  /** A packet is next: `reader`, `side`, `seconds` and `nanoseconds` describe it. */
  PACKET: 1,
  /** `await refill()`, then ask again. */
  STARVED: 0,
  /** The last pass is over. */
  END: -1,
} as const;

/** States of an input: what its reader's next() answered, or that it has yet to be asked. */
const HAS_PACKET = 1;
const STARVED = 0;
const ENDED = -1;
const UNKNOWN = 2;

interface Input extends InputFile {
  readonly reader: CaptureReader;
  state: number;
}

const NANOS = 1_000_000_000;

export class MergedInputs {
  /** The reader that stands at the packet. */
  reader: CaptureReader;
  /** The side on which it arrives. */
  side: number;
  /** Its time, moved on by the length of the passes before this one. Whole seconds since 1970, 0 to 999,999,999. */
  seconds = 0;
  nanoseconds = 0;

  private chosen: Input;
  private passes = 0;
  private packetsOfPass = 0;
  private shiftSeconds = 0;
  private shiftNanos = 0;
  /** Bytes of all files together that complete passes have read. */
  private bytesOfPasses = 0;
  private readonly span = new TimeSpan();

  private constructor(
    private readonly files: readonly InputFile[],
    private inputs: readonly Input[],
    private readonly staging: readonly StagingArea[],
    private readonly loops: number,
  ) {
    this.chosen = inputs[0]!;
    this.reader = this.chosen.reader;
    this.side = this.chosen.side;
  }

  /**
   * Opens the captures, at least one, to be played `loops` times; the i-th is read into `staging[i]`.
   * @throws CaptureError when one cannot be opened or is no capture
   */
  static async open(
    files: readonly InputFile[],
    staging: readonly StagingArea[],
    loops: number,
  ): Promise<MergedInputs> {
    return new MergedInputs(files, await openAll(files, staging), staging, loops);
  }

  /** The readers, in the order of the files. */
  get readers(): readonly CaptureReader[] {
    return this.inputs.map((input) => input.reader);
  }

  /** Bytes of the files read so far. */
  get bytesRead(): number {
    return this.inputs.reduce((sum, { reader }) => sum + reader.bytesRead, this.bytesOfPasses);
  }

  /** Bytes to be read in all passes, null when a file's size cannot be known. */
  get totalBytes(): number | null {
    let total = 0;
    for (const { reader } of this.inputs) {
      if (reader.totalBytes === null) return null;
      total += reader.totalBytes;
    }
    return total * this.loops;
  }

  /** Which packet is next, if any; the same one until `advance`. */
  head(): number {
    const { chosen } = this;
    if (this.inputs.length === 1) {
      if (chosen.state === UNKNOWN) chosen.state = chosen.reader.next();
      if (chosen.state !== HAS_PACKET) return this.without(chosen.state);
    } else {
      const state = this.choose();
      if (state !== HAS_PACKET) return this.without(state);
    }
    const { reader } = this;
    this.seconds = reader.seconds + this.shiftSeconds;
    this.nanoseconds = reader.nanoseconds + this.shiftNanos;
    if (this.nanoseconds >= NANOS) {
      this.nanoseconds -= NANOS;
      this.seconds++;
    }
    return Head.PACKET;
  }

  /** The packet that `head` showed is taken. */
  advance(): void {
    this.chosen.state = UNKNOWN;
    this.packetsOfPass++;
    if (this.loops > 1 && this.passes === 0) this.span.add(this.reader.seconds, this.reader.nanoseconds);
  }

  /** After STARVED: reads on, or starts the next pass. */
  async refill(): Promise<void> {
    for (const input of this.inputs) {
      if (input.state === STARVED) {
        await input.reader.fill();
        input.state = UNKNOWN;
      }
    }
    if (this.inputs.every((input) => input.state === ENDED)) await this.rewind();
  }

  /** May be called more than once, and while `refill` is waiting (which then fails). */
  async close(): Promise<void> {
    const open = this.inputs;
    this.inputs = [];
    await closeAll(open);
  }

  /** Makes the input with the earliest packet the chosen one. */
  private choose(): number {
    let best: Input | undefined;
    for (const input of this.inputs) {
      if (input.state === UNKNOWN) input.state = input.reader.next();
      if (input.state === STARVED) return STARVED;
      if (input.state === HAS_PACKET && (best === undefined || isEarlier(input.reader, best.reader)))
        best = input;
    }
    if (best === undefined) return ENDED;
    this.chosen = best;
    this.reader = best.reader;
    this.side = best.side;
    return HAS_PACKET;
  }

  private without(state: number): number {
    if (state === STARVED) return Head.STARVED;
    // A pass without packets would be followed by others like it.
    return this.passes + 1 < this.loops && this.packetsOfPass > 0 ? Head.STARVED : Head.END;
  }

  private async rewind(): Promise<void> {
    this.bytesOfPasses = this.bytesRead;
    this.passes++;
    this.packetsOfPass = 0;
    const nanos = this.passes * this.span.nanoseconds;
    this.shiftSeconds = this.passes * this.span.seconds + Math.floor(nanos / NANOS);
    this.shiftNanos = nanos % NANOS;
    const old = this.inputs;
    this.inputs = [];
    await closeAll(old);
    this.inputs = await openAll(this.files, this.staging);
    this.chosen = this.inputs[0]!;
    this.reader = this.chosen.reader;
    this.side = this.chosen.side;
  }
}

/** From the earliest to the latest of the times added. */
class TimeSpan {
  private firstSeconds = Infinity;
  private firstNanos = 0;
  private lastSeconds = -Infinity;
  private lastNanos = 0;

  add(seconds: number, nanoseconds: number): void {
    if (seconds < this.firstSeconds || (seconds === this.firstSeconds && nanoseconds < this.firstNanos)) {
      this.firstSeconds = seconds;
      this.firstNanos = nanoseconds;
    }
    if (seconds > this.lastSeconds || (seconds === this.lastSeconds && nanoseconds > this.lastNanos)) {
      this.lastSeconds = seconds;
      this.lastNanos = nanoseconds;
    }
  }

  /** Whole seconds between the two. */
  get seconds(): number {
    return this.lastSeconds - this.firstSeconds - (this.lastNanos < this.firstNanos ? 1 : 0);
  }

  /** And what is left over, 0 to 999,999,999. */
  get nanoseconds(): number {
    return (this.lastNanos - this.firstNanos + NANOS) % NANOS;
  }
}

function isEarlier(a: CaptureReader, b: CaptureReader): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);
}

async function openAll(files: readonly InputFile[], staging: readonly StagingArea[]): Promise<Input[]> {
  const inputs: Input[] = [];
  try {
    for (const [i, file] of files.entries()) {
      const reader = await openCapture(file.path, { staging: staging[i] });
      inputs.push({ ...file, reader, state: UNKNOWN });
    }
  } catch (error) {
    await closeAll(inputs);
    throw error;
  }
  return inputs;
}

async function closeAll(inputs: readonly Input[]): Promise<void> {
  await Promise.all(inputs.map(({ reader }) => reader.close()));
}
