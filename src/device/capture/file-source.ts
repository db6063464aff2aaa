/** Sources by file name: regular files, standard input, FIFOs and devices, each with or without gzip. */
import { close, constants, createReadStream, fstatSync, open, readSync } from 'node:fs';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { StreamSource, type ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import { GunzipSource } from './gunzip-source.js';

const openFile = promisify(open);
const closeFile = promisify(close);

const STDIN = 0;
const GZIP_MAGIC = [0x1f, 0x8b];

/** Opens a file by name, standard input for `-`, and puts gunzip behind it when its first bytes say so. */
export async function openByteSource(path: string): Promise<ByteSource> {
  const raw = await openRaw(path);
  const head = new Uint8Array(GZIP_MAGIC.length);
  let length = 0;
  try {
    while (length < head.length) {
      const n = await raw.read(head, length, head.length - length);
      if (n === 0) break;
      length += n;
    }
  } catch (error) {
    await raw.close();
    throw error;
  }
  const whole = new PrefixedSource(head.subarray(0, length), raw);
  return GZIP_MAGIC.every((byte, i) => head[i] === byte) ? new GunzipSource(whole) : whole;
}

async function openRaw(path: string): Promise<ByteSource> {
  if (path === '-') {
    const stat = fstatSync(STDIN);
    // A file redirected to standard input is read like a file: no stream in between.
    if (stat.isFile()) return new FileSource('standard input', STDIN, stat.size);
    return new StreamSource('standard input', process.stdin);
  }
  let fd: number;
  try {
    fd = await openFile(path, constants.O_RDONLY);
  } catch (error) {
    throw CaptureError.fromSystem(path, 'cannot open the file', error);
  }
  const stat = fstatSync(fd);
  if (stat.isDirectory()) {
    await closeFile(fd);
    throw new CaptureError(path, 'found a directory, expected a capture file');
  }
  if (stat.isFile()) return new FileSource(path, fd, stat.size);
  // A FIFO through the event loop rather than the thread pool, where a waiting read would hold up the exit.
  if (stat.isFIFO()) return new StreamSource(path, new Socket({ fd, readable: true, writable: false }));
  return new StreamSource(path, createReadStream(path, { fd }));
}

/** A regular file, read synchronously: the bytes come out of the page cache straight into the target. */
class FileSource implements ByteSource {
  bytesRead = 0;
  readonly totalBytes: number | null;

  constructor(
    readonly path: string,
    private readonly fd: number,
    size: number,
  ) {
    // Files of /proc and its like say 0 and have bytes all the same.
    this.totalBytes = size > 0 ? size : null;
  }

  read(target: Uint8Array, position: number, length: number): number {
    try {
      const n = readSync(this.fd, target, position, length, null);
      this.bytesRead += n;
      return n;
    } catch (error) {
      throw CaptureError.fromSystem(this.path, 'cannot read the file', error);
    }
  }

  async close(): Promise<void> {
    if (this.fd !== STDIN) await closeFile(this.fd);
  }
}

/** Gives bytes that were read to look at them back in front of the rest. */
class PrefixedSource implements ByteSource {
  constructor(
    private head: Uint8Array,
    private readonly rest: ByteSource,
  ) {}

  get path(): string {
    return this.rest.path;
  }
  get bytesRead(): number {
    return this.rest.bytesRead - this.head.length;
  }
  get totalBytes(): number | null {
    return this.rest.totalBytes;
  }

  read(target: Uint8Array, position: number, length: number): number | Promise<number> {
    if (this.head.length === 0) return this.rest.read(target, position, length);
    const n = Math.min(length, this.head.length);
    target.set(this.head.subarray(0, n), position);
    this.head = this.head.subarray(n);
    return n;
  }

  close(): Promise<void> {
    return this.rest.close();
  }
}
