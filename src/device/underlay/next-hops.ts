/**
 * The next hops of the tunnels, and what the kernel knows of their link addresses. Frames that are sent past
 * the kernel do not tell it that a neighbour is in use, so from time to time it is asked to make sure of it;
 * one that it does not know it is asked to look up, ever more seldom as long as there is no answer.
 */
import type { Netlink } from '../netlink/netlink.js';
import { NetlinkError } from '../netlink/netlink-error.js';
import { isUsable, type Neighbour } from '../netlink/neighbour.js';
import { NeighbourState } from '../netlink/protocol.js';
import { addressKey, isSame } from './underlay-route.js';

/** How long the kernel's knowledge may be stale before it is to make sure of it. */
const CONFIRM_MS = 30_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
/** Most neighbours asked for in one turn of `refresh`. */
const TURN = 50;

/** The kernel is about to find out, or does not look up at all. */
const NOT_TO_ASK = NeighbourState.INCOMPLETE | NeighbourState.NO_ARP | NeighbourState.PERMANENT;

/** What the kernel gives when it may not be asked: without CAP_NET_ADMIN. */
const FORBIDDEN = 'EPERM';

export interface NextHop {
  /** The kernel's index of the interface. */
  readonly interface: number;
  readonly address: Uint8Array;
  /** Link address, 6 bytes; null while it is not known. */
  mac: Uint8Array | null;
  /** NeighbourState; 0 when the kernel has no entry. */
  state: number;
  askedAt: number;
  retryMs: number;
  /** Destinations behind it. */
  users: number;
}

export class NextHops {
  private readonly hops = new Map<string, NextHop>();
  /** Whether there are hops of which nothing has been read yet. */
  private unread = false;
  /** Whether the kernel may be asked. */
  private mayAsk = true;

  constructor(private readonly netlink: Pick<Netlink, 'listNeighbours' | 'useNeighbour'>) {}

  /** The next hop of this address, for one more destination; to be given back with `release`. */
  acquire(index: number, address: Uint8Array): NextHop {
    const key = keyOf(index, address);
    let hop = this.hops.get(key);
    if (hop === undefined) {
      hop = {
        interface: index,
        address,
        mac: null,
        state: 0,
        askedAt: -Infinity,
        retryMs: FIRST_RETRY_MS,
        users: 0,
      };
      this.hops.set(key, hop);
      this.unread = true;
    }
    hop.users++;
    return hop;
  }

  release(hop: NextHop): void {
    if (--hop.users === 0) this.hops.delete(keyOf(hop.interface, hop.address));
  }

  /**
   * Takes what the kernel says about a neighbour.
   *
   * @param gone the kernel has forgotten it
   * @returns the next hop when its link address has changed, become known or unknown; otherwise null
   */
  learn(neighbour: Neighbour, gone: boolean): NextHop | null {
    const hop = this.hops.get(keyOf(neighbour.interface, neighbour.address));
    if (hop === undefined) return null;
    const before = hop.mac;
    hop.state = gone ? 0 : neighbour.state;
    hop.mac = !gone && isUsable(neighbour) ? neighbour.mac : null;
    if (hop.mac !== null) hop.retryMs = FIRST_RETRY_MS;
    if (before === null || hop.mac === null) return before === hop.mac ? null : hop;
    return isSame(before, hop.mac) ? null : hop;
  }

  /** Whether `reload` would find out something. */
  get needsReload(): boolean {
    return this.unread;
  }

  /** Reads all neighbours anew; returns the next hops that `learn` would have returned. */
  reload(): NextHop[] {
    this.unread = false;
    const known = new Map<string, Neighbour>();
    for (const neighbour of this.netlink.listNeighbours()) {
      known.set(keyOf(neighbour.interface, neighbour.address), neighbour);
    }
    const changed: NextHop[] = [];
    for (const [key, hop] of this.hops) {
      const neighbour = known.get(key);
      const found = this.learn(neighbour ?? { ...hop, state: 0 }, neighbour === undefined);
      if (found !== null) changed.push(found);
    }
    return changed;
  }

  /** Asks the kernel about a next hop whose link address is not known, unless it was just asked. */
  ask(hop: NextHop, nowMs: number): void {
    if (hop.mac !== null || waitOf(hop) === null || nowMs - hop.askedAt < FIRST_RETRY_MS) return;
    this.use(hop, nowMs);
  }

  /** To be called every second. */
  refresh(nowMs: number): void {
    let left = TURN;
    for (const hop of this.hops.values()) {
      if (left === 0) break;
      const wait = waitOf(hop);
      if (wait === null || nowMs - hop.askedAt < wait) continue;
      if (hop.mac === null) hop.retryMs = Math.min(hop.retryMs * 2, LONGEST_RETRY_MS);
      this.use(hop, nowMs);
      left--;
    }
  }

  private use(hop: NextHop, nowMs: number): void {
    hop.askedAt = nowMs;
    if (!this.mayAsk) return;
    try {
      this.netlink.useNeighbour(hop.interface, hop.address);
    } catch (error) {
      // An interface that is just going, a full neighbour table: packets take the fallback meanwhile.
      if (!(error instanceof NetlinkError)) throw error;
      this.mayAsk = error.code !== FORBIDDEN;
    }
  }
}

/**
 * Milliseconds after the last time at which the kernel is to be asked about this next hop; null: not at all. A
 * permanent entry above all is the administrator's: being asked about it, the kernel would begin to doubt it.
 */
function waitOf({ mac, state, retryMs }: NextHop): number | null {
  if (mac === null) return (state & NOT_TO_ASK) === 0 ? retryMs : null;
  return state === NeighbourState.STALE ? CONFIRM_MS : null;
}

function keyOf(index: number, address: Uint8Array): string {
  return `${index} ${addressKey(address)}`;
}
