import type { Readable } from 'node:stream';
import { CaptureError } from './capture-error.js';

/**
 * Where the bytes of a capture come from: a file, standard input, a FIFO, memory, or another source
 * through gunzip. A source reads into memory that its caller gives it.
 */
export interface ByteSource {
  /** The name for messages. */
  readonly path: string;
  /** Bytes taken from the file so far; of a gzip'd file the compressed ones. */
  readonly bytesRead: number;
  /** Size of the file in bytes, or null when it cannot be known. */
  readonly totalBytes: number | null;
  /**
   * Reads 1 to `length` bytes to target[position…] and returns how many; 0 at the end.
   * A source that never has to wait answers with a plain number. Throws CaptureError.
   */
  read(target: Uint8Array, position: number, length: number): number | Promise<number>;
  close(): Promise<void>;
}

/** Standard input, a FIFO or a device, as a Node stream. */
export class StreamSource implements ByteSource {
  bytesRead = 0;
  readonly totalBytes = null;
  private readonly chunks: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);
  private taken = 0;

  constructor(
    readonly path: string,
    private readonly stream: Readable,
  ) {
    this.chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  }

  async read(target: Uint8Array, position: number, length: number): Promise<number> {
    while (this.taken === this.chunk.length) {
      try {
        const result = await this.chunks.next();
        if (result.done === true) return 0;
        this.chunk = result.value;
        this.taken = 0;
      } catch (error) {
        throw CaptureError.fromSystem(this.path, 'cannot read the stream', error);
      }
    }
    const n = Math.min(length, this.chunk.length - this.taken);
    target.set(this.chunk.subarray(this.taken, this.taken + n), position);
    this.taken += n;
    this.bytesRead += n;
    return n;
  }

  close(): Promise<void> {
    this.stream.destroy();
    return Promise.resolve();
  }
}

/** A capture that is in memory already. `step` limits the bytes of one read (for tests). */
export class MemorySource implements ByteSource {
  bytesRead = 0;
  readonly totalBytes: number;

  constructor(
    readonly path: string,
    private readonly bytes: Uint8Array,
    private readonly step = Infinity,
  ) {
    this.totalBytes = bytes.length;
  }

  read(target: Uint8Array, position: number, length: number): number {
    const n = Math.min(length, this.step, this.bytes.length - this.bytesRead);
    target.set(this.bytes.subarray(this.bytesRead, this.bytesRead + n), position);
    this.bytesRead += n;
    return n;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
