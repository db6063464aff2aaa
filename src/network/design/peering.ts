/** Both sides of each BGP session of a design, whether they can meet, and which routes they may bring. */
import type { BgpSessionConfig } from '../../config/network.js';
import { importFilter, importRules, type ImportFilter } from '../bgp/import-filter.js';
import { learnedEntry } from '../routing/learned-entry.js';
import { staticEntry, type RouteEntry } from '../routing/route-entry.js';
import type { Design, DesignRouter, RouterBgp } from './design.js';

export interface Peering {
  readonly session: BgpSessionConfig;
  /** Index into the network's sessions. */
  readonly index: number;
  /** Null: no router has the other side. */
  readonly peer: { readonly router: DesignRouter; readonly bgp: RouterBgp } | null;
  readonly filter: ImportFilter;
}

export interface PeeringFault {
  readonly code: 'bgp_ibgp' | 'bgp_wrong_asn' | 'bgp_md5_mismatch' | 'bgp_hold_time_refused';
  readonly field: keyof BgpSessionConfig;
  readonly message: string;
}

export function peeringsOf({ network, edge, routers }: Design): Peering[] {
  return network.bgp_sessions.map((session, index) => {
    const [peer = null] = routers.flatMap((router) =>
      router.bgp.filter((bgp) => bgp.session === session.name).map((bgp) => ({ router, bgp })),
    );
    const filter = importFilter(importRules(network, session.nexthop, edge.endpoints));
    return { session, index, peer, filter };
  });
}

/** Why the session will never be established; empty: it will. */
export function faultsOf({ session, peer }: Peering, edgeAsn: number): PeeringFault[] {
  const faults: PeeringFault[] = [];
  if (session.customer_asn === edgeAsn) {
    const message = `AS ${edgeAsn} is the edge's own: only eBGP is supported, the session never comes up`;
    faults.push({ code: 'bgp_ibgp', field: 'customer_asn', message });
  }
  if (peer === null) return faults;
  const { router, bgp } = peer;
  if (bgp.asn !== session.customer_asn) {
    const message = `router ${router.name} has AS ${bgp.asn}, and not ${session.customer_asn}: the edge refuses its OPEN (2/2, peer in wrong AS)`;
    faults.push({ code: 'bgp_wrong_asn', field: 'customer_asn', message });
  }
  if (bgp.md5_key !== session.md5_key) {
    const which =
      bgp.md5_key === null ? 'has no key' : session.md5_key === null ? 'has one' : 'has another key';
    const message = `router ${router.name} ${which}: TCP drops every segment (MD5 digest), the session never comes up`;
    faults.push({ code: 'bgp_md5_mismatch', field: 'md5_key', message });
  }
  if (bgp.hold_time === 1 || bgp.hold_time === 2) {
    const message = `router ${router.name} offers a hold time of ${bgp.hold_time} s, which is refused (2/6); expected 0, or 3 and more`;
    faults.push({ code: 'bgp_hold_time_refused', field: 'hold_time', message });
  }
  return faults;
}

/** The configured routes, and those that sessions bring when all of them are up. */
export function possibleEntries({ network, edge }: Design, peerings: readonly Peering[]): RouteEntry[] {
  const learned = peerings.flatMap((peering) => {
    const { session, peer, filter } = peering;
    if (peer === null || faultsOf(peering, edge.asn).length > 0) return [];
    return peer.bgp.announces
      .filter((announcement) => filter(announcement) === null)
      .map((announcement) =>
        learnedEntry({ ...announcement, nexthop: session.nexthop, session: session.name }),
      );
  });
  return [...network.routes.map(staticEntry), ...learned];
}
