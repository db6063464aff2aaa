/**
 * The virtual clock, and what is to happen when: in order of time and, among equal times, of the calls of `at`.
 * Nothing is allocated for an event, and its cost does not depend on how many others wait.
 *
 * Events of the present tick (16 µs) are in a heap, so always a few; those of later ticks lie unsorted in the buckets
 * of a timing wheel (Varghese, Lauck 1987) of three levels: by tick, by 4,096 ticks (67 ms), by 16 million ticks
 * (275 s), which is all of the time that a number holds exactly. A bucket whose time has come goes into the heap, or
 * into the buckets of the level below.
 */
import { BucketRow } from './bucket-row.js';
import { EventHeap } from './event-heap.js';
import type { Nanoseconds } from '../../network/time.js';

/** What events are for. Handlers that may be overtaken compare a generation number: events are not taken back. */
export interface Handler {
  /** The numbers given to `at`. */
  fire(a: number, b: number): void;
}

/** Events that may wait at a time. */
export const MOST_PENDING = 2 ** 21;
const SEQUENCES = 2 ** 32;
const FIRST_CAPACITY = 1024;

const TICK = 2 ** 14;
const ROW_BITS = 12;
const ROW = 1 << ROW_BITS;
const LAST_ROW = 2 ** 15;
/** Nanoseconds of a row. */
const SPAN = TICK * ROW;

/**
 * An event is 32 bytes, so never in two cache lines: time and sequence number, then four words (handler, both
 * arguments, next one in the bucket).
 */
const NUMBERS = 4;
const TIME = 0;
const SEQUENCE = 1;
const WORDS = 8;
const HANDLER = 4;
const A = 5;
const B = 6;
const NEXT = 7;

export class Scheduler {
  private time: Nanoseconds = 0;
  private count = 0;
  private sequence = 0;
  private total = 0;
  private readonly handlers: Handler[] = [];

  private capacity = FIRST_CAPACITY;
  /** The same memory, as words and as numbers. */
  private words = new Int32Array(WORDS * FIRST_CAPACITY);
  private numbers = new Float64Array(this.words.buffer);
  private freeSlots = new Int32Array(FIRST_CAPACITY).map((_, i) => FIRST_CAPACITY - 1 - i);

  private readonly heap = new EventHeap();
  /** The present tick: its number in its row, and that of its row. All events up to it are in the heap. */
  private tick = 0;
  private row = 0;
  private readonly ticks = new BucketRow(ROW);
  private readonly rows = new BucketRow(ROW);
  private readonly rowsOfRows = new BucketRow(LAST_ROW);

  /** @param sequences how many events are numbered before those that wait get numbers from 0 on */
  constructor(private readonly sequences: number = SEQUENCES) {}

  get now(): Nanoseconds {
    return this.time;
  }

  /** Events that have happened. */
  get fired(): number {
    return this.total;
  }

  /** Events that are to come. */
  get pending(): number {
    return this.count;
  }

  /** When the next event is; Infinity when there is none. */
  get next(): Nanoseconds {
    if (this.count === 0) return Infinity;
    if (this.heap.count === 0) this.advance();
    return this.heap.time;
  }

  /** The handler's number for `at`. */
  register(handler: Handler): number {
    return this.handlers.push(handler) - 1;
  }

  /**
   * Has the handler called at a time, after all that was put in for the same time before.
   *
   * @param a 32-bit integer, as is `b`
   * @throws RangeError for a time that is over (or beyond 2^53 − 1, or no number), a handler that is not there, or
   *   when 2^21 events wait already
   */
  at(time: Nanoseconds, handler: number, a = 0, b = 0): void {
    if (!(time >= this.time && time <= Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`found an event for ${time} ns at ${this.time} ns`);
    }
    if (handler >>> 0 >= this.handlers.length) throw new RangeError(`handler ${handler} is not registered`);
    if (this.count === this.capacity) this.grow();
    if (this.sequence === this.sequences) this.renumber();
    const slot = this.freeSlots[this.capacity - 1 - this.count++]!;
    const { words, numbers } = this;
    const w = slot * WORDS;
    words[w + HANDLER] = handler;
    words[w + A] = a;
    words[w + B] = b;
    numbers[slot * NUMBERS + TIME] = time;
    numbers[slot * NUMBERS + SEQUENCE] = this.sequence++;
    this.place(slot, time);
  }

  /** Lets everything happen that is due up to `until` and what follows from it; then `now` is `until`. */
  run(until: Nanoseconds): void {
    const { handlers, heap } = this;
    while (this.count > 0) {
      if (heap.count === 0) this.advance();
      const { time } = heap;
      if (time > until) break;
      const slot = slotOf(heap.key);
      heap.shift();
      this.freeSlots[this.capacity - 1 - --this.count] = slot;
      this.time = time;
      this.total++;
      const { words } = this;
      const w = slot * WORDS;
      handlers[words[w + HANDLER]!]!.fire(words[w + A]!, words[w + B]!);
    }
    if (until > this.time) this.time = until;
  }

  private place(slot: number, time: number): void {
    // Powers of two: both quotients are exact, and whole numbers of 32 bits.
    const row = (time / SPAN) | 0;
    if (row === this.row) {
      const tick = ((time - row * SPAN) / TICK) | 0;
      if (tick <= this.tick) this.pushNow(slot, time);
      else this.words[slot * WORDS + NEXT] = this.ticks.push(tick, slot);
    } else if (row < this.row) {
      this.pushNow(slot, time);
    } else if (row >>> ROW_BITS === this.row >>> ROW_BITS) {
      this.words[slot * WORDS + NEXT] = this.rows.push(row & (ROW - 1), slot);
    } else {
      this.words[slot * WORDS + NEXT] = this.rowsOfRows.push(row >>> ROW_BITS, slot);
    }
  }

  private pushNow(slot: number, time: number): void {
    this.heap.push(time, this.numbers[slot * NUMBERS + SEQUENCE]! * MOST_PENDING + slot);
  }

  /** Moves on to the next tick in which anything happens. There must be an event, and none in the heap. */
  private advance(): void {
    while (this.heap.count === 0) {
      const tick = this.ticks.next(this.tick + 1);
      if (tick >= 0) {
        this.tick = tick;
        this.spread(this.ticks.take(tick));
        continue;
      }
      const row = this.rows.next((this.row & (ROW - 1)) + 1);
      if (row >= 0) {
        this.row = (this.row & -ROW) | row;
        this.tick = -1;
        this.spread(this.rows.take(row));
        continue;
      }
      const last = this.rowsOfRows.next((this.row >>> ROW_BITS) + 1);
      // No row of it yet: that of row 0 is looked for with the others.
      this.row = last * ROW;
      this.tick = -1;
      this.spread(this.rowsOfRows.take(last));
    }
  }

  /** Places the events of a bucket anew. */
  private spread(first: number): void {
    const { words, numbers } = this;
    for (let slot = first; slot >= 0;) {
      const next = words[slot * WORDS + NEXT]!;
      this.place(slot, numbers[slot * NUMBERS + TIME]!);
      slot = next;
    }
  }

  private grow(): void {
    const { capacity } = this;
    if (capacity === MOST_PENDING) throw new RangeError(`more than ${MOST_PENDING} events wait`);
    const larger = capacity * 2;
    const words = new Int32Array(WORDS * larger);
    words.set(this.words);
    this.words = words;
    this.numbers = new Float64Array(words.buffer);
    // All of the old slots are taken: the free ones are the new ones.
    this.freeSlots = new Int32Array(larger).map((_, i) => larger - 1 - i);
    this.capacity = larger;
  }

  /** The waiting events get numbers from 0 on, in their order. */
  private renumber(): void {
    const { numbers, heap } = this;
    const sequenceAt = (slot: number): number => slot * NUMBERS + SEQUENCE;
    const free = new Set(this.freeSlots.subarray(0, this.capacity - this.count));
    const slots = Array.from({ length: this.capacity }, (_, i) => i).filter((slot) => !free.has(slot));
    slots.sort((x, y) => numbers[sequenceAt(x)]! - numbers[sequenceAt(y)]!);
    slots.forEach((slot, i) => {
      numbers[sequenceAt(slot)] = i;
    });
    heap.mapKeys((key) => numbers[sequenceAt(slotOf(key))]! * MOST_PENDING + slotOf(key));
    this.sequence = this.count;
  }
}

/** The slot in a key of the heap. The remainder, without the division that `%` is for numbers beyond 32 bits. */
function slotOf(key: number): number {
  return key - Math.floor(key / MOST_PENDING) * MOST_PENDING;
}
