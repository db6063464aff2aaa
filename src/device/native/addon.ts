/**
 * The native addon (native/): system calls in batches. Everything else works without it, so a machine where
 * it is missing gets a reason, not a crash.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PinCalls } from './pin-calls.js';
import type { SocketCalls } from './socket-calls.js';
import type { SystemCalls } from './system-calls.js';
import type { TunCalls } from './tun-calls.js';
import type { XdpCalls } from './xdp-calls.js';

/** All functions of the addon. Those that fail throw a SystemError unless they say otherwise. */
export type Addon = PinCalls & SocketCalls & SystemCalls & TunCalls & XdpCalls;

/** What the addon throws when a system call fails: `code` such as "EPERM", `syscall` such as "socket". */
export interface SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
}

/** Why there is no addon: a sentence for people. */
export class AddonMissing extends Error {
  override readonly name = 'AddonMissing';
}

const require = createRequire(import.meta.url);
const root = new URL('../../../../', import.meta.url);

let loaded: Addon | undefined;

/** Where the addon may lie, best first: built on this machine, or delivered with the package. */
export function addonPaths(): readonly string[] {
  return ['native/build/grebe.node', `native/prebuilds/${process.platform}-${process.arch}/grebe.node`].map(
    (path) => fileURLToPath(new URL(path, root)),
  );
}

/**
 * The addon, loaded once for each thread.
 *
 * @throws AddonMissing with the reason
 */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded;
  const path = process.env['GREBE_ADDON'] ?? addonPaths().find((candidate) => existsSync(candidate));
  if (process.platform !== 'linux') throw new AddonMissing('kernel devices need Linux');
  if (path === undefined) {
    throw new AddonMissing(
      'the native addon is not built: install a C compiler and run `npm rebuild grebe` (installed with --global: `npm rebuild --global grebe`; in a clone: `npm run build:native`)',
    );
  }
  try {
    loaded = require(path) as Addon;
    return loaded;
  } catch (error) {
    throw new AddonMissing(`the native addon ${path} cannot be loaded: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
