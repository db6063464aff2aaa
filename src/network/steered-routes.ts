/**
 * The routes of a node that health can move: those with several next hops, at least one of which is probed. Routes
 * with the same next hops, priorities and weights share one class, and one group of the tables: with a million
 * prefixes over two tunnels one change of health is one group.
 */
import type { Config } from '../config/config.js';
import type { GroupSpec, RouteSpec, TablesSpec } from '../dataplane/tables.js';
import { isInScope } from './routing/place.js';
import { staticEntry, type RouteEntry } from './routing/route-entry.js';

export interface SteeredRoutes {
  /** With groups for the routes that are steered; all else as it was. */
  readonly spec: TablesSpec;
  /** The entries of one prefix of each group: class i of RouteClasses over these is group i. */
  readonly entries: readonly RouteEntry[];
}

/**
 * @param spec made of the same configuration (compile.ts)
 * @param isProbed by number of the tunnel
 */
export function steeredRoutes(
  config: Config,
  spec: TablesSpec,
  isProbed: (tunnel: number) => boolean,
): SteeredRoutes {
  const probed = new Set(config.tunnels.filter((_, i) => isProbed(i)).map(({ name }) => name));
  if (probed.size === 0) return { spec, entries: [] };
  const byPrefix = new Map<string, RouteEntry[]>();
  for (const route of config.routes) {
    if (!isInScope(route.scope, config.node)) continue;
    const same = byPrefix.get(route.prefix);
    if (same === undefined) byPrefix.set(route.prefix, [staticEntry(route)]);
    else same.push(staticEntry(route));
  }
  const groups: GroupSpec[] = [];
  const entries: RouteEntry[] = [];
  const numbers = new Map<string, number>();
  // The first routes of the specification are the prefixes in their order; connected ones lie behind.
  const prefixes = [...byPrefix.values()];
  const routes = spec.routes.map((route, i): RouteSpec => {
    const own = prefixes[i];
    const nexthops = new Set(own?.map(({ nexthop }) => nexthop));
    if (own === undefined || nexthops.size < 2 || ![...nexthops].some((name) => probed.has(name)))
      return route;
    const key = JSON.stringify(own.map(({ nexthop, priority, weight }) => [nexthop, priority, weight]));
    let group = numbers.get(key);
    if (group === undefined) {
      numbers.set(key, (group = groups.length));
      groups.push({ nexthops: route.nexthops, most: nexthops.size });
      entries.push(...own);
    }
    return { ...route, group };
  });
  return { spec: { ...spec, routes, groups }, entries };
}
