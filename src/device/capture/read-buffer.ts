import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';

/** A part of shared memory into which file bytes are read, such as the staging area of a PacketPool. */
export interface StagingArea {
  buffer: SharedArrayBuffer;
  /** First byte in the buffer. */
  offset: number;
  bytes: number;
}

/** The least staging area; a record that is larger than the area cannot be read through it. */
export const MINIMUM_STAGING_BYTES = 589_824;

/** Bytes read at a time: small enough to stay in a core's second-level cache until they are used. */
export const DEFAULT_CHUNK_BYTES = 262_144;

/** An unread tail up to this size is moved to the front before a read; a larger one only when it must be. */
const CHEAP_MOVE = 65_536;

export interface ReadBufferOptions {
  staging?: StagingArea | undefined;
  /** Bytes read at a time, 1 and up. Default 262,144. */
  chunkBytes?: number | undefined;
}

/**
 * The part of a file that is in memory: `data[start]` is the first unread byte, `data[end]` the first
 * behind what is there. Grows for a record that does not fit (not in a staging area).
 */
export class ReadBuffer {
  /** The memory: a view of the whole shared buffer when there is a staging area. */
  data: Uint8Array;
  view: DataView;
  start: number;
  end: number;
  /** Whether the source has ended: nothing comes behind `end`. */
  ended = false;

  private base: number;
  private limit: number;
  private readonly growable: boolean;
  private readonly chunkBytes: number;
  /** Stream offset of data[base]. */
  private baseOffset = 0;

  constructor(
    private readonly source: ByteSource,
    options: ReadBufferOptions,
  ) {
    const { staging } = options;
    this.chunkBytes = options.chunkBytes ?? DEFAULT_CHUNK_BYTES;
    this.growable = staging === undefined;
    if (staging === undefined) {
      this.data = new Uint8Array(this.chunkBytes + 2 * CHEAP_MOVE);
      this.base = 0;
      this.limit = this.data.length;
    } else {
      if (staging.bytes < MINIMUM_STAGING_BYTES) {
        throw new RangeError(
          `a staging area has at least ${MINIMUM_STAGING_BYTES} bytes, found ${staging.bytes}`,
        );
      }
      this.data = new Uint8Array(staging.buffer);
      this.base = staging.offset;
      this.limit = staging.offset + staging.bytes;
    }
    this.view = new DataView(this.data.buffer);
    this.start = this.base;
    this.end = this.base;
  }

  /** Stream offset of data[position]. */
  offsetOf(position: number): number {
    return this.baseOffset + (position - this.base);
  }

  /**
   * Drops what lies before `keep` and reads on, once. `keep` may lie behind `end`: the bytes between are
   * passed over. `need` is how many bytes from `keep` on must fit in the memory. Afterwards `start` is
   * where `keep` went; it is behind `end` when the source ended in bytes to pass over.
   */
  async fill(keep: number, need: number): Promise<void> {
    if (this.ended) {
      this.start = keep;
      return;
    }
    if (keep > this.end) {
      await this.passOver(keep - this.end);
      return;
    }
    this.makeRoom(keep, Math.max(need, this.end - keep + 1));
    const n = await this.read(this.end);
    this.end += n;
  }

  private async read(position: number): Promise<number> {
    const n = this.source.read(this.data, position, Math.min(this.chunkBytes, this.limit - position));
    const got = typeof n === 'number' ? n : await n;
    if (got === 0) this.ended = true;
    return got;
  }

  private async passOver(count: number): Promise<void> {
    this.baseOffset = this.offsetOf(this.end);
    this.end = this.base;
    let left = count;
    for (;;) {
      const n = await this.read(this.base);
      if (n >= left) {
        this.start = this.base + left;
        this.end = this.base + n;
        return;
      }
      if (n === 0) {
        this.start = this.base + left;
        return;
      }
      left -= n;
      this.baseOffset += n;
    }
  }

  private makeRoom(keep: number, need: number): void {
    const tail = this.end - keep;
    const fits = keep + need <= this.limit && this.end < this.limit;
    if (need > this.limit - this.base) {
      this.grow(keep, need);
    } else if (tail <= CHEAP_MOVE || !fits) {
      this.baseOffset = this.offsetOf(keep);
      this.data.copyWithin(this.base, keep, this.end);
      this.start = this.base;
      this.end = this.base + tail;
    } else {
      this.start = keep;
    }
  }

  private grow(keep: number, need: number): void {
    if (!this.growable) {
      throw new CaptureError(
        this.source.path,
        `found a record of ${need} bytes, expected at most the ${this.limit - this.base} of the staging area`,
        { offset: this.offsetOf(keep) },
      );
    }
    const larger = new Uint8Array(need + this.chunkBytes);
    larger.set(this.data.subarray(keep, this.end));
    this.baseOffset = this.offsetOf(keep);
    this.end -= keep;
    this.start = 0;
    this.base = 0;
    this.limit = larger.length;
    this.data = larger;
    this.view = new DataView(larger.buffer);
  }
}
