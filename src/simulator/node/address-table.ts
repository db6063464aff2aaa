/** Numbers by IP address. */
import { ADDRESS_WORDS, putAddressWords } from './address-words.js';
import { WordTable } from './word-table.js';

/** One for all tables: nobody needs it beyond a call, and it stays in the cache. */
const key = new Int32Array(ADDRESS_WORDS);

export class AddressTable {
  private readonly table = new WordTable(ADDRESS_WORDS);

  /** @param address 4 or 16 bytes, @param value 0 to 2^31 − 2 */
  put(address: Uint8Array, value: number): void {
    this.putAt(address, 0, address.length === 4 ? 4 : 6, value);
  }

  /** The same for the address of a family at `at`. */
  putAt(bytes: Uint8Array, at: number, family: number, value: number): void {
    putAddressWords(key, 0, bytes, at, family);
    this.table.put(key, value);
  }

  /** The number of the address at `at`, or -1. */
  find(bytes: Uint8Array, at: number, family: number): number {
    if (this.table.size === 0) return -1;
    putAddressWords(key, 0, bytes, at, family);
    return this.table.get(key);
  }
}
