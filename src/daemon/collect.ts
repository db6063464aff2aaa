/** Returns memory at a time that suits. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Collects garbage now. An idle main thread may keep what a reload has left behind, old tables among it, for
 * hours; it forwards nothing, so that it may as well stop for some milliseconds.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
}
