/**
 * The careful path into a packet: everything that the flat loops of decap.ts leave, byte by byte and in the
 * order of docs/dataplane.md §§2–4, with the reason for each drop. IPv6, options, extension headers, GRE
 * checksums, gretap, nesting. It gives the same answer as the flat loops for what they handle
 * (test/dataplane/paths.test.ts), so that it alone defines what is right.
 */
import { be16, le16, putLe16, word } from '../wire/bytes.js';
import { sumBytes, updateChecksum } from '../wire/checksum.js';
import { Ipv6Chain } from '../wire/ipv6-chain.js';
import type { PayloadKernels } from '../wire/payload.js';
import {
  ETHERNET_HEADER,
  EtherType,
  GRE_HEADER,
  GRE_VERSION_MASK,
  GreFlag,
  IPV4_HEADER,
  IPV6_HEADER,
  IpProtocol,
  VLAN_TAG,
} from '../wire/protocol.js';
import { COUNTERS_PER_TUNNEL, TUNNEL_COUNTERS } from './counters.js';
import { findEndpoint4, findEndpoint6 } from './endpoint-table.js';
import { familyOfEtherType } from './frame.js';
import { isKeepalive } from './keepalive.js';
import { keySetGet } from './key-set.js';
import type { Tables } from './tables.js';
import { TUNNEL_WORDS, TunnelField, TunnelFlag } from './tunnel-table.js';
import { Verdict } from './verdicts.js';

/** What the check of an IP header can find wrong, by position; 0 is nothing. */
const OUTER_REASONS = [
  0,
  Verdict.ip_truncated,
  Verdict.ip_bad_version,
  Verdict.ip_bad_header_length,
  Verdict.ip_bad_checksum,
];
const INNER_REASONS = [
  0,
  Verdict.inner_truncated,
  Verdict.inner_bad_version,
  Verdict.inner_bad_header_length,
  Verdict.inner_bad_checksum,
];
const TRUNCATED = 1;
const BAD_VERSION = 2;
const BAD_HEADER_LENGTH = 3;
const BAD_CHECKSUM = 4;

const NOT_GRE = 0;
const GRE_FOR_US = 1;
const GRE_FRAGMENT = 2;

const ECN_CE = 3;
const ECN_ECT0 = 2;
const ECN_ECT1 = 1;

export class CarefulDecap {
  // What a run that ends without a drop has found.
  /** Offset of the IP packet to route, and its length without padding. */
  ip = 0;
  length = 0;
  /** 4, 6, or 0 for the frame of a gretap tunnel that carries no IP. */
  family = 0;
  /** Tunnel that it came out of, or −1. */
  tunnel = -1;
  /** Bytes of Ethernet header in front of `ip` (gretap), and of the whole frame with its padding; 0 for none. */
  ethernet = 0;
  frameLength = 0;
  /** Whether the packet is a keepalive, to be sent back as it is. */
  keepalive = false;

  private headerLength = 0;
  private greAt = 0;
  private readonly chain = new Ipv6Chain();
  private readonly key = new Int32Array(10);

  constructor(
    private readonly bytes: Uint8Array,
    private readonly kernels: PayloadKernels,
    private readonly tables: Tables,
    private readonly counters: Float64Array,
  ) {}

  /**
   * Judges the packet of `available` bytes at `at`. `family` is what the link header announces (0: it does
   * not say); only packets from the underlay are decapsulated. `over` is the plain next hop over which it came in,
   * or −1.
   * Answers a drop reason, or 0 for a packet to route or (family 0) to hand to the overlay.
   */
  run(at: number, available: number, family: number, fromUnderlay: boolean, over: number): number {
    this.tunnel = -1;
    this.ethernet = 0;
    this.frameLength = 0;
    this.keepalive = false;
    const fault = this.checkIp(at, available, family);
    if (fault !== 0) return OUTER_REASONS[fault]!;
    if (!fromUnderlay) return 0;
    const { maxNestingDepth } = this.tables.shared;
    for (let depth = 1; this.ethernet === 0; depth++) {
      const found = this.findGre();
      if (found === NOT_GRE) return depth === 1 && over >= 0 ? this.arrive(over) : 0;
      if (depth > maxNestingDepth) return Verdict.nesting_too_deep;
      if (found === GRE_FRAGMENT) return Verdict.outer_fragment;
      const reason = this.decapsulate(depth);
      if (reason !== 0) return reason;
      if (this.frameLength !== 0 || this.keepalive) break;
    }
    return 0;
  }

  /** docs/dataplane.md §4b: the packet that was checked last comes out of a plain next hop as it is. */
  private arrive(nexthop: number): number {
    this.tunnel = nexthop;
    if (!this.isSourceAllowed(nexthop)) return Verdict.inner_source_denied;
    this.count(nexthop, this.length);
    return 0;
  }

  /** docs/dataplane.md §2. Sets ip, length (without padding), family, headerLength. */
  private checkIp(at: number, available: number, announced: number): number {
    const { bytes } = this;
    let family = announced;
    if (family === 0) {
      if (available < 1) return TRUNCATED;
      family = bytes[at]! >>> 4;
      if (family !== 4 && family !== 6) return available < IPV4_HEADER ? TRUNCATED : BAD_VERSION;
    }
    this.ip = at;
    this.family = family;
    if (family === 4) {
      if (available < IPV4_HEADER) return TRUNCATED;
      if (bytes[at]! >>> 4 !== 4) return BAD_VERSION;
      const header = (bytes[at]! & 0x0f) * 4;
      if (header < IPV4_HEADER) return BAD_HEADER_LENGTH;
      if (header > available) return TRUNCATED;
      const total = be16(bytes, at + 2);
      if (total < header) return BAD_HEADER_LENGTH;
      if (total > available) return TRUNCATED;
      if (sumBytes(bytes, at, header) !== 0xffff) return BAD_CHECKSUM;
      this.headerLength = header;
      this.length = total;
    } else {
      if (available < IPV6_HEADER) return TRUNCATED;
      if (bytes[at]! >>> 4 !== 6) return BAD_VERSION;
      const total = IPV6_HEADER + be16(bytes, at + 4);
      if (total > available) return TRUNCATED;
      this.headerLength = IPV6_HEADER;
      this.length = total;
    }
    return 0;
  }

  /** docs/dataplane.md §3, on the packet that was checked last. Sets greAt. */
  private findGre(): number {
    const { bytes, ip } = this;
    const { endpoints } = this.tables.shared;
    if (this.family === 4) {
      if (bytes[ip + 9] !== IpProtocol.GRE) return NOT_GRE;
      this.key[0] = word(bytes, ip + 16);
      if (keySetGet(endpoints.locals4, this.key, 0) < 0) return NOT_GRE;
      this.greAt = ip + this.headerLength;
      return (be16(bytes, ip + 6) & 0x3fff) !== 0 ? GRE_FRAGMENT : GRE_FOR_US;
    }
    for (let i = 0; i < 4; i++) this.key[i] = word(bytes, ip + 24 + i * 4);
    if (keySetGet(endpoints.locals6, this.key, 0) < 0) return NOT_GRE;
    const { chain } = this;
    chain.walk(bytes, ip, this.length, false);
    if (chain.fragment) return chain.fragmentProtocol === IpProtocol.GRE ? GRE_FRAGMENT : NOT_GRE;
    if (chain.protocol !== IpProtocol.GRE) return NOT_GRE;
    this.greAt = chain.offset;
    return GRE_FOR_US;
  }

  /** docs/dataplane.md §4, on the packet that was checked last; afterwards that is the inner one. */
  private decapsulate(depth: number): number {
    const { bytes, greAt } = this;
    const outer = this.ip;
    const outerFamily = this.family;
    const length = outer + this.length - greAt;
    if (length < GRE_HEADER) return Verdict.gre_truncated;
    const flags = bytes[greAt]!;
    if ((bytes[greAt + 1]! & GRE_VERSION_MASK) !== 0) return Verdict.gre_bad_version;
    if ((flags & GreFlag.ROUTING) !== 0) return Verdict.gre_routing_present;
    if ((flags & GreFlag.RESERVED) !== 0) return Verdict.gre_reserved_bits;
    const checksum = (flags & GreFlag.CHECKSUM) !== 0;
    const keyed = (flags & GreFlag.KEY) !== 0;
    const keyAt = greAt + GRE_HEADER + (checksum ? 4 : 0);
    const payload = keyAt + (keyed ? 4 : 0) + ((flags & GreFlag.SEQUENCE) !== 0 ? 4 : 0);
    if (payload - greAt > length) return Verdict.gre_truncated;
    if (checksum && this.kernels.sum(greAt, length) !== 0xffff) return Verdict.gre_bad_checksum;
    const protocol = be16(bytes, greAt + 2);
    if (protocol !== EtherType.IPV4 && protocol !== EtherType.IPV6 && protocol !== EtherType.TEB) {
      return Verdict.gre_unsupported_protocol;
    }
    const keyWord = keyed ? word(bytes, keyAt) : 0;
    const tunnel = this.findTunnel(outer, outerFamily, keyWord, keyed ? 1 : 0);
    if (tunnel < 0) return this.whyNoTunnel(outerFamily);
    const tunnelFlags = this.tables.shared.tunnels[tunnel * TUNNEL_WORDS + TunnelField.FLAGS]!;
    const gretap = (tunnelFlags & TunnelFlag.GRETAP) !== 0;
    if (gretap !== (protocol === EtherType.TEB)) return Verdict.gre_unsupported_protocol;
    if (!checksum && (tunnelFlags & TunnelFlag.CHECKSUM) !== 0) return Verdict.gre_checksum_missing;

    const outerEcn = outerFamily === 4 ? bytes[outer + 1]! & 3 : (bytes[outer + 1]! >>> 4) & 3;
    const payloadLength = greAt + length - payload;
    this.tunnel = tunnel;
    const reason = gretap
      ? this.openFrame(payload, payloadLength)
      : this.openIp(payload, payloadLength, protocol === EtherType.IPV4 ? 4 : 6);
    if (reason !== 0) return reason;
    // One in several layers of GRE would leave to somebody whom the outermost one does not name.
    this.keepalive =
      depth === 1 &&
      outerFamily === 4 &&
      !gretap &&
      this.family === 4 &&
      isKeepalive(bytes, outer, this.ip, this.length, keyWord, keyed);
    if (this.family !== 0 && !this.keepalive) {
      if (!this.isSourceAllowed(tunnel)) return Verdict.inner_source_denied;
      if (!this.combineEcn(outerEcn)) return Verdict.inner_ecn_invalid;
    }
    this.count(tunnel, gretap ? this.frameLength : this.length);
    return 0;
  }

  private count(tunnel: number, bytes: number): void {
    const c = TUNNEL_COUNTERS + tunnel * COUNTERS_PER_TUNNEL;
    this.counters[c]! += 1;
    this.counters[c + 1]! += bytes;
  }

  private openIp(at: number, available: number, family: number): number {
    return INNER_REASONS[this.checkIp(at, available, family)]!;
  }

  private openFrame(at: number, available: number): number {
    const { bytes } = this;
    let header = ETHERNET_HEADER;
    if (available < header) return Verdict.inner_truncated;
    let type = be16(bytes, at + 12);
    if (type === EtherType.VLAN) {
      header += VLAN_TAG;
      if (available < header) return Verdict.inner_truncated;
      type = be16(bytes, at + 16);
    }
    this.ethernet = header;
    this.frameLength = available;
    this.ip = at + header;
    this.length = available - header;
    this.family = familyOfEtherType(type);
    return this.family === 0 ? 0 : this.openIp(at + header, available - header, this.family);
  }

  /** Leaves source and destination in `key`, for whyNoTunnel. */
  private findTunnel(outer: number, family: number, keyWord: number, keyPresent: number): number {
    const { bytes, key } = this;
    const { endpoints } = this.tables.shared;
    if (family === 4) {
      key[0] = word(bytes, outer + 12);
      key[1] = word(bytes, outer + 16);
      return findEndpoint4(endpoints, key[0], key[1], keyWord, keyPresent);
    }
    for (let i = 0; i < 8; i++) key[i] = word(bytes, outer + 8 + i * 4);
    key[8] = keyWord;
    key[9] = keyPresent;
    return findEndpoint6(endpoints, key);
  }

  private whyNoTunnel(family: number): number {
    const { endpoints } = this.tables.shared;
    const known = keySetGet(family === 4 ? endpoints.pairs4 : endpoints.pairs6, this.key, 0) >= 0;
    return known ? Verdict.gre_key_mismatch : Verdict.endpoint_unknown;
  }

  private isSourceAllowed(tunnel: number): boolean {
    const { bytes, ip } = this;
    const { allowed } = this.tables;
    if (this.family === 6) return allowed.allows6(tunnel, bytes, ip + 8);
    const source =
      ((bytes[ip + 12]! << 24) | (bytes[ip + 13]! << 16) | (bytes[ip + 14]! << 8) | bytes[ip + 15]!) >>> 0;
    return allowed.allows4(tunnel, source);
  }

  /** RFC 6040 §4.2 on the inner header; false when the packet has to be dropped. */
  private combineEcn(outer: number): boolean {
    const { bytes, ip, family } = this;
    const tosByte = family === 4 ? bytes[ip + 1]! : bytes[ip + 1]! >>> 4;
    const inner = tosByte & 3;
    let combined = inner;
    if (outer === ECN_CE) {
      if (inner === 0) return false;
      combined = ECN_CE;
    } else if (outer === ECN_ECT1 && inner === ECN_ECT0) {
      combined = ECN_ECT1;
    }
    if (combined === inner) return true;
    if (family === 4) {
      const before = le16(bytes, ip);
      bytes[ip + 1] = (bytes[ip + 1]! & ~3) | combined;
      putLe16(bytes, ip + 10, updateChecksum(le16(bytes, ip + 10), before, le16(bytes, ip)));
    } else {
      bytes[ip + 1] = (bytes[ip + 1]! & ~0x30) | (combined << 4);
    }
    return true;
  }
}
