/**
 * A map from keys of 32-bit words to numbers, for what nodes remember about flows and addresses: open
 * addressing with linear probing in one typed array, so that a look-up allocates nothing. Grows; entries go
 * without leaving marks (Knuth, volume 3, 6.4, algorithm R).
 */
import { hashWords } from '../../dataplane/hash.js';

export class WordTable {
  size = 0;
  private readonly stride: number;
  private slots: number;
  /** An entry is [key words…, value + 1]; 0 in the last place marks a free one. */
  private entries: Int32Array;

  /** @param keyWords words of a key, which callers lay at the beginning of an Int32Array */
  constructor(
    readonly keyWords: number,
    capacity = 8,
  ) {
    this.stride = keyWords + 1;
    this.slots = 16;
    while (this.slots < capacity * 2) this.slots *= 2;
    this.entries = new Int32Array(this.slots * this.stride);
  }

  /** The value of a key, or -1. */
  get(key: Int32Array): number {
    return this.entries[this.find(key) * this.stride + this.keyWords]! - 1;
  }

  /** @param value 0 to 2^31 − 2 */
  put(key: Int32Array, value: number): void {
    const { keyWords, stride } = this;
    let entry = this.find(key) * stride;
    if (this.entries[entry + keyWords] === 0) {
      if (++this.size * 2 > this.slots) {
        this.grow();
        entry = this.find(key) * stride;
      }
      for (let i = 0; i < keyWords; i++) this.entries[entry + i] = key[i]!;
    }
    this.entries[entry + keyWords] = value + 1;
  }

  /** Takes a key out; answers its value, or -1 where there was none. */
  delete(key: Int32Array): number {
    const { entries, keyWords, stride } = this;
    const mask = this.slots - 1;
    let hole = this.find(key);
    const value = entries[hole * stride + keyWords]! - 1;
    if (value < 0) return -1;
    this.size--;
    // Entries that found their place taken by the one that goes move up.
    for (let slot = (hole + 1) & mask; entries[slot * stride + keyWords] !== 0; slot = (slot + 1) & mask) {
      const home = hashWords(entries, slot * stride, keyWords) & mask;
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
      entries.copyWithin(hole * stride, slot * stride, (slot + 1) * stride);
      hole = slot;
    }
    entries[hole * stride + keyWords] = 0;
    return value;
  }

  /** Slot of the key, or the free one where it would be. */
  private find(key: Int32Array): number {
    const { entries, keyWords, stride } = this;
    const mask = this.slots - 1;
    for (let slot = hashWords(key, 0, keyWords) & mask; ; slot = (slot + 1) & mask) {
      const entry = slot * stride;
      if (entries[entry + keyWords] === 0) return slot;
      let same = 0;
      while (same < keyWords && entries[entry + same] === key[same]) same++;
      if (same === keyWords) return slot;
    }
  }

  private grow(): void {
    const { entries, keyWords, stride } = this;
    const before = this.slots;
    this.slots *= 2;
    this.entries = new Int32Array(this.slots * stride);
    const mask = this.slots - 1;
    for (let old = 0; old < before; old++) {
      const from = old * stride;
      if (entries[from + keyWords] === 0) continue;
      let slot = hashWords(entries, from, keyWords) & mask;
      while (this.entries[slot * stride + keyWords] !== 0) slot = (slot + 1) & mask;
      for (let i = 0; i < stride; i++) this.entries[slot * stride + i] = entries[from + i]!;
    }
  }
}
