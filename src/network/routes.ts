/**
 * The routes that a node uses: those whose scope includes it, by prefix, and of each prefix the ones with
 * the lowest priority, which share the traffic by weight (ECMP).
 */
import { parseAddressWithLength } from '../config/address.js';
import { LIMITS, type Config, type NodeConfig, type RouteScope } from '../config/config.js';

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

/** Whether a route exists on the node: its region or its PoP is named, or nothing is. */
export function isInScope(scope: RouteScope | null, { region, colo }: NodeConfig): boolean {
  if (scope === null) return true;
  const here = colo?.toLowerCase();
  return (
    (region !== null && scope.colo_regions.includes(region)) ||
    scope.colo_names.some((name) => name.toLowerCase() === here)
  );
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
  const priorityOf = (i: number): number => config.routes[i]!.priority;
  const priority = routes.reduce((best, i) => Math.min(best, priorityOf(i)), Infinity);
  const nexthops = new Map<number, { weight: number; routes: number[] }>();
  for (const i of routes) {
    if (priorityOf(i) !== priority) continue;
    const { nexthop, weight } = config.routes[i]!;
    const tunnel = tunnelOf.get(nexthop);
    if (tunnel === undefined) throw new RangeError(`route ${prefix} to the unknown tunnel ${nexthop}`);
    const entry = nexthops.get(tunnel) ?? { weight: 0, routes: [] };
    entry.weight = Math.min(LIMITS.weight[1], entry.weight + weight);
    entry.routes.push(i);
    nexthops.set(tunnel, entry);
  }
  const network = parseAddressWithLength(prefix);
  if (network === null) throw new RangeError(`route to ${prefix}, which is no prefix`);
  return {
    prefix,
    address: network.bytes,
    length: network.length,
    priority,
    nexthops: Array.from(nexthops, ([tunnel, entry]) => ({ tunnel, ...entry })).sort(
      (a, b) => a.tunnel - b.tunnel,
    ),
    backups: routes.filter((i) => priorityOf(i) !== priority),
  };
}
