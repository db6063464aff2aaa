/** Entries of the virtual network's routing table, whether configured or learned by BGP. Plain data. */
import type { RouteConfig, RouteScope } from '../../config/config.js';

export type RouteOrigin = 'static' | 'bgp';

export interface RouteEntry {
  /** Without host bits, canonical text: `192.0.2.0/24`. */
  readonly prefix: string;
  /** Name of a tunnel or interconnect. */
  readonly nexthop: string;
  /** Lower wins; without the penalty of health. */
  readonly priority: number;
  /** Share among the entries of equal priority, 1 to 256. */
  readonly weight: number;
  /** Where it exists; null: everywhere, as do all that BGP brings. */
  readonly scope: RouteScope | null;
  readonly origin: RouteOrigin;
  /** Name of the BGP session that brought it. */
  readonly session?: string;
  readonly description: string;
}

export function staticEntry(route: RouteConfig): RouteEntry {
  return { ...route, origin: 'static' };
}
