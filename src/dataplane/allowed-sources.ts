/**
 * Allowed sources: the inner source addresses that each tunnel may bring. Lists become sorted, disjoint
 * ranges of addresses, searched by halving; the first IPv4 prefix also stands in the endpoint table, where
 * the flat loop compares it without a jump.
 */

export interface Prefix {
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  readonly length: number;
}

/** Shared memory of all lists. */
export interface AllowedSourcesData {
  /** Per tunnel: first range and number of ranges for IPv4, the same for IPv6, 1 when a list was given. */
  readonly index: Int32Array;
  /** IPv4 ranges: first and last address, host order, unsigned. */
  readonly ranges4: Uint32Array;
  /** IPv6 ranges: first and last address, four host-order words each. */
  readonly ranges6: Uint32Array;
}

const INDEX_WORDS = 5;

export class AllowedSources {
  constructor(readonly data: AllowedSourcesData) {}

  static build(lists: readonly (readonly Prefix[] | null)[]): AllowedSources {
    const index = new Int32Array(new SharedArrayBuffer(Math.max(1, lists.length) * INDEX_WORDS * 4));
    const ranges4: number[] = [];
    const ranges6: number[] = [];
    lists.forEach((list, tunnel) => {
      if (list === null) return;
      const at = tunnel * INDEX_WORDS;
      const v4 = mergeRanges(list.filter((p) => p.address.length === 4).map(toRange));
      const v6 = mergeRanges(list.filter((p) => p.address.length === 16).map(toRange));
      index[at] = ranges4.length / 2;
      index[at + 1] = v4.length;
      index[at + 2] = ranges6.length / 8;
      index[at + 3] = v6.length;
      index[at + 4] = 1;
      for (const range of v4) ranges4.push(Number(range.first), Number(range.last));
      for (const range of v6) ranges6.push(...toWords(range.first), ...toWords(range.last));
    });
    return new AllowedSources({ index, ranges4: shareWords(ranges4), ranges6: shareWords(ranges6) });
  }

  /**
   * Address and mask, in packet order read natively, that every allowed address of some part of the list
   * satisfies: (source & mask) = address means allowed. Without a list, any; an empty mask with address 1
   * never matches and leaves the decision to `allows4`.
   */
  first4(tunnel: number): { address: number; mask: number } {
    const { index, ranges4 } = this.data;
    const at = tunnel * INDEX_WORDS;
    if (index[at + 4] === 0) return { address: 0, mask: 0 };
    if (index[at + 1] === 0) return { address: 1, mask: 0 };
    const first = ranges4[index[at]! * 2]!;
    const last = ranges4[index[at]! * 2 + 1]!;
    // The largest prefix that starts at `first` and does not reach beyond `last`.
    let length = 32;
    while (length > 0) {
      const size = 2 ** (32 - (length - 1));
      if (first % size !== 0 || first + size - 1 > last) break;
      length--;
    }
    const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0;
    return { address: swap32(first), mask: swap32(mask) };
  }

  /** Whether the tunnel may bring this source; `source` in host order, unsigned. */
  allows4(tunnel: number, source: number): boolean {
    const { index, ranges4 } = this.data;
    const at = tunnel * INDEX_WORDS;
    if (index[at + 4] === 0) return true;
    let low = index[at]!;
    let high = low + index[at + 1]! - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (source < ranges4[middle * 2]!) high = middle - 1;
      else if (source > ranges4[middle * 2 + 1]!) low = middle + 1;
      else return true;
    }
    return false;
  }

  /** Whether the tunnel may bring the IPv6 source whose 16 bytes start at `offset`. */
  allows6(tunnel: number, bytes: Uint8Array, offset: number): boolean {
    const { index, ranges6 } = this.data;
    const at = tunnel * INDEX_WORDS;
    if (index[at + 4] === 0) return true;
    let low = index[at + 2]!;
    let high = low + index[at + 3]! - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      if (compare6(bytes, offset, ranges6, middle * 8) < 0) high = middle - 1;
      else if (compare6(bytes, offset, ranges6, middle * 8 + 4) > 0) low = middle + 1;
      else return true;
    }
    return false;
  }
}

function compare6(bytes: Uint8Array, offset: number, words: Uint32Array, at: number): number {
  for (let i = 0; i < 4; i++) {
    const o = offset + i * 4;
    const found = ((bytes[o]! << 24) | (bytes[o + 1]! << 16) | (bytes[o + 2]! << 8) | bytes[o + 3]!) >>> 0;
    const bound = words[at + i]!;
    if (found !== bound) return found < bound ? -1 : 1;
  }
  return 0;
}

interface Range {
  first: bigint;
  last: bigint;
}

function toRange(prefix: Prefix): Range {
  const bits = BigInt(prefix.address.length * 8);
  let value = 0n;
  for (const byte of prefix.address) value = (value << 8n) | BigInt(byte);
  const hosts = (1n << (bits - BigInt(prefix.length))) - 1n;
  return { first: value & ~hosts, last: value | hosts };
}

function mergeRanges(ranges: Range[]): Range[] {
  ranges.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Range[] = [];
  for (const range of ranges) {
    const previous = merged.at(-1);
    if (previous !== undefined && range.first <= previous.last + 1n) {
      if (range.last > previous.last) previous.last = range.last;
    } else {
      merged.push({ ...range });
    }
  }
  return merged;
}

function toWords(value: bigint): number[] {
  return [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffffffffn));
}

function shareWords(values: number[]): Uint32Array {
  const shared = new Uint32Array(new SharedArrayBuffer(values.length * 4));
  shared.set(values);
  return shared;
}

function swap32(value: number): number {
  return (value >>> 24) | ((value >>> 8) & 0xff00) | ((value << 8) & 0xff0000) | (value << 24);
}
