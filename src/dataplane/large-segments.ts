/**
 * Large segments (PacketVector.large) through the pipeline in one piece: judged, routed and encapsulated once for
 * all packets that they will be cut into, with the outer header of a full one. What a single packet would get of the
 * ordinary path, its packets get here, to the last bit and in every counter (test/device/large-segments.test.ts).
 *
 * Only the common case: TCP or UDP over IPv4 without options, from the overlay, into a tunnel that the flat loop of
 * encap.ts could do. All else is refused untouched, to be cut first and to come again.
 */
import { IpProtocol, IPV4_HEADER, TcpFlag } from '../wire/protocol.js';
import { COUNTERS_PER_TUNNEL, Misc, TUNNEL_COUNTERS, TunnelCounter } from './counters.js';
import type { CarefulDecap } from './decap-careful.js';
import { LinkType } from './link-type.js';
import type { OuterHeader } from './outer-header.js';
import { Side, type PacketVector } from './packet-vector.js';
import { flowHash, group4, type RouteStages } from './route.js';
import { Step, type Scratch } from './scratch.js';
import type { Tables } from './tables.js';
import { Verdict } from './verdicts.js';

/** First byte of an IPv4 header without options. */
const PLAIN_IPV4 = 0x45;
const TCP_FLAGS = 13;

export interface LargeSegmentsParts {
  /** The pool's. */
  readonly bytes: Uint8Array;
  readonly tables: Tables;
  readonly counters: Float64Array;
  readonly scratch: Scratch;
  readonly decap: CarefulDecap;
  readonly routes: RouteStages;
  readonly outer: OuterHeader;
}

export class LargeSegments {
  constructor(private readonly parts: LargeSegmentsParts) {}

  /**
   * Delivers the first of the vector's large segments, `most` at most, and leaves only those in it; the others, from the
   * first one on that is not the common case, are counted as `refused`: a flow's packets stay in order.
   */
  run(vector: PacketVector, most: number): void {
    const { count } = vector;
    let routable = 0;
    while (routable < most && this.judge(vector, routable)) routable++;
    this.parts.routes.select(routable, vector.base);
    let done = 0;
    while (done < routable && this.encapsulate(vector, done)) done++;
    vector.count = done;
    vector.refused = count - done;
    vector.leaveOn(Side.UNDERLAY);
  }

  /** Prepares segment `i` for the route stages, if it is the common case so far. */
  private judge(vector: PacketVector, i: number): boolean {
    const { bytes, decap, scratch, tables } = this.parts;
    const ip = vector.offset[i]!;
    const length = vector.length[i]!;
    if (vector.link[i] !== LinkType.RAW || vector.side[i] !== Side.OVERLAY || bytes[ip] !== PLAIN_IPV4)
      return false;
    // An MSS to be clamped.
    const isSyn =
      bytes[ip + 9] === IpProtocol.TCP && (bytes[ip + IPV4_HEADER + TCP_FLAGS]! & TcpFlag.SYN) !== 0;
    if (isSyn || decap.run(ip, length, 0, false, -1) !== 0) return false;
    const { table, tail } = tables.shared.fib4;
    const headers = vector.bodyOffset[i]! - ip;
    scratch.step[i] = Step.ROUTED;
    scratch.ip[i] = ip;
    scratch.length[i] = Math.min(length, headers + vector.bodyLength[i]!);
    scratch.family[i] = 4;
    scratch.group[i] = group4(bytes, ip, table, tail);
    scratch.hash[i] = flowHash(bytes, ip, length, 4);
    vector.tunnelIn[i] = -1;
    return true;
  }

  private encapsulate(vector: PacketVector, i: number): boolean {
    const { counters, outer, scratch } = this.parts;
    const tunnel = vector.tunnelOut[i]!;
    if (tunnel < 0 || scratch.unfit[i] !== 0) return false;
    const ip = scratch.ip[i]!;
    const length = vector.length[i]!;
    const longest = scratch.length[i]!;
    outer.put(tunnel, ip, longest, 4, 0, scratch.hash[i]!);
    const start = outer.start(tunnel, ip, 0);
    vector.verdict[i] = Verdict.delivered_underlay;
    vector.outOffset[i] = start;
    vector.outLength[i] = ip + length - start;
    vector.outLink[i] = LinkType.RAW;

    const packets = vector.segments(i);
    const bytes = length + (packets - 1) * (vector.bodyOffset[i]! - ip);
    const c = TUNNEL_COUNTERS + tunnel * COUNTERS_PER_TUNNEL;
    // One packet has been counted with its header.
    counters[c + TunnelCounter.ENCAPSULATED_PACKETS]! += packets - 1;
    counters[c + TunnelCounter.ENCAPSULATED_BYTES]! += bytes - longest;
    counters[Verdict.delivered_underlay]! += packets;
    counters[Misc.received_packets]! += packets;
    counters[Misc.received_bytes]! += bytes;
    return true;
  }
}
