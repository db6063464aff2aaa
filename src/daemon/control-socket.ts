/** The file of the control socket: who may use it, and whether another daemon does. */
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';

/** Cannot listen: a sentence for people. */
export class ControlSocketError extends Error {
  override readonly name = 'ControlSocketError';
}

/** Bytes of a path that the kernel takes (sun_path less its final zero); more would be cut off silently. */
const LONGEST_PATH = 107;

/**
 * Makes the place at `path` free: creates its directory (0700) when it is not there, and removes the socket
 * that a daemon left which is dead.
 *
 * @throws ControlSocketError when a daemon lives there, or something else lies there
 */
export async function claimSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new ControlSocketError(`control socket ${path}: the path is longer than ${LONGEST_PATH} bytes`);
  }
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSocket()) throw new ControlSocketError(`control socket ${path}: something else lies there`);
    if (await isAlive(path)) {
      throw new ControlSocketError(
        `control socket ${path}: another daemon listens there; stop it, or give this one a socket of its own (daemon.control.socket)`,
      );
    }
    rmSync(path);
  } catch (error) {
    if (error instanceof ControlSocketError) throw error;
    throw new ControlSocketError(`control socket ${path}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Lets the owner alone use the socket, or the owner and a group.
 *
 * @throws ControlSocketError when there is no such group
 */
export function restrictSocket(path: string, group: string | null): void {
  if (group === null) {
    chmodSync(path, 0o600);
    return;
  }
  chownSync(path, process.getuid?.() ?? 0, groupNumber(group));
  chmodSync(path, 0o660);
}

/** Removes the socket; it may be gone already. */
export function removeSocket(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

function groupNumber(name: string): number {
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  const number = line?.split(':')[2];
  if (number === undefined) throw new ControlSocketError(`daemon.control.group: there is no group ${name}`);
  return Number(number);
}
