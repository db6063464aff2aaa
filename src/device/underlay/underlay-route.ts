/** The way to a tunnel's remote address, as the kernel would take it. */
import { addressText } from '../netlink/address.js';
import type { Link } from '../netlink/link.js';
import type { Netlink } from '../netlink/netlink.js';
import type { RouteAnswer } from '../netlink/route.js';

/** The two outer addresses of a tunnel: 4 or 16 bytes each, of one family. */
export interface TunnelEnds {
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
}

export interface UnderlayRoute {
  readonly link: Link;
  /** Null when the destination is on the link itself. */
  readonly gateway: Uint8Array | null;
  /** Source address that the kernel would choose; null when it does not say. */
  readonly source: Uint8Array | null;
  /** Largest IP packet in bytes that the route takes. */
  readonly mtu: number;
  /** Null when frames can be sent to the next hop over Ethernet; otherwise why not, for people. */
  readonly obstacle: string | null;
}

/** A destination, with the local addresses of the tunnels that go there. */
export interface Destination {
  readonly address: Uint8Array;
  readonly locals: readonly Uint8Array[];
}

/** The remote addresses of tunnels, each once. */
export function destinationsOf(tunnels: readonly TunnelEnds[]): Map<string, Destination> {
  const found = new Map<string, { address: Uint8Array; locals: Uint8Array[] }>();
  for (const { local, remote } of tunnels) {
    const key = addressKey(remote);
    const destination = found.get(key) ?? { address: remote, locals: [] };
    found.set(key, destination);
    if (!destination.locals.some((other) => isSame(other, local))) destination.locals.push(local);
  }
  return found;
}

/**
 * @param links every interface by its index
 * @param allowed indexes of the interfaces over which frames may leave; null: all
 * @returns null when the kernel has no route
 */
export function findUnderlayRoute(
  netlink: Netlink,
  links: ReadonlyMap<number, Link>,
  { address, locals }: Destination,
  allowed: ReadonlySet<number> | null,
): UnderlayRoute | null {
  const answers = locals.map((local) => lookUp(netlink, address, local));
  const first = answers[0] ?? null;
  const link = first === null ? undefined : links.get(first.interface);
  if (first === null || link === undefined) return null;
  const { gateway, source } = first;
  return {
    link,
    gateway,
    source,
    mtu: first.mtu ?? link.mtu,
    obstacle: answers.every((answer) => answer !== null && isSameWay(answer, first))
      ? obstacleTo(first, link, allowed)
      : 'tunnels from different local addresses take different ways',
  };
}

function lookUp(netlink: Netlink, remote: Uint8Array, local: Uint8Array): RouteAnswer | null {
  // The kernel knows no way from an address that is not its own, such as one that is yet to be added.
  return netlink.routeTo(remote, local) ?? netlink.routeTo(remote);
}

function obstacleTo(route: RouteAnswer, link: Link, allowed: ReadonlySet<number> | null): string | null {
  if (route.isLocal) return 'it is an address of this machine';
  if (!route.isPlain) return `the route through ${link.name} has an encapsulation of its own`;
  if (!link.isEthernet) return `${link.name} is no Ethernet interface`;
  if (allowed !== null && !allowed.has(link.index))
    return `${link.name} is not one of the underlay's interfaces`;
  return link.up ? null : `${link.name} is down`;
}

function isSameWay(a: RouteAnswer, b: RouteAnswer): boolean {
  const sameGateway =
    a.gateway === null ? b.gateway === null : b.gateway !== null && isSame(a.gateway, b.gateway);
  return a.interface === b.interface && sameGateway;
}

/** Bytes as a key of a map. */
export function addressKey(address: Uint8Array): string {
  return address.join('.');
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** `203.0.113.1 via 192.0.2.1 on eth0`, for messages. */
export function wayText(address: Uint8Array, { link, gateway }: UnderlayRoute): string {
  const via = gateway === null ? '' : ` via ${addressText(gateway)}`;
  return `${addressText(address)}${via} on ${link.name}`;
}
