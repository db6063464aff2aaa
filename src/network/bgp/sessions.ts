/** All BGP sessions of a network, driven as one. */
import type { BgpSessionConfig, NetworkConfig } from '../../config/network.js';
import type { LearnedRoute } from './announcement.js';
import { sessionOptions, type CustomerBgp, type EdgeIdentity } from './session-options.js';
import { BgpSession, type BgpEvent } from './session.js';

/** An event with the name of its session. */
export interface SessionEvent extends BgpEvent {
  readonly session: string;
}

interface Held {
  readonly session: BgpSession;
  readonly nexthop: string;
}

export class BgpSessions {
  private readonly held = new Map<string, Held>();
  private retired = 0;
  private readonly past: SessionEvent[] = [];

  constructor(private readonly edge: EdgeIdentity) {}

  /** When `advance` has something to do, in nanoseconds. */
  get next(): number {
    let next = Infinity;
    for (const { session } of this.held.values()) next = Math.min(next, session.next);
    return next;
  }

  /** Grows with each change of `routes()`. */
  get revision(): number {
    let sum = this.retired;
    for (const { session } of this.held.values()) sum += session.revision;
    return sum;
  }

  get(name: string): BgpSession | undefined {
    return this.held.get(name)?.session;
  }

  /**
   * Configures a session and starts it, in place of one of this name. Its path counts as up.
   *
   * @throws RangeError when it runs over nothing that the network has
   */
  put(now: number, network: NetworkConfig, config: BgpSessionConfig, customer: CustomerBgp): BgpSession {
    const session = new BgpSession(sessionOptions(network, config, customer, this.edge));
    this.remove(now, config.name);
    this.held.set(config.name, { session, nexthop: config.nexthop });
    for (const announcement of customer.announces) session.announce(now, announcement);
    session.start(now);
    return session;
  }

  remove(now: number, name: string): void {
    const session = this.get(name);
    if (session === undefined) return;
    session.remove(now);
    this.past.push(...eventsOf(session));
    this.retired += session.revision + 1;
    this.held.delete(name);
  }

  /** For all sessions over a tunnel or interconnect: whether packets get through it, both ways. */
  setPath(now: number, nexthop: string, up: boolean): void {
    for (const held of this.held.values()) {
      if (held.nexthop === nexthop) held.session.setPath(now, up);
    }
  }

  advance(now: number): void {
    for (const { session } of this.held.values()) session.advance(now);
  }

  /** What the edge has learned, by session and then in the order in which it came. */
  routes(): LearnedRoute[] {
    return Array.from(this.held.values()).flatMap(({ session }) => session.routes());
  }

  /** What happened in all sessions since the last call, by time. */
  takeEvents(): SessionEvent[] {
    const events = this.past.splice(0);
    for (const { session } of this.held.values()) events.push(...eventsOf(session));
    return events.sort((a, b) => a.at - b.at);
  }
}

function eventsOf(session: BgpSession): SessionEvent[] {
  return session.takeEvents().map((event) => ({ ...event, session: session.name }));
}
