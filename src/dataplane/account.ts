/** The end of the way: each packet's verdict goes into the counters. */
import { Misc } from './counters.js';
import { VectorField } from './vector-layout.js';

const LENGTH = VectorField.LENGTH;
const VERDICT = VectorField.VERDICT;
const RECEIVED_PACKETS = Misc.received_packets;
const RECEIVED_BYTES = Misc.received_bytes;

/** Stage 7. Reads the verdict and the received length of all packets of the vector whose base is given. */
export type AccountStage = (this: void, n: number, vector: number) => void;

/** A closure over its memory for the reason told in decap.ts; `words` is the pool. */
export function createAccountStage(words: Int32Array, counters: Float64Array): AccountStage {
  return function account(n, vector) {
    const length = vector + LENGTH;
    const verdict = vector + VERDICT;
    let bytes = 0;
    for (let i = 0; i < n; i++) {
      counters[words[verdict + i]!]! += 1;
      bytes += words[length + i]!;
    }
    counters[RECEIVED_PACKETS]! += n;
    counters[RECEIVED_BYTES]! += bytes;
  };
}
