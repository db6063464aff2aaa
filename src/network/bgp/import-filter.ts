/** Which announcements of a customer the edge takes. */
import {
  isInside,
  isPrivate,
  isUnicast,
  parseAddress,
  parseAddressWithLength,
} from '../../config/address.js';
import type { InterconnectConfig, NetworkConfig } from '../../config/network.js';
import { rulesOf, takesPlain } from '../interconnect/rules.js';
import type { Announcement } from './announcement.js';

export interface ImportRules {
  /** Prefixes that the edge advertises for the customer; empty: not told, all public ones pass. */
  readonly advertised: readonly string[];
  /** Addresses of the edge: a route to them would take tunnels away from everybody. */
  readonly edgeAddresses: readonly string[];
  /** Why not one is taken over this next hop, as part of a sentence; null: they are. */
  readonly ignored: string | null;
}

/** Why the announcement is not taken, as part of a sentence; null: it is. */
export type ImportFilter = (announcement: Announcement) => string | null;

interface Prefix {
  readonly bytes: Uint8Array;
  readonly length: number;
}

/**
 * A public prefix has to lie inside an advertised one (of any length, behaviour §3) or to sum such up; a private one
 * belongs to the customer's own network. A default route is taken: it attracts nothing that no longer prefix does.
 *
 * @throws RangeError for rules that are not addresses and prefixes
 */
export function importFilter(rules: ImportRules): ImportFilter {
  const advertised = rules.advertised.map(prefixOf);
  const edge = rules.edgeAddresses.map(addressOf);
  return ({ prefix }) => {
    if (rules.ignored !== null) return rules.ignored;
    const parsed = parseAddressWithLength(prefix);
    if (parsed === null) return 'it is no prefix';
    if (parsed.length === 0) return null;
    if (!isUnicast(parsed.bytes) || parsed.bytes[0] === 127) return 'no host can have its addresses';
    const own = edge.find((address) => isInside(address, parsed.bytes, parsed.length));
    if (own !== undefined) return 'it holds an address of the edge';
    if (isPrivate(parsed.bytes) || advertised.length === 0) return null;
    return advertised.some((other) => overlap(parsed, other))
      ? null
      : 'it is no part of an advertised prefix';
  };
}

/**
 * What holds for announcements over a session (behaviour §5).
 *
 * @param nexthop name of the tunnel or interconnect that it runs over
 * @param edgeAddresses anycast addresses of the edge
 */
export function importRules(
  { interconnects, prefixes }: Pick<NetworkConfig, 'interconnects' | 'prefixes'>,
  nexthop: string,
  edgeAddresses: readonly string[],
): ImportRules {
  const circuit = interconnects.find(({ name }) => name === nexthop);
  return {
    advertised: prefixes.map(({ prefix }) => prefix),
    edgeAddresses,
    ignored: circuit === undefined ? null : ignoredOver(circuit),
  };
}

function ignoredOver(circuit: InterconnectConfig): string | null {
  if (circuit.kind === 'cloud') return 'routes of a cloud interconnect are not taken, only static ones count';
  if (!rulesOf(circuit).learns) return 'an express interconnect has no BGP';
  // As for static routes: it could only be used plainly, and the router takes nothing without GRE.
  if (!takesPlain(circuit))
    return `${circuit.name} takes packets in GRE only, so that routes come over sessions of the tunnels over it`;
  return null;
}

function overlap(a: Prefix, b: Prefix): boolean {
  const shorter = a.length <= b.length ? a : b;
  const longer = a.length <= b.length ? b : a;
  return isInside(longer.bytes, shorter.bytes, shorter.length);
}

function prefixOf(text: string): Prefix {
  const parsed = parseAddressWithLength(text);
  if (parsed === null) throw new RangeError(`${text} is no prefix`);
  return parsed;
}

function addressOf(text: string): Uint8Array {
  const parsed = parseAddress(text);
  if (parsed === null) throw new RangeError(`${text} is no address`);
  return parsed.bytes;
}
