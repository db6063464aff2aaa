/** Findings about routes: which of them this node uses, how they overlap, and loops. */
import { isPrivate, parseAddress } from '../config/address.js';
import type { Config } from '../config/config.js';
import { isGiven } from '../config/load.js';
import type { Findings } from './finding.js';
import { PrefixIndex } from './prefix-index.js';
import { longestAdvertised } from './routing/prefix-rules.js';
import { sharesOf, type RouteSelection, type SelectedRoute } from './routes.js';

export function checkRoutes(config: Config, selection: RouteSelection, findings: Findings): void {
  const { selected, outOfScope } = selection;
  const index = new PrefixIndex(selected);
  checkScopes(config, outOfScope, findings);
  for (const route of selected) {
    checkBackups(config, route, findings);
    checkSharing(config, route, findings);
    checkEnclosing(selected, route, index, findings);
  }
  for (const i of index.covered()) {
    const { prefix } = selected[i]!;
    const message = `never used: longer prefixes in the table cover all of ${prefix}`;
    findings.add('warning', 'route_covered', pathOf(selected[i]!), message);
  }
  checkLoops(config, selected, index, findings);
}

function checkScopes({ node, routes }: Config, outOfScope: readonly number[], findings: Findings): void {
  for (const i of outOfScope) {
    const { colo_regions = [], colo_names = [] } = routes[i]!.scope ?? {};
    const scope = [...colo_regions, ...colo_names].join(', ');
    const path = ['routes', i, 'scope'];
    const missing = [
      ...(colo_regions.length > 0 && node.region === null ? ['node.region'] : []),
      ...(colo_names.length > 0 && node.colo === null ? ['node.colo'] : []),
    ];
    if (missing.length > 0) {
      const message = `not used: exists only in ${scope}, and ${missing.join(' and ')} of this node is not given`;
      findings.add('warning', 'scope_unknown', path, message);
    } else {
      const here = [node.region, node.colo].filter((place) => place !== null).join(', ');
      const message = `not used on ${node.name} (${here}): exists only in ${scope}`;
      findings.add('info', 'route_out_of_scope', path, message);
    }
  }
}

function checkBackups(
  { routes }: Config,
  { prefix, priority, backups }: SelectedRoute,
  findings: Findings,
): void {
  for (const i of backups) {
    const message = `backup: priority ${routes[i]!.priority} loses against ${priority} for ${prefix}; used only when health penalties (500000 degraded, 1000000 down) turn the order`;
    findings.add('info', 'route_backup', ['routes', i], message);
  }
}

function checkSharing(config: Config, { prefix, nexthops }: SelectedRoute, findings: Findings): void {
  for (const { tunnel, weight, routes } of nexthops) {
    if (routes.length < 2) continue;
    const { name } = config.tunnels[tunnel]!;
    const message = `${prefix} to ${name} stands here ${routes.length} times with one priority: taken as one route with weight ${weight}`;
    findings.add('warning', 'route_repeated', ['routes', routes.at(-1) ?? 0], message);
  }
  if (nexthops.length < 2) return;
  const members = nexthops.flatMap(({ routes }) => routes).sort((a, b) => a - b);
  const path = ['routes', members[0] ?? 0];
  const shares = sharesOf(nexthops).map(
    ({ tunnel, percent }) => `${config.tunnels[tunnel]!.name} ${percent} %`,
  );
  findings.add('info', 'ecmp', path, `${prefix} is shared (ECMP): ${shares.join(', ')} of the flows`);
  const weighted = members.filter((i) => isGiven(config, ['routes', i, 'weight']));
  if (weighted.length > 0 && weighted.length < members.length) {
    const unweighted = members.find((i) => !weighted.includes(i)) ?? 0;
    const message = `no weight, which means ${config.routes[unweighted]!.weight}, beside routes of ${prefix} that have one`;
    findings.add('warning', 'weight_missing', ['routes', unweighted], message);
  }
}

function checkEnclosing(
  selected: readonly SelectedRoute[],
  route: SelectedRoute,
  index: PrefixIndex,
  findings: Findings,
): void {
  const { prefix, address, length } = route;
  const outer = selected[index.lookup(address, length - 1)];
  if (outer !== undefined) {
    const same = tunnelsOf(outer) === tunnelsOf(route) ? '; both have the same next hops' : '';
    const message = `${prefix} lies inside ${outer.prefix}: the longer prefix wins for its addresses${same}`;
    findings.add('info', 'prefix_inside_prefix', pathOf(route), message);
  }
  const longest = longestAdvertised(address);
  if (length <= longest || isPrivate(address)) return;
  const advertised = selected[index.lookup(address, longest)];
  if (advertised === undefined || advertised.length === 0) {
    const message = `${prefix} is longer than /${longest} and cannot be advertised by itself: it must lie inside an advertised prefix, of which there is no route here`;
    findings.add('info', 'prefix_not_advertised', pathOf(route), message);
  }
}

/** A customer endpoint inside a routed prefix: the outer packet would be routed into a tunnel again. */
function checkLoops(
  { tunnels }: Config,
  selected: readonly SelectedRoute[],
  index: PrefixIndex,
  findings: Findings,
): void {
  tunnels.forEach(({ customer_gre_endpoint }, i) => {
    const address = parseAddress(customer_gre_endpoint);
    const route =
      address === null ? undefined : selected[index.lookup(address.bytes, address.bytes.length * 8)];
    // A default route is not advertised: nobody sends the outer packet here because of it.
    if (route === undefined || route.length === 0) return;
    const into = route.nexthops.map(({ tunnel }) => tunnels[tunnel]!.name).join(', ');
    const message = `${customer_gre_endpoint} lies inside the routed prefix ${route.prefix}: the outer packets for it would be drawn to the edge and encapsulated again (into ${into}). The customer endpoint must be outside the advertised prefixes`;
    findings.add('warning', 'encapsulation_loop', ['tunnels', i, 'customer_gre_endpoint'], message);
  });
}

function tunnelsOf({ nexthops }: SelectedRoute): string {
  return nexthops.map(({ tunnel }) => tunnel).join();
}

/** The first route of the file that stands behind a selected one. */
function pathOf({ nexthops }: SelectedRoute): (string | number)[] {
  return ['routes', Math.min(...nexthops.flatMap(({ routes }) => routes))];
}
