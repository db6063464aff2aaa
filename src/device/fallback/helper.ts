/** Starts the helper process of a package device, and starts it again when it ends. */
import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { PackageError } from './backend.js';
import type { HelperMessage, HelperSettings } from './protocol.js';

/** Milliseconds until a helper that ended is started again. */
const RESTART_MS = 500;

export class Helper {
  private child: ChildProcess | null = null;
  private timer: NodeJS.Timeout | null = null;
  private isClosed = false;
  private lastWords = '';

  private constructor(
    private settings: HelperSettings,
    private readonly channels: readonly number[],
  ) {}

  /** `channels`: for each worker the descriptor that the helper gets. @throws PackageError when it does not start */
  static async start(settings: HelperSettings, channels: readonly number[]): Promise<Helper> {
    const helper = new Helper(settings, channels);
    await helper.launch();
    return helper;
  }

  setLocals(locals: readonly string[]): void {
    this.settings = { ...this.settings, locals };
    if (this.child?.connected === true) this.child.send({ locals });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    if (this.timer !== null) clearTimeout(this.timer);
    const { child } = this;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  private launch(): Promise<void> {
    const script = fileURLToPath(new URL('./helper-process.js', import.meta.url));
    const child = fork(script, [JSON.stringify(this.settings)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...this.channels],
    });
    this.child = child;
    child.stderr?.on('data', (chunk: Buffer) => {
      this.lastWords = chunk.toString().trim().split('\n').at(-1) ?? '';
    });
    return new Promise((resolve, reject) => {
      let isStarted = false;
      child.on('message', (message: HelperMessage) => {
        if (message.kind === 'started') {
          isStarted = true;
          resolve();
        } else {
          reject(new PackageError(message.problem));
        }
      });
      child.on('error', (error) => {
        reject(new PackageError(`underlay ${this.settings.package}: ${error.message}`));
      });
      child.on('exit', () => {
        reject(
          new PackageError(
            `underlay ${this.settings.package}: its process does not start (${this.lastWords})`,
          ),
        );
        if (isStarted) this.launchLater();
      });
    });
  }

  /** Packets wait in the channels meanwhile. An interface that is down lets `cap` end its process. */
  private launchLater(): void {
    if (this.isClosed) return;
    this.timer = setTimeout(() => {
      this.launch().catch(() => {
        this.launchLater();
      });
    }, RESTART_MS);
  }
}
