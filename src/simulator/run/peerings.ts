/** BGP sessions between the edge and the customer's routers: driven in virtual time, and told to routing. */
import type { BgpSessionConfig, NetworkConfig } from '../../config/network.js';
import type { SessionEvent } from '../../network/bgp/sessions.js';
import { BgpSessions } from '../../network/bgp/sessions.js';
import type { BgpSession } from '../../network/bgp/session.js';
import type { Handler } from '../core/scheduler.js';
import type { World } from '../core/world.js';
import type { EdgeSpec, RouterBgpSpec } from '../scenario/scenario.js';
import type { Chronicle } from './chronicle.js';
import type { PlacedRouter } from './places.js';
import type { Routing } from './routing.js';

export class Peerings implements Handler {
  /** Told of the next hop of a session that is established, or not any more. */
  onState: (nexthop: string) => void = () => undefined;
  private readonly sessions: BgpSessions;
  private readonly handler: number;
  private readonly configs = new Map<string, BgpSessionConfig>();
  private revision = 0;
  private armedFor = Infinity;

  constructor(
    private readonly world: World,
    edge: EdgeSpec,
    private readonly routers: ReadonlyMap<string, PlacedRouter>,
    private readonly routing: Routing,
    private readonly chronicle: Chronicle,
  ) {
    this.sessions = new BgpSessions({ asn: edge.asn, endpoints: edge.endpoints });
    this.handler = world.scheduler.register(this);
  }

  /** Configured sessions, by name. */
  get all(): ReadonlyMap<string, BgpSessionConfig> {
    return this.configs;
  }

  /** Configures a session; without a router that has it nobody answers. */
  put(network: NetworkConfig, config: BgpSessionConfig): void {
    const { now } = this.world.scheduler;
    const customer = this.customerOf(config.name);
    this.configs.set(config.name, config);
    this.chronicle.bgp(config.name, 'idle', '');
    if (customer === null) {
      this.chronicle.event('bgp', `session ${config.name}: no router has it`);
      return;
    }
    this.sessions.put(now, network, config, customer.bgp);
    this.follow();
  }

  remove(name: string): void {
    this.sessions.remove(this.world.scheduler.now, name);
    this.follow();
    this.configs.delete(name);
  }

  /** Does something to a session, at the present time. */
  with(name: string, act: (session: BgpSession, now: number) => void): void {
    const session = this.sessions.get(name);
    if (session !== undefined) act(session, this.world.scheduler.now);
    this.follow();
  }

  /** Whether packets get through a tunnel or interconnect, both ways. */
  setPath(nexthop: string, up: boolean): void {
    this.sessions.setPath(this.world.scheduler.now, nexthop, up);
    this.follow();
  }

  /** A router lost its power, or has it again. */
  setRouter(router: string, running: boolean): void {
    for (const { session } of this.routers.get(router)?.spec.bgp ?? []) {
      this.with(session, (held, now) => {
        held.setPeer(now, running);
      });
    }
  }

  /** Whether there is an established session over one of these tunnels or interconnects. */
  isEstablishedOver(nexthops: readonly string[]): boolean {
    return [...this.configs.values()].some(
      ({ name, nexthop }) => nexthops.includes(nexthop) && this.sessions.get(name)?.state === 'established',
    );
  }

  /** Name of the router that has a session; null: none. */
  routerOf(session: string): string | null {
    return this.customerOf(session)?.router ?? null;
  }

  fire(): void {
    this.armedFor = Infinity;
    this.sessions.advance(this.world.scheduler.now);
    this.follow();
  }

  /** After anything: what happened is told, and the next moment is waited for. */
  private follow(): void {
    const { sessions } = this;
    for (const event of sessions.takeEvents()) this.tell(event);
    if (sessions.revision !== this.revision) {
      this.revision = sessions.revision;
      this.routing.setLearned(sessions.routes());
    }
    const { next } = sessions;
    if (next >= this.armedFor) return;
    this.armedFor = next;
    this.world.scheduler.at(Math.max(next, this.world.scheduler.now), this.handler);
  }

  private tell({ session, side, kind, text }: SessionEvent): void {
    if (side !== 'edge') return;
    if (kind === 'state') this.tellState(session, text === 'established');
    else this.chronicle.event('bgp', `session ${session}: ${text}`);
  }

  private tellState(session: string, established: boolean): void {
    const before = this.chronicle.bgpAt(session, this.world.scheduler.now)?.state === 'established';
    if (before === established) return;
    const reason = established ? '' : (this.sessions.get(session)?.reason ?? 'unconfigured');
    this.chronicle.bgp(session, established ? 'established' : 'idle', reason);
    const config = this.configs.get(session);
    if (config !== undefined) this.onState(config.nexthop);
  }

  private customerOf(session: string): { router: string; bgp: RouterBgpSpec } | null {
    for (const { spec } of this.routers.values()) {
      const bgp = spec.bgp.find((one) => one.session === session);
      if (bgp !== undefined) return { router: spec.name, bgp };
    }
    return null;
  }
}
