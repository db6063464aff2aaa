import type { Nanoseconds } from '../../network/time.js';

/** Looks at packets as they go into a link, and keeps none. */
export interface LinkCapture {
  /** @param at offset in `bytes` of the IP packet of `length` bytes */
  packet(time: Nanoseconds, bytes: Uint8Array, at: number, length: number): void;
}
