/** Which way of sending and receiving the underlay takes, on which interfaces, and why. */
import { addressText, familyOf } from '../netlink/address.js';
import { AF_INET } from '../netlink/protocol.js';
import type { Link } from '../netlink/link.js';
import type { Netlink } from '../netlink/netlink.js';
import {
  addressKey,
  destinationsOf,
  findUnderlayRoute,
  isSame,
  type TunnelEnds,
  type UnderlayRoute,
} from './underlay-route.js';
import type { UnderlayInterface } from './underlay-options.js';

/** The underlay cannot be had as it was asked for: a sentence for people. */
export class UnderlayError extends Error {
  override readonly name = 'UnderlayError';
}

export interface UnderlayPlan {
  /** `af_packet` or `raw`: what `auto` means here. */
  readonly best: 'af_packet' | 'raw';
  /** Why, for people; of `raw` why not `af_packet`. */
  readonly reason: string;
  /** The Ethernet interfaces of the underlay. */
  readonly interfaces: readonly UnderlayInterface[];
  /** Way to each remote address, by addressKey. */
  readonly routes: ReadonlyMap<string, UnderlayRoute | null>;
}

/**
 * Looks at the kernel's routes to the tunnels.
 *
 * @param wanted names of the interfaces; `auto`: those that the routes take and that our addresses are on
 * @throws UnderlayError when there is no such interface
 */
export function planUnderlay(
  netlink: Netlink,
  tunnels: readonly TunnelEnds[],
  wanted: 'auto' | readonly string[],
): UnderlayPlan {
  const links = new Map(netlink.listLinks().map((link) => [link.index, link]));
  const named = wanted === 'auto' ? null : wanted.map((name) => linkOf(links, name));
  const allowed = named === null ? null : new Set(named.map(({ index }) => index));
  const destinations = destinationsOf(tunnels);
  const routes = new Map<string, UnderlayRoute | null>();
  for (const [key, destination] of destinations) {
    routes.set(key, findUnderlayRoute(netlink, links, destination, allowed));
  }
  const used = named ?? [...usedLinks(netlink, links, tunnels, routes)];
  const interfaces = used.flatMap((link) => (link.isEthernet ? [interfaceOf(link)] : []));
  const obstacle = firstObstacle(destinations, routes) ?? nonEthernet(used, named !== null);
  if (obstacle !== null) return { best: 'raw', reason: obstacle, interfaces, routes };
  if (interfaces.length === 0) {
    const reason = 'no route of a tunnel goes out of an Ethernet interface';
    return { best: 'raw', reason, interfaces, routes };
  }
  const reason = 'every route of a tunnel goes out of an Ethernet interface';
  return { best: 'af_packet', reason, interfaces, routes };
}

/** @throws UnderlayError */
function linkOf(links: ReadonlyMap<number, Link>, name: string): Link {
  for (const link of links.values()) if (link.name === name) return link;
  throw new UnderlayError(`there is no interface ${name}`);
}

function interfaceOf({ name, index, mtu, mac }: Link): UnderlayInterface {
  return { name, index, mtu, mac: mac ?? new Uint8Array(6) };
}

/** Interfaces over which packets of the tunnels leave, and over which they may come. */
function usedLinks(
  netlink: Netlink,
  links: ReadonlyMap<number, Link>,
  tunnels: readonly TunnelEnds[],
  routes: ReadonlyMap<string, UnderlayRoute | null>,
): Set<Link> {
  const used = new Set<Link>();
  for (const route of routes.values()) if (route?.obstacle === null) used.add(route.link);
  const addresses = netlink.listAddresses();
  const locals = new Map(tunnels.map(({ local }) => [addressKey(local), local]));
  for (const local of locals.values()) {
    const owner = addresses.find(({ address }) => isSame(address, local));
    const link = owner === undefined ? undefined : links.get(owner.interface);
    if (link?.isEthernet === true && link.up) used.add(link);
  }
  return used;
}

/** Why one of the remote addresses cannot be reached by frames; null when all can, or have no route yet. */
function firstObstacle(
  destinations: ReturnType<typeof destinationsOf>,
  routes: UnderlayPlan['routes'],
): string | null {
  for (const [key, { address }] of destinations) {
    const obstacle = routes.get(key)?.obstacle ?? null;
    if (obstacle !== null) return `${addressText(address)}: ${obstacle}`;
  }
  return null;
}

function nonEthernet(links: readonly Link[], named: boolean): string | null {
  const other = named ? links.find(({ isEthernet }) => !isEthernet) : undefined;
  return other === undefined ? null : `${other.name} is no Ethernet interface`;
}

/** Our addresses, each once; IPv4 first. */
export function localsOf(tunnels: readonly TunnelEnds[]): Uint8Array[] {
  const locals = [...new Map(tunnels.map(({ local }) => [addressKey(local), local])).values()];
  const isFour = (address: Uint8Array): number => Number(familyOf(address) !== AF_INET);
  return locals.sort((a, b) => isFour(a) - isFour(b));
}
