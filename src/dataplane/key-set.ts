/**
 * KeySet: a set (or map to one number) of fixed-width keys of 32-bit words in an open-addressing table
 * of shared memory. Serves the careful path: IPv6 endpoints, local addresses, pairs of endpoints.
 * An entry is [key words…, value + 1]; 0 in the last place marks a free entry.
 */
import { hashWords } from './hash.js';

export interface KeySet {
  readonly keyWords: number;
  /** Power of two entries of keyWords + 1 words. */
  readonly entries: Int32Array;
}

/** A table for up to `capacity` keys at a load of at most one half. */
export function createKeySet(keyWords: number, capacity: number): KeySet {
  let size = 4;
  while (size < capacity * 2) size *= 2;
  return { keyWords, entries: new Int32Array(new SharedArrayBuffer(size * (keyWords + 1) * 4)) };
}

/**
 * The value stored under the key at `key[at…]`, or −1.
 */
export function keySetGet(set: KeySet, key: Int32Array, at: number): number {
  const { keyWords, entries } = set;
  const stride = keyWords + 1;
  const mask = entries.length / stride - 1;
  for (let slot = hashWords(key, at, keyWords) & mask; ; slot = (slot + 1) & mask) {
    const entry = slot * stride;
    const stored = entries[entry + keyWords]!;
    if (stored === 0) return -1;
    if (sameWords(entries, entry, key, at, keyWords)) return stored - 1;
  }
}

/** Stores `value` (0 and up) under a key; answers the value that was there before, or −1 for a new key. */
export function keySetPut(set: KeySet, key: Int32Array, at: number, value: number): number {
  const { keyWords, entries } = set;
  const stride = keyWords + 1;
  const mask = entries.length / stride - 1;
  for (let slot = hashWords(key, at, keyWords) & mask; ; slot = (slot + 1) & mask) {
    const entry = slot * stride;
    const stored = entries[entry + keyWords]!;
    if (stored === 0) {
      for (let i = 0; i < keyWords; i++) entries[entry + i] = key[at + i]!;
      entries[entry + keyWords] = value + 1;
      return -1;
    }
    if (sameWords(entries, entry, key, at, keyWords)) {
      entries[entry + keyWords] = value + 1;
      return stored - 1;
    }
  }
}

function sameWords(a: Int32Array, atA: number, b: Int32Array, atB: number, count: number): boolean {
  for (let i = 0; i < count; i++) if (a[atA + i] !== b[atB + i]) return false;
  return true;
}
