/** Ends work on a signal in good order: nothing half-written stays, and the shell sees which signal it was. */
import { setTimeout as sleep } from 'node:timers/promises';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const LAST_WAIT_MS = 1000;

/** Runs `work` with a signal that aborts when the process is told to end; the process then ends by that signal. */
export async function untilSignal<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  let received: NodeJS.Signals | null = null;
  const onSignal = (name: NodeJS.Signals): void => {
    received = name;
    controller.abort(new Error(`ended by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
    if (received !== null) {
      process.kill(process.pid, received);
      // Where somebody else listens to signals it comes by way of the event loop, which must not end before.
      await sleep(LAST_WAIT_MS);
    }
  }
}
