/**
 * Counters: one block per worker in shared memory, written by that worker only and summed by the reader.
 * Float64 holds exact integers up to 2^53; a reader on another thread sees whole values (aligned 8-byte
 * stores), if not all of one moment.
 */
import { alignedDoubles } from './aligned.js';
import { ANSWERS, DROP_REASONS, Verdict, VERDICT_LIMIT, type VerdictEntry } from './verdicts.js';

/** Counters beside the verdicts, in the order in which they lie in a block. */
export const MISC_COUNTERS = [
  'received_packets',
  'received_bytes',
  'mss_clamped',
  'mss_malformed',
  'fragmented',
  'fragments_created',
  'icmp_errors',
  'icmp_suppressed',
] as const;
export type MiscCounter = (typeof MISC_COUNTERS)[number];

/** Index of each such counter in a block (behind the verdicts). */
export const Misc = Object.fromEntries(MISC_COUNTERS.map((name, i) => [name, VERDICT_LIMIT + i])) as {
  readonly [K in MiscCounter]: number;
};

/** Index at which the tunnels' counters start. */
export const TUNNEL_COUNTERS = VERDICT_LIMIT + 32;
/** Counters of one tunnel: packets and bytes decapsulated, packets and bytes encapsulated. */
export const COUNTERS_PER_TUNNEL = 4;
/** The same as a shift, for the hot loops: a multiplication is checked for overflow. */
export const TUNNEL_COUNTER_SHIFT = 2;
export const TunnelCounter = {
  DECAPSULATED_PACKETS: 0,
  DECAPSULATED_BYTES: 1,
  ENCAPSULATED_PACKETS: 2,
  ENCAPSULATED_BYTES: 3,
} as const;

/** A block of counters for `tunnels` tunnels, all zero. */
export function createCounters(tunnels: number): Float64Array {
  return alignedDoubles(TUNNEL_COUNTERS + COUNTERS_PER_TUNNEL * tunnels);
}

/** The sum of several workers' blocks (all of the same size). */
export function sumCounters(blocks: readonly Float64Array[]): Float64Array {
  const sum = new Float64Array(blocks[0]?.length ?? TUNNEL_COUNTERS);
  for (const block of blocks) {
    for (let i = 0; i < block.length; i++) sum[i]! += block[i]!;
  }
  return sum;
}

function total(counters: Float64Array, verdicts: readonly VerdictEntry[]): number {
  return verdicts.reduce((sum, { number }) => sum + counters[number]!, 0);
}

/** Packets delivered to either side. */
export function totalDelivered(counters: Float64Array): number {
  return counters[Verdict.delivered_overlay]! + counters[Verdict.delivered_underlay]!;
}

/** Packets that grebe has answered itself. */
export function totalAnswered(counters: Float64Array): number {
  return total(counters, ANSWERS);
}

/** Sum of all drop reasons. */
export function totalDropped(counters: Float64Array): number {
  return total(counters, DROP_REASONS);
}

/** Whether every received packet has its verdict: received = delivered + answered + dropped. */
export function isConserved(counters: Float64Array): boolean {
  const judged = totalDelivered(counters) + totalAnswered(counters) + totalDropped(counters);
  return counters[Misc.received_packets]! === judged;
}
