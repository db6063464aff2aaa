/**
 * Live capture from a network interface through the optional package `cap` (libpcap).
 *
 *     interface ── cap ── queue ──(pcap over a pipe)── reader
 *                 a process of its own                 this one
 */
import { fork, type ChildProcess } from 'node:child_process';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { StreamSource, type ByteSource } from './byte-source.js';
import { CaptureError } from './capture-error.js';
import {
  PACKET_DESCRIPTOR,
  STOP,
  type LiveCaptureMessage,
  type LiveCaptureSettings,
} from './live-capture-protocol.js';

/** How long a stopped capture may take to hand over what it has, in milliseconds. */
const STOP_MS = 2000;

/** What the capturing process writes, and the process with it. */
export class CapSource implements ByteSource {
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
