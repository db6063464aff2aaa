/** The counters that a vector should have changed, from what the oracle says of its packets. */
import {
  COUNTERS_PER_TUNNEL,
  Misc,
  MISC_COUNTERS,
  TUNNEL_COUNTERS,
  TunnelCounter,
} from '../../src/dataplane/counters.js';
import { Verdict, VERDICTS } from '../../src/dataplane/verdicts.js';
import type { Frame, Outcome } from '../oracle/outcome.js';

/** Adds one packet to a block of counters. */
export function account(counters: Float64Array, frame: Frame, outcome: Outcome): void {
  const { tally } = outcome;
  counters[Verdict[outcome.verdict]]!++;
  counters[Misc.received_packets]!++;
  counters[Misc.received_bytes]! += frame.bytes.length;
  counters[Misc.mss_clamped]! += tally.mss_clamped;
  counters[Misc.mss_malformed]! += tally.mss_malformed;
  counters[Misc.fragmented]! += tally.fragmented;
  counters[Misc.fragments_created]! += tally.fragments_created;
  counters[Misc.icmp_errors]! += tally.icmp_errors;
  counters[Misc.icmp_suppressed]! += tally.icmp_suppressed;
  for (const { tunnel, bytes } of tally.decapsulated) {
    const at = TUNNEL_COUNTERS + COUNTERS_PER_TUNNEL * tunnel;
    counters[at + TunnelCounter.DECAPSULATED_PACKETS]!++;
    counters[at + TunnelCounter.DECAPSULATED_BYTES]! += bytes;
  }
  for (const { tunnel, bytes } of tally.encapsulated) {
    const at = TUNNEL_COUNTERS + COUNTERS_PER_TUNNEL * tunnel;
    counters[at + TunnelCounter.ENCAPSULATED_PACKETS]!++;
    counters[at + TunnelCounter.ENCAPSULATED_BYTES]! += bytes;
  }
}

function counterName(index: number): string {
  const verdict = VERDICTS.find((entry) => entry.number === index);
  if (verdict !== undefined) return verdict.name;
  const misc = MISC_COUNTERS.find((name) => Misc[name] === index);
  if (misc !== undefined) return misc;
  const tunnel = Math.floor((index - TUNNEL_COUNTERS) / COUNTERS_PER_TUNNEL);
  const field = (index - TUNNEL_COUNTERS) % COUNTERS_PER_TUNNEL;
  const names = Object.entries(TunnelCounter).map(([name, number]) => (number === field ? name : ''));
  return tunnel < 0 ? `counter ${index}` : `tunnel ${tunnel} ${names.join('').toLowerCase()}`;
}

/** Where two blocks differ, in words; `before` is what `after` started from. */
export function counterDifferences(
  expected: Float64Array,
  before: Float64Array,
  after: Float64Array,
): string[] {
  const differences: string[] = [];
  for (let i = 0; i < expected.length; i++) {
    const got = after[i]! - before[i]!;
    if (got !== expected[i]) differences.push(`${counterName(i)}: ${expected[i]!} expected, got ${got}`);
  }
  return differences;
}
