/** What goes into the oracle and what comes out of it. */
import type { VerdictName } from '../../src/dataplane/verdicts.js';

export type SideName = 'underlay' | 'overlay';

export interface Frame {
  side: SideName;
  /** LINKTYPE_ number. */
  link: number;
  bytes: Uint8Array;
  /** Plain next hop over which it came in (from the underlay). */
  over?: number;
  /** Tunnel or plain next hop to which it is pinned. */
  pin?: number;
}

/** A frame that leaves. */
export interface Sent extends Frame {
  /** Tunnel or plain next hop that it leaves through, or −1. */
  through: number;
}

/** Counters of docs/dataplane.md §11 and the tunnels' own. */
export interface Tally {
  mss_clamped: number;
  mss_malformed: number;
  fragmented: number;
  fragments_created: number;
  icmp_errors: number;
  icmp_suppressed: number;
  decapsulated: { tunnel: number; bytes: number }[];
  encapsulated: { tunnel: number; bytes: number }[];
}

export interface Outcome {
  verdict: VerdictName;
  /** Tunnel that the packet came out of (the innermost one), or −1. */
  tunnelIn: number;
  /** Tunnel that the packet went into or was to go into, or −1. */
  tunnelOut: number;
  outputs: Sent[];
  tally: Tally;
}

/** A next hop as the table gives it. */
export interface NextHop {
  tunnel: number;
  weight: number;
}

/**
 * What the documents leave to the implementation, such as hashes: the oracle takes the value that the
 * implementation chose, and whoever implements this checks that it may be chosen.
 */
export interface Choices {
  /** One of the tunnels of these next hops, for this flow. */
  tunnel(nexthops: readonly NextHop[], flow: string): number;
  /** 20 bits of the flow hash; they stand in output number `output`, whose outer IPv6 header is at `at`. */
  flowLabel(output: number, at: number, flow: string): number;
  /** Sequence number of `tunnel`; it stands at `at` of output number `output`. */
  sequence(output: number, at: number, tunnel: number): number;
  /** ID for all fragments of a packet that had none; it stands at `at` of output number `output`. */
  fragmentId(output: number, at: number): number;
}

/** What is noted about a packet while it goes its way. */
export interface Way {
  tunnelIn: number;
  tunnelOut: number;
  tally: Tally;
}

/** Ends the packet's way with a drop reason. */
export class Drop extends Error {
  constructor(readonly verdict: VerdictName) {
    super(verdict);
  }
}

export function emptyTally(): Tally {
  return {
    mss_clamped: 0,
    mss_malformed: 0,
    fragmented: 0,
    fragments_created: 0,
    icmp_errors: 0,
    icmp_suppressed: 0,
    decapsulated: [],
    encapsulated: [],
  };
}
