/** Findings about BGP sessions: sides that do not fit, announcements without effect. */
import type { RouteConfig } from '../../config/config.js';
import { negotiateHoldTime } from '../bgp/timers.js';
import type { Findings } from '../finding.js';
import { PRIORITY_COMMUNITIES, priorityOf } from '../routing/bgp-priority.js';
import type { Design } from './design.js';
import { faultsOf, type Peering } from './peering.js';

/** Hold times from which on a cut path is noticed late: longer than convergence takes by far. */
const LONG_HOLD_TIME = 60;

export function checkBgp(design: Design, peerings: readonly Peering[], findings: Findings): void {
  const routes = routesByPrefix(design);
  for (const peering of peerings) {
    const path = ['bgp_sessions', peering.index];
    const faults = faultsOf(peering, design.edge.asn);
    for (const { code, field, message } of faults) {
      findings.add('warning', code, [...path, field], message);
    }
    checkNexthop(design, peering, findings);
    if (peering.peer === null) {
      const message = `no router has the other side of ${peering.session.name}: it never comes up`;
      findings.add('warning', 'bgp_no_peer', path, message);
    } else if (faults.length === 0) {
      checkTimers(design, peering, findings);
      checkAnnouncements(routes, peering, findings);
    }
  }
}

/** BGP does not see whether each PoP reaches the customer; health checks do, and move routes that it brought. */
function checkNexthop({ network }: Design, { session, index }: Peering, findings: Findings): void {
  const nexthop = [...network.tunnels, ...network.interconnects].find(({ name }) => name === session.nexthop);
  if (nexthop === undefined || nexthop.health_check.enabled) return;
  const message = `${session.nexthop} has no health checks: BGP tells that its routes exist, not that each PoP gets through`;
  findings.add('warning', 'bgp_without_health_check', ['bgp_sessions', index, 'nexthop'], message);
}

function checkTimers({ network }: Design, { session, peer, index }: Peering, findings: Findings): void {
  if (peer === null) return;
  const hold = negotiateHoldTime(session.hold_time, peer.bgp.hold_time);
  const path = ['bgp_sessions', index, 'hold_time'];
  const circuit = network.interconnects.find(({ name }) => name === session.nexthop);
  if (hold === 0) {
    const message =
      'no hold timer: the session outlives its path, and only health checks tell that it is dead';
    findings.add('info', 'bgp_no_hold_timer', path, message);
  } else if (hold >= LONG_HOLD_TIME && circuit?.bfd !== true) {
    const cure = circuit?.dataplane === 1 ? '; bfd: true notices within a second' : '';
    const message = `without its path the session lasts up to ${hold} s more (the smaller hold time of both sides)${cure}`;
    findings.add('info', 'bgp_hold_time', path, message);
  }
}

function routesByPrefix({ network }: Design): Map<string, RouteConfig[]> {
  const routes = new Map<string, RouteConfig[]>();
  for (const route of network.routes) {
    const same = routes.get(route.prefix);
    if (same === undefined) routes.set(route.prefix, [route]);
    else same.push(route);
  }
  return routes;
}

function checkAnnouncements(
  routes: ReadonlyMap<string, readonly RouteConfig[]>,
  { session, peer, index, filter }: Peering,
  findings: Findings,
): void {
  if (peer === null) return;
  const path = ['bgp_sessions', index];
  const { router, bgp } = peer;
  for (const announcement of bgp.announces) {
    const { prefix, communities } = announcement;
    const refused = filter(announcement);
    if (refused !== null) {
      const message = `${prefix}, announced by router ${router.name}, is not taken: ${refused}`;
      findings.add('warning', 'bgp_refused', path, message);
      continue;
    }
    const asked = communities.filter((community) => PRIORITY_COMMUNITIES.has(community));
    if (asked.length > 1) {
      const message = `${prefix} is announced with ${asked.join(' and ')}: only the one with the lowest priority number counts`;
      findings.add('warning', 'bgp_communities_ambiguous', path, message);
    }
    const priority = priorityOf(announcement);
    const over = routes.get(prefix)?.find((route) => route.priority === priority);
    if (over === undefined) continue;
    const message = `${prefix} over ${session.nexthop} has priority ${priority}, as the configured route to ${over.nexthop}: that one wins, the announcement has no effect`;
    findings.add('info', 'bgp_static_wins', path, message);
  }
}
