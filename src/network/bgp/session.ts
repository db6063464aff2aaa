/**
 * A BGP session between the edge and a customer's router, both sides of it, as a model in virtual time: what is sent,
 * when it arrives, and what the edge has learned at each moment. Deterministic: it depends on what is called when,
 * and on nothing else. What the edge announces to the customer is no part of it: here, customers' routers know by
 * themselves what lies behind the edge.
 *
 * Times are whole nanoseconds. Calls have to come in the order of time; whoever drives it calls `advance` at `next`.
 */
import { AdjRibIn } from './adj-rib-in.js';
import type { Announcement, LearnedRoute } from './announcement.js';
import { Bfd, type BfdOptions } from './bfd.js';
import type { ImportFilter } from './import-filter.js';
import type { BgpMessage } from './message.js';
import type { BgpState, SpeakerHost } from './speaker-host.js';
import { Speaker } from './speaker.js';
import { GRACEFUL_RESTART_TIME } from './timers.js';
import { MILLISECOND } from '../time.js';
import { Wire, type Side } from './wire.js';

export interface BgpSessionOptions {
  readonly name: string;
  /** Name of the tunnel or interconnect that it runs over. */
  readonly nexthop: string;
  readonly edge: BgpSideOptions;
  readonly customer: BgpSideOptions & { readonly gracefulRestart: boolean };
  /** The ASN that the edge expects; another one in the customer's OPEN is refused. */
  readonly customerAsn: number;
  /** Null: without BFD. */
  readonly bfd: BfdOptions | null;
  /** Nanoseconds from one side to the other; default 1 ms. */
  readonly latency?: number;
  readonly filter: ImportFilter;
  /** Prefixes that may be learned; default 5000. */
  readonly prefixLimit?: number;
}

export interface BgpSideOptions {
  readonly asn: number;
  /** TCP MD5 signature (RFC 2385); null: none. */
  readonly md5Key: string | null;
  /** Seconds: 0 (no hold timer) or from 3 up. */
  readonly holdTime: number;
  readonly address: string;
}

export interface BgpEvent {
  /** Nanoseconds. */
  readonly at: number;
  readonly side: Side;
  /** `state`: the text is the new state. `log`: a line of the log. `routes`: what the edge learned or lost. */
  readonly kind: 'state' | 'log' | 'routes';
  readonly text: string;
}

export class BgpSession {
  readonly name: string;
  private readonly edge: Speaker;
  private readonly customer: Speaker;
  private readonly wire: Wire;
  private readonly bfd: Bfd | null;
  private readonly learned: AdjRibIn;
  /** What the customer's router announces, by prefix. */
  private readonly announced = new Map<string, Announcement>();
  private readonly events: BgpEvent[] = [];
  private clock = 0;
  private connections = 0;
  private pathUp = true;
  private peerUp = true;
  private restartsUntil = Infinity;
  private changes = 0;

  constructor(private readonly options: BgpSessionOptions) {
    const { edge, customer, customerAsn, bfd, latency, prefixLimit } = options;
    this.name = options.name;
    this.wire = new Wire(latency ?? MILLISECOND);
    this.learned = new AdjRibIn(prefixLimit);
    this.bfd = bfd === null ? null : new Bfd(bfd);
    this.edge = new Speaker(
      {
        ...edge,
        side: 'edge',
        peerAsn: customerAsn,
        peerAddress: customer.address,
        restartTime: GRACEFUL_RESTART_TIME,
      },
      this.hostOf('edge'),
    );
    this.customer = new Speaker(
      {
        ...customer,
        side: 'customer',
        peerAsn: edge.asn,
        peerAddress: edge.address,
        restartTime: customer.gracefulRestart ? GRACEFUL_RESTART_TIME : null,
      },
      this.hostOf('customer'),
    );
  }

  /** State of the edge's side. */
  get state(): BgpState {
    return this.edge.state;
  }

  get customerState(): BgpState {
    return this.customer.state;
  }

  /** Why the edge's side is not established; empty when it is. */
  get reason(): string {
    return this.edge.reason;
  }

  /** Seconds, as negotiated; 0 before that, or without hold timer. */
  get holdTime(): number {
    return this.edge.holdTime;
  }

  /** Grows with each change of `routes()`. */
  get revision(): number {
    return this.changes;
  }

  /** When `advance` has something to do, in nanoseconds; Infinity: never by itself. */
  get next(): number {
    return Math.min(
      this.wire.next,
      this.edge.next,
      this.customer.next,
      this.bfd?.next ?? Infinity,
      this.learned.next,
      this.restartsUntil,
    );
  }

  /** What the edge has learned and not lost, in the order in which it came. */
  routes(): LearnedRoute[] {
    const { name, nexthop } = this.options;
    return this.learned
      .routes()
      .map(({ announcement, stale }) => ({ ...announcement, nexthop, session: name, stale }));
  }

  /** What happened since the last call, by time. */
  takeEvents(): BgpEvent[] {
    return this.events.splice(0);
  }

  /** Both sides begin to connect. */
  start(now: number): void {
    this.advance(now);
    this.bfd?.setPath(now, this.isPathUp());
    this.customer.start(now);
    this.edge.start(now);
  }

  /** The edge's side is no longer configured. */
  remove(now: number): void {
    this.advance(now);
    this.edge.shutDown('unconfigured');
  }

  /** The operator clears a session that came to rest because of too many prefixes. */
  clear(now: number): void {
    this.advance(now);
    if (this.edge.state === 'idle') this.edge.start(now);
  }

  /** Whether packets get from one side to the other and back, over tunnel or circuit. Without effect if as before. */
  setPath(now: number, up: boolean): void {
    this.advance(now);
    if (up === this.pathUp) return;
    this.pathUp = up;
    this.tellPath(now);
  }

  /** The customer's router loses its power (false), or has it again and begins anew. */
  setPeer(now: number, running: boolean): void {
    this.advance(now);
    if (running === this.peerUp) return;
    this.peerUp = running;
    if (!running) {
      this.restartsUntil = Infinity;
      this.customer.vanish('router down');
    }
    this.tellPath(now);
    if (running) this.customer.start(now);
  }

  /** The BGP process of the customer's router ends and begins again; its machine goes on forwarding. */
  restart(now: number, duration: number): void {
    this.advance(now);
    if (!this.peerUp) return;
    this.customer.stop('process ended');
    this.restartsUntil = now + duration;
  }

  announce(now: number, announcement: Announcement): void {
    this.advance(now);
    this.announced.set(announcement.prefix, announcement);
    this.update([announcement], []);
  }

  withdraw(now: number, prefix: string): void {
    this.advance(now);
    if (this.announced.delete(prefix)) this.update([], [prefix]);
  }

  /** Does all that is due until and including `now`, each at its time. */
  advance(now: number): void {
    for (let due = this.next; due <= now; due = this.next) {
      this.clock = due;
      this.step(due);
    }
    this.clock = now;
  }

  /** One thing that is due: what arrives goes before timers that run out at the same moment. */
  private step(now: number): void {
    if (this.wire.next <= now) {
      const arrival = this.wire.take(now);
      if (arrival === null) return;
      if (arrival.to === 'edge') this.edge.receive(now, arrival.segment);
      else if (this.peerUp) this.customer.receive(now, arrival.segment);
    } else if (this.bfd !== null && this.bfd.next <= now) {
      if (this.bfd.advance(now) === 'down') this.bfdDown(now);
    } else if (this.edge.next <= now) {
      this.edge.advance(now);
    } else if (this.customer.next <= now) {
      this.customer.advance(now);
    } else if (this.restartsUntil <= now) {
      this.restartsUntil = Infinity;
      this.customer.start(now);
    } else if (this.learned.next <= now) {
      this.lose(this.learned.removeStale(), 'the peer did not come back in time');
    }
  }

  private bfdDown(now: number): void {
    for (const speaker of [this.edge, this.customer]) {
      if (speaker.isConnected()) speaker.fail(now, 'bfd_down');
    }
  }

  private isPathUp(): boolean {
    return this.pathUp && this.peerUp;
  }

  private tellPath(now: number): void {
    this.wire.setPath(this.isPathUp());
    this.bfd?.setPath(now, this.isPathUp());
  }

  private update(announced: readonly Announcement[], withdrawn: readonly string[]): void {
    if (this.customer.state === 'established') {
      this.customer.sendMessage({ type: 'update', announced, withdrawn });
    }
  }

  private hostOf(side: Side): SpeakerHost {
    return {
      newConnection: () => ++this.connections,
      send: (segment) => this.wire.send(this.clock, side, segment),
      forget: (connection) => this.wire.forget(side, connection),
      log: (text) => this.tell(side, 'log', text),
      changed: (state) => this.tell(side, 'state', state),
      established: () => {
        if (side === 'customer') this.sendAll();
      },
      lost: (graceful) => {
        if (side === 'edge') this.loseSession(graceful);
      },
      received: (message) => {
        if (side === 'edge') this.learn(message);
      },
    };
  }

  private sendAll(): void {
    this.update([...this.announced.values()], []);
    this.customer.sendMessage({ type: 'end_of_rib' });
  }

  private learn(message: BgpMessage): void {
    if (message.type === 'end_of_rib') {
      this.lose(this.learned.removeStale(), 'the peer no longer announces them');
      return;
    }
    if (message.type !== 'update') return;
    for (const prefix of message.withdrawn) {
      if (this.learned.remove(prefix)) this.changed(`withdrawn ${prefix}`);
    }
    for (const announcement of message.announced) {
      const fault = this.options.filter(announcement);
      if (fault !== null) {
        this.tell('edge', 'log', `${announcement.prefix} refused: ${fault}`);
        if (this.learned.remove(announcement.prefix)) this.changed(`lost ${announcement.prefix}`);
      } else if (this.learned.put(announcement)) {
        this.changed(`learned ${announcement.prefix}`);
      } else {
        this.edge.shutDown('too_many_prefixes');
        return;
      }
    }
  }

  private loseSession(graceful: boolean): void {
    if (!graceful) {
      this.lose(this.learned.clear(), 'the session went down');
      return;
    }
    const kept = this.learned.keep(this.clock);
    if (kept > 0) this.changed(`${kept} kept as stale for ${GRACEFUL_RESTART_TIME} s`);
  }

  private lose(count: number, why: string): void {
    if (count > 0) this.changed(`${count} removed: ${why}`);
  }

  private changed(text: string): void {
    this.changes++;
    this.tell('edge', 'routes', text);
  }

  private tell(side: Side, kind: BgpEvent['kind'], text: string): void {
    this.events.push({ at: this.clock, side, kind, text });
  }
}
