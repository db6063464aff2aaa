/** Returns memory at a time that suits. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AddonMissing, loadAddon } from '../device/native/addon.js';

/**
 * Collects garbage now, and gives what is free of the C heap back to the system. An idle main thread may keep what a
 * start or reload has left behind, old tables among it, for hours; it forwards nothing, so that it may as well stop
 * for some milliseconds.
 */
export function returnMemory(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
  try {
    loadAddon().trimHeap();
  } catch (error) {
    if (!(error instanceof AddonMissing)) throw error;
  }
}
