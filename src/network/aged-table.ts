/**
 * A table of fixed size with keys of 32-bit words, which knows the order in which its entries were heard last. Its
 * owner keeps what belongs to an entry under the entry's number, and takes out what is old. All in typed arrays: a
 * look-up allocates nothing, and no order depends on anything but what came.
 */
import { hashWords } from '../dataplane/hash.js';

const NONE = -1;

export class AgedTable {
  /** Entries in the table. */
  size = 0;
  private readonly keys: Int32Array;
  private readonly hashes: Int32Array;
  /** First entry of each chain, and the one behind each entry (in its chain, or among the free ones). */
  private readonly heads: Int32Array;
  private readonly behind: Int32Array;
  /** Neighbours by age, in a ring; place `capacity` lies between the newest and the oldest. */
  private readonly older: Int32Array;
  private readonly newer: Int32Array;
  private free = NONE;
  private unused = 0;

  /**
   * @param capacity entries, 1 and up; they are numbered from 0
   * @throws RangeError for a table without room
   */
  constructor(
    readonly capacity: number,
    private readonly keyWords: number,
  ) {
    if (!(Number.isInteger(capacity) && capacity >= 1)) throw new RangeError(`room for ${capacity} entries`);
    let chains = 4;
    while (chains < capacity * 2) chains *= 2;
    this.keys = new Int32Array(capacity * keyWords);
    this.hashes = new Int32Array(capacity);
    this.heads = new Int32Array(chains).fill(NONE);
    this.behind = new Int32Array(capacity).fill(NONE);
    this.older = new Int32Array(capacity + 1);
    this.newer = new Int32Array(capacity + 1);
    this.older[capacity] = this.newer[capacity] = capacity;
  }

  /** The entry not heard for longest, or −1. */
  get oldest(): number {
    return this.newerThan(this.capacity);
  }

  /** The entry that comes next in age, or −1 behind the newest. */
  newerThan(entry: number): number {
    const next = this.newer[entry]!;
    return next === this.capacity ? NONE : next;
  }

  /** The entry with this key, or −1. */
  find(key: Int32Array): number {
    const hash = hashWords(key, 0, this.keyWords);
    let entry = this.heads[this.chainOf(hash)]!;
    while (entry !== NONE && !(this.hashes[entry] === hash && this.hasKey(entry, key)))
      entry = this.behind[entry]!;
    return entry;
  }

  /** The number of a new entry, the newest, for a key that is not there yet; the table must not be full. */
  add(key: Int32Array): number {
    let entry = this.free;
    if (entry === NONE) entry = this.unused++;
    else this.free = this.behind[entry]!;
    const hash = hashWords(key, 0, this.keyWords);
    const chain = this.chainOf(hash);
    this.keys.set(key, entry * this.keyWords);
    this.hashes[entry] = hash;
    this.behind[entry] = this.heads[chain]!;
    this.heads[chain] = entry;
    this.link(entry);
    this.size++;
    return entry;
  }

  /** Makes an entry the newest. */
  touch(entry: number): void {
    this.unlink(entry);
    this.link(entry);
  }

  remove(entry: number): void {
    const chain = this.chainOf(this.hashes[entry]!);
    if (this.heads[chain] === entry) {
      this.heads[chain] = this.behind[entry]!;
    } else {
      let before = this.heads[chain]!;
      while (this.behind[before] !== entry) before = this.behind[before]!;
      this.behind[before] = this.behind[entry]!;
    }
    this.unlink(entry);
    this.behind[entry] = this.free;
    this.free = entry;
    this.size--;
  }

  private chainOf(hash: number): number {
    return hash & (this.heads.length - 1);
  }

  private hasKey(entry: number, key: Int32Array): boolean {
    const at = entry * this.keyWords;
    for (let i = 0; i < this.keyWords; i++) if (this.keys[at + i] !== key[i]) return false;
    return true;
  }

  private link(entry: number): void {
    const { older, newer, capacity } = this;
    const last = older[capacity]!;
    older[entry] = last;
    newer[entry] = capacity;
    newer[last] = entry;
    older[capacity] = entry;
  }

  private unlink(entry: number): void {
    const { older, newer } = this;
    newer[older[entry]!] = newer[entry]!;
    older[newer[entry]!] = older[entry]!;
  }
}
