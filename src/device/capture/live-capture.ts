/**
 * Live capture from a network interface through the optional package `cap` (libpcap).
 *
 *     interface ── cap ── queue ──(pcap over a pipe)── reader
 *                 a process of its own                 this one
 */
import { fork, type ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { CaptureReader } from './base-reader.js';
import { StreamSource, type ByteSource } from './byte-source.js';
import { loadCap } from './cap-module.js';
import { CaptureError } from './capture-error.js';
import { openCapture } from './capture-reader.js';
import {
  PACKET_DESCRIPTOR,
  STOP,
  type LiveCaptureMessage,
  type LiveCaptureSettings,
} from './live-capture-protocol.js';
import type { StagingArea } from './read-buffer.js';

const DEFAULT_QUEUE_BYTES = 16_777_216;
const DEFAULT_KERNEL_BUFFER_BYTES = 33_554_432;
/** How long a stopped capture may take to hand over what it has, in milliseconds. */
const STOP_MS = 2000;

export interface LiveCaptureOptions {
  /** Name of the interface, such as `eth0`; `any` for all of them. */
  interface: string;
  /** A pcap-filter(7) expression, such as `proto gre`. Default: everything. */
  filter?: string;
  /** Bytes of packets (and 16 for each) that may wait to be read; what comes beyond is dropped. Default 16 MiB. */
  queueBytes?: number;
  /**
   * Bytes of the kernel's ring, for packets that come while the capturing process is busy. With the
   * package's snap length a packet takes 64 KiB of it on most interfaces. Default 32 MiB. What it has no
   * room for is lost uncounted.
   */
  kernelBufferBytes?: number;
  /** As for openCapture. */
  staging?: StagingArea;
}

export interface LiveInterface {
  name: string;
  description: string | null;
  addresses: string[];
  isLoopback: boolean;
}

/** The interfaces that can be captured from. Throws CaptureError when `cap` is not installed. */
export async function listLiveInterfaces(): Promise<LiveInterface[]> {
  const cap = await loadCap('live capture');
  return cap.Cap.deviceList().map((device) => ({
    name: device.name,
    description: device.description ?? null,
    addresses: device.addresses.flatMap(({ addr }) => (addr === undefined ? [] : [addr])),
    isLoopback: device.flags === 'PCAP_IF_LOOPBACK',
  }));
}

/**
 * A capture under way: promiscuous, snap length 65,535, times taken when packets are delivered to the
 * capturing process (the package passes no others on).
 */
export class LiveCapture {
  private constructor(
    /** The packets, read like a file's: fill() waits for the next ones. */
    readonly cursor: CaptureReader,
    private readonly source: LiveSource,
  ) {}

  /** Starts to capture. Throws CaptureError: no package, no such interface, no permission, bad filter. */
  static async open(options: LiveCaptureOptions): Promise<LiveCapture> {
    const name = options.interface;
    const known = (await listLiveInterfaces()).map((device) => device.name);
    if (known.length > 0 && !known.includes(name)) {
      throw new CaptureError(name, `found no interface of this name, expected one of ${known.join(', ')}`);
    }
    const source = new LiveSource({
      interface: name,
      filter: options.filter ?? '',
      queueBytes: options.queueBytes ?? DEFAULT_QUEUE_BYTES,
      kernelBufferBytes: options.kernelBufferBytes ?? DEFAULT_KERNEL_BUFFER_BYTES,
    });
    return new LiveCapture(await openCapture(source, { staging: options.staging }), source);
  }

  /** Packets that found the queue full, as last reported (ten times a second, and at the end). */
  get dropped(): number {
    return this.source.dropped;
  }

  /** Stops to capture. The cursor ends after the packets captured before. */
  stop(): void {
    this.source.stop();
  }

  /** Stops at once; what was not read is lost. */
  async close(): Promise<void> {
    await this.cursor.close();
  }
}

/** What the capturing process writes, and the process with it. */
class LiveSource implements ByteSource {
  readonly path: string;
  readonly totalBytes = null;
  dropped = 0;

  private readonly child: ChildProcess;
  private readonly packets: StreamSource;
  private readonly exited: Promise<void>;
  private isStarted = false;
  private isStopped = false;
  private problem: string | null = null;
  /** The last thing the process said on standard error. */
  private lastWords = '';

  constructor(settings: LiveCaptureSettings) {
    this.path = settings.interface;
    const script = fileURLToPath(new URL('./live-capture-process.js', import.meta.url));
    this.child = fork(script, [JSON.stringify(settings)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'pipe', 'ipc'],
    });
    const pipe = this.child.stdio[PACKET_DESCRIPTOR];
    if (!(pipe instanceof Readable)) throw new CaptureError(this.path, 'cannot start the capturing process');
    this.packets = new StreamSource(this.path, pipe);
    this.child.on('message', (message) => {
      this.hear(message as LiveCaptureMessage);
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.lastWords = chunk.toString().trim().split('\n').at(-1) ?? '';
    });
    this.exited = new Promise((resolve) => {
      this.child.on('close', () => {
        resolve();
      });
      this.child.on('error', (error) => {
        this.problem = `cannot start the capturing process: ${error.message}`;
        resolve();
      });
    });
  }

  get bytesRead(): number {
    return this.packets.bytesRead;
  }

  async read(target: Uint8Array, position: number, length: number): Promise<number> {
    const n = await this.packets.read(target, position, length);
    if (n > 0) return n;
    await this.exited;
    if (this.problem !== null) throw new CaptureError(this.path, this.problem);
    if (this.isStopped) return 0;
    const { signalCode, exitCode } = this.child;
    const state = this.isStarted ? 'the interface went down or is gone' : 'it did not start';
    throw new CaptureError(
      this.path,
      `the capture ended: ${state} (process ended with ${signalCode ?? String(exitCode)}; ${this.lastWords})`,
    );
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    if (this.child.connected) this.child.send(STOP, () => undefined);
    // A process that packets keep busy does not hear.
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    void this.exited.then(() => {
      clearTimeout(timer);
    });
  }

  async close(): Promise<void> {
    this.isStopped = true;
    this.child.kill('SIGKILL');
    await this.packets.close();
    await this.exited;
  }

  private hear(message: LiveCaptureMessage): void {
    switch (message.kind) {
      case 'started':
        this.isStarted = true;
        break;
      case 'failed':
        this.problem = message.problem;
        break;
      case 'dropped':
        this.dropped = message.count;
        break;
      case 'ended':
        break;
    }
  }
}
