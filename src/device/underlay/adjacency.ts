/**
 * Adjacencies: the link header with which a packet to a tunnel's remote address leaves, for ports that send
 * Ethernet frames. A hash table in shared memory: the main thread writes it (src/device/underlay/neighbours.ts),
 * workers read it without locks.
 *
 * A reader never sees half a header: each destination has two records, of which the index names the one in
 * effect. A change is written to the other one, which then takes its place by one store; the record that was
 * replaced is not written again before no reader can have it in hand any more (GRACE_MS).
 */
import { ETHERNET_HEADER, EtherType } from '../../wire/protocol.js';

/** What another thread needs to open the same table: structured-cloneable, the memory is shared. */
export interface SharedAdjacencies {
  /** The index (`mask` + 1 words), then the records. */
  readonly words: Int32Array;
  readonly mask: number;
}

/** Words of a record. */
export const AdjacencyField = {
  /** AdjacencyState. */
  STATE: 4,
  /** The kernel's index of the interface; meaningful while USABLE. */
  INTERFACE: 5,
  /**
   * Four words in packet order: two zero bytes, destination and source link address, EtherType. They go
   * right before a 4-aligned IP header; the last 14 bytes are the Ethernet header.
   */
  HEADER: 8,
} as const;

export const AdjacencyState = {
  /** The next hop's link address is not known: send through the kernel. */
  UNKNOWN: 0,
  /** INTERFACE and HEADER are good. */
  USABLE: 1,
} as const;

/** Where the frames for a destination go. */
export interface LinkNextHop {
  /** The kernel's index of the interface. */
  readonly interface: number;
  /** Link addresses, 6 bytes each: of the interface, and of the next hop. */
  readonly source: Uint8Array;
  readonly target: Uint8Array;
}

/** A record is a cache line. Its first four words are the destination; IPv4 as ::ffff:0:0/96. */
const RECORD = 16;
const MAPPED = 0xffff0000 | 0;

/** What an index word is beside the word index of a record. */
const FREE = 0;
const REMOVED = -1;

/**
 * How long a worker may hold a record that it has found: it looks up anew for each vector, which takes it
 * less than a millisecond, so this is for a thread that did not get a core meanwhile.
 */
const GRACE_MS = 500;

/** Room for destinations that come later. Memory that is never written takes no room. */
const LEAST_CAPACITY = 8192;

/** What the writer remembers of a destination. */
interface Entry {
  /** Its word in the index. */
  readonly slot: number;
  readonly pair: Pair;
}

/** The two records of a destination. */
interface Pair {
  /** Word index of the record in effect, and of the other one. */
  current: number;
  other: number;
  /** When `other` was replaced. */
  replacedAt: number;
}

export class Adjacencies {
  readonly words: Int32Array;
  private readonly mask: number;
  // Of the writer only.
  private readonly entries = new Map<string, Entry>();
  private readonly removed: Pair[] = [];
  private next: number;
  /** FREE words of the index. */
  private free: number;

  private constructor(shared: SharedAdjacencies) {
    this.words = shared.words;
    this.mask = shared.mask;
    this.next = shared.mask + 1;
    this.free = shared.mask + 1;
  }

  /**
   * A table for these destinations (4 or 16 bytes in network order), all UNKNOWN.
   *
   * @param capacity destinations that it can hold in all; default 8192, or twice as many as there are
   */
  static create(
    destinations: readonly Uint8Array[],
    capacity = Math.max(LEAST_CAPACITY, destinations.length * 2),
  ): Adjacencies {
    let size = RECORD;
    while (size < capacity * 4) size *= 2;
    const bytes = (size + capacity * 2 * RECORD) * 4;
    // V8 begins the memory 16 bytes behind a cache line.
    const words = new Int32Array(new SharedArrayBuffer(bytes + 64), 48, bytes / 4);
    const table = new Adjacencies({ words, mask: size - 1 });
    for (const destination of destinations) table.add(destination);
    return table;
  }

  /** The same table in another thread, to read. */
  static open(shared: SharedAdjacencies): Adjacencies {
    return new Adjacencies(shared);
  }

  share(): SharedAdjacencies {
    return { words: this.words, mask: this.mask };
  }

  /**
   * The record of an IPv4 destination, as a word index; −1 when there is none. Good for one vector, not to
   * be kept.
   *
   * @param destination the address as the packet's word is read, natively
   */
  find4(destination: number): number {
    const { words, mask } = this;
    for (let slot = hash4(destination) & mask; ; slot = (slot + 1) & mask) {
      const record = words[slot]!;
      if (record === FREE) return -1;
      if (record !== REMOVED && words[record + 3] === destination && words[record + 2] === MAPPED)
        return record;
    }
  }

  /** The record of the IPv6 destination at bytes[at…]; as find4. */
  find6(bytes: Uint8Array, at: number): number {
    const { words, mask } = this;
    const a = wordAt(bytes, at);
    const b = wordAt(bytes, at + 4);
    const c = wordAt(bytes, at + 8);
    const d = wordAt(bytes, at + 12);
    for (let slot = hash6(a, b, c, d) & mask; ; slot = (slot + 1) & mask) {
      const record = words[slot]!;
      if (record === FREE) return -1;
      if (
        record !== REMOVED &&
        words[record] === a &&
        words[record + 1] === b &&
        words[record + 2] === c &&
        words[record + 3] === d
      ) {
        return record;
      }
    }
  }

  /**
   * Number of destinations. Only the thread that created the table calls this and what follows. The time is
   * that of `performance.now()`.
   */
  get size(): number {
    return this.entries.size;
  }

  /** Adds a destination, UNKNOWN, if it is not there; false when the table is full. */
  add(destination: Uint8Array, nowMs = performance.now()): boolean {
    const key = keyOf(destination);
    if (this.entries.has(key)) return true;
    const { words, mask } = this;
    // Look-ups end at a FREE word, so that there are always to be many.
    const pair = this.free * 4 > mask ? this.takePair(nowMs) : null;
    if (pair === null) return false;
    const [a, b, c, d] = wordsOf(destination);
    for (const record of [pair.current, pair.other]) {
      words.fill(0, record, record + RECORD);
      words.set([a, b, c, d], record);
    }
    let slot = (destination.length === 4 ? hash4(d) : hash6(a, b, c, d)) & mask;
    while (words[slot]! > 0) slot = (slot + 1) & mask;
    if (words[slot] === FREE) this.free--;
    Atomics.store(words, slot, pair.current);
    this.entries.set(key, { slot, pair });
    return true;
  }

  /** Takes a destination out. */
  remove(destination: Uint8Array, nowMs = performance.now()): void {
    const key = keyOf(destination);
    const entry = this.entries.get(key);
    if (entry === undefined) return;
    const { words, mask } = this;
    let { slot } = entry;
    Atomics.store(words, slot, REMOVED);
    // Words that no look-up has to pass any more are free again.
    if (words[(slot + 1) & mask] === FREE) {
      for (; words[slot] === REMOVED; slot = (slot - 1) & mask) {
        Atomics.store(words, slot, FREE);
        this.free++;
      }
    }
    entry.pair.replacedAt = nowMs;
    this.removed.push(entry.pair);
    this.entries.delete(key);
  }

  /**
   * Makes a destination USABLE. False when it is not there, or when it has changed so shortly before that a
   * reader could still have the record in hand that would be written: then it is UNKNOWN now, and the caller
   * tries again later.
   */
  set(destination: Uint8Array, hop: LinkNextHop, nowMs = performance.now()): boolean {
    const entry = this.entries.get(keyOf(destination));
    if (entry === undefined) return false;
    const { words } = this;
    const { pair, slot } = entry;
    const header = headerOf(destination, hop);
    const same =
      words[pair.current + AdjacencyField.INTERFACE] === hop.interface &&
      header.every((word, i) => words[pair.current + AdjacencyField.HEADER + i] === word);
    if (!same) {
      if (nowMs - pair.replacedAt < GRACE_MS) {
        Atomics.store(words, pair.current + AdjacencyField.STATE, AdjacencyState.UNKNOWN);
        return false;
      }
      words[pair.other + AdjacencyField.INTERFACE] = hop.interface;
      words.set(header, pair.other + AdjacencyField.HEADER);
      [pair.current, pair.other] = [pair.other, pair.current];
      pair.replacedAt = nowMs;
    }
    Atomics.store(words, pair.current + AdjacencyField.STATE, AdjacencyState.USABLE);
    Atomics.store(words, slot, pair.current);
    return true;
  }

  /** Makes a destination UNKNOWN. */
  clear(destination: Uint8Array): void {
    const entry = this.entries.get(keyOf(destination));
    if (entry === undefined) return;
    Atomics.store(this.words, entry.pair.current + AdjacencyField.STATE, AdjacencyState.UNKNOWN);
  }

  /** Two records that no reader has in hand; null when there are none. */
  private takePair(nowMs: number): Pair | null {
    const oldest = this.removed[0];
    if (oldest !== undefined && nowMs - oldest.replacedAt >= GRACE_MS) {
      this.removed.shift();
      return { ...oldest, replacedAt: -Infinity };
    }
    if (this.next + 2 * RECORD > this.words.length) return null;
    const current = this.next;
    this.next += 2 * RECORD;
    return { current, other: current + RECORD, replacedAt: -Infinity };
  }
}

function hash4(destination: number): number {
  const h = Math.imul(destination ^ (destination >>> 16), 0x9e3779b1);
  return h ^ (h >>> 15);
}

function hash6(a: number, b: number, c: number, d: number): number {
  let h = Math.imul(a ^ (a >>> 16), 0x9e3779b1) ^ Math.imul(b ^ (b >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35) ^ Math.imul(c ^ (c >>> 16), 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) ^ Math.imul(d ^ (d >>> 15), 0x9e3779b1);
  return h ^ (h >>> 15);
}

/** Four bytes as a word is read natively: little-endian machines only, as all of grebe. */
function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

function wordsOf(destination: Uint8Array): [number, number, number, number] {
  if (destination.length === 4) return [0, 0, MAPPED, wordAt(destination, 0)];
  return [wordAt(destination, 0), wordAt(destination, 4), wordAt(destination, 8), wordAt(destination, 12)];
}

function keyOf(destination: Uint8Array): string {
  return destination.join('.');
}

function headerOf(destination: Uint8Array, hop: LinkNextHop): Int32Array {
  const header = new Int32Array(AdjacencyField.HEADER / 2);
  const bytes = new Uint8Array(header.buffer);
  const start = bytes.length - ETHERNET_HEADER;
  bytes.set(hop.target, start);
  bytes.set(hop.source, start + 6);
  const type = destination.length === 4 ? EtherType.IPV4 : EtherType.IPV6;
  bytes[start + 12] = type >>> 8;
  bytes[start + 13] = type & 0xff;
  return header;
}
