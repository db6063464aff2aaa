/**
 * Prefix rules (behaviour §3): what is advertised to the Internet is /24 or shorter (IPv4), /48 or shorter (IPv6);
 * routes inside of it may be longer, and a route may sum several advertised prefixes up.
 */
import { isPrivate, networkOf, parseAddressWithLength } from '../../config/address.js';
import { PrefixIndex } from '../prefix-index.js';

/** Longest prefixes that the Internet takes, by address size in bytes. */
export const LONGEST_ADVERTISED = { 4: 24, 16: 48 } as const;

export interface Network {
  /** 4 or 16 bytes, host bits zero. */
  readonly address: Uint8Array;
  readonly length: number;
}

export function longestAdvertised(address: Uint8Array): number {
  return LONGEST_ADVERTISED[address.length === 4 ? 4 : 16];
}

/** Why the prefix cannot be advertised; null when it can. */
export function advertisingProblem(prefix: string): string | null {
  const parsed = parseAddressWithLength(prefix);
  if (parsed === null) return `${prefix} is no prefix`;
  const longest = longestAdvertised(parsed.bytes);
  if (parsed.length > longest) {
    return `${prefix} is longer than /${longest}, the longest IPv${parsed.family} prefix that the Internet takes: advertise one that holds it, and route it inside of that`;
  }
  if (isPrivate(parsed.bytes)) return `${prefix} is private: the Internet does not route it`;
  return null;
}

/** The advertised prefixes of a network. */
export class Advertised {
  private readonly networks: readonly Network[];
  private readonly index: PrefixIndex;

  /** @throws RangeError for text that is no prefix */
  constructor(prefixes: readonly string[]) {
    const networks = new Map<string, Network>();
    for (const prefix of prefixes) networks.set(prefix, networkIn(prefix));
    this.networks = [...networks.values()];
    this.index = new PrefixIndex(this.networks);
  }

  /** Whether the Internet sends packets for the address to the edge. */
  holds(address: Uint8Array): boolean {
    return this.index.lookup(address, address.length * 8) >= 0;
  }

  /** Whether a route meets advertised addresses: it lies in an advertised prefix, or sums some up. */
  meets({ address, length }: Network): boolean {
    if (this.index.lookup(address, length) >= 0) return true;
    return this.networks.some(
      (network) =>
        network.length > length &&
        network.address.length === address.length &&
        networkOf(network.address, length).every((byte, i) => byte === address[i]),
    );
  }
}

/** @throws RangeError for text that is no prefix */
export function networkIn(prefix: string): Network {
  const parsed = parseAddressWithLength(prefix);
  if (parsed === null) throw new RangeError(`${prefix} is no prefix`);
  return { address: networkOf(parsed.bytes, parsed.length), length: parsed.length };
}
