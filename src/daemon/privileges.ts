/**
 * Gives up the capabilities that the daemon does not need (capabilities(7)). They belong to threads, of which
 * Node has several before any of this runs, so the process limits itself and starts again in place: same
 * process, same arguments, same open standard streams.
 */
import { closeSync, constants, openSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AddonMissing, loadAddon, type Addon } from '../device/native/addon.js';

/** Numbers of capabilities (linux/capability.h). */
export const CAPABILITIES = {
  /** To give a file to another group (`daemon.control.group`). */
  chown: 0,
  /** To read and write whatever its owner has closed to others, root too. */
  dac_override: 1,
  /** To read all that. */
  dac_read_search: 2,
  /** Interfaces, routes, neighbours, large socket buffers. */
  net_admin: 12,
  /** Raw and packet sockets. */
  net_raw: 13,
  /** To lock memory beyond the user's limit: AF_XDP's packets lie in such memory. */
  ipc_lock: 14,
  /** For XDP programs that compute with pointers into the packet. */
  perfmon: 38,
  /** To load programs that run in front of interfaces. */
  bpf: 39,
} as const;

export type Capability = keyof typeof CAPABILITIES;

/** Privileges are left that were to be given up. */
export class PrivilegeError extends Error {
  override readonly name = 'PrivilegeError';
}

/** The rights to read any file, the smaller one first. */
const READING = ['dac_read_search', 'dac_override'] as const;

const THIS_FILE = fileURLToPath(import.meta.url);

/** Set while the process starts again, to its process id: it is tried once only. */
const MARK = 'GREBE_PRIVILEGES_DROPPED';

export interface DropOptions {
  /** Lets the process lock any amount of memory, if it may (AF_XDP without CAP_IPC_LOCK). */
  readonly lockMemory?: boolean;
  /** Files that are read later. */
  readonly files?: readonly string[];
}

/**
 * Leaves every thread of this process `keep` at the most, for good. To be called before anything is opened or
 * started: where there is something to give up the call does not come back, but the program begins anew, and
 * its next call comes back. The right to read any file stays where the program or `options.files` could not
 * be read without it: `sudo grebe` in a home directory with mode 0700.
 *
 * @returns what is left, a sentence for the log
 * @throws PrivilegeError when they cannot be given up
 */
export function dropPrivileges(keep: readonly Capability[], options: DropOptions = {}): string {
  const tried = process.env[MARK] === String(process.pid);
  Reflect.deleteProperty(process.env, MARK);
  let wanted = keep.reduce((mask, name) => mask | maskOf(name), 0n);
  const held = permittedToAny();
  if ((held & ~wanted) === 0n) {
    // From a file's capabilities they may come as a right to have them only (`setcap …+p`).
    if ((held & ~effectiveOnMain()) !== 0n) loadAddon().setEffective(...halvesOf(held));
    return describe(held);
  }
  let addon: Addon;
  try {
    addon = loadAddon();
  } catch (error) {
    if (!(error instanceof AddonMissing)) throw error;
    return `keeps all its capabilities, as ${error.message}`;
  }
  const closed = closedFile([THIS_FILE, process.execPath, ...(options.files ?? [])], wanted, addon);
  const key = READING.find((name) => (held & maskOf(name)) !== 0n);
  if (closed !== undefined && key !== undefined) wanted |= maskOf(key);
  const left = held & ~wanted;
  if (left === 0n) return `${describe(held)}: ${key} because ${closed} cannot be read without it`;
  if (tried) throw new PrivilegeError(`cannot give up capabilities: still there are ${namesOf(left)}`);
  if (options.lockMemory === true) {
    try {
      addon.raiseLockedMemory();
    } catch {
      // It takes CAP_SYS_RESOURCE, and may not be needed.
    }
  }
  return startAgain(addon, wanted);
}

/** The first of these files that this process can open now, and could not with those capabilities only. */
function closedFile(files: readonly string[], capabilities: bigint, addon: Addon): string | undefined {
  const readable = files.filter(isReadable);
  const before = effectiveOnMain();
  // The kernel knows best; only this thread tries, and it keeps the right to what it gives up here.
  addon.setEffective(...halvesOf(before & capabilities));
  try {
    return readable.find((file) => !isReadable(file));
  } finally {
    addon.setEffective(...halvesOf(before));
  }
}

function isReadable(file: string): boolean {
  try {
    // At once also for a FIFO.
    closeSync(openSync(file, constants.O_RDONLY | constants.O_NONBLOCK));
    return true;
  } catch {
    return false;
  }
}

function startAgain(addon: Addon, wanted: bigint): never {
  const environment = { ...process.env, [MARK]: String(process.pid) };
  const args = [process.argv0, ...process.execArgv, ...process.argv.slice(1)];
  try {
    addon.limitCapabilities(...halvesOf(wanted));
    addon.execute(
      process.execPath,
      args,
      Object.entries(environment).map(([name, value]) => `${name}=${value ?? ''}`),
    );
  } catch (error) {
    throw new PrivilegeError(`cannot give up capabilities: ${(error as Error).message}`, { cause: error });
  }
  throw new PrivilegeError('cannot give up capabilities: the program did not start again');
}

/** Capabilities that any thread of this process has or may make effective, one bit each. */
function permittedToAny(): bigint {
  return readdirSync('/proc/self/task').reduce((mask, thread) => {
    try {
      return mask | read(`/proc/self/task/${thread}/status`, 'CapPrm');
    } catch {
      // It has just ended.
      return mask;
    }
  }, 0n);
}

/** Capabilities that the main thread uses. */
function effectiveOnMain(): bigint {
  return read('/proc/self/status', 'CapEff');
}

function maskOf(name: Capability): bigint {
  return 1n << BigInt(CAPABILITIES[name]);
}

function read(path: string, set: string): bigint {
  const line = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(readFileSync(path, 'utf8'));
  return BigInt(`0x${line?.[1] ?? '0'}`);
}

function halvesOf(mask: bigint): [low: number, high: number] {
  return [Number(mask & 0xffff_ffffn), Number(mask >> 32n)];
}

function describe(held: bigint): string {
  return held === 0n ? 'has no capabilities' : `has the capabilities ${namesOf(held)}`;
}

function namesOf(mask: bigint): string {
  const names = new Map<number, string>(Object.entries(CAPABILITIES).map(([name, bit]) => [bit, name]));
  const found: string[] = [];
  for (let bit = 0; bit < 64; bit++) {
    if ((mask & (1n << BigInt(bit))) !== 0n) found.push(names.get(bit) ?? `number ${bit}`);
  }
  return found.join(', ');
}
