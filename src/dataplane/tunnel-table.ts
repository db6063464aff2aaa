/**
 * Tunnel table: what encapsulation needs of each tunnel, one record of 128 bytes. The first cache line
 * holds all that the flat loop of encap.ts reads; the outer header is prebuilt, so that only length,
 * TOS, checksum, sequence and flow label are left to patch.
 *
 * Behind the tunnels lies one more record, which stands for ourselves: packets for our own addresses are
 * routed "into" it, and its flag makes the flat loops leave them, without a jump of their own.
 */
import {
  ETHERNET_HEADER,
  GreFlag,
  IPV4_HEADER,
  IPV6_HEADER,
  GRE_HEADER,
  IpProtocol,
  LONGEST_IP,
  VLAN_TAG,
} from '../wire/protocol.js';
import { alignedWords, bytesOf } from './aligned.js';
import { keyWord } from './endpoint-table.js';
import type { Prefix } from './allowed-sources.js';

/** Everything that the dataplane knows of a tunnel, or of a plain next hop. */
export interface TunnelSpec {
  readonly name: string;
  /** `plain`: a circuit without encapsulation (CNI); of the fields below, those of the outer header mean nothing then. */
  readonly mode: 'gre' | 'gretap' | 'plain';
  /** Our endpoint (the anycast address), 4 or 16 bytes in network order. */
  readonly local: Uint8Array;
  /** The other side's endpoint, of the same family. */
  readonly remote: Uint8Array;
  /** 0 to 4,294,967,295, or null for a tunnel without key. */
  readonly key: number | null;
  readonly checksum: boolean;
  readonly sequence: boolean;
  /** TTL or hop limit of the outer header, 1 to 255. */
  readonly ttl: number;
  /** Largest inner IP packet in bytes. */
  readonly mtu: number;
  /** DSCP of the outer header, 0 to 63, or null to inherit the inner packet's. */
  readonly dscp: number | null;
  /** MSS limit for packets that come out of the tunnel; 0 is off. */
  readonly clampFrom: { readonly v4: number; readonly v6: number };
  /** MSS limit for packets that go into the tunnel; 0 is off. */
  readonly clampTo: { readonly v4: number; readonly v6: number };
  readonly clearDontFragment: boolean;
  /** Null: any inner source may come out of the tunnel. */
  readonly allowedSources: readonly Prefix[] | null;
  /** Source addresses of ICMP errors about this tunnel. */
  readonly icmpSource4: Uint8Array;
  readonly icmpSource6: Uint8Array;
  /**
   * Source of ICMPv4 errors to the overlay: not an address of ours, as the kernel there has those too and drops
   * what comes from outside in their name (RFC 1812 §5.3.7).
   */
  readonly icmpSourceToOverlay4: Uint8Array;
}

/** Words of a record, and where its fields lie. */
export const TUNNEL_WORDS = 32;
export const TunnelField = {
  /** Outer IP and GRE header, bytes (without a gretap tunnel's Ethernet header). */
  HEADER_LENGTH: 0,
  FLAGS: 1,
  MTU: 2,
  /** MSS limits into the tunnel: IPv4 in the low half, IPv6 in the high half, 0xffff is off. */
  CLAMP_TO: 3,
  CLAMP_FROM: 4,
  /** TOS of the outer header = (inner TOS & TOS_KEEP) | TOS_FIXED. */
  TOS_KEEP: 5,
  TOS_FIXED: 6,
  /** One's complement sum of the outer IPv4 header with TOS, length and checksum 0 (native order). */
  CHECKSUM_BASE: 7,
  /** Outer header: 9 words at the most for IPv4, 14 for IPv6. */
  TEMPLATE: 8,
  ICMP_SOURCE4: 22,
  ICMP_SOURCE6: 23,
  /** What the tunnel was built with, to go back to when a lower MTU is no longer in effect. */
  CONFIGURED_MTU: 27,
  CONFIGURED_CLAMP_TO: 28,
  CONFIGURED_CLAMP_FROM: 29,
  ICMP_SOURCE_TO_OVERLAY4: 30,
} as const;

/** Bits of FLAGS. A tunnel with none of them is what the flat loop of encap.ts does. */
export const TunnelFlag = {
  IPV6: 1,
  GRETAP: 2,
  CHECKSUM: 4,
  SEQUENCE: 8,
  CLEAR_DF: 16,
  /** No tunnel: the record behind the last one, into which packets for our own addresses are routed. */
  OURSELVES: 32,
  /** No outer header. */
  PLAIN: 64,
} as const;

const CLAMP_OFF = 0xffff;

/** Bytes of IP and TCP header without options: an MSS limit made of the MTU (`auto`) is so much smaller. */
const TCP_HEADERS = { v4: 40, v6: 60 } as const;

/** Every IPv4 link takes packets of this size (RFC 791 §3.2), and fragments cannot be cut smaller. */
export const LEAST_MTU = 68;

/** Ethernet header with one tag, the most that a gretap payload has in front of its IP packet. */
const LONGEST_ETHERNET = ETHERNET_HEADER + VLAN_TAG;

/**
 * Records of all tunnels and the one of ourselves, in shared memory.
 *
 * @throws RangeError for an MTU with which an outer packet could become longer than an IP packet can be
 */
export function buildTunnelTable(tunnels: readonly TunnelSpec[]): Int32Array {
  const table = alignedWords((tunnels.length + 1) * TUNNEL_WORDS);
  const bytes = bytesOf(table);
  tunnels.forEach((tunnel, index) => {
    writeRecord(table, bytes, index * TUNNEL_WORDS, tunnel);
  });
  table[tunnels.length * TUNNEL_WORDS + TunnelField.FLAGS] = TunnelFlag.OURSELVES;
  return table;
}

/**
 * Puts an MTU in effect for a tunnel, or with null the configured one again: larger ones have no effect. MSS
 * limits that were made of the MTU follow it. Workers that run over the table see it with their next vector.
 *
 * @throws RangeError for an MTU that is no whole number from 68 up
 */
export function putMtu(table: Int32Array, tunnel: number, mtu: number | null): void {
  if (mtu !== null && !(Number.isInteger(mtu) && mtu >= LEAST_MTU)) {
    throw new RangeError(`MTU ${mtu} is not a whole number from ${LEAST_MTU} up`);
  }
  const at = tunnel * TUNNEL_WORDS;
  const configured = table[at + TunnelField.CONFIGURED_MTU]!;
  const effective = mtu === null ? configured : Math.min(mtu, configured);
  const clampOf = (word: number): number => (word === autoClamp(configured) ? autoClamp(effective) : word);
  // The limits before the MTU they follow when it falls: no worker then sends a segment that it would refuse.
  Atomics.store(table, at + TunnelField.CLAMP_TO, clampOf(table[at + TunnelField.CONFIGURED_CLAMP_TO]!));
  Atomics.store(table, at + TunnelField.CLAMP_FROM, clampOf(table[at + TunnelField.CONFIGURED_CLAMP_FROM]!));
  Atomics.store(table, at + TunnelField.MTU, effective);
}

function autoClamp(mtu: number): number {
  return packClamp({ v4: mtu - TCP_HEADERS.v4, v6: mtu - TCP_HEADERS.v6 });
}

function writeRecord(table: Int32Array, bytes: Uint8Array, at: number, tunnel: TunnelSpec): void {
  table[at + TunnelField.MTU] = tunnel.mtu;
  table[at + TunnelField.CLAMP_TO] = packClamp(tunnel.clampTo);
  table[at + TunnelField.CLAMP_FROM] = packClamp(tunnel.clampFrom);
  table[at + TunnelField.CONFIGURED_MTU] = tunnel.mtu;
  table[at + TunnelField.CONFIGURED_CLAMP_TO] = packClamp(tunnel.clampTo);
  table[at + TunnelField.CONFIGURED_CLAMP_FROM] = packClamp(tunnel.clampFrom);
  bytes.set(tunnel.icmpSource4, (at + TunnelField.ICMP_SOURCE4) * 4);
  bytes.set(tunnel.icmpSource6, (at + TunnelField.ICMP_SOURCE6) * 4);
  bytes.set(tunnel.icmpSourceToOverlay4, (at + TunnelField.ICMP_SOURCE_TO_OVERLAY4) * 4);
  if (tunnel.mode === 'plain') {
    table[at + TunnelField.FLAGS] = TunnelFlag.PLAIN | (tunnel.clearDontFragment ? TunnelFlag.CLEAR_DF : 0);
    checkLongest(tunnel, 0);
  } else {
    writeOuter(table, bytes, at, tunnel);
  }
}

function checkLongest(tunnel: TunnelSpec, around: number): void {
  if (around + tunnel.mtu > LONGEST_IP) {
    throw new RangeError(`tunnel ${tunnel.name}: MTU ${tunnel.mtu} is too large`);
  }
}

/** The outer header, and how to patch it. */
function writeOuter(table: Int32Array, bytes: Uint8Array, at: number, tunnel: TunnelSpec): void {
  const v6 = tunnel.local.length === 16;
  const ipLength = v6 ? IPV6_HEADER : IPV4_HEADER;
  const options = (tunnel.checksum ? 1 : 0) + (tunnel.key !== null ? 1 : 0) + (tunnel.sequence ? 1 : 0);
  const header = ipLength + GRE_HEADER + 4 * options;
  checkLongest(tunnel, header + (tunnel.mode === 'gretap' ? LONGEST_ETHERNET : 0));
  table[at + TunnelField.HEADER_LENGTH] = header;
  table[at + TunnelField.FLAGS] =
    (v6 ? TunnelFlag.IPV6 : 0) |
    (tunnel.mode === 'gretap' ? TunnelFlag.GRETAP : 0) |
    (tunnel.checksum ? TunnelFlag.CHECKSUM : 0) |
    (tunnel.sequence ? TunnelFlag.SEQUENCE : 0) |
    (tunnel.clearDontFragment ? TunnelFlag.CLEAR_DF : 0);
  table[at + TunnelField.TOS_KEEP] = tunnel.dscp === null ? 0xff : 0x03;
  table[at + TunnelField.TOS_FIXED] = tunnel.dscp === null ? 0 : tunnel.dscp << 2;

  const t = (at + TunnelField.TEMPLATE) * 4;
  if (v6) {
    bytes[t] = 0x60;
    bytes[t + 6] = IpProtocol.GRE;
    bytes[t + 7] = tunnel.ttl;
    bytes.set(tunnel.local, t + 8);
    bytes.set(tunnel.remote, t + 24);
  } else {
    bytes[t] = 0x45;
    bytes[t + 6] = 0x40;
    bytes[t + 8] = tunnel.ttl;
    bytes[t + 9] = IpProtocol.GRE;
    bytes.set(tunnel.local, t + 12);
    bytes.set(tunnel.remote, t + 16);
    let sum = 0;
    for (let i = 0; i < IPV4_HEADER; i += 2) sum += bytes[t + i]! | (bytes[t + i + 1]! << 8);
    table[at + TunnelField.CHECKSUM_BASE] = (sum & 0xffff) + (sum >>> 16);
  }
  const g = t + ipLength;
  bytes[g] =
    (tunnel.checksum ? GreFlag.CHECKSUM : 0) |
    (tunnel.key !== null ? GreFlag.KEY : 0) |
    (tunnel.sequence ? GreFlag.SEQUENCE : 0);
  // Protocol type of the common case; others are patched: IPv6 payload, Ethernet payload.
  bytes[g + 2] = 0x08;
  if (tunnel.key !== null) {
    table[(g + GRE_HEADER + (tunnel.checksum ? 4 : 0)) >> 2] = keyWord(tunnel.key);
  }
}

function packClamp(clamp: { readonly v4: number; readonly v6: number }): number {
  const v4 = clamp.v4 === 0 ? CLAMP_OFF : clamp.v4;
  const v6 = clamp.v6 === 0 ? CLAMP_OFF : clamp.v6;
  return v4 | (v6 << 16);
}
