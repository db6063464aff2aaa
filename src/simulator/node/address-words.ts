/**
 * IP addresses as keys of four words: IPv6 as it is, IPv4 in the place that RFC 4291 §2.5.5.2 gives it
 * (such an address never stands in a packet, so the two cannot meet).
 */
import { word } from '../../wire/bytes.js';

export const ADDRESS_WORDS = 4;
const MAPPED = -65_536;

/** Reads the address of a family at `at` into `key[to…]`. */
export function putAddressWords(
  key: Int32Array,
  to: number,
  bytes: Uint8Array,
  at: number,
  family: number,
): void {
  if (family === 4) {
    key[to] = 0;
    key[to + 1] = 0;
    key[to + 2] = MAPPED;
    key[to + 3] = word(bytes, at);
  } else {
    for (let i = 0; i < ADDRESS_WORDS; i++) key[to + i] = word(bytes, at + i * 4);
  }
}

/** One for all sets: nobody needs it beyond a call, and it stays in the cache. */
const key = new Int32Array(ADDRESS_WORDS);

/** A few addresses that a node has as its own. */
export class AddressSet {
  readonly addresses: readonly Uint8Array[];
  private readonly words: Int32Array;

  /** @param addresses 4 or 16 bytes each */
  constructor(addresses: readonly Uint8Array[]) {
    this.addresses = addresses;
    this.words = new Int32Array(addresses.length * ADDRESS_WORDS);
    addresses.forEach((address, i) => {
      putAddressWords(this.words, i * ADDRESS_WORDS, address, 0, address.length === 4 ? 4 : 6);
    });
  }

  /** Index of the address at `at`, or -1. */
  find(bytes: Uint8Array, at: number, family: number): number {
    const { words } = this;
    putAddressWords(key, 0, bytes, at, family);
    for (let i = 0; i < words.length; i += ADDRESS_WORDS) {
      // prettier-ignore
      if (words[i + 3] === key[3] && words[i + 2] === key[2] && words[i + 1] === key[1] && words[i] === key[0]) {
        return i / ADDRESS_WORDS;
      }
    }
    return -1;
  }

  /** First address of this family; null without one. */
  ofFamily(family: number): Uint8Array | null {
    return this.addresses.find(({ length }) => length === (family === 4 ? 4 : 16)) ?? null;
  }
}
