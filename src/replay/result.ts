/** What a replay answers: the same object, with the same names, as `grebe replay --json` prints. */
import {
  COUNTERS_PER_TUNNEL,
  Misc,
  totalDropped,
  TUNNEL_COUNTERS,
  TunnelCounter,
} from '../dataplane/counters.js';
import { DROP_REASONS, Verdict, type VerdictName } from '../dataplane/verdicts.js';

export interface Volume {
  readonly packets: number;
  /** Bytes of the packets themselves: no file or record headers. */
  readonly bytes: number;
}

/** Names of the verdicts that are drops. */
export type DropReason = Exclude<
  VerdictName,
  'delivered_overlay' | 'delivered_underlay' | 'answered_echo' | 'answered_keepalive'
>;

export interface TunnelVolumes {
  /** Inner packets (gretap: frames) that came out of the tunnel. */
  readonly decapsulated: Volume;
  /** Inner packets (gretap: frames) that went into it: one for each outer packet sent. */
  readonly encapsulated: Volume;
}

export interface ReplayResult {
  /** Packets read: received = delivered.overlay + delivered.underlay + answered.echo + answered.keepalive + dropped.total. */
  readonly received: number;
  readonly delivered: { readonly overlay: number; readonly underlay: number };
  /** Echo requests for our own addresses, and keepalives: sent back to where they came from. */
  readonly answered: { readonly echo: number; readonly keepalive: number };
  /** All reasons are there, those of which there was no case with 0. */
  readonly dropped: { readonly total: number; readonly reasons: Readonly<Record<DropReason, number>> };
  /** By name, in the order of the configuration. */
  readonly tunnels: Readonly<Record<string, TunnelVolumes>>;
  /** Packets in which an MSS option was lowered, and TCP option lists that could not be read to their end. */
  readonly mss_clamped: number;
  readonly mss_malformed: number;
  /** Packets cut into fragments, and the fragments. */
  readonly fragmented: number;
  readonly fragments_created: number;
  /** ICMP errors sent, and those that the RFCs forbid to send. */
  readonly icmp_errors: number;
  readonly icmp_suppressed: number;
  /** From the first packet to the last one's end, in nanoseconds; opening files and starting workers not counted. */
  readonly elapsed_ns: number;
  readonly packets_per_second: number;
  readonly workers: number;
  /** What was written to each output; null for one that was not asked for. */
  readonly outputs: {
    readonly overlay: Volume | null;
    readonly underlay: Volume | null;
    readonly dropped: Volume | null;
  };
}

/** The part of the result that comes from counters (all workers' together) for tunnels of these names. */
export function countersToResult(
  counters: Float64Array,
  tunnelNames: readonly string[],
): Omit<ReplayResult, 'elapsed_ns' | 'packets_per_second' | 'workers' | 'outputs'> {
  const reasons = Object.fromEntries(DROP_REASONS.map(({ name, number }) => [name, counters[number]!]));
  return {
    received: counters[Misc.received_packets]!,
    delivered: {
      overlay: counters[Verdict.delivered_overlay]!,
      underlay: counters[Verdict.delivered_underlay]!,
    },
    answered: {
      echo: counters[Verdict.answered_echo]!,
      keepalive: counters[Verdict.answered_keepalive]!,
    },
    dropped: { total: totalDropped(counters), reasons: reasons as Record<DropReason, number> },
    tunnels: Object.fromEntries(tunnelNames.map((name, i) => [name, volumesOf(counters, i)])),
    mss_clamped: counters[Misc.mss_clamped]!,
    mss_malformed: counters[Misc.mss_malformed]!,
    fragmented: counters[Misc.fragmented]!,
    fragments_created: counters[Misc.fragments_created]!,
    icmp_errors: counters[Misc.icmp_errors]!,
    icmp_suppressed: counters[Misc.icmp_suppressed]!,
  };
}

function volumesOf(counters: Float64Array, tunnel: number): TunnelVolumes {
  const at = TUNNEL_COUNTERS + tunnel * COUNTERS_PER_TUNNEL;
  return {
    decapsulated: {
      packets: counters[at + TunnelCounter.DECAPSULATED_PACKETS]!,
      bytes: counters[at + TunnelCounter.DECAPSULATED_BYTES]!,
    },
    encapsulated: {
      packets: counters[at + TunnelCounter.ENCAPSULATED_PACKETS]!,
      bytes: counters[at + TunnelCounter.ENCAPSULATED_BYTES]!,
    },
  };
}
