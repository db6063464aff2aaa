/**
 * What interface addresses make of themselves, as in a kernel: each is an address of ours (local), and the rest
 * of its network, where the other side is, lies behind its tunnel or interconnect (connected).
 */
import { networkOf, parseAddressWithLength } from '../config/address.js';
import type { LocalAddress, RouteSpec } from '../dataplane/tables.js';

/** A tunnel or interconnect; its number is its place in the list. */
export interface InterfaceAddresses {
  readonly interface_address: string | null;
  readonly interface_address6: string | null;
}

export interface InterfaceRoutes {
  /** Of an address that several have, the first one's. */
  readonly locals: readonly LocalAddress[];
  /** Without prefixes for which there is a configured route. Of a network that several have, the first. */
  readonly connected: readonly RouteSpec[];
}

/**
 * @param configured the prefixes of the routes in use
 * @throws RangeError for text that is no address with a length
 */
export function interfaceRoutes(
  interfaces: readonly InterfaceAddresses[],
  configured: readonly { readonly address: Uint8Array; readonly length: number }[],
): InterfaceRoutes {
  const locals = new Map<string, LocalAddress>();
  const taken = new Set(configured.map(({ address, length }) => nameOf(address, length)));
  const connected: RouteSpec[] = [];
  interfaces.forEach(({ interface_address, interface_address6 }, tunnel) => {
    for (const text of [interface_address, interface_address6]) {
      if (text === null) continue;
      const parsed = parseAddressWithLength(text);
      if (parsed === null) throw new RangeError(`${text} is no address with a length`);
      const { bytes: address, length } = parsed;
      const host = nameOf(address, address.length * 8);
      if (!locals.has(host)) locals.set(host, { address, tunnel });
      const network = networkOf(address, length);
      const name = nameOf(network, length);
      // A network of one address has nobody else in it; link-local addresses are not routed (RFC 4291 §2.5.6).
      if (length === address.length * 8 || isLinkLocal6(address) || taken.has(name)) continue;
      taken.add(name);
      connected.push({ address: network, length, nexthops: [{ tunnel, weight: 1 }], connected: true });
    }
  });
  return { locals: [...locals.values()], connected };
}

export function isLinkLocal6(address: Uint8Array): boolean {
  return address.length === 16 && address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;
}

function nameOf(address: Uint8Array, length: number): string {
  return `${address.join('.')}/${length}`;
}
