/** What iperf3 says with `--json`, as far as the tests look at it. */
export interface IperfResult {
  /** Bytes that the receiver has. */
  readonly bytes: number;
  readonly bitsPerSecond: number;
  /** TCP segments sent again; 0 for UDP. */
  readonly retransmits: number;
  /** UDP datagrams that the receiver misses; 0 for TCP. */
  readonly lost: number;
  readonly packets: number;
}

interface Sum {
  readonly bytes: number;
  readonly bits_per_second: number;
  readonly retransmits?: number;
  readonly lost_packets?: number;
  readonly packets?: number;
}

/** Null when the run failed. */
export function iperfResult(json: string): IperfResult | null {
  if (json === '') return null;
  const { end, error } = JSON.parse(json) as {
    end: { sum?: Sum; sum_sent?: Sum; sum_received?: Sum };
    error?: string;
  };
  if (error !== undefined) return null;
  const received = end.sum_received ?? end.sum!;
  return {
    bytes: received.bytes,
    bitsPerSecond: received.bits_per_second,
    retransmits: end.sum_sent?.retransmits ?? 0,
    lost: end.sum?.lost_packets ?? 0,
    packets: end.sum?.packets ?? 0,
  };
}
