/**
 * Path MTU of the tunnels, learned from what routers on the way say (RFC 1191, RFC 8201). Anyone can send such
 * messages, so they must quote a packet that this node could have sent, and then they can only lower the MTU,
 * for a while, and not below a floor. Pure: time comes in as a number.
 */
import { overheadOf } from '../config/overhead.js';
import { RateLimit } from '../dataplane/rate-limit.js';
import {
  GRE_CHECKSUM,
  GRE_FLAGS,
  GRE_KEY,
  GRE_SEQUENCE,
  readTooBig,
  type NotTooBig,
  type TooBig,
} from './too-big.js';

/** What of a tunnel its path MTU depends on. */
export interface PathMtuTunnel {
  /** Outer addresses, 4 or 16 bytes. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly key: number | null;
  readonly checksum: boolean;
  readonly sequence: boolean;
  readonly mode: 'gre' | 'gretap' | 'plain';
  /** Configured: largest inner IP packet in bytes. */
  readonly mtu: number;
}

/** The path MTU of a tunnel has changed. */
export interface PathMtuChange {
  /** Index of the tunnel. */
  readonly tunnel: number;
  /** Largest inner IP packet in bytes; null: the configured one. */
  readonly mtu: number | null;
}

/** Why a message did not change anything. */
export const PATH_MTU_REASONS = [
  /** It, or what it quotes, is cut off or no IP packet. */
  'malformed',
  /** An ICMP message of another type. */
  'other_type',
  /** About another protocol. */
  'not_gre',
  /** About a packet that may be fragmented, or is a fragment: we send none. */
  'fragment',
  /** No tunnel has these addresses. */
  'unknown_endpoints',
  /** No tunnel between these addresses has this key, sends these flags or this protocol type. */
  'gre_mismatch',
  /** The quoted packet is not longer than the MTU told: it would have passed. */
  'not_larger',
  /** The quoted packet is longer than the tunnel ever sends, or shorter than its headers. */
  'never_sent',
  /** The MTU told is below the floor. */
  'below_minimum',
  /** It is not below what is in effect. */
  'not_lower',
  /** Too many messages. */
  'rate_limited',
] as const;

export type PathMtuReason = (typeof PATH_MTU_REASONS)[number];

export interface PathMtuOptions {
  /**
   * Least path MTU that is believed, in bytes of the outer packet. Default 576 for IPv4 (a lower one is more
   * often an attack than a path) and 1280 for IPv6 (RFC 8200 §5; a lower one is never true).
   */
  readonly minimum4?: number;
  readonly minimum6?: number;
  /** How long a path MTU is kept. Default ten minutes (RFC 1191 §6.3, RFC 8201 §4). */
  readonly lifetimeMs?: number;
  /** Messages looked at per second. Default 1000. */
  readonly messagesPerSecond?: number;
}

/** RFC 1191 §7.1: MTUs of the links there are, for routers that do not say theirs. */
const PLATEAUS = [65_535, 32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68];

const LEAST_MINIMUM4 = 68;
const LEAST_MINIMUM6 = 1280;
/** A gretap tunnel's MTU is that of the IP packet: two VLAN tags may stand before it. */
const VLAN_TAGS = 8;

interface State extends PathMtuTunnel {
  readonly index: number;
  /** Bytes in front of the inner IP packet. */
  readonly overhead: number;
  /** In effect, if below the configured one; of the inner packet. */
  learned: { mtu: number; expiresAt: number } | null;
}

export class PathMtu {
  /** Messages that lowered the MTU of a tunnel. */
  learned = 0;
  /** Messages that did not, by reason. */
  readonly ignored = Object.fromEntries(PATH_MTU_REASONS.map((reason) => [reason, 0])) as Record<
    PathMtuReason,
    number
  >;
  private tunnels: State[] = [];
  /** By local and remote address. */
  private pairs = new Map<string, State[]>();
  private readonly minimum4: number;
  private readonly minimum6: number;
  private readonly lifetimeMs: number;
  private readonly limit: RateLimit;

  constructor(tunnels: readonly PathMtuTunnel[], options: PathMtuOptions = {}) {
    const { minimum4 = 576, minimum6 = 1280, lifetimeMs = 600_000, messagesPerSecond = 1000 } = options;
    this.minimum4 = Math.max(minimum4, LEAST_MINIMUM4);
    this.minimum6 = Math.max(minimum6, LEAST_MINIMUM6);
    this.lifetimeMs = lifetimeMs;
    this.limit = new RateLimit(messagesPerSecond);
    this.setTunnels(tunnels);
  }

  /**
   * Takes up the tunnels of a new configuration. What was learned about the way between two addresses stays.
   *
   * @returns what is in effect, with the new indexes; tunnels that are not named have their configured MTU
   */
  setTunnels(tunnels: readonly PathMtuTunnel[]): PathMtuChange[] {
    const before = this.pairs;
    this.pairs = new Map();
    this.tunnels = tunnels.map((tunnel, index) => ({
      ...tunnel,
      index,
      overhead: overheadBefore(tunnel),
      learned: null,
    }));
    for (const state of this.tunnels) {
      if (state.mode === 'plain') continue;
      const key = pairKey(state.local, state.remote);
      const pair = this.pairs.get(key);
      if (pair === undefined) this.pairs.set(key, [state]);
      else pair.push(state);
      const known = before.get(key)?.find(({ learned }) => learned !== null);
      if (known?.learned) lower(state, known.learned.mtu + known.overhead, known.learned.expiresAt);
    }
    return this.tunnels.flatMap(({ index, learned }) =>
      learned ? [{ tunnel: index, mtu: learned.mtu }] : [],
    );
  }

  /**
   * Takes an ICMP message.
   *
   * @param message ICMP (family 4) or ICMPv6 (family 6) without the IP header; its checksum is right
   * @param nowMs any origin, never back
   * @returns what has changed (the MTU of every tunnel between the two addresses), or why nothing has
   */
  learn(message: Uint8Array, family: 4 | 6, nowMs: number): readonly PathMtuChange[] | PathMtuReason {
    this.limit.advance(nowMs);
    const result = this.limit.take()
      ? this.judge(readTooBig(message, family), family, nowMs)
      : 'rate_limited';
    if (typeof result === 'string') this.ignored[result]++;
    else this.learned++;
    return result;
  }

  /** Forgets what is older than its lifetime: the configured MTU is tried again. */
  expire(nowMs: number): PathMtuChange[] {
    const changes: PathMtuChange[] = [];
    for (const state of this.tunnels) {
      if (state.learned === null || state.learned.expiresAt > nowMs) continue;
      state.learned = null;
      changes.push({ tunnel: state.index, mtu: null });
    }
    return changes;
  }

  /** Inner path MTU in effect for a tunnel, in bytes; null: the configured one. */
  mtuOf(tunnel: number): number | null {
    return this.tunnels[tunnel]?.learned?.mtu ?? null;
  }

  private judge(
    told: TooBig | NotTooBig,
    family: 4 | 6,
    nowMs: number,
  ): readonly PathMtuChange[] | PathMtuReason {
    if (typeof told === 'string') return told;
    const pair = this.pairs.get(pairKey(told.source, told.destination));
    if (pair === undefined) return 'unknown_endpoints';
    const sender = pair.filter((state) => couldBeFrom(told, state));
    if (sender.length === 0) return 'gre_mismatch';
    if (!sender.some((state) => told.length > state.overhead && told.length <= longestOf(state))) {
      return 'never_sent';
    }
    const outer = told.mtu === 0 && family === 4 ? plateauBelow(told.length) : told.mtu;
    if (told.length <= outer) return 'not_larger';
    if (outer < (family === 4 ? this.minimum4 : this.minimum6)) return 'below_minimum';
    const expiresAt = nowMs + this.lifetimeMs;
    const changed = pair.filter((state) => lower(state, outer, expiresAt));
    if (changed.length === 0) return 'not_lower';
    return changed.map(({ index, learned }) => ({ tunnel: index, mtu: learned?.mtu ?? null }));
  }
}

/** Lowers the MTU of a tunnel to what fits into outer packets of this size; false when it is not above it. */
function lower(state: State, outer: number, expiresAt: number): boolean {
  const mtu = outer - state.overhead;
  if (mtu >= (state.learned?.mtu ?? state.mtu)) return false;
  state.learned = { mtu, expiresAt };
  return true;
}

/** Whether the tunnel's packets look like the quoted one. */
function couldBeFrom({ flags, protocol, key }: TooBig, tunnel: PathMtuTunnel): boolean {
  const sent =
    (tunnel.checksum ? GRE_CHECKSUM : 0) |
    (tunnel.key === null ? 0 : GRE_KEY) |
    (tunnel.sequence ? GRE_SEQUENCE : 0);
  const types = tunnel.mode === 'gretap' ? [0x6558] : [0x0800, 0x86dd];
  return (flags & GRE_FLAGS) === sent && types.includes(protocol) && (key === null || key === tunnel.key);
}

/** Longest outer packet that a tunnel sends, in bytes. */
/** None for a plain next hop, through which nothing goes that a quoted GRE packet could be about. */
function overheadBefore({ mode, ...tunnel }: PathMtuTunnel): number {
  if (mode === 'plain') return 0;
  return overheadOf({ ...tunnel, mode, family: tunnel.local.length === 4 ? 4 : 6 }).total;
}

function longestOf({ overhead, mtu, mode }: State): number {
  return overhead + mtu + (mode === 'gretap' ? VLAN_TAGS : 0);
}

function plateauBelow(length: number): number {
  return PLATEAUS.find((plateau) => plateau < length) ?? 0;
}

function pairKey(local: Uint8Array, remote: Uint8Array): string {
  return `${local.join('.')} ${remote.join('.')}`;
}
