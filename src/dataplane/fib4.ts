/**
 * IPv4 forwarding table: DIR-24-8 (Gupta, Lin, McKeown: Routing Lookups in Hardware at Memory Access
 * Speeds, 1998). One load answers every destination whose /24 holds no longer prefix, two loads the rest.
 *
 *   table   2^24 entries, index = address >>> 8
 *   entry   >= 0: the group
 *           <  0: ~entry is the number of a block in the tail
 *   tail    blocks of 256 groups, index = (~entry << 8) | (address & 0xff)
 *
 * Group 0 is what the table says where no route lies: the caller keeps it for the default route or for
 * "no match". That is why a route of length 0 is not put in: the table stays 64 MB of untouched zero
 * pages, of which only those under a route ever cost memory.
 */

export interface Route4 {
  /** Network bits, host byte order, signed or unsigned 32 bits. Bits behind the length are ignored. */
  readonly prefix: number;
  /** 1 to 32. */
  readonly length: number;
  /** 0 to 2^31 - 1. Group 0 cuts a hole: what lies under it goes the way of the default. */
  readonly group: number;
}

/** Both arrays lie in shared memory: the object goes through postMessage without a copy. */
export interface Fib4 {
  readonly table: Int32Array;
  readonly tail: Int32Array;
}

const TABLE_SIZE = 1 << 24;
const BLOCK_SIZE = 256;

/**
 * Builds the table from routes in any order; of two routes for one prefix the last one wins.
 * The tail takes 1 KB for each /24 that holds a prefix longer than 24, no more.
 * @throws RangeError for a length outside 1..32 or a group outside 0..2^31-1.
 */
export function buildFib4(routes: readonly Route4[]): Fib4 {
  const { order, firstLong } = orderByLength(routes);
  const table = new Int32Array(new SharedArrayBuffer(4 * TABLE_SIZE));
  // Short prefixes first: a longer one then simply writes over the part of a shorter that it covers.
  for (let i = 0; i < firstLong; i++) {
    const { prefix, length, group } = routes[order[i]!]!;
    const span = 1 << (24 - length);
    const start = ((prefix >>> 8) & -span) >>> 0;
    if (span === 1) table[start] = group;
    else table.fill(group, start, start + span);
  }

  const under = new Int32Array(routes.length - firstLong);
  let blocks = 0;
  for (let i = firstLong; i < order.length; i++) {
    const index = routes[order[i]!]!.prefix >>> 8;
    const entry = table[index]!;
    if (entry < 0) continue;
    under[blocks] = entry;
    table[index] = ~blocks++;
  }
  const tail = new Int32Array(new SharedArrayBuffer(4 * BLOCK_SIZE * blocks));
  for (let block = 0; block < blocks; block++) {
    // The memory is new: what is 0 needs no write.
    if (under[block] !== 0) tail.fill(under[block]!, block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE);
  }
  for (let i = firstLong; i < order.length; i++) {
    const { prefix, length, group } = routes[order[i]!]!;
    const span = 1 << (32 - length);
    const start = ~table[prefix >>> 8]! * BLOCK_SIZE + (prefix & 0xff & -span);
    tail.fill(group, start, start + span);
  }
  return { table, tail };
}

/** Indexes of the routes by ascending length, stable; `firstLong` is the place of the first above /24. */
function orderByLength(routes: readonly Route4[]): { order: Uint32Array; firstLong: number } {
  const starts = new Uint32Array(34);
  for (const { length, group } of routes) {
    if (!Number.isInteger(length) || length < 1 || length > 32) {
      throw new RangeError(
        `IPv4 prefix length ${length} is not in 1..32 (the caller keeps the default route)`,
      );
    }
    if ((group | 0) !== group || group < 0) throw new RangeError(`group ${group} is not in 0..2^31-1`);
    starts[length + 1]!++;
  }
  for (let length = 1; length < 34; length++) starts[length]! += starts[length - 1]!;
  const firstLong = starts[25]!;
  const order = new Uint32Array(routes.length);
  for (let i = 0; i < routes.length; i++) order[starts[routes[i]!.length]!++] = i;
  return { order, firstLong };
}

/**
 * The group for an address (host byte order, signed or unsigned 32 bits); 0 where no route lies.
 * The flat loop does the first load itself and calls `lookupTail4` for negative entries.
 */
export function lookupFib4(table: Int32Array, tail: Int32Array, address: number): number {
  const entry = table[address >>> 8]!;
  return entry >= 0 ? entry : lookupTail4(tail, entry, address);
}

/** The second load, for an entry below 0. */
export function lookupTail4(tail: Int32Array, entry: number, address: number): number {
  return tail[(~entry << 8) | (address & 0xff)]!;
}
