/**
 * Which of the entries of one prefix carry its traffic (behaviour §3): those with the lowest sum of priority and
 * penalty, static ones before those of BGP. No entry is ever out of the running: with all next hops down, the
 * best of the penalised ones is used.
 */
import { LIMITS } from '../../config/config.js';
import type { RouteOrigin } from './route-entry.js';

/** What selection looks at. */
export interface Candidate {
  readonly priority: number;
  readonly origin: RouteOrigin;
}

/** A next hop in the set of a prefix. */
export interface WeightedNexthop {
  /** Number of the tunnel or interconnect. */
  readonly nexthop: number;
  /** 1 to 256. */
  readonly weight: number;
}

/**
 * @param entries of one prefix, all of them in scope
 * @returns those that share the traffic, in their order; empty only for no entries
 */
export function bestOf<E extends Candidate>(entries: readonly E[], penaltyOf: (entry: E) => number): E[] {
  let best: E[] = [];
  let lowest = Infinity;
  let origin: RouteOrigin = 'bgp';
  for (const entry of entries) {
    const priority = entry.priority + penaltyOf(entry);
    if (priority < lowest || (priority === lowest && entry.origin === 'static' && origin === 'bgp')) {
      lowest = priority;
      origin = entry.origin;
      best = [entry];
    } else if (priority === lowest && entry.origin === origin) {
      best.push(entry);
    }
  }
  return best;
}

/**
 * Each next hop once, by number. Weights of static entries that name the same next hop add up (at most 256);
 * what BGP brings over several sessions of one next hop counts once.
 */
export function membersOf(
  best: readonly (WeightedNexthop & { readonly origin: RouteOrigin })[],
): WeightedNexthop[] {
  const weights = new Map<number, number>();
  for (const { nexthop, weight, origin } of best) {
    const before = weights.get(nexthop) ?? 0;
    const sum = origin === 'static' ? before + weight : Math.max(before, weight);
    weights.set(nexthop, Math.min(LIMITS.weight[1], sum));
  }
  return Array.from(weights, ([nexthop, weight]) => ({ nexthop, weight })).sort(
    (a, b) => a.nexthop - b.nexthop,
  );
}
