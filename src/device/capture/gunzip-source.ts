import { createGunzip } from 'node:zlib';
import type { ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';

/**
 * Compressed bytes handed to zlib at a time. Deflate expands at most 1,032 times, so what lies ready is
 * bounded by 34 MB even for a file made to blow up, and is a few hundred kilobytes for a real one.
 */
const INPUT_BYTES = 32_768;
const OUTPUT_BYTES = 65_536;

/**
 * Decompresses another source. zlib is fed by hand, one piece at a time, so that what was decoded before
 * a damaged or missing part is delivered before the error is (less the last OUTPUT_BYTES at most, which
 * zlib keeps to itself when it fails).
 */
export class GunzipSource implements ByteSource {
  private readonly gunzip = createGunzip({ chunkSize: OUTPUT_BYTES });
  private readonly input = new Uint8Array(INPUT_BYTES);
  private readonly ready: Uint8Array[] = [];
  private taken = 0;
  private delivered = 0;
  private ended = false;
  private failure: Error | null = null;
  private settle: () => void = () => undefined;

  constructor(private readonly compressed: ByteSource) {
    this.gunzip.on('data', (chunk: Uint8Array) => {
      this.ready.push(chunk);
    });
    this.gunzip.on('end', () => {
      this.ended = true;
      this.settle();
    });
    this.gunzip.on('error', (error) => {
      this.failure = error;
      this.settle();
    });
  }

  get path(): string {
    return this.compressed.path;
  }
  get bytesRead(): number {
    return this.compressed.bytesRead;
  }
  get totalBytes(): number | null {
    return this.compressed.totalBytes;
  }

  async read(target: Uint8Array, position: number, length: number): Promise<number> {
    while (this.ready.length === 0) {
      if (this.failure !== null) throw this.damaged(this.failure);
      if (this.ended) return 0;
      await this.inflate();
    }
    const chunk = this.ready[0]!;
    const n = Math.min(length, chunk.length - this.taken);
    target.set(chunk.subarray(this.taken, this.taken + n), position);
    this.taken += n;
    this.delivered += n;
    if (this.taken === chunk.length) {
      this.ready.shift();
      this.taken = 0;
    }
    return n;
  }

  /** Feeds the next piece and waits until zlib has taken it, has ended, or has failed. */
  private async inflate(): Promise<void> {
    const n = await this.compressed.read(this.input, 0, INPUT_BYTES);
    await new Promise<void>((resolve) => {
      this.settle = resolve;
      if (n === 0) this.gunzip.end();
      else
        this.gunzip.write(this.input.subarray(0, n), () => {
          resolve();
        });
    });
  }

  private damaged(error: Error): CaptureError {
    const cut = 'code' in error && error.code === 'Z_BUF_ERROR';
    const problem = cut
      ? 'the gzip data is cut off: found the end of the file, expected more compressed data'
      : `the gzip data is damaged: ${error.message}`;
    return new CaptureError(this.path, problem, { offset: this.delivered }, error);
  }

  async close(): Promise<void> {
    this.gunzip.destroy();
    await this.compressed.close();
  }
}
