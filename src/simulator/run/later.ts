/** What the timeline of a scenario may bring into the network, known before it does. */
import type { NetworkConfig } from '../../config/network.js';
import type { PossibleRoute } from '../../network/routing/route-classes.js';
import type { Scenario } from '../scenario/scenario.js';

/** Routes of BGP and of changes. */
export function laterRoutes({ network, sites, timeline }: Scenario): PossibleRoute[] {
  const ever = everything({ network, timeline });
  const nexthopOf = new Map(ever.bgp_sessions.map(({ name, nexthop }) => [name, nexthop]));
  const announced = [
    ...sites.flatMap(({ routers }) =>
      routers.flatMap(({ bgp }) =>
        bgp.flatMap(({ session, announces }) => announces.map(({ prefix }) => ({ prefix, session }))),
      ),
    ),
    ...timeline.flatMap((event) =>
      event.action === 'bgp_announce' ? [{ prefix: event.announcement.prefix, session: event.session }] : [],
    ),
  ];
  return [
    ...announced.flatMap(({ prefix, session }) => {
      const nexthop = nexthopOf.get(session);
      return nexthop === undefined ? [] : [{ prefix, nexthop }];
    }),
    ...ever.routes.map(({ prefix, nexthop }) => ({ prefix, nexthop })),
  ];
}

/** The network with all that changes put in beside what is there at first; of one name the first counts. */
export function everything({ network, timeline }: Pick<Scenario, 'network' | 'timeline'>): NetworkConfig {
  const puts = timeline.flatMap((event) => (event.action === 'change' ? [event.change.put] : []));
  const all = [network, ...puts];
  const named = <T extends { readonly name: string }>(lists: readonly (readonly T[])[]): T[] =>
    [
      ...new Map(
        lists
          .flat()
          .toReversed()
          .map((item) => [item.name, item]),
      ).values(),
    ].toReversed();
  return {
    tunnels: named(all.map(({ tunnels }) => tunnels ?? [])),
    interconnects: named(all.map(({ interconnects }) => interconnects ?? [])),
    routes: all.flatMap(({ routes }) => routes ?? []),
    bgp_sessions: named(all.map(({ bgp_sessions }) => bgp_sessions ?? [])),
    prefixes: all.flatMap(({ prefixes }) => prefixes ?? []),
    maintenance: named(all.map(({ maintenance }) => maintenance ?? [])),
    alerts: named(all.map(({ alerts }) => alerts ?? [])),
    endpoint_health_checks: named(all.map(({ endpoint_health_checks }) => endpoint_health_checks ?? [])),
  };
}
