/**
 * Keeps the adjacencies true: for each tunnel's remote address the kernel's route, of its next hop the link
 * address, followed as they change. What cannot be sent as a frame, or not yet, is UNKNOWN and goes through
 * the kernel.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Adjacencies } from './adjacency.js';
import { loadAddon, type Addon } from '../native/addon.js';
import { addressText, type Cidr } from '../netlink/address.js';
import { parseLink, type Link } from '../netlink/link.js';
import type { Message } from '../netlink/message.js';
import { parseNeighbour } from '../netlink/neighbour.js';
import { NetlinkError } from '../netlink/netlink-error.js';
import { NetlinkWatch } from '../netlink/netlink-watch.js';
import { Netlink } from '../netlink/netlink.js';
import { AF_BRIDGE, MessageType } from '../netlink/protocol.js';
import { parseRoutePrefix } from '../netlink/route.js';
import { NextHops, type NextHop } from './next-hops.js';
import {
  addressKey,
  destinationsOf,
  findUnderlayRoute,
  type Destination,
  type TunnelEnds,
  type UnderlayRoute,
} from './underlay-route.js';

/** Changes come in bursts: they are taken together. */
const SETTLE_MS = 20;
/** Least time between two turns that look routes up, and between two that look up all of them. */
const SOME_ROUTES_MS = 200;
const ALL_ROUTES_MS = 1000;
/** As long as an adjacency may refuse to change a second time. */
const RETRY_MS = 500;
const MOST_REFUSALS = 5;
const REFRESH_MS = 1000;
/** With more changed prefixes at a time than this every route is looked up. */
const MANY_PREFIXES = 32;

/** What is known of one remote address, for people and for checks. */
export interface NeighbourState {
  readonly destination: Uint8Array;
  /** Frames go to `mac` on the interface; otherwise packets go through the kernel. */
  readonly usable: boolean;
  /** Null when the kernel has no route. */
  readonly route: UnderlayRoute | null;
  /** Link address of the next hop. */
  readonly mac: Uint8Array | null;
  /** Why not usable; empty when usable. */
  readonly reason: string;
}

export interface NeighboursOptions {
  readonly tunnels: readonly TunnelEnds[];
  /** Indexes of the interfaces over which frames may leave; null: every Ethernet interface. */
  readonly interfaces: ReadonlySet<number> | null;
  /** Told after a destination has become usable or unusable. */
  readonly onChange?: (state: NeighbourState) => void;
  readonly addon?: Addon;
}

interface Tracked {
  destination: Destination;
  route: UnderlayRoute | null;
  hop: NextHop | null;
  usable: boolean;
  /** How often in succession the adjacencies did not take what is known. */
  refusals: number;
}

export class Neighbours {
  private readonly addon: Addon;
  private readonly netlink: Netlink;
  private readonly hops: NextHops;
  private watch: NetlinkWatch | null = null;
  private refreshTimer: NodeJS.Timeout | null = null;
  private settleTimer: NodeJS.Timeout | null = null;
  private readonly links = new Map<number, Link>();
  private readonly tracked = new Map<string, Tracked>();
  /** What has changed since the last `settle`. */
  private everything = false;
  private allRoutes = false;
  private prefixes: Cidr[] = [];
  private readonly changedHops = new Set<NextHop>();
  /** Adjacencies that have to wait for their change. */
  private readonly postponed = new Set<Tracked>();
  private routesAt = -Infinity;
  private allRoutesAt = -Infinity;
  /** When the timer fires. */
  private settleAt = 0;

  constructor(
    private readonly adjacencies: Adjacencies,
    private readonly options: NeighboursOptions,
  ) {
    this.addon = options.addon ?? loadAddon();
    this.netlink = new Netlink(this.addon);
    this.hops = new NextHops(this.netlink);
  }

  /**
   * Reads the kernel's tables and begins to follow them. What they say is in the adjacencies afterwards; what
   * the kernel has to find out first comes later.
   *
   * @throws SystemError or NetlinkError when the kernel's tables cannot be read
   */
  async start(): Promise<void> {
    this.watch = new NetlinkWatch(this.addon, {
      onChange: (message) => this.take(message),
      onOverrun: () => {
        this.everything = true;
        this.schedule();
      },
    });
    this.refreshTimer = setInterval(() => this.hops.refresh(performance.now()), REFRESH_MS).unref();
    this.everything = true;
    this.setTunnels(this.options.tunnels);
  }

  /** Takes up new tunnels and forgets those that are gone. */
  setTunnels(tunnels: readonly TunnelEnds[]): void {
    const wanted = destinationsOf(tunnels);
    for (const [key, tracked] of this.tracked) {
      if (wanted.has(key)) continue;
      this.drop(tracked);
      this.tracked.delete(key);
      this.adjacencies.remove(tracked.destination.address);
    }
    for (const [key, destination] of wanted) {
      const tracked = this.tracked.get(key);
      if (tracked !== undefined) tracked.destination = destination;
      else this.tracked.set(key, { destination, route: null, hop: null, usable: false, refusals: 0 });
    }
    this.allRoutes = true;
    this.allRoutesAt = -Infinity;
    if (this.watch !== null) this.settle();
  }

  /** What is known of a remote address; null when no tunnel has it. */
  stateOf(destination: Uint8Array): NeighbourState | null {
    const tracked = this.tracked.get(addressKey(destination));
    return tracked === undefined ? null : stateOf(tracked);
  }

  /** The route to a tunnel's remote address; null when there is none. */
  routeOf(destination: Uint8Array): UnderlayRoute | null {
    return this.tracked.get(addressKey(destination))?.route ?? null;
  }

  /** Every remote address. */
  list(): NeighbourState[] {
    return [...this.tracked.values()].map(stateOf);
  }

  close(): void {
    this.watch?.close();
    this.watch = null;
    if (this.refreshTimer !== null) clearInterval(this.refreshTimer);
    if (this.settleTimer !== null) clearTimeout(this.settleTimer);
    this.refreshTimer = this.settleTimer = null;
    this.netlink.close();
  }

  private take(message: Message): void {
    switch (message.type) {
      case MessageType.NEW_NEIGHBOUR:
      case MessageType.DELETE_NEIGHBOUR: {
        const neighbour = parseNeighbour(message);
        const hop = neighbour && this.hops.learn(neighbour, message.type === MessageType.DELETE_NEIGHBOUR);
        if (!hop) return;
        this.changedHops.add(hop);
        break;
      }
      case MessageType.NEW_ROUTE:
      case MessageType.DELETE_ROUTE: {
        const prefix = parseRoutePrefix(message);
        if (prefix === null || this.allRoutes) return;
        if (this.prefixes.push(prefix) > MANY_PREFIXES) this.allRoutes = true;
        break;
      }
      case MessageType.NEW_LINK:
      case MessageType.DELETE_LINK: {
        if (message.payload[0] === AF_BRIDGE) return;
        const link = parseLink(message);
        if (link === null) return;
        if (message.type === MessageType.DELETE_LINK) {
          this.links.delete(link.index);
        } else {
          const before = this.links.get(link.index);
          this.links.set(link.index, link);
          if (before !== undefined && isDeepStrictEqual(before, link)) return;
        }
        // Routes of an interface that goes down vanish without a word.
        this.allRoutes = true;
        break;
      }
      case MessageType.NEW_ADDRESS:
      case MessageType.DELETE_ADDRESS:
      case MessageType.NEW_RULE:
      case MessageType.DELETE_RULE:
      case MessageType.NEW_NEXTHOP:
      case MessageType.DELETE_NEXTHOP:
        this.allRoutes = true;
        break;
      default:
        return;
    }
    this.schedule();
  }

  /** Has `settle` called soon; not so soon after the last time when it will cost something. */
  private schedule(): void {
    const now = performance.now();
    let wait = SETTLE_MS;
    if (this.everything || this.allRoutes) wait = this.allRoutesAt + ALL_ROUTES_MS - now;
    else if (this.prefixes.length > 0) wait = this.routesAt + SOME_ROUTES_MS - now;
    this.scheduleAt(now + Math.max(SETTLE_MS, wait));
  }

  private scheduleAt(time: number): void {
    if (this.settleTimer !== null && this.settleAt <= time) return;
    if (this.settleTimer !== null) clearTimeout(this.settleTimer);
    this.settleAt = time;
    this.settleTimer = setTimeout(() => {
      try {
        this.settle();
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        this.everything = true;
        this.scheduleAt(performance.now() + ALL_ROUTES_MS);
      }
    }, time - performance.now());
  }

  /** Brings the adjacencies up to date with all that has changed. */
  private settle(): void {
    if (this.settleTimer !== null) clearTimeout(this.settleTimer);
    this.settleTimer = null;
    const now = performance.now();
    const changed = new Set(this.postponed);
    // The timer may have been set before so much had changed: that waits for its own time.
    const all = (this.everything || this.allRoutes) && now >= this.allRoutesAt + ALL_ROUTES_MS;
    this.routeChanged(now, all, changed);
    if ((all && this.everything) || this.hops.needsReload) {
      for (const hop of this.hops.reload()) this.changedHops.add(hop);
    }
    for (const tracked of this.tracked.values()) {
      if (tracked.hop !== null && this.changedHops.has(tracked.hop)) changed.add(tracked);
    }
    if (all) this.everything = this.allRoutes = false;
    this.prefixes = [];
    this.changedHops.clear();
    this.postponed.clear();
    for (const tracked of changed) this.publish(tracked, now);
    if (this.postponed.size > 0) this.scheduleAt(now + RETRY_MS);
    if (this.everything || this.allRoutes) this.schedule();
  }

  /** Looks up the routes that may have changed, and adds their destinations to `changed`. */
  private routeChanged(nowMs: number, all: boolean, changed: Set<Tracked>): void {
    if (all && this.everything) {
      this.links.clear();
      for (const link of this.netlink.listLinks()) this.links.set(link.index, link);
    }
    if (!all && this.prefixes.length === 0) return;
    this.routesAt = nowMs;
    if (all) this.allRoutesAt = nowMs;
    for (const tracked of this.tracked.values()) {
      const { address } = tracked.destination;
      if (!all && !this.prefixes.some((prefix) => isInside(address, prefix))) continue;
      this.route(tracked);
      changed.add(tracked);
    }
  }

  /** Looks the route up anew. */
  private route(tracked: Tracked): void {
    const { destination, hop: before } = tracked;
    const route = findUnderlayRoute(this.netlink, this.links, destination, this.options.interfaces);
    tracked.route = route;
    tracked.hop =
      route?.obstacle === null
        ? this.hops.acquire(route.link.index, route.gateway ?? destination.address)
        : null;
    // After the new one, which mostly is the same.
    if (before !== null) this.hops.release(before);
  }

  private drop(tracked: Tracked): void {
    if (tracked.hop !== null) this.hops.release(tracked.hop);
    this.postponed.delete(tracked);
  }

  /** Writes to the adjacency what is known. */
  private publish(tracked: Tracked, nowMs: number): void {
    const { destination, route, hop } = tracked;
    const source = route?.link.mac;
    const before = tracked.usable;
    if (hop?.mac && source) {
      const target = { interface: hop.interface, source, target: hop.mac };
      this.adjacencies.add(destination.address, nowMs);
      tracked.usable = this.adjacencies.set(destination.address, target, nowMs);
      tracked.refusals = tracked.usable ? 0 : tracked.refusals + 1;
      // A full table stays full.
      if (!tracked.usable && tracked.refusals <= MOST_REFUSALS) this.postponed.add(tracked);
    } else {
      tracked.usable = false;
      this.adjacencies.clear(destination.address);
      if (hop !== null) this.hops.ask(hop, nowMs);
    }
    if (tracked.usable !== before) this.options.onChange?.(stateOf(tracked));
  }
}

function stateOf({ destination, route, hop, usable }: Tracked): NeighbourState {
  let reason = '';
  if (route === null) reason = 'there is no route';
  else if (route.obstacle !== null) reason = route.obstacle;
  else if (!usable && hop !== null) {
    reason = `the link address of ${addressText(hop.address)} on ${route.link.name} is not known`;
  }
  return { destination: destination.address, usable, route, mac: hop?.mac ?? null, reason };
}

function isInside(address: Uint8Array, { address: network, length }: Cidr): boolean {
  if (address.length !== network.length) return false;
  const whole = length >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== network[i]) return false;
  const rest = length & 7;
  return rest === 0 || ((address[whole]! ^ network[whole]!) & (0xff00 >> rest) & 0xff) === 0;
}
