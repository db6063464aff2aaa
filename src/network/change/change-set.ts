/** What is handed to the one door of the network (apply.ts): resources to put in, names to take out. Plain data. */
import type { NetworkConfig } from '../../config/network.js';

/** Kinds of resources. */
export type ResourceKind = keyof NetworkConfig;

/** The resource of each kind. */
export type Resources = { readonly [K in ResourceKind]: NetworkConfig[K][number] };

/** In the order in which they are told: what is named comes before what names it. */
export const RESOURCE_KINDS = [
  'tunnels',
  'interconnects',
  'prefixes',
  'routes',
  'bgp_sessions',
  'maintenance',
  'alerts',
  'endpoint_health_checks',
] as const satisfies readonly ResourceKind[];

/** One of a kind, in words. */
export const KIND_WORDS: { readonly [K in ResourceKind]: string } = {
  tunnels: 'tunnel',
  interconnects: 'interconnect',
  prefixes: 'prefix',
  routes: 'route',
  bgp_sessions: 'bgp session',
  maintenance: 'maintenance',
  alerts: 'alert',
  endpoint_health_checks: 'endpoint health check',
};

export interface NetworkChange {
  /** Resources put in, by kind; those of a name that exists replace it. */
  readonly put: Partial<NetworkConfig>;
  /** Names taken out, by kind. */
  readonly remove: { readonly [K in ResourceKind]?: readonly string[] };
}

export const NO_CHANGE: NetworkChange = { put: {}, remove: {} };

const NAMES: { readonly [K in ResourceKind]: (resource: Resources[K]) => string } = {
  tunnels: ({ name }) => name,
  interconnects: ({ name }) => name,
  prefixes: ({ prefix }) => prefix,
  routes: ({ prefix, nexthop }) => `${prefix} via ${nexthop}`,
  bgp_sessions: ({ name }) => name,
  maintenance: ({ name }) => name,
  alerts: ({ name }) => name,
  endpoint_health_checks: ({ name }) => name,
};

/**
 * The name of a resource among its kind. That of a route, `prefix via nexthop`, stands for all routes of this
 * prefix and next hop, which may differ in scope: a change puts all of them in, or takes all of them out.
 */
export function nameOf<K extends ResourceKind>(kind: K, resource: Resources[K]): string {
  return NAMES[kind](resource);
}

/** The resources of a kind. */
export function resourcesOf<K extends ResourceKind>(
  kind: K,
  network: Partial<NetworkConfig>,
): readonly Resources[K][] {
  return (network[kind] ?? []) as readonly Resources[K][];
}

/** The resources of a kind by name, in their order. Of routes several may have one name. */
export function byName<K extends ResourceKind>(
  kind: K,
  network: Partial<NetworkConfig>,
): Map<string, Resources[K][]> {
  const named = new Map<string, Resources[K][]>();
  for (const resource of resourcesOf(kind, network)) {
    const name = nameOf(kind, resource);
    const same = named.get(name);
    if (same === undefined) named.set(name, [resource]);
    else same.push(resource);
  }
  return named;
}
