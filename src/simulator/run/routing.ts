/**
 * The routing table as it reaches the PoPs: configured and learned routes by way of the relay, health penalties of
 * each PoP, and from both the rows of next-hop groups in the edge's tables.
 */
import type { NetworkConfig } from '../../config/network.js';
import type { LearnedRoute } from '../../network/bgp/announcement.js';
import { Relay } from '../../network/bgp/relay.js';
import { compileNetwork, type CompiledNetwork } from '../../network/compile-network.js';
import { learnedEntry } from '../../network/routing/learned-entry.js';
import { PENALTIES } from '../../network/routing/penalty.js';
import { PlaceRoutes } from '../../network/routing/place-routes.js';
import { putGroups } from '../../network/routing/put-groups.js';
import type { ClassEntries, PossibleRoute } from '../../network/routing/route-classes.js';
import { staticEntry, type RouteEntry } from '../../network/routing/route-entry.js';
import type { TablesSpec } from '../../dataplane/tables.js';
import type { Handler } from '../core/scheduler.js';
import type { World } from '../core/world.js';
import type { EdgeNetwork } from '../node/edge-network.js';
import type { EdgeSpec } from '../scenario/scenario.js';
import type { TunnelState } from './results.js';

/** A state of the whole routing table, as it is published. */
interface Table {
  readonly configured: readonly RouteEntry[];
  readonly learned: readonly RouteEntry[];
}

const MAX_NESTING = 1;

export class Routing implements Handler {
  private readonly relay: Relay<Table>;
  private readonly handler: number;
  /** Table that each PoP has. */
  private readonly tables: Table[];
  private newest: Table;
  private compiled: CompiledNetwork;
  private routes: PlaceRoutes[] = [];
  private readonly penalties: Map<string, number>[];
  private edge: EdgeNetwork | null = null;
  private armedFor = Infinity;
  private readonly arranged = new WeakMap<
    readonly RouteEntry[],
    { in: CompiledNetwork; entries: ClassEntries }
  >();

  /** @param later routes that BGP or changes may bring */
  constructor(
    private readonly world: World,
    private readonly spec: EdgeSpec,
    network: NetworkConfig,
    private readonly later: readonly PossibleRoute[],
  ) {
    this.handler = world.scheduler.register(this);
    this.newest = { configured: network.routes.map(staticEntry), learned: [] };
    this.tables = spec.pops.map(() => this.newest);
    this.penalties = spec.pops.map(() => new Map<string, number>());
    this.compiled = this.compile(network);
    const pops = spec.pops.map(({ name }) => name);
    this.relay = new Relay(pops, spec.convergence, (pop, table) => {
      this.deliver(pop, table);
    });
  }

  /** For the edge to be built with. */
  get tablesSpec(): TablesSpec {
    return this.compiled.spec;
  }

  /** Fills all rows of the edge's tables. */
  begin(edge: EdgeNetwork): void {
    this.edge = edge;
    this.rebuild();
  }

  /** Health of a next hop in a PoP. */
  setHealth(pop: number, nexthop: string, state: TunnelState): void {
    const penalty = PENALTIES[state];
    if ((this.penalties[pop]!.get(nexthop) ?? 0) === penalty) return;
    this.penalties[pop]!.set(nexthop, penalty);
    const number = this.compiled.nexthops.indexOf(nexthop);
    if (number >= 0) this.put(pop, this.routes[pop]!.penaltyChanged(number));
  }

  /** What BGP has brought so far: published, if it is not the same as before. */
  setLearned(routes: readonly LearnedRoute[]): void {
    this.publish({ ...this.newest, learned: routes.map(learnedEntry) });
  }

  /**
   * The network after a change. Tunnels and interconnects are there at once, routes when the relay brings them.
   *
   * @param structural whether tunnels or interconnects have changed
   */
  setNetwork(network: NetworkConfig, structural: boolean): void {
    if (structural) {
      this.compiled = this.compile(network);
      this.edge?.setTables(this.compiled.spec);
      this.rebuild();
    }
    this.publish({ ...this.newest, configured: network.routes.map(staticEntry) });
  }

  loseRelay(): void {
    this.relay.lose(this.world.scheduler.now);
  }

  restoreRelay(): void {
    this.relay.restore(this.world.scheduler.now);
    this.arm();
  }

  fire(): void {
    this.armedFor = Infinity;
    this.relay.advance(this.world.scheduler.now);
    this.arm();
  }

  private compile(network: NetworkConfig): CompiledNetwork {
    const { later, spec } = this;
    const nexthops = new Set([...network.tunnels, ...network.interconnects].map(({ name }) => name));
    // PoPs that a change has not reached yet go on with what they have.
    const possible = [...later, ...this.newest.configured].filter(({ nexthop }) => nexthops.has(nexthop));
    return compileNetwork(network, {
      views: spec.pops.length,
      maxNestingDepth: MAX_NESTING,
      later: possible,
    });
  }

  private publish(table: Table): void {
    this.newest = table;
    this.relay.publish(this.world.scheduler.now, table);
    this.arm();
  }

  /** Has `fire` called when the relay has something to deliver next, if that is not to happen anyway. */
  private arm(): void {
    const { next } = this.relay;
    if (next >= this.armedFor) return;
    this.armedFor = next;
    this.world.scheduler.at(next, this.handler);
  }

  private deliver(pop: number, table: Table): void {
    this.tables[pop] = table;
    const routes = this.routes[pop]!;
    this.put(pop, routes.setConfigured(this.arrange(table.configured)));
    this.put(pop, routes.setLearned(this.arrange(table.learned)));
  }

  /** All rows anew, out of the tables that PoPs have. */
  private rebuild(): void {
    const { classes, nexthops } = this.compiled;
    this.routes = this.spec.pops.map(({ name: colo, region }, i) => {
      const penaltyOf = (nexthop: number): number => this.penalties[i]!.get(nexthops[nexthop]!) ?? 0;
      const routes = new PlaceRoutes(classes, { region, colo }, penaltyOf);
      routes.setConfigured(this.arrange(this.tables[i]!.configured));
      routes.setLearned(this.arrange(this.tables[i]!.learned));
      return routes;
    });
    const all = [...classes.list.keys()];
    this.routes.forEach((_, pop) => {
      this.put(pop, all);
    });
  }

  private put(pop: number, classes: readonly number[]): void {
    if (this.edge !== null) putGroups(this.edge.tables, pop, this.routes[pop]!, classes);
  }

  /** Entries over next hops and of prefixes that the tables have; the same list is arranged once. */
  private arrange(list: readonly RouteEntry[]): ClassEntries {
    const { compiled } = this;
    const known = this.arranged.get(list);
    if (known?.in === compiled) return known.entries;
    const { classes, nexthops } = compiled;
    const usable = list.filter(({ prefix, nexthop }) => classes.has(prefix) && nexthops.includes(nexthop));
    const entries = classes.arrange(usable);
    this.arranged.set(list, { in: compiled, entries });
    return entries;
  }
}
