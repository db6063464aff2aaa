/** How packets are dealt to workers. Results do not depend on it; it is there to show that, and for speed. */
import { flowHash } from './flow-hash.js';

export const DISTRIBUTIONS = ['flow', 'round-robin', 'random'] as const;
/** `flow`: by addresses and ports, outer and inner; `random`: by a seeded generator. */
export type Distribution = (typeof DISTRIBUTIONS)[number];

export interface Distributor {
  /** The worker, from 0, for the frame `bytes[offset, offset + length)`. */
  choose(bytes: Uint8Array, offset: number, length: number, linkType: number): number;
}

/** `seed`: any 32-bit number, for `random`. */
export function createDistributor(kind: Distribution, workers: number, seed: number): Distributor {
  switch (kind) {
    case 'flow':
      return {
        choose: (bytes, offset, length, linkType) => flowHash(bytes, offset, length, linkType) % workers,
      };
    case 'round-robin':
      return roundRobin(workers);
    case 'random':
      return random(workers, seed);
  }
}

function roundRobin(workers: number): Distributor {
  let next = workers - 1;
  return {
    choose() {
      next = next + 1 === workers ? 0 : next + 1;
      return next;
    },
  };
}

/** Marsaglia's 32-bit xorshift (Xorshift RNGs, 2003). */
function random(workers: number, seed: number): Distributor {
  let state = seed | 0 || 0x2545f491;
  return {
    choose() {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return (state >>> 0) % workers;
    },
  };
}
