/** docs/dataplane.md §5: longest-prefix match and the flow that chooses among several next hops. */
import type { TablesSpec } from '../../src/dataplane/tables.js';
import { equal, hex, inPrefix } from './bytes.js';
import { destinationOf, sourceOf, transportOf } from './ip.js';
import type { NextHop } from './outcome.js';

export function nextHops(spec: TablesSpec, packet: Uint8Array): readonly NextHop[] | null {
  const destination = destinationOf(packet);
  let best: TablesSpec['routes'][number] | null = null;
  for (const route of spec.routes) {
    if (!inPrefix(destination, route.address, route.length)) continue;
    if (best === null || route.length > best.length) best = route;
  }
  return best === null || best.nexthops.length === 0 ? null : best.nexthops;
}

/** Whether the packet is for one of our own addresses. */
export function isForUs(spec: TablesSpec, packet: Uint8Array): boolean {
  return spec.locals.some(({ address }) => equal(address, destinationOf(packet)));
}

const TCP = 6;
const UDP = 17;

/** What the flow hash is taken over, as text: packets of one flow have the same. */
export function flowOf(packet: Uint8Array): string {
  const addresses = `${hex(sourceOf(packet))} ${hex(destinationOf(packet))}`;
  const transport = transportOf(packet, { walkAuthentication: false });
  const isFragment = transport.fragment === 'first' || transport.fragment === 'later';
  const hasPorts = transport.protocol === TCP || transport.protocol === UDP;
  if (isFragment || !hasPorts || transport.at + 4 > packet.length) return addresses;
  return `${addresses} ${transport.protocol} ${hex(packet.slice(transport.at, transport.at + 4))}`;
}
