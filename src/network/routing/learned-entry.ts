/** Routes that BGP has brought, as entries of the routing table (behaviour §3): everywhere, each of weight 1. */
import { DEFAULTS } from '../../config/config.js';
import { priorityOf, type AnnouncedPath } from './bgp-priority.js';
import type { RouteEntry } from './route-entry.js';

/** What a session knows of a route. */
export interface LearnedPath extends AnnouncedPath {
  readonly prefix: string;
  /** Name of the tunnel or interconnect that the session runs over. */
  readonly nexthop: string;
  /** Name of the session. */
  readonly session: string;
}

export function learnedEntry(path: LearnedPath): RouteEntry {
  const { prefix, nexthop, session } = path;
  return {
    prefix,
    nexthop,
    priority: priorityOf(path),
    weight: DEFAULTS.weight,
    scope: null,
    origin: 'bgp',
    session,
    description: '',
  };
}
