/** Next hops of routes: tunnels and interconnects by name, or by an address inside as in Cloudflare's API. */
import {
  formatAddress,
  formatWithLength,
  networkOf,
  parseAddress,
  parseAddressWithLength,
  peerOf,
  type Address,
} from './address.js';
import { nearest, quote, type ConfigPath } from './problem.js';
import type { Source } from './source.js';

/** How many unknown names are compared with all known ones, which takes time with many of both. */
const SUGGESTIONS = 100;

/** A tunnel; an interconnect has no IPv6 address. */
export interface Nexthop {
  readonly name: string;
  readonly interface_address: string | null;
  readonly interface_address6?: string | null;
}

export class Nexthops {
  /** Names by address: our end and the customer's of interface_address. */
  private readonly byAddress = new Map<string, string[]>();
  /** Names by the network of interface_address6. */
  private readonly byNetwork6 = new Map<string, string[]>();
  private readonly lengths6 = new Set<number>();
  private unknown = 0;

  /**
   * @param nexthops those of which enough is known
   * @param names of all in the file, also of those with problems of their own
   * @param noun what they are, for messages
   */
  constructor(
    nexthops: readonly Nexthop[],
    private readonly names: ReadonlySet<string>,
    private readonly noun = 'tunnel',
  ) {
    for (const { name, interface_address, interface_address6 = null } of nexthops) {
      const four = interface_address === null ? null : parseAddressWithLength(interface_address);
      if (four !== null) {
        const peer = peerOf(four.bytes, four.length === 30 ? 30 : 31);
        for (const bytes of [four.bytes, peer]) append(this.byAddress, formatAddress(bytes), name);
      }
      const six = interface_address6 === null ? null : parseAddressWithLength(interface_address6);
      if (six !== null) {
        this.lengths6.add(six.length);
        append(this.byNetwork6, formatWithLength(networkOf(six.bytes, six.length), six.length), name);
      }
    }
  }

  /** @returns the name, or null after a report to `source` */
  resolve(text: string, path: ConfigPath, source: Source): string | null {
    const address = parseAddress(text);
    if (address === null) {
      if (this.names.has(text)) return text;
      const near = ++this.unknown <= SUGGESTIONS ? nearest(text, [...this.names]) : '';
      source.mismatch(path, quote(text), `the name of a ${this.noun}${near}`);
      return null;
    }
    const found = this.withAddress(address);
    if (found.length === 1) return found[0] ?? null;
    const expected =
      found.length === 0
        ? `an address of the interface_address or interface_address6 of a ${this.noun}`
        : `an address of one ${this.noun}, not of several (${found.slice(0, 5).join(', ')}): give the ${this.noun}'s name`;
    source.mismatch(path, quote(text), expected);
    return null;
  }

  private withAddress({ family, bytes }: Address): string[] {
    if (family === 4) return this.byAddress.get(formatAddress(bytes)) ?? [];
    return [...this.lengths6].flatMap(
      (length) => this.byNetwork6.get(formatWithLength(networkOf(bytes, length), length)) ?? [],
    );
  }
}

function append(map: Map<string, string[]>, key: string, name: string): void {
  const names = map.get(key);
  if (names === undefined) map.set(key, [name]);
  else if (!names.includes(name)) names.push(name);
}
