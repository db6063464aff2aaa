/**
 * The careful path out: everything behind the route that the flat loop of encap.ts leaves (IPv6, options,
 * unaligned packets, checksums and sequence numbers, gretap, too big, TTL at its end, SYN segments), in the
 * order of docs/dataplane.md §§6–10.
 */
import { le16, putLe16 } from '../wire/bytes.js';
import { updateChecksum } from '../wire/checksum.js';
import type { PayloadKernels } from '../wire/payload.js';
import { Ipv4Flag } from '../wire/protocol.js';
import { bytesOf } from './aligned.js';
import { Misc } from './counters.js';
import { ExtraPackets } from './extra-packets.js';
import { endsBeyondLimit, FragmentPlan } from './fragment.js';
import { decrementTtl, ttlOf } from './forwarding.js';
import { putReversedLink } from './frame.js';
import { IcmpError, icmpErrorLength, icmpSourceAt, mayAnswer, writeIcmpError } from './icmp-error.js';
import { LinkBack } from './link-back.js';
import { LinkType } from './link-type.js';
import { LocalHost, type LocalTaker } from './local-host.js';
import { Clamp, clampMss, findTcp } from './mss-clamp.js';
import { OuterHeader } from './outer-header.js';
import type { PacketPool } from './packet-pool.js';
import { Side, sideOf, type PacketVector } from './packet-vector.js';
import type { RateLimit } from './rate-limit.js';
import { flowHash } from './route.js';
import type { Scratch } from './scratch.js';
import type { Tables } from './tables.js';
import { TUNNEL_WORDS, TunnelField, TunnelFlag } from './tunnel-table.js';
import { Verdict } from './verdicts.js';

export class CarefulEncap {
  private readonly bytes: Uint8Array;
  private readonly tunnels: Int32Array;
  private readonly tunnelBytes: Uint8Array;
  private readonly plan = new FragmentPlan();
  private readonly outer: OuterHeader;
  private readonly extras: ExtraPackets;
  private readonly link: LinkBack;
  private readonly local: LocalHost;
  /** Where packets for our own addresses are routed: the record behind the last tunnel's. */
  private readonly ourselves: number;

  constructor(
    pool: PacketPool,
    private readonly kernels: PayloadKernels,
    tables: Tables,
    private readonly counters: Float64Array,
    private readonly scratch: Scratch,
    private readonly icmpLimit: RateLimit,
    private readonly takeLocal?: LocalTaker,
  ) {
    this.bytes = pool.bytes;
    this.tunnels = tables.shared.tunnels;
    this.tunnelBytes = bytesOf(this.tunnels);
    this.outer = new OuterHeader(pool, kernels, tables, counters);
    this.extras = new ExtraPackets(pool);
    this.link = new LinkBack(pool.bytes, scratch);
    this.local = new LocalHost(pool.bytes, kernels, tables, scratch, this.outer, this.link);
    this.ourselves = tables.tunnelCount;
  }

  /** Gives packet `i`, routed or not, its verdict and its outputs. */
  run(vector: PacketVector, i: number): void {
    let tunnel = vector.tunnelOut[i]!;
    if (tunnel === this.ourselves) {
      vector.tunnelOut[i] = tunnel = -1;
      if (this.local.answer(vector, i) || this.isTaken(vector, i)) return;
    }
    if (tunnel >= 0) this.forward(vector, i, tunnel);
    else if (vector.tunnelIn[i]! >= 0) this.deliver(vector, i);
    else
      vector.verdict[i] = sideOf(vector.side[i]!) === Side.UNDERLAY ? Verdict.not_for_us : Verdict.no_route;
  }

  /** Gives a packet for one of our own addresses to whoever takes it. */
  private isTaken(vector: PacketVector, i: number): boolean {
    const { ip, length, ethernet, frameLength } = this.scratch;
    if (this.takeLocal === undefined || ethernet[i] !== 0 || frameLength[i] !== 0) return false;
    if (!this.takeLocal(this.bytes, ip[i]!, length[i]!, vector.tunnelIn[i]!)) return false;
    vector.verdict[i] = Verdict.delivered_overlay;
    vector.outOffset[i] = ip[i]!;
    vector.outLength[i] = 0;
    vector.outLink[i] = LinkType.RAW;
    return true;
  }

  /** docs/dataplane.md §7. */
  deliver(vector: PacketVector, i: number): void {
    const { ip, length, ethernet, frameLength } = this.scratch;
    this.clamp(vector, i, -1);
    const inFrame = frameLength[i] !== 0;
    vector.verdict[i] = Verdict.delivered_overlay;
    vector.outOffset[i] = ip[i]! - ethernet[i]!;
    vector.outLength[i] = inFrame ? frameLength[i]! : length[i]!;
    vector.outLink[i] = inFrame ? LinkType.ETHERNET : LinkType.RAW;
  }

  /**
   * Clamps the MSS of packet `i` for its tunnel of arrival and the tunnel `to` that it enters (−1: none).
   */
  clamp(vector: PacketVector, i: number, to: number): void {
    const { bytes, tunnels } = this;
    const { ip, length, family } = this.scratch;
    const tcp = findTcp(bytes, ip[i]!, length[i]!, family[i]!);
    if (tcp < 0) return;
    const from = vector.tunnelIn[i]!;
    const shift = family[i] === 4 ? 0 : 16;
    const limitTo = to < 0 ? 0xffff : (tunnels[to * TUNNEL_WORDS + TunnelField.CLAMP_TO]! >>> shift) & 0xffff;
    const limitFrom =
      from < 0 ? 0xffff : (tunnels[from * TUNNEL_WORDS + TunnelField.CLAMP_FROM]! >>> shift) & 0xffff;
    if ((limitTo & limitFrom) === 0xffff) return;
    const result = clampMss(bytes, tcp, ip[i]! + length[i]!, limitTo < limitFrom ? limitTo : limitFrom);
    if ((result & Clamp.LOWERED) !== 0) this.counters[Misc.mss_clamped]! += 1;
    if ((result & Clamp.MALFORMED) !== 0) this.counters[Misc.mss_malformed]! += 1;
  }

  /** docs/dataplane.md §6. */
  private forward(vector: PacketVector, i: number, tunnel: number): void {
    const { bytes, scratch } = this;
    const ip = scratch.ip[i]!;
    const length = scratch.length[i]!;
    const family = scratch.family[i]!;
    const record = tunnel * TUNNEL_WORDS;
    const forwarding = sideOf(vector.side[i]!) === Side.UNDERLAY;
    if (forwarding && ttlOf(bytes, ip, family) <= 1) {
      vector.verdict[i] = Verdict.ttl_exceeded;
      this.sendError(vector, i, tunnel, IcmpError.TIME_EXCEEDED);
      return;
    }
    const mtu = this.tunnels[record + TunnelField.MTU]!;
    const flags = this.tunnels[record + TunnelField.FLAGS]!;
    const df = family === 4 && (bytes[ip + 6]! & Ipv4Flag.DONT_FRAGMENT) !== 0;
    const clearDf = df && (flags & TunnelFlag.CLEAR_DF) !== 0;
    const tooBig = length > mtu;
    if (tooBig) {
      if (family === 6 || (df && !clearDf)) {
        vector.verdict[i] = Verdict.mtu_exceeded;
        this.sendError(vector, i, tunnel, IcmpError.TOO_BIG);
        return;
      }
      if (endsBeyondLimit(bytes, ip, length)) {
        vector.verdict[i] = Verdict.fragment_invalid;
        return;
      }
      this.plan.plan(bytes, ip, length, mtu);
      if (!this.extras.hasRoomFor(vector, this.plan.count, mtu)) {
        vector.verdict[i] = Verdict.no_buffer;
        return;
      }
    }
    if (forwarding) decrementTtl(bytes, ip, family);
    if (clearDf) this.clearDontFragment(ip);
    this.clamp(vector, i, tunnel);
    vector.verdict[i] = Verdict.delivered_underlay;
    if (tooBig) {
      this.sendFragments(vector, i, tunnel);
      return;
    }
    const outer = this.outer.start(tunnel, ip, scratch.ethernet[i]!);
    const outerFamily = this.outer.family(tunnel, family);
    const start = this.link.put(vector, i, outer, outerFamily);
    this.outer.put(tunnel, ip, length, family, scratch.ethernet[i]!, scratch.hash[i]!);
    vector.outOffset[i] = start;
    vector.outLength[i] = ip + length - start;
    vector.outLink[i] = this.link.type(vector, i, outerFamily);
  }

  private clearDontFragment(ip: number): void {
    const { bytes } = this;
    const before = le16(bytes, ip + 6);
    bytes[ip + 6] = bytes[ip + 6]! & ~Ipv4Flag.DONT_FRAGMENT;
    putLe16(bytes, ip + 10, updateChecksum(le16(bytes, ip + 10), before, le16(bytes, ip + 6)));
  }

  /** docs/dataplane.md §8, by the plan made before. */
  private sendFragments(vector: PacketVector, i: number, tunnel: number): void {
    const { bytes, plan, scratch, kernels } = this;
    const ip = scratch.ip[i]!;
    const ethernet = scratch.ethernet[i]!;
    const gretap = (this.tunnels[tunnel * TUNNEL_WORDS + TunnelField.FLAGS]! & TunnelFlag.GRETAP) !== 0;
    const data = ip + plan.firstHeader;
    for (let f = 0; f < plan.count; f++) {
      const header = plan.headerLength(f);
      const payload = plan.payloadLength(f);
      const at = this.extras.take(vector, header + payload);
      plan.writeHeader(bytes, ip, at, f);
      kernels.copy(at + header, data + plan.payloadStart(f), payload);
      if (gretap) kernels.copy(at - ethernet, ip - ethernet, ethernet);
      this.sendExtra(vector, i, tunnel, at, header + payload, 4, ethernet, scratch.hash[i]!);
    }
    this.counters[Misc.fragmented]! += 1;
    this.counters[Misc.fragments_created]! += plan.count;
    vector.outLength[i] = 0;
  }

  /** docs/dataplane.md §10; nothing but a counter when no error may be sent. */
  private sendError(vector: PacketVector, i: number, tunnel: number, kind: number): void {
    const { bytes, scratch } = this;
    const ip = scratch.ip[i]!;
    const length = scratch.length[i]!;
    const family = scratch.family[i]!;
    const back = vector.tunnelIn[i]!;
    const limit = back < 0 ? 0xffff : this.tunnels[back * TUNNEL_WORDS + TunnelField.MTU]!;
    const total = icmpErrorLength(length, family, limit);
    if (
      !mayAnswer(bytes, ip, length, family) ||
      !this.extras.hasRoomFor(vector, 1, total) ||
      !this.icmpLimit.take()
    ) {
      this.counters[Misc.icmp_suppressed]! += 1;
      return;
    }
    const record = tunnel * TUNNEL_WORDS;
    const toOverlay = back < 0 && sideOf(vector.side[i]!) === Side.OVERLAY;
    const field4 = toOverlay ? TunnelField.ICMP_SOURCE_TO_OVERLAY4 : TunnelField.ICMP_SOURCE4;
    const field = family === 4 ? field4 : TunnelField.ICMP_SOURCE6;
    const mtu = kind === IcmpError.TOO_BIG ? this.tunnels[record + TunnelField.MTU]! : 0;
    const at = this.extras.take(vector, total);
    const size = family === 4 ? 4 : 16;
    const source = icmpSourceAt(at, family);
    for (let k = 0; k < size; k++) bytes[source + k] = this.tunnelBytes[(record + field) * 4 + k]!;
    writeIcmpError(bytes, this.kernels, at, total, ip, family, kind, mtu);
    this.counters[Misc.icmp_errors]! += 1;
    if (back >= 0) {
      const ethernet = this.returnEthernet(i, at);
      this.sendExtra(vector, i, back, at, total, family, ethernet, flowHash(bytes, at, total, family));
    } else if (toOverlay) {
      this.extras.emit(vector, i, at, total, LinkType.RAW, Side.OVERLAY, -1);
    } else {
      const start = this.link.put(vector, i, at, family);
      this.extras.emit(
        vector,
        i,
        start,
        at + total - start,
        this.link.type(vector, i, family),
        Side.UNDERLAY,
        -1,
      );
    }
  }

  /** For an answer to a packet in an Ethernet frame: the frame's header, addresses swapped, in front of `at`. */
  private returnEthernet(i: number, at: number): number {
    const ethernet = this.scratch.frameLength[i] === 0 ? 0 : this.scratch.ethernet[i]!;
    if (ethernet !== 0) {
      const from = this.scratch.ip[i]! - ethernet;
      putReversedLink(this.bytes, from, ethernet, LinkType.ETHERNET, at, this.scratch.family[i]!);
    }
    return ethernet;
  }

  /** Encapsulates a packet in a slot of its own and puts it out as an extra of packet `i`. */
  private sendExtra(
    vector: PacketVector,
    i: number,
    tunnel: number,
    at: number,
    length: number,
    family: number,
    ethernet: number,
    hash: number,
  ): void {
    const outerFamily = this.outer.family(tunnel, family);
    const outer = this.outer.start(tunnel, at, ethernet);
    const start = this.link.put(vector, i, outer, outerFamily);
    this.outer.put(tunnel, at, length, family, ethernet, hash);
    const link = this.link.type(vector, i, outerFamily);
    this.extras.emit(vector, i, start, at + length - start, link, Side.UNDERLAY, tunnel);
  }
}
