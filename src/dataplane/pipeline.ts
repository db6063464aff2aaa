/**
 * The way of a packet, on one page. Start reading here.
 *
 *   frame     link header off: Ethernet with one tag, raw IP, cooked, BSD null          frame.ts
 *   outer     outer IP header checked; GRE for us or plain                              decap.ts
 *   endpoint  whose tunnel (source, destination, key); inner header checked             decap.ts
 *   (careful  whatever those two loops did not take, with the reason for each drop      decap-careful.ts)
 *   (steer    a stage of others may pin packets to next hops: return routing)
 *   lookup    longest-prefix match on the destination                                   route.ts
 *   select    one of the next hops of the vector's view, by the flow's hash; pins       route.ts
 *   encap     TTL, MTU, MSS clamp, outer header, link header back on                    encap.ts
 *   (careful  whatever that loop did not take: fragments, ICMP errors, IPv6, gretap …   encap-careful.ts)
 *   (ourselves  echo requests for our own addresses, keepalives: answered               local-host.ts, keepalive.ts)
 *   account   every packet has its verdict; counters                                    account.ts
 *
 * Each stage is one loop over the vector. The loops handle the common packet without a jump; a packet that
 * is unusual in any way takes the careful path for that part of its way and joins the others again.
 * What exactly is done to a packet, in words: docs/dataplane.md.
 *
 * The pipeline knows no clock, no device and no configuration: packets and time come in, verdicts go out.
 * It keeps no state between packets but counters, sequence numbers and the rate of ICMP errors, so that
 * any worker gives the same answer to the same packet.
 */
import { payloadKernels } from '../wire/payload.js';
import { createAccountStage, type AccountStage } from './account.js';
import { createDecapStages, type DecapStages } from './decap.js';
import { CarefulDecap } from './decap-careful.js';
import { CarefulEncap } from './encap-careful.js';
import { createEncapStage, type EncapStage } from './encap.js';
import { decrementTtl } from './forwarding.js';
import { createFrameStage, type FrameStage } from './frame.js';
import { LargeSegments } from './large-segments.js';
import { LinkBack } from './link-back.js';
import { LinkType } from './link-type.js';
import type { LocalTaker } from './local-host.js';
import { OuterHeader } from './outer-header.js';
import type { PacketPool } from './packet-pool.js';
import { interconnectOf, Side, sideOf, type PacketVector } from './packet-vector.js';
import { RateLimit } from './rate-limit.js';
import { createRouteStages, flowHash, group4, group6, type RouteStages } from './route.js';
import { OVER_PLAIN, Scratch, Step } from './scratch.js';
import type { Tables } from './tables.js';
import { Verdict } from './verdicts.js';

export interface PipelineOptions {
  /** ICMP errors sent per second, and at once; default unlimited (results then do not depend on time). */
  readonly icmpPerSecond?: number;
  /** Send every packet down the careful path: slower, the same results. For tests and for `grebe trace`. */
  readonly carefulOnly?: boolean;
  /** Looks at packets between decapsulation and route, and may pin them to next hops. Default none. */
  readonly steer?: SteerStage;
  /** Asked about packets for our own addresses that are no echo requests. Default: they are the overlay's. */
  readonly takeLocal?: LocalTaker;
}

/**
 * A stage of others, run once for each vector when its packets are decapsulated and judged and before next hops are
 * chosen: `scratch` says where each packet is (those at Step.DONE have their verdict). It may call vector.pinTo.
 *
 * @param nowMs as given to Pipeline.run
 */
export type SteerStage = (this: void, vector: PacketVector, scratch: Scratch, nowMs: number) => void;

export class Pipeline {
  /** What the stages noted about the packets of the last run; for tracing. */
  readonly scratch = new Scratch();
  private readonly frame: FrameStage;
  private readonly decapStages: DecapStages;
  private readonly routeStages: RouteStages;
  private readonly encapStage: EncapStage;
  private readonly account: AccountStage;
  private readonly decap: CarefulDecap;
  private readonly link: LinkBack;
  private readonly large: LargeSegments;
  private readonly icmpLimit: RateLimit;
  private readonly carefulOnly: boolean;
  private readonly steer: SteerStage | undefined;

  /**
   * @param counters a block of createCounters(tables.tunnelCount), written by this pipeline alone
   */
  constructor(
    private readonly pool: PacketPool,
    private readonly tables: Tables,
    counters: Float64Array,
    options: PipelineOptions = {},
  ) {
    const { scratch } = this;
    const { words, bytes } = pool;
    const { endpoints, tunnels } = tables.shared;
    const kernels = payloadKernels(pool.memory);
    this.icmpLimit = new RateLimit(options.icmpPerSecond ?? Infinity);
    this.carefulOnly = options.carefulOnly ?? false;
    this.steer = options.steer;
    this.decap = new CarefulDecap(bytes, kernels, tables, counters);
    this.link = new LinkBack(bytes, scratch);
    const encap = new CarefulEncap(
      pool,
      kernels,
      tables,
      counters,
      scratch,
      this.icmpLimit,
      options.takeLocal,
    );
    this.frame = createFrameStage(pool, scratch);
    this.decapStages = createDecapStages(words, scratch, endpoints.v4, counters);
    this.routeStages = createRouteStages(words, scratch, tables.shared);
    this.account = createAccountStage(words, counters);
    this.encapStage = createEncapStage(words, scratch, tunnels, counters, encap);
    this.large = new LargeSegments({
      ...{ bytes, tables, counters, scratch, decap: this.decap, routes: this.routeStages },
      outer: new OuterHeader(pool, kernels, tables, counters),
    });
  }

  /**
   * Takes every packet of the vector to its verdict. Frames are changed in place; fragments and ICMP errors
   * are put into the extra slots of the vector's region.
   *
   * @param nowMs time in milliseconds from any origin, for the rate of ICMP errors
   */
  run(vector: PacketVector, nowMs: number): void {
    const n = vector.count;
    this.icmpLimit.advance(nowMs);
    vector.extraCount = 0;
    vector.extraSlotsUsed = 0;

    this.frame(vector);
    let left = n;
    if (!this.carefulOnly) {
      left = this.decapStages.outer(n, vector.base);
      left += this.decapStages.endpoint(n, vector.base);
    }
    if (left > 0) this.carefulStage(vector);
    if (this.steer !== undefined) this.steer(vector, this.scratch, nowMs);
    this.routeStages.lookup(n);
    this.routeStages.select(n, vector.base);
    this.encapStage(vector);
    this.account(n, vector.base);
    vector.unpin();
  }

  /**
   * The same for a vector of large segments (PacketVector.large): delivers those that are common, in one piece, and
   * leaves those behind them, as `vector.refused`, to be cut and received again. All of them, where there is a stage that
   * has to see each packet.
   */
  runLarge(vector: PacketVector): void {
    const isCommon = !this.carefulOnly && this.steer === undefined;
    this.large.run(vector, isCommon ? vector.count : 0);
  }

  /** Judges and routes the packets that the flat loops left. */
  private carefulStage(vector: PacketVector): void {
    const { step } = this.scratch;
    const n = vector.count;
    for (let i = 0; i < n; i++) if (step[i] === Step.CAREFUL) this.carefulOne(vector, i);
  }

  private carefulOne(vector: PacketVector, i: number): void {
    const { decap, scratch } = this;
    vector.complete(i);
    const { bytes } = this.pool;
    const { fib4, fib6 } = this.tables.shared;
    const side = vector.side[i]!;
    const fromUnderlay = sideOf(side) === Side.UNDERLAY;
    const reason = decap.run(
      scratch.ip[i]!,
      scratch.length[i]!,
      scratch.family[i]! & ~OVER_PLAIN,
      fromUnderlay,
      interconnectOf(side),
    );
    vector.tunnelIn[i] = decap.tunnel;
    if (reason !== 0) {
      vector.verdict[i] = reason;
      scratch.step[i] = Step.DONE;
      return;
    }
    scratch.ip[i] = decap.ip;
    scratch.length[i] = decap.length;
    scratch.family[i] = decap.family;
    scratch.frameLength[i] = decap.frameLength;
    if (decap.frameLength !== 0) scratch.ethernet[i] = decap.ethernet;
    if (decap.keepalive) {
      this.sendKeepaliveBack(vector, i);
      return;
    }
    if (decap.family === 0) {
      vector.verdict[i] = Verdict.delivered_overlay;
      vector.outOffset[i] = decap.ip - decap.ethernet;
      vector.outLength[i] = decap.frameLength;
      vector.outLink[i] = LinkType.ETHERNET;
      scratch.step[i] = Step.DONE;
      return;
    }
    scratch.group[i] =
      decap.family === 4 ? group4(bytes, decap.ip, fib4.table, fib4.tail) : group6(bytes, decap.ip, fib6);
    scratch.hash[i] = flowHash(bytes, decap.ip, decap.length, decap.family);
    scratch.step[i] = Step.ROUTED;
  }

  /** The packet out of the tunnel leaves as it is, one hop older, by the way on which it came. */
  private sendKeepaliveBack(vector: PacketVector, i: number): void {
    const { decap, link, scratch } = this;
    decrementTtl(this.pool.bytes, decap.ip, 4);
    const start = link.put(vector, i, decap.ip, 4);
    vector.verdict[i] = Verdict.answered_keepalive;
    vector.outOffset[i] = start;
    vector.outLength[i] = decap.ip + decap.length - start;
    vector.outLink[i] = link.type(vector, i, 4);
    scratch.step[i] = Step.DONE;
  }
}
