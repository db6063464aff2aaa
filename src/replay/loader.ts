/**
 * Loading: the main thread's share of the work for every packet. Takes packets off the inputs and puts each
 * into the vector of the worker that the distribution chooses, until the window is full.
 */
import type { Distributor } from './distribution.js';
import { Head, type MergedInputs } from './inputs.js';
import type { Window } from './window.js';

/** What `loadWindow` answers. */
export const Load = {
  /** The window takes no more. */
  FULL: 1,
  /** The inputs have to be refilled before the window can go on. */
  STARVED: 0,
  END: -1,
} as const;

/** Fills the window as far as the inputs have packets. */
export function loadWindow(window: Window, inputs: MergedInputs, distributor: Distributor): number {
  const alone = window.vectors.length === 1;
  for (;;) {
    const head = inputs.head();
    if (head !== Head.PACKET) return head === Head.STARVED ? Load.STARVED : Load.END;
    const { data, position, length, linkType } = inputs.reader;
    const worker = alone ? 0 : distributor.choose(data, position, length, linkType);
    if (!window.add(inputs, worker)) return Load.FULL;
    inputs.advance();
  }
}
