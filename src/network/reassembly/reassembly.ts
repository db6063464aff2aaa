/**
 * Reassembly of IPv4 and IPv6 fragments (behaviour §2): whole packets or nothing. Number of datagrams, bytes of
 * data, pieces and time are bounded; who comes when there is no room takes that of the datagram begun first.
 *
 * - A datagram any two of whose fragments overlap is discarded, with those of its fragments that are still to come
 *   (RFC 5722 §4); so is one whose fragments contradict each other. An exact copy is left out and does no harm. IPv4
 *   is treated with the same care (RFC 8900 §3.7).
 * - The whole packet has the headers of the first fragment, without the fragment header of IPv6 and with flags and
 *   offset of IPv4 cleared; DF stays. Congestion that any fragment met is told (RFC 3168 §5.3).
 * - No ICMP error is sent: the destination would (RFC 792, RFC 8200 §4.5), and we are not it.
 *
 * Time comes in as a number of milliseconds from any origin, which never goes back.
 */
import { putBe16, putLe16 } from '../../wire/bytes.js';
import { sumBytes } from '../../wire/checksum.js';
import { LONGEST_IP } from '../../wire/protocol.js';
import { AgedTable } from '../aged-table.js';
import { DATAGRAM_KEY_WORDS, FragmentReader, LONGEST_HEADER } from './fragment-reader.js';
import { Fit, FragmentRanges } from './fragment-ranges.js';
import { FragmentStore } from './fragment-store.js';
import { REASSEMBLY_REASONS, type ReassemblyReason } from './reassembly-reasons.js';

/** What became of a packet that was offered. */
export const Offer = {
  /** No fragment, or one that is not to be joined: it goes its way. */
  PASS: 0,
  /** Its data is kept; the packet is done with. */
  HELD: 1,
  /** It was the last that was missing: `take` writes the whole packet. */
  WHOLE: 2,
  /** It ends here; `reason` says why, and so may others of its datagram. */
  DROPPED: 3,
} as const;
export type OfferNumber = (typeof Offer)[keyof typeof Offer];

export interface ReassemblyOptions {
  /** Datagrams at a time, 1 and up. Default 1024. */
  readonly datagrams?: number;
  /** Bytes of data kept in all, 65,536 and up. Default 4 MB. */
  readonly bytes?: number;
  /** Pieces of one datagram, 2 and up. Default 128: 65,535 bytes over a path MTU of 576. */
  readonly fragments?: number;
  /** How long a datagram may take from its first fragment on. Default 60,000 ms (RFC 8200 §4.5, RFC 1122 §3.3.2). */
  readonly timeoutMs?: number;
  /** IP protocols whose fragments pass, such as GRE where tunnels end. Default none. */
  readonly pass?: readonly number[];
}

/** Fragments, but for `whole`: received = joined + held + all reasons. */
export type ReassemblyCounters = Record<ReassemblyReason | 'received' | 'joined' | 'whole', number>;

const ECN_CE = 3;
const MET_CONGESTION = 1 << ECN_CE;
const NOT_CAPABLE = 1;
const UNKNOWN = -1;

export class Reassembly {
  readonly counters = Object.fromEntries(
    ['received', 'joined', 'whole', ...REASSEMBLY_REASONS].map((name) => [name, 0]),
  ) as ReassemblyCounters;
  /** Fragments whose data is kept. */
  held = 0;
  /** Why the last packet that was offered was dropped. */
  reason: ReassemblyReason = 'duplicate';
  /** Bytes of the packet that is whole. */
  length = 0;

  private readonly reader: FragmentReader;
  private readonly table: AgedTable;
  private readonly store: FragmentStore;
  private readonly ranges: FragmentRanges;
  private readonly timeoutMs: number;
  // By datagram.
  private readonly deadline: Float64Array;
  /** Bytes of data that are there, and in all once the last fragment is. */
  private readonly have: Int32Array;
  private readonly total: Int32Array;
  /** 1 + index of the reason for which all of it is dropped. */
  private readonly dead: Uint8Array;
  /** Which ECN codepoints its fragments had, as bits. */
  private readonly ecn: Uint8Array;
  /** Bytes of header; 0 until the first fragment is there. */
  private readonly headerLength: Int32Array;
  private readonly headers: Uint8Array;
  /** The datagram that is whole, until it is taken. */
  private ready = UNKNOWN;

  /** @throws RangeError for bounds in which no datagram fits */
  constructor(options: ReassemblyOptions = {}) {
    const { datagrams = 1024, bytes = 4 << 20, fragments = 128, timeoutMs = 60_000, pass = [] } = options;
    if (!(fragments >= 2)) throw new RangeError(`room for ${fragments} fragments of a datagram`);
    this.reader = new FragmentReader(pass);
    this.table = new AgedTable(datagrams, DATAGRAM_KEY_WORDS);
    this.store = new FragmentStore(datagrams, bytes);
    this.ranges = new FragmentRanges(datagrams, fragments);
    this.timeoutMs = timeoutMs;
    this.deadline = new Float64Array(datagrams);
    this.have = new Int32Array(datagrams);
    this.total = new Int32Array(datagrams);
    this.dead = new Uint8Array(datagrams);
    this.ecn = new Uint8Array(datagrams);
    this.headerLength = new Int32Array(datagrams);
    this.headers = new Uint8Array(datagrams * LONGEST_HEADER);
  }

  /** When the next datagram's time is over; Infinity when none is under way. */
  get next(): number {
    const { oldest } = this.table;
    return oldest < 0 ? Infinity : this.deadline[oldest]!;
  }

  /**
   * Takes the IP packet at `at`, which may be of any kind; what it needs of a fragment it copies.
   *
   * @param available bytes that are there; what lies behind the packet's own length does not matter
   */
  offer(bytes: Uint8Array, at: number, available: number, nowMs: number): OfferNumber {
    this.expire(nowMs);
    if (!this.reader.read(bytes, at, available)) return Offer.PASS;
    this.counters.received++;
    const fault = this.reader.fault(bytes);
    // A fragment that is wrong by itself is left out; without its headers nothing of the datagram can be judged.
    if (fault !== null && fault !== 'header_chain') return this.drop(fault);
    const datagram = this.find(nowMs);
    const dead = this.dead[datagram]!;
    if (dead !== 0) return this.drop(REASSEMBLY_REASONS[dead - 1]!);
    if (fault !== null) return this.discard(datagram, fault);
    return this.place(datagram, bytes, at);
  }

  /** Writes the packet that became whole to `at`, `length` bytes. To be done before the next is offered. */
  take(bytes: Uint8Array, at: number): void {
    const datagram = this.ready;
    if (datagram < 0) throw new Error('no packet is whole');
    const header = this.headerLength[datagram]!;
    const from = datagram * LONGEST_HEADER;
    bytes.set(this.headers.subarray(from, from + header), at);
    this.store.read(datagram, bytes, at + header, this.total[datagram]!);
    const isCongested = (this.ecn[datagram]! & MET_CONGESTION) !== 0;
    if (bytes[at]! >>> 4 === 4) {
      if (isCongested) bytes[at + 1]! |= ECN_CE;
      putBe16(bytes, at + 2, this.length);
      putLe16(bytes, at + 10, 0);
      putLe16(bytes, at + 10, ~sumBytes(bytes, at, header) & 0xffff);
    } else {
      if (isCongested) bytes[at + 1]! |= ECN_CE << 4;
      putBe16(bytes, at + 4, this.length - 40);
    }
    this.release();
  }

  /** Gives up the datagrams whose time is over. */
  expire(nowMs: number): void {
    this.release();
    const { table } = this;
    for (let oldest = table.oldest; oldest >= 0; oldest = table.oldest) {
      if (this.deadline[oldest]! > nowMs) return;
      this.remove(oldest, 'timed_out');
    }
  }

  /** The datagram of the fragment that was read, a new one if need be. */
  private find(nowMs: number): number {
    const { table, reader } = this;
    const known = table.find(reader.key);
    if (known >= 0) return known;
    if (table.size === table.capacity) this.remove(table.oldest, 'evicted');
    const datagram = table.add(reader.key);
    this.deadline[datagram] = nowMs + this.timeoutMs;
    this.have[datagram] = 0;
    this.total[datagram] = UNKNOWN;
    this.dead[datagram] = 0;
    this.ecn[datagram] = 0;
    this.headerLength[datagram] = 0;
    this.ranges.clear(datagram);
    return datagram;
  }

  private place(datagram: number, bytes: Uint8Array, packet: number): OfferNumber {
    const { reader, ranges, store } = this;
    const { offset, at, length } = reader;
    const end = offset + length;
    const fit = ranges.fit(datagram, offset, end);
    const isSame = fit === Fit.SAME && store.equals(datagram, offset, bytes, at, length);
    if (isSame && reader.more === (end !== this.total[datagram])) return this.drop('duplicate');
    if (this.contradicts(datagram, end)) return this.discard(datagram, 'contradiction');
    if (fit !== Fit.NEW) return this.discard(datagram, 'overlap');
    if (!ranges.add(datagram, offset, end)) return this.discard(datagram, 'too_many');
    this.makeRoom(datagram, offset, length);
    store.write(datagram, offset, bytes, at, length);
    this.held++;
    this.have[datagram]! += length;
    this.ecn[datagram]! |= 1 << reader.ecn;
    if (!reader.more) this.total[datagram] = end;
    if (offset === 0) this.keepHeader(datagram, bytes, packet);
    return this.have[datagram] === this.total[datagram] ? this.finish(datagram) : Offer.HELD;
  }

  /** Whether the fragment and those before it cannot be of one datagram, by where they say that it ends. */
  private contradicts(datagram: number, end: number): boolean {
    const total = this.total[datagram]!;
    const { more } = this.reader;
    if (total === UNKNOWN) return !more && this.ranges.end(datagram) > end;
    return end > total || more === (end === total);
  }

  /** As it is to stand in the whole packet, but for lengths, checksum and ECN. */
  private keepHeader(datagram: number, bytes: Uint8Array, packet: number): void {
    const { reader, headers } = this;
    const to = datagram * LONGEST_HEADER;
    headers.set(bytes.subarray(packet, packet + reader.headerLength), to);
    this.headerLength[datagram] = reader.headerLength;
    if (reader.family === 4) {
      headers[to + 6]! &= 0xc0;
      headers[to + 7] = 0;
    } else {
      headers[to + reader.nextHeaderAt] = reader.nextHeader;
    }
  }

  private finish(datagram: number): OfferNumber {
    const header = this.headerLength[datagram]!;
    const total = this.total[datagram]!;
    const ecn = this.ecn[datagram]!;
    if ((ecn & MET_CONGESTION) !== 0 && (ecn & NOT_CAPABLE) !== 0)
      return this.discard(datagram, 'ecn_mixed', 0);
    // Only now is the length of the first fragment's headers known for sure.
    if (total + header - (this.reader.family === 4 ? 0 : 40) > LONGEST_IP) {
      return this.discard(datagram, 'too_long', 0);
    }
    const pieces = this.ranges.count[datagram]!;
    this.counters.joined += pieces;
    this.counters.whole++;
    this.held -= pieces;
    this.length = header + total;
    this.ready = datagram;
    return Offer.WHOLE;
  }

  private drop(reason: ReassemblyReason): OfferNumber {
    this.counters[reason]++;
    this.reason = reason;
    return Offer.DROPPED;
  }

  /** Gives up what there is of a datagram, and all that still comes; the fragment at hand is not among it, or is. */
  private discard(datagram: number, reason: ReassemblyReason, atHand = 1): OfferNumber {
    this.dead[datagram] = 1 + REASSEMBLY_REASONS.indexOf(reason);
    this.giveUp(datagram, reason);
    this.counters[reason] += atHand;
    this.reason = reason;
    return Offer.DROPPED;
  }

  private remove(datagram: number, reason: ReassemblyReason): void {
    this.giveUp(datagram, reason);
    this.table.remove(datagram);
  }

  private giveUp(datagram: number, reason: ReassemblyReason): void {
    const pieces = this.ranges.count[datagram]!;
    this.counters[reason] += pieces;
    this.held -= pieces;
    this.ranges.clear(datagram);
    this.store.release(datagram);
  }

  /** Takes the room that the fragment needs from the datagrams that were begun first. */
  private makeRoom(datagram: number, offset: number, length: number): void {
    const { table, store } = this;
    let other = table.oldest;
    while (!store.hasRoom(datagram, offset, length)) {
      const next = table.newerThan(other);
      if (other !== datagram) this.remove(other, 'evicted');
      other = next;
    }
  }

  /** Forgets the whole packet, taken or not. */
  private release(): void {
    if (this.ready < 0) return;
    this.ranges.clear(this.ready);
    this.store.release(this.ready);
    this.table.remove(this.ready);
    this.ready = UNKNOWN;
  }
}
