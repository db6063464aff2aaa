/** Numbers by IP address. */
import { word } from '../../wire/bytes.js';
import { ADDRESS_WORDS, putAddressWords } from './address-words.js';
import { WordTable } from './word-table.js';

/** Places for IPv4 addresses beyond the second one, at first. */
const FIRST_SLOTS = 8;

/** One for all tables: nobody needs it beyond a call, and it stays in the cache. */
const key = new Int32Array(ADDRESS_WORDS);

export class AddressTable {
  /** IPv4 addresses in all. Most tables have one or two, which are fields: there is no array to look for in memory. */
  private count = 0;
  private address0 = 0;
  private value0 = -1;
  private address1 = 0;
  private value1 = -1;
  /** The others: address and value + 1 in turn, 0 in the second place marks a free one. Linear probing, half full at most. */
  private entries: Int32Array | null = null;
  /** IPv6; null: none so far. */
  private wide: WordTable | null = null;

  /** @param address 4 or 16 bytes, @param value 0 to 2^31 − 2 */
  put(address: Uint8Array, value: number): void {
    this.putAt(address, 0, address.length === 4 ? 4 : 6, value);
  }

  /** The same for the address of a family at `at`. */
  putAt(bytes: Uint8Array, at: number, family: number, value: number): void {
    if (family === 4) {
      this.put4(word(bytes, at), value);
      return;
    }
    this.wide ??= new WordTable(ADDRESS_WORDS);
    putAddressWords(key, 0, bytes, at, family);
    this.wide.put(key, value);
  }

  /** The number of the address at `at`, or -1. */
  find(bytes: Uint8Array, at: number, family: number): number {
    if (family === 4) {
      const { count } = this;
      if (count === 0) return -1;
      const address = word(bytes, at);
      if (address === this.address0) return this.value0;
      if (count === 1) return -1;
      if (address === this.address1) return this.value1;
      const { entries } = this;
      return entries === null ? -1 : entries[place(entries, address) + 1]! - 1;
    }
    if (this.wide === null) return -1;
    putAddressWords(key, 0, bytes, at, family);
    return this.wide.get(key);
  }

  private put4(address: number, value: number): void {
    if (this.count === 0 || this.address0 === address) {
      this.address0 = address;
      this.value0 = value;
      this.count = Math.max(this.count, 1);
    } else if (this.count === 1 || this.address1 === address) {
      this.address1 = address;
      this.value1 = value;
      this.count = Math.max(this.count, 2);
    } else {
      this.putEntry(address, value);
    }
  }

  private putEntry(address: number, value: number): void {
    this.entries ??= new Int32Array(2 * FIRST_SLOTS);
    let at = place(this.entries, address);
    if (this.entries[at + 1] === 0) {
      // Two of them are fields.
      if (4 * (++this.count - 2) > this.entries.length) {
        this.entries = grown(this.entries);
        at = place(this.entries, address);
      }
      this.entries[at] = address;
    }
    this.entries[at + 1] = value + 1;
  }
}

function grown(entries: Int32Array): Int32Array {
  const larger = new Int32Array(2 * entries.length);
  for (let from = 0; from < entries.length; from += 2) {
    if (entries[from + 1] === 0) continue;
    const to = place(larger, entries[from]!);
    larger[to] = entries[from]!;
    larger[to + 1] = entries[from + 1]!;
  }
  return larger;
}

/** Where an address is, or would be. */
function place(entries: Int32Array, address: number): number {
  const mask = entries.length - 2;
  const hash = Math.imul(address ^ (address >>> 16), 0x9e3779b1);
  let at = ((hash ^ (hash >>> 15)) << 1) & mask;
  while (entries[at + 1] !== 0 && entries[at] !== address) at = (at + 2) & mask;
  return at;
}
