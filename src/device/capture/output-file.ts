/**
 * A file that appears whole or not at all: written under a temporary name beside its target, renamed
 * at the end, removed when the work fails or the process ends before. What is no regular file (a FIFO,
 * /dev/null, standard output) is written straight to.
 */
import {
  accessSync,
  closeSync,
  constants,
  open,
  openSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
  type Stats,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { CaptureError } from './capture-error.js';

const openFile = promisify(open);

const STDOUT = 1;
const PERMISSIONS = 0o777;
const DEFAULT_MODE = 0o666;
/** How long to wait before a pipe that is full is tried again, in milliseconds. */
const RETRY_MS = 1;

/**
 * What SIGINT, SIGTERM and SIGHUP do while a file is unfinished: `end` the process after removing it, as
 * they do without any handler, or `leave` them to the program's own handlers, which commit or abort.
 */
export type SignalPolicy = 'end' | 'leave';

export class OutputFile {
  private isOpen = true;

  private constructor(
    /** The name as the user gave it. */
    readonly path: string,
    private readonly fd: number,
    /** Temporary and final name; null for what is written straight to. */
    private readonly names: { temporary: string; final: string } | null,
    signals: SignalPolicy,
  ) {
    if (names !== null) unfinished.add(names.temporary, signals);
  }

  /** Opens a file for writing; `-` is standard output. Throws CaptureError. */
  static async open(path: string, signals: SignalPolicy = 'end'): Promise<OutputFile> {
    if (path === '-') return new OutputFile('standard output', STDOUT, null, signals);
    try {
      const existing = statOf(path);
      if (existing?.isDirectory() === true) {
        throw new CaptureError(path, 'cannot write the file: found a directory of this name');
      }
      if (existing !== null && !existing.isFile()) {
        return new OutputFile(path, await openFile(path, constants.O_WRONLY), null, signals);
      }
      return OutputFile.openTemporary(path, existing, signals);
    } catch (error) {
      throw CaptureError.fromSystem(path, 'cannot write the file', error);
    }
  }

  private static openTemporary(path: string, existing: Stats | null, signals: SignalPolicy): OutputFile {
    // Through a symbolic link to the file that it names, so that the link stays one.
    const final = existing === null ? path : realpathSync(path);
    // A rename would replace a file that may not be written to, and loosen one that others may not read.
    if (existing !== null) accessSync(final, constants.W_OK);
    const mode = existing === null ? DEFAULT_MODE : existing.mode & PERMISSIONS;
    const temporary = join(dirname(final), `.${basename(final)}.tmp-${process.pid}`);
    if (unfinished.has(temporary))
      throw new CaptureError(path, 'cannot write the file: it is being written already');
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    let fd: number;
    try {
      fd = openSync(temporary, flags, mode);
    } catch (error) {
      if (!isCode(error, 'EEXIST')) throw error;
      // Left behind by a killed process that had the same number.
      unlinkSync(temporary);
      fd = openSync(temporary, flags, mode);
    }
    return new OutputFile(path, fd, { temporary, final }, signals);
  }

  /** Writes data[position…] whole. On failure the file is given up. Throws CaptureError. */
  write(data: Uint8Array, position: number, length: number): void {
    // The descriptor's number may belong to another file by now.
    if (!this.isOpen) throw new CaptureError(this.path, 'cannot write the file: it was closed before');
    let done = 0;
    while (done < length) {
      try {
        done += writeSync(this.fd, data, position + done, length - done);
      } catch (error) {
        if (isCode(error, 'EAGAIN')) {
          pause(RETRY_MS);
          continue;
        }
        this.abort();
        throw CaptureError.fromSystem(this.path, 'cannot write the file', error);
      }
    }
  }

  /** Closes the file and gives it its name. Throws CaptureError. */
  commit(): void {
    if (!this.isOpen) return;
    try {
      this.closeDescriptor();
      if (this.names !== null) {
        renameSync(this.names.temporary, this.names.final);
        unfinished.delete(this.names.temporary);
      }
    } catch (error) {
      this.removeTemporary();
      throw CaptureError.fromSystem(this.path, 'cannot finish the file', error);
    }
  }

  /** Closes the file and removes what was written. Does nothing after commit(). */
  abort(): void {
    if (!this.isOpen) return;
    try {
      this.closeDescriptor();
    } catch {
      // The file is given up; whatever was wrong with it no longer matters.
    }
    this.removeTemporary();
  }

  private closeDescriptor(): void {
    this.isOpen = false;
    if (this.fd !== STDOUT) closeSync(this.fd);
  }

  private removeTemporary(): void {
    if (this.names !== null) unfinished.remove(this.names.temporary);
  }
}

/** The temporary files of this process, removed when it ends before they are committed. */
class UnfinishedFiles {
  private readonly policies = new Map<string, SignalPolicy>();

  has(name: string): boolean {
    return this.policies.has(name);
  }

  add(name: string, signals: SignalPolicy): void {
    this.policies.set(name, signals);
    this.watch();
  }

  delete(name: string): void {
    this.policies.delete(name);
    this.watch();
  }

  remove(name: string): void {
    removeQuietly(name);
    this.delete(name);
  }

  /** Listens to what the files that are there ask for, and to nothing else. */
  private watch(): void {
    process.off('exit', this.removeAll);
    for (const signal of SIGNALS) process.off(signal, this.onSignal);
    if (this.policies.size > 0) process.on('exit', this.removeAll);
    if (![...this.policies.values()].includes('end')) return;
    for (const signal of SIGNALS) process.on(signal, this.onSignal);
  }

  private readonly removeAll = (): void => {
    for (const name of this.policies.keys()) removeQuietly(name);
    this.policies.clear();
  };

  private readonly onSignal = (signal: NodeJS.Signals): void => {
    this.removeAll();
    // Libraries that clean up on signals wait for each other to end the process; this ends it.
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  };
}

const SIGNALS: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const unfinished = new UnfinishedFiles();

function statOf(path: string): Stats | null {
  return statSync(path, { throwIfNoEntry: false }) ?? null;
}

function removeQuietly(name: string): void {
  try {
    unlinkSync(name);
  } catch {
    // Gone already, or its directory is: there is nothing left to remove.
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
