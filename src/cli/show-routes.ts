/** `grebe show routes`. */
import type { RouteSnapshot } from '../observability/snapshot.js';
import { tableOf } from './show-table.js';

export function routeTable(routes: readonly RouteSnapshot[]): string {
  if (routes.length === 0) return 'no routes';
  return tableOf<RouteSnapshot>(
    [
      { head: 'prefix', of: ({ prefix }) => prefix },
      { head: 'origin', of: ({ origin }) => origin },
      { head: 'next hops', wraps: true, of: nexthops },
    ],
    routes,
  );
}

/** `acme_fra_1 75 %, acme_fra_2 25 %`; a single next hop needs no share. */
function nexthops({ nexthops }: RouteSnapshot): string {
  if (nexthops.length === 1) return nexthops[0]!.tunnel;
  const total = nexthops.reduce((sum, { weight }) => sum + weight, 0);
  return nexthops
    .map(({ tunnel, weight }) => `${tunnel} ${((100 * weight) / total).toFixed(0)} %`)
    .join(', ');
}
