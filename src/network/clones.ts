/** Tunnels that no packet can tell apart, and tunnels that only the key tells apart. */
import type { Config } from '../config/config.js';

/** A tunnel and the first one with the same endpoints, by index. */
export interface SameEndpoints {
  readonly tunnel: number;
  readonly first: number;
}

export interface EndpointConflicts {
  /** Same endpoints and same key (or both without): the first would take all packets of the second. */
  readonly clones: readonly SameEndpoints[];
  /** Same endpoints, one with a key and one without: allowed. */
  readonly keyedBesideUnkeyed: readonly SameEndpoints[];
}

export function findEndpointConflicts({ tunnels }: Pick<Config, 'tunnels'>): EndpointConflicts {
  const firstWithKey = new Map<string, number>();
  const unkeyed = new Map<string, number>();
  const clones: SameEndpoints[] = [];
  tunnels.forEach((tunnel, i) => {
    const endpoints = `${tunnel.cloudflare_gre_endpoint} ${tunnel.customer_gre_endpoint}`;
    const identity = `${endpoints} ${tunnel.key ?? 'none'}`;
    const first = firstWithKey.get(identity);
    if (first !== undefined) {
      clones.push({ tunnel: i, first });
      return;
    }
    firstWithKey.set(identity, i);
    if (tunnel.key === null) unkeyed.set(endpoints, i);
  });
  const keyedBesideUnkeyed: SameEndpoints[] = [];
  tunnels.forEach((tunnel, i) => {
    const first = unkeyed.get(`${tunnel.cloudflare_gre_endpoint} ${tunnel.customer_gre_endpoint}`);
    if (tunnel.key !== null && first !== undefined) keyedBesideUnkeyed.push({ tunnel: i, first });
  });
  return { clones, keyedBesideUnkeyed };
}

/** The sentence that `compile` and `check` have for two tunnels of which one would get nothing. */
export function describeClone(
  { tunnels }: Pick<Config, 'tunnels'>,
  { tunnel, first }: SameEndpoints,
): string {
  const { name, cloudflare_gre_endpoint, customer_gre_endpoint, key } = tunnels[tunnel]!;
  const what = `from ${customer_gre_endpoint} to ${cloudflare_gre_endpoint} ${key === null ? 'without key' : `with key ${key}`}`;
  return `no packet can tell ${name} from ${tunnels[first]!.name}: both take GRE ${what}; give one of them another key`;
}
