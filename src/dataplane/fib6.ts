/**
 * IPv6 forwarding table: binary search over prefix lengths (Waldvogel, Varghese, Turner, Plattner:
 * Scalable High Speed IP Routing Lookups, 1997). A hash table for each length; a hit means "this or
 * longer", a miss means "shorter". So that a longer prefix is found, each shorter length on its search
 * path holds a marker for it, and every entry, marker or prefix, carries the group of the longest prefix
 * that covers it: the last hit is the answer, and the search never goes back.
 *
 * The first 16 bits are an index into `blocks`, which answers prefixes up to /16 and names the search
 * tree over the lengths that occur below. The tree has the frequent lengths near its root, and a hit that
 * marks nothing longer ends the search. With 200,000 prefixes spread as in the Internet's table a look-up
 * takes 2.5 probes, where bisection over all lengths takes 5.
 *
 *   blocks  2 words for each value of w0 & 0xffff: group of the longest prefix up to /16; root node
 *   nodes   4 words for each: 8 * length, node after a miss, node after a hit, unused; 0 = the end
 *   levels  8 words for each length: masks of the four address words; first word in slots, 32 - log2 of
 *           the slots, slots - 1, log2 of the words in a slot
 *   slots   of a level up to /64: value, key 0, key 1, unused; of a longer one: value, key 0..3, unused.
 *           value 0 = empty, else 2^31 | 2^30 if something longer is marked | group.
 *           Open addressing, linear probing, at most half full.
 *
 * Address words are as an Int32Array on a little-endian machine reads them from the packet (the bytes in
 * network order, the first one lowest), so that an aligned header costs four loads and no swap; masks and
 * keys are made to fit. Group 0 means "no match": the caller keeps the default route.
 */

export interface Route6 {
  /** 16 bytes in network order. Bits behind the length are ignored. */
  readonly address: Uint8Array;
  /** 1 to 128. */
  readonly length: number;
  /** 0 to 2^30 - 1. Group 0 cuts a hole: what lies under it goes the way of the default. */
  readonly group: number;
}

/** All arrays lie in shared memory: the object goes through postMessage without a copy. */
export interface Fib6 {
  readonly blocks: Int32Array;
  readonly nodes: Int32Array;
  readonly levels: Int32Array;
  readonly slots: Int32Array;
}

const BLOCK_BITS = 16;
const LAST_NARROW_LENGTH = 64;
const OCCUPIED = 1 << 31;
const MORE = 1 << 30;
const GROUP_MASK = MORE - 1;

/** The group for the 16 address bytes at `bytes[offset]`, at any alignment; 0 where no route lies. */
export function lookupFib6(fib: Fib6, bytes: Uint8Array, offset: number): number {
  return lookupFib6Words(
    fib,
    littleEndian(bytes, offset),
    littleEndian(bytes, offset + 4),
    littleEndian(bytes, offset + 8),
    littleEndian(bytes, offset + 12),
  );
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** The same for four words as an Int32Array over the packet gives them (see above); allocates nothing. */
export function lookupFib6Words(fib: Fib6, w0: number, w1: number, w2: number, w3: number): number {
  const { blocks, nodes, levels, slots } = fib;
  const block = (w0 & 0xffff) << 1;
  let group = blocks[block]!;
  let node = blocks[block + 1]!;
  while (node !== 0) {
    const value = slots[findSlot(levels, slots, nodes[node]!, w0, w1, w2, w3)]!;
    if (value === 0) {
      node = nodes[node + 1]!;
    } else {
      group = value & GROUP_MASK;
      node = (value & MORE) === 0 ? 0 : nodes[node + 2]!;
    }
  }
  return group;
}

/** Index in `slots` of the entry for the bits of a level (8 * length), or of the empty slot where it would be. */
function findSlot(
  levels: Int32Array,
  slots: Int32Array,
  level: number,
  w0: number,
  w1: number,
  w2: number,
  w3: number,
): number {
  const k0 = w0 & levels[level]!;
  const k1 = w1 & levels[level + 1]!;
  const k2 = w2 & levels[level + 2]!;
  const k3 = w3 & levels[level + 3]!;
  let hash =
    Math.imul(k0, 0x9e3779b1) ^
    Math.imul(k1, 0x85ebca77) ^
    Math.imul(k2, 0xc2b2ae3d) ^
    Math.imul(k3, 0x27d4eb2f);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  const mask = levels[level + 6]!;
  const wordBits = levels[level + 7]!;
  const base = levels[level + 4]!;
  let slot = hash >>> levels[level + 5]!;
  for (;;) {
    const at = base + (slot << wordBits);
    if (slots[at] === 0) return at;
    if (slots[at + 1] === k0 && slots[at + 2] === k1) {
      if (level <= 8 * LAST_NARROW_LENGTH || (slots[at + 3] === k2 && slots[at + 4] === k3)) return at;
    }
    slot = (slot + 1) & mask;
  }
}

/**
 * Builds the table from routes in any order; of two routes for one prefix the last one wins.
 * @throws RangeError for an address that has not 16 bytes, a length outside 1..128 or a group outside
 * 0..2^30-1.
 */
export function buildFib6(routes: readonly Route6[]): Fib6 {
  const prefixes = sortPrefixes(routes);
  const blocks = new Int32Array(new SharedArrayBuffer(8 << BLOCK_BITS));
  const nodes = buildTrees(prefixes, blocks);
  const entries = collectEntries(prefixes, blocks, nodes);
  const { levels, slots } = sizeLevels(entries);
  for (const { prefix, length, value } of entries) {
    const level = 8 * length;
    const w0 = swapBytes(prefixes.words[4 * prefix]!) & levels[level]!;
    const w1 = swapBytes(prefixes.words[4 * prefix + 1]!) & levels[level + 1]!;
    const w2 = swapBytes(prefixes.words[4 * prefix + 2]!) & levels[level + 2]!;
    const w3 = swapBytes(prefixes.words[4 * prefix + 3]!) & levels[level + 3]!;
    const at = findSlot(levels, slots, level, w0, w1, w2, w3);
    slots[at] = value;
    slots[at + 1] = w0;
    slots[at + 2] = w1;
    if (length > LAST_NARROW_LENGTH) {
      slots[at + 3] = w2;
      slots[at + 4] = w3;
    }
  }
  return { blocks, nodes, levels, slots };
}

/** Distinct prefixes in the order of their bits, a covering one before those that it covers. */
interface Prefixes {
  readonly count: number;
  /** Four words each, host byte order, bits behind the length cleared. */
  readonly words: Uint32Array;
  readonly lengths: Uint8Array;
  readonly groups: Int32Array;
}

function sortPrefixes(routes: readonly Route6[]): Prefixes {
  const words = new Uint32Array(4 * routes.length);
  for (let i = 0; i < routes.length; i++) {
    const { address, length, group } = routes[i]!;
    if (address.length !== 16) throw new RangeError(`an IPv6 address has 16 bytes, not ${address.length}`);
    if (!Number.isInteger(length) || length < 1 || length > 128) {
      throw new RangeError(
        `IPv6 prefix length ${length} is not in 1..128 (the caller keeps the default route)`,
      );
    }
    if ((group & GROUP_MASK) !== group) throw new RangeError(`group ${group} is not in 0..2^30-1`);
    for (let w = 0; w < 4; w++) {
      words[4 * i + w] = swapBytes(littleEndian(address, 4 * w)) & wordMask(length, w);
    }
  }
  const order = new Uint32Array(routes.length)
    .map((_, i) => i)
    .sort((a, b) => {
      for (let w = 0; w < 4; w++) {
        const difference = words[4 * a + w]! - words[4 * b + w]!;
        if (difference !== 0) return difference;
      }
      return routes[a]!.length - routes[b]!.length || a - b;
    });

  const sorted = {
    words: new Uint32Array(4 * routes.length),
    lengths: new Uint8Array(routes.length),
    groups: new Int32Array(routes.length),
  };
  let count = 0;
  for (const i of order) {
    const { length, group } = routes[i]!;
    const before = count - 1;
    sorted.words.set(words.subarray(4 * i, 4 * i + 4), 4 * count);
    const again =
      before >= 0 && sorted.lengths[before] === length && sameBits(sorted.words, before, count, length);
    const place = again ? before : count++;
    sorted.lengths[place] = length;
    sorted.groups[place] = group;
  }
  return { count, ...sorted };
}

/** Fills `blocks` and returns `nodes`. */
function buildTrees(prefixes: Prefixes, blocks: Int32Array): Int32Array {
  // Half the weight is spread evenly, so that no length lies much deeper than in a balanced tree.
  const weights = new Float64Array(129).fill(prefixes.count / 128);
  for (let i = 0; i < prefixes.count; i++) weights[prefixes.lengths[i]!]!++;
  const nodes = [0, 0, 0, 0];
  const roots = new Map<string, number>();
  for (let i = 0; i < prefixes.count;) {
    const bits = prefixes.words[4 * i]! >>> BLOCK_BITS;
    const present = new Set<number>();
    for (; i < prefixes.count && prefixes.words[4 * i]! >>> BLOCK_BITS === bits; i++) {
      const length = prefixes.lengths[i]!;
      if (length > BLOCK_BITS) present.add(length);
      else fillBlocks(blocks, bits, length, prefixes.groups[i]!);
    }
    const lengths = [...present].sort((a, b) => a - b);
    const name = lengths.join();
    let root = roots.get(name);
    if (root === undefined) {
      root = appendTree(nodes, lengths, weights);
      roots.set(name, root);
    }
    blocks[2 * blockIndex(bits) + 1] = root;
  }
  const shared = new Int32Array(new SharedArrayBuffer(4 * nodes.length));
  shared.set(nodes);
  return shared;
}

/** Appends the search tree of least weighted depth over these ascending lengths; returns its root. */
function appendTree(nodes: number[], lengths: readonly number[], weights: Float64Array): number {
  const n = lengths.length;
  // cost[i * (n + 1) + j]: least cost of a tree over lengths[i..j), and which of them is its root.
  const cost = new Float64Array((n + 1) * (n + 1));
  const rootOf = new Int32Array((n + 1) * (n + 1));
  for (let size = 1; size <= n; size++) {
    for (let i = 0; i + size <= n; i++) {
      const j = i + size;
      let least = Infinity;
      let weight = 0;
      for (let k = i; k < j; k++) {
        weight += weights[lengths[k]!]!;
        const below = cost[i * (n + 1) + k]! + cost[(k + 1) * (n + 1) + j]!;
        if (below >= least) continue;
        least = below;
        rootOf[i * (n + 1) + j] = k;
      }
      cost[i * (n + 1) + j] = least + weight;
    }
  }
  const append = (i: number, j: number): number => {
    if (i === j) return 0;
    const k = rootOf[i * (n + 1) + j]!;
    const node = nodes.push(8 * lengths[k]!, 0, 0, 0) - 4;
    nodes[node + 1] = append(i, k);
    nodes[node + 2] = append(k + 1, j);
    return node;
  };
  return append(0, n);
}

function fillBlocks(blocks: Int32Array, bits: number, length: number, group: number): void {
  const end = bits + (1 << (BLOCK_BITS - length));
  for (let block = bits; block < end; block++) blocks[2 * blockIndex(block)] = group;
}

/** The first 16 bits as they stand in the low half of a little-endian word. */
function blockIndex(bits: number): number {
  return ((bits & 0xff) << 8) | (bits >>> 8);
}

interface Entry {
  /** A prefix that begins with the key. */
  readonly prefix: number;
  /** Length of the key. */
  readonly length: number;
  value: number;
}

/**
 * All entries of the hash tables. The order of the prefixes makes two things cheap: the prefixes that
 * cover the present one are a stack, and a marker already made is the last one made at its length.
 */
function collectEntries(prefixes: Prefixes, blocks: Int32Array, nodes: Int32Array): Entry[] {
  const entries: Entry[] = [];
  const covering: number[] = [];
  const lastAt: (Entry | undefined)[] = [];
  for (let i = 0; i < prefixes.count; i++) {
    const length = prefixes.lengths[i]!;
    while (covering.length > 0) {
      const top = covering[covering.length - 1]!;
      if (sameBits(prefixes.words, top, i, prefixes.lengths[top]!)) break;
      covering.pop();
    }
    covering.push(i);
    let node = length <= BLOCK_BITS ? 0 : blocks[2 * blockIndex(prefixes.words[4 * i]! >>> BLOCK_BITS) + 1]!;
    while (node !== 0) {
      const at = nodes[node]! >>> 3;
      if (at > length) {
        node = nodes[node + 1]!;
        continue;
      }
      let entry = lastAt[at];
      if (entry === undefined || !sameBits(prefixes.words, entry.prefix, i, at)) {
        const longest = covering.findLast((prefix) => prefixes.lengths[prefix]! <= at);
        entry = {
          prefix: i,
          length: at,
          value: OCCUPIED | (longest === undefined ? 0 : prefixes.groups[longest]!),
        };
        lastAt[at] = entry;
        entries.push(entry);
      }
      if (at === length) break;
      entry.value |= MORE;
      node = nodes[node + 2]!;
    }
  }
  return entries;
}

/** Levels for the entries, with empty slots. */
function sizeLevels(entries: readonly Entry[]): { levels: Int32Array; slots: Int32Array } {
  const counts = new Uint32Array(129);
  for (const { length } of entries) counts[length]!++;
  const levels = new Int32Array(new SharedArrayBuffer(4 * 8 * 129));
  let words = 0;
  for (let length = BLOCK_BITS + 1; length <= 128; length++) {
    if (counts[length] === 0) continue;
    // The smallest power of two that is at least twice the entries.
    const bits = 32 - Math.clz32(2 * counts[length]! - 1);
    const level = 8 * length;
    const wordBits = length <= LAST_NARROW_LENGTH ? 2 : 3;
    for (let w = 0; w < 4; w++) levels[level + w] = swapBytes(wordMask(length, w));
    levels[level + 4] = words;
    levels[level + 5] = 32 - bits;
    levels[level + 6] = (1 << bits) - 1;
    levels[level + 7] = wordBits;
    words += 1 << (bits + wordBits);
  }
  return { levels, slots: new Int32Array(new SharedArrayBuffer(4 * words)) };
}

/** Whether prefixes a and b begin with the same `length` bits. */
function sameBits(words: Uint32Array, a: number, b: number, length: number): boolean {
  for (let w = 0; 32 * w < length; w++) {
    if (((words[4 * a + w]! ^ words[4 * b + w]!) & wordMask(length, w)) !== 0) return false;
  }
  return true;
}

/** Network mask of a prefix length for address word 0..3, host byte order. */
function wordMask(length: number, word: number): number {
  const bits = length - 32 * word;
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}

function swapBytes(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
