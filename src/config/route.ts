/** One route of the file. */
import { DEFAULTS, type RouteConfig, type RouteScope } from './config.js';
import type { Nexthops } from './nexthop.js';
import { readPrefix } from './prefix.js';
import type { ConfigPath } from './problem.js';
import type { RawRoute } from './raw.js';
import type { Source } from './source.js';

/** @returns the route, or null when its prefix or next hop is missing or wrong; problems are reported */
export function readRoute(
  raw: RawRoute,
  path: ConfigPath,
  nexthops: Nexthops,
  source: Source,
): RouteConfig | null {
  const prefix = raw.prefix === undefined ? null : readPrefix(raw.prefix, [...path, 'prefix'], source);
  const nexthop =
    raw.nexthop === undefined ? null : nexthops.resolve(raw.nexthop, [...path, 'nexthop'], source);
  if (prefix === null || nexthop === null) return null;
  return {
    prefix,
    nexthop,
    priority: raw.priority ?? DEFAULTS.priority,
    weight: raw.weight ?? DEFAULTS.weight,
    description: raw.description ?? '',
    scope: readScope(raw.scope),
  };
}

function readScope(raw: RawRoute['scope']): RouteScope | null {
  const colo_regions = raw?.colo_regions?.filter((region) => region !== undefined) ?? [];
  const colo_names = raw?.colo_names?.filter((name) => name !== undefined) ?? [];
  return colo_regions.length + colo_names.length === 0 ? null : { colo_regions, colo_names };
}
