/** The end of the way: each packet's verdict goes into the counters, and it is noted on which sides anything leaves. */
import { Misc } from './counters.js';
import { Side } from './packet-vector.js';
import { VectorField } from './vector-layout.js';
import { ANSWERS, Verdict } from './verdicts.js';

const LENGTH = VectorField.LENGTH;
const VERDICT = VectorField.VERDICT;
const EXTRA_COUNT = VectorField.EXTRA_COUNT;
const LEAVES = VectorField.LEAVES;
const RECEIVED_PACKETS = Misc.received_packets;
const RECEIVED_BYTES = Misc.received_bytes;

const TO_UNDERLAY = 1 << Side.UNDERLAY;
const TO_OVERLAY = 1 << Side.OVERLAY;
// Verdicts as bits: what is sent to one side, and answers, which go to either.
const SENT_UNDERLAY = 1 << Verdict.delivered_underlay;
const SENT_OVERLAY = 1 << Verdict.delivered_overlay;
const ANSWERED = ANSWERS.reduce((bits, { number }) => bits | (1 << number), 0);

/** Stage 7. Reads the verdict and the received length of all packets of the vector whose base is given. */
export type AccountStage = (this: void, n: number, vector: number) => void;

/** A closure over its memory for the reason told in decap.ts; `words` is the pool. */
export function createAccountStage(words: Int32Array, counters: Float64Array): AccountStage {
  return function account(n, vector) {
    const length = vector + LENGTH;
    const verdict = vector + VERDICT;
    let bytes = 0;
    // Bits by verdict; some reason of a drop may share one with a delivery, which costs whoever sends a look.
    let seen = 0;
    for (let i = 0; i < n; i++) {
      const number = words[verdict + i]!;
      counters[number]! += 1;
      seen |= 1 << number;
      bytes += words[length + i]!;
    }
    const isBoth = (seen & ANSWERED) !== 0 || words[vector + EXTRA_COUNT] !== 0;
    const underlay = isBoth || (seen & SENT_UNDERLAY) !== 0 ? TO_UNDERLAY : 0;
    const overlay = isBoth || (seen & SENT_OVERLAY) !== 0 ? TO_OVERLAY : 0;
    words[vector + LEAVES] = underlay | overlay;
    counters[RECEIVED_PACKETS]! += n;
    counters[RECEIVED_BYTES]! += bytes;
  };
}
