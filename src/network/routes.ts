/**
 * The routes that a node uses: those whose scope includes it, by prefix, and of each prefix the ones with
 * the lowest priority, which share the traffic by weight (ECMP). Health is not asked here.
 */
import type { Config } from '../config/config.js';
import { noPenalty } from './routing/penalty.js';
import { isInScope } from './routing/place.js';
import { networkIn } from './routing/prefix-rules.js';
import { bestOf, membersOf } from './routing/select.js';

/** A tunnel in the set of a prefix. */
export interface Nexthop {
  /** Index into `config.tunnels`. */
  readonly tunnel: number;
  /** Weights of all routes that name this tunnel, added up; at most 256. */
  readonly weight: number;
  /** Indexes into `config.routes`. */
  readonly routes: readonly number[];
}

export interface SelectedRoute {
  /** As in the configuration, without host bits. */
  readonly prefix: string;
  readonly address: Uint8Array;
  readonly length: number;
  readonly priority: number;
  /** In the order of the tunnels. */
  readonly nexthops: readonly Nexthop[];
  /** Routes of this prefix with a higher priority number, by index. */
  readonly backups: readonly number[];
}

export interface RouteSelection {
  /** In the order of the file. */
  readonly selected: readonly SelectedRoute[];
  /** Routes whose scope leaves this node out, by index. */
  readonly outOfScope: readonly number[];
}

export function selectRoutes(config: Config): RouteSelection {
  const tunnelOf = new Map(config.tunnels.map((tunnel, i) => [tunnel.name, i]));
  const byPrefix = new Map<string, number[]>();
  const outOfScope: number[] = [];
  config.routes.forEach(({ prefix, scope }, i) => {
    if (!isInScope(scope, config.node)) {
      outOfScope.push(i);
      return;
    }
    const same = byPrefix.get(prefix);
    if (same === undefined) byPrefix.set(prefix, [i]);
    else same.push(i);
  });
  const selected = Array.from(byPrefix, ([prefix, routes]) => select(config, prefix, routes, tunnelOf));
  return { selected, outOfScope };
}

/** What each next hop gets of the traffic, in percent to one decimal. Approximate: whole flows are split. */
export function sharesOf(
  nexthops: readonly Nexthop[],
): { tunnel: number; weight: number; percent: number }[] {
  const sum = nexthops.reduce((total, { weight }) => total + weight, 0);
  return nexthops.map(({ tunnel, weight }) => ({
    tunnel,
    weight,
    percent: Math.round((1000 * weight) / sum) / 10,
  }));
}

function select(
  config: Config,
  prefix: string,
  routes: readonly number[],
  tunnelOf: ReadonlyMap<string, number>,
): SelectedRoute {
  const candidates = routes.map((route) => {
    const { nexthop: name, priority, weight } = config.routes[route]!;
    const nexthop = tunnelOf.get(name);
    if (nexthop === undefined) throw new RangeError(`route ${prefix} to the unknown tunnel ${name}`);
    return { route, nexthop, priority, weight, origin: 'static' } as const;
  });
  const best = bestOf(candidates, noPenalty);
  return {
    prefix,
    ...networkIn(prefix),
    priority: best[0]!.priority,
    nexthops: membersOf(best).map(({ nexthop, weight }) => ({
      tunnel: nexthop,
      weight,
      routes: best.flatMap((entry) => (entry.nexthop === nexthop ? [entry.route] : [])),
    })),
    backups: candidates.flatMap((entry) => (best.includes(entry) ? [] : [entry.route])),
  };
}
