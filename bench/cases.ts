/** What is measured: the cases of a whole run and of a quick one. */
import { Verdict } from '../src/dataplane/verdicts.js';
import type { NetworkSize } from './network.js';
import type { Direction, PacketSize } from './traffic.js';
import type { WayName } from './ways.js';

/**
 * decap: the first stages over packets of tunnels: link header, outer header, endpoint, inner header.
 * encap: the whole pipeline, link header to counters, over packets from the overlay that enter tunnels.
 * clamp: as encap, and every packet is a SYN. full: the whole pipeline over packets that come out of one
 * tunnel and enter another: decap, route, ECMP, clamp, MTU, TTL, encap.
 */
export const CASE_NAMES = ['decap', 'encap', 'clamp', 'full'] as const;
export type CaseName = (typeof CASE_NAMES)[number];

export interface Case {
  readonly name: CaseName;
  readonly size: PacketSize;
  readonly batch: number;
  readonly network: NetworkSize;
  readonly workers: number;
}

/** What a case sends, through what, and the verdict that all its packets get (0: none yet). */
export const KINDS: Record<CaseName, { direction: Direction; way: WayName; verdict: number }> = {
  decap: { direction: 'from-tunnel', way: 'decap', verdict: 0 },
  encap: { direction: 'to-tunnel', way: 'pipeline', verdict: Verdict.delivered_underlay },
  clamp: { direction: 'to-tunnel', way: 'pipeline', verdict: Verdict.delivered_underlay },
  full: { direction: 'from-tunnel', way: 'pipeline', verdict: Verdict.delivered_underlay },
};

/** SYN and SYN-ACK among the packets, an assumption: two in TCP connections of 40 packets. */
const SYN_SHARE = 0.05;

export function synShare(name: CaseName): number {
  return name === 'clamp' ? 1 : SYN_SHARE;
}

const FULL_BATCH = 256;
const SIZES: readonly PacketSize[] = [64, 'imix', 1476];
const BATCHES = [1, 2, 4, 8, 16, 32, 64, 128];
const USUAL: NetworkSize = { tunnels: 1000, prefixes: 1_000_000 };
const OTHERS: readonly NetworkSize[] = [
  { tunnels: 1000, prefixes: 1000 },
  { tunnels: 1_000_000, prefixes: 1000 },
  { tunnels: 1_000_000, prefixes: 1_000_000 },
];

function usual(name: CaseName): Case {
  return { name, size: 64, batch: FULL_BATCH, network: USUAL, workers: 1 };
}

/** Cases ordered by network, so that each has to be built once. */
export function wholeRun(): Case[] {
  return [
    ...SIZES.flatMap((size) => CASE_NAMES.map((name) => ({ ...usual(name), size }))),
    ...BATCHES.map((batch) => ({ ...usual('full'), batch })),
    { ...usual('full'), workers: 2 },
    ...OTHERS.flatMap((network) => [
      { ...usual('decap'), network },
      { ...usual('encap'), network },
      { ...usual('full'), network },
      { ...usual('full'), network, workers: 2 },
    ]),
  ];
}

/** The cases that have a limit. */
export function quickRun(): Case[] {
  return CASE_NAMES.map(usual);
}
