/**
 * A pool for one vector with canaries: all memory that no packet of the vector owns holds a pattern, and
 * the check finds any byte of it that changed. A packet owns the slots that its frame takes; the pipeline
 * owns the extra slots that it says are in use.
 */
import { frameAlignment } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import {
  interconnectOf,
  interconnectSide,
  PacketVector,
  Side,
  sideOf,
  VECTOR_SIZE,
} from '../../src/dataplane/packet-vector.js';
import { VECTOR_WORDS } from '../../src/dataplane/vector-layout.js';
import { FIRST_DROP, verdictEntry } from '../../src/dataplane/verdicts.js';
import type { Frame, Sent, SideName } from '../oracle/outcome.js';
import type { Observed } from '../oracle/observed.js';
import type { Prng } from './prng.js';

const GUARD_SLOTS = 2;
/** Unused extra slots beside the used ones that every check looks at. */
const NEAR_SLOTS = 32;
const STAGING_BYTES = 8192;

export interface ArenaOptions {
  /** Slots for received frames. */
  slots?: number;
  extraSlots?: number;
  /** Take frames whose fragments and ICMP errors may not find room in the extra slots. */
  starving?: boolean;
}

/** No generated tunnel cuts packets that are not longer than this, nor into payloads shorter than 512 bytes. */
const LEAST_MTU = 576;
const LEAST_FRAGMENT = 512;

const SIDES: readonly SideName[] = ['underlay', 'overlay'];

export class Arena {
  readonly pool: PacketPool;
  readonly vector: PacketVector;
  private readonly memory: Buffer;
  private readonly pattern: Buffer;
  /** Slots whose pattern may be gone. */
  private readonly dirty: Uint8Array;
  /** Slots owned by frames of the current vector. */
  private readonly owned: Uint8Array;
  private nextSlot = 0;
  /** Extra slots that the vector's packets need at the worst. */
  private extrasNeeded = 0;
  readonly isStarving: boolean;
  private readonly firstSlot = GUARD_SLOTS;
  private readonly endSlot: number;
  private readonly firstExtra: number;
  private readonly endExtra: number;
  private readonly vectorEnd: number;
  /** The received side of the vector, which nobody may change. */
  private readonly received = new Int32Array(4 * VECTOR_SIZE);

  constructor(prng: Prng, options: ArenaOptions = {}) {
    const slots = options.slots ?? 512;
    const extraSlots = options.extraSlots ?? 1024;
    this.isStarving = options.starving ?? false;
    this.endSlot = this.firstSlot + slots;
    this.firstExtra = this.endSlot + GUARD_SLOTS;
    this.endExtra = this.firstExtra + extraSlots;
    this.pool = PacketPool.create({ slots: this.endExtra + GUARD_SLOTS, stagingBytes: STAGING_BYTES });
    this.vector = PacketVector.create(this.pool, {
      firstSlot: this.firstSlot,
      slots,
      firstExtraSlot: this.firstExtra,
      extraSlots,
    });
    this.memory = Buffer.from(this.pool.buffer);
    this.pattern = Buffer.from(prng.bytes(this.pool.buffer.byteLength));
    this.vectorEnd = this.pool.vectorsOffset + VECTOR_WORDS * 4;
    this.pattern.copy(this.memory, 0, 0, this.pool.vectorsOffset);
    this.pattern.copy(this.memory, this.vectorEnd, this.vectorEnd);
    this.dirty = new Uint8Array(this.pool.slots);
    this.owned = new Uint8Array(this.pool.slots);
  }

  private get extraSlots(): number {
    return this.endExtra - this.firstExtra;
  }

  /** Slots for an ICMP error or for all fragments of a frame. */
  private extrasFor(length: number): number {
    if (length <= LEAST_MTU) return 1;
    return Math.ceil(length / LEAST_FRAGMENT) + this.pool.slotsFor(length);
  }

  /** Starts a new vector. */
  begin(): void {
    this.vector.count = 0;
    this.nextSlot = this.firstSlot;
    this.extrasNeeded = 0;
    this.owned.fill(0);
    this.vector.unpin();
    this.vector.view = 0;
  }

  /**
   * Puts a frame into the next slots; false when the vector, its slots or its extra slots are full.
   *
   * @param way the plain next hop over which it comes, and the one to which it is pinned
   */
  place(
    bytes: Uint8Array,
    length: number,
    link: number,
    isOverlay: boolean,
    way: Pick<Frame, 'over' | 'pin'> = {},
  ): boolean {
    const vector = this.vector;
    const count = vector.count;
    const slots = this.pool.slotsFor(length);
    if (count === VECTOR_SIZE || this.nextSlot + slots > this.endSlot) return false;
    const extras = this.extrasFor(length);
    if (!this.isStarving && this.extrasNeeded + extras > this.extraSlots) return false;
    this.extrasNeeded += extras;
    const offset = this.pool.frameOffset(this.nextSlot, frameAlignment(link));
    this.memory.set(length === bytes.length ? bytes : bytes.subarray(0, length), offset);
    for (let i = 0; i < slots; i++) {
      this.owned[this.nextSlot + i] = 1;
      this.dirty[this.nextSlot + i] = 1;
    }
    this.nextSlot += slots;
    vector.offset[count] = offset;
    vector.length[count] = length;
    vector.link[count] = link;
    const underlay = way.over === undefined ? Side.UNDERLAY : interconnectSide(way.over);
    vector.side[count] = isOverlay ? Side.OVERLAY : underlay;
    if (way.pin !== undefined) vector.pinTo(count, way.pin);
    vector.count = count + 1;
    return true;
  }

  /** Leaves a slot unused. */
  skip(): void {
    if (this.nextSlot < this.endSlot) this.nextSlot++;
  }

  /** Restores the pattern wherever a former vector left something else. */
  seal(): void {
    const stride = this.pool.stride;
    for (let slot = 0; slot < this.pool.slots; slot++) {
      if (this.dirty[slot] === 0 || this.owned[slot] === 1) continue;
      this.pattern.copy(this.memory, slot * stride, slot * stride, (slot + 1) * stride);
      this.dirty[slot] = 0;
    }
    this.received.set(this.receivedNow());
  }

  private receivedNow(): Int32Array {
    const { offset, length, link, side } = this.vector;
    const now = new Int32Array(4 * VECTOR_SIZE);
    [offset, length, link, side].forEach((list, i) => {
      now.set(list, i * VECTOR_SIZE);
    });
    return now;
  }

  /**
   * After a run: everything that is wrong with memory and outputs. Without `full`, unused extra slots far
   * from the used ones are left to a later call.
   */
  check(full = true): string[] {
    const { vector, pool } = this;
    const used = vector.extraSlotsUsed;
    const complaints = this.checkMemory(full);
    if (used < 0 || used > this.extraSlots)
      complaints.push(`${used} extra slots in use of ${this.extraSlots}`);
    for (let i = 0; i < used; i++) this.dirty[this.firstExtra + i] = 1;
    const now = this.receivedNow();
    if (Buffer.compare(Buffer.from(now.buffer), Buffer.from(this.received.buffer)) !== 0) {
      complaints.push('the received part of the vector was changed');
    }
    for (let i = 0; i < vector.count; i++) this.checkOutput(i, complaints);
    let end = this.firstExtra * pool.stride;
    let parent = 0;
    for (let i = 0; i < vector.extraCount; i++) {
      const offset = vector.extraOffset[i]!;
      const length = vector.extraLength[i]!;
      if (offset < end || length <= 0 || offset + length > (this.firstExtra + used) * pool.stride) {
        complaints.push(`extra ${i} lies at ${offset}, ${length} bytes: outside of its slots`);
      }
      if (vector.extraParent[i]! < parent || vector.extraParent[i]! >= vector.count) {
        complaints.push(`extra ${i} has parent ${vector.extraParent[i]!}`);
      }
      end = offset + length;
      parent = vector.extraParent[i]!;
    }
    return complaints;
  }

  /** Compares all memory that nobody owns with the pattern. */
  checkMemory(full = true): string[] {
    const stride = this.pool.stride;
    const extrasEnd = this.firstExtra + this.vector.extraSlotsUsed;
    const complaints: string[] = [];
    let start = 0;
    const compare = (end: number): void => {
      if (start < end && this.memory.compare(this.pattern, start, end, start, end) !== 0) {
        complaints.push(this.describeDamage(start, end));
        this.pattern.copy(this.memory, start, start, end);
      }
    };
    for (let slot = 0; slot < this.pool.slots; slot++) {
      const isFree = this.owned[slot] === 0 && (slot < this.firstExtra || slot >= extrasEnd);
      const isFar = !full && slot >= extrasEnd + NEAR_SLOTS && slot < this.endExtra - NEAR_SLOTS;
      if (isFree && !isFar) continue;
      compare(slot * stride);
      start = (slot + 1) * stride;
    }
    // Between lies the vector itself, which the pipeline writes.
    compare(this.pool.vectorsOffset);
    start = this.vectorEnd;
    compare(this.memory.length);
    return complaints;
  }

  private describeDamage(start: number, end: number): string {
    let first = start;
    while (this.memory[first] === this.pattern[first]) first++;
    let last = end - 1;
    while (this.memory[last] === this.pattern[last]) last--;
    const slot = Math.floor(first / this.pool.stride);
    return `bytes ${first} to ${last} changed (slot ${slot} + ${first % this.pool.stride}), which no packet owns`;
  }

  private checkOutput(i: number, complaints: string[]): void {
    const { vector, pool } = this;
    const length = vector.outLength[i]!;
    const entry = verdictEntry(vector.verdict[i]!);
    if (entry === undefined) complaints.push(`packet ${i} has verdict number ${vector.verdict[i]!}`);
    else if (entry.number >= FIRST_DROP && length !== 0) {
      complaints.push(`packet ${i} was dropped (${entry.name}) and has ${length} bytes to send`);
    }
    if (length === 0) return;
    const slot = Math.floor(vector.offset[i]! / pool.stride);
    const end = (slot + pool.slotsFor(vector.length[i]!)) * pool.stride;
    const offset = vector.outOffset[i]!;
    if (length < 0 || offset < slot * pool.stride || offset + length > end) {
      complaints.push(`packet ${i} is to be sent from ${offset}, ${length} bytes: outside of its slots`);
    }
  }

  /** The frame as it was received; only before the run. */
  frame(i: number): Frame {
    const { vector } = this;
    const bytes = Uint8Array.from(
      this.memory.subarray(vector.offset[i], vector.offset[i]! + vector.length[i]!),
    );
    const over = interconnectOf(vector.side[i]!);
    const pin = vector.isPinned ? vector.pin[i]! : -1;
    return {
      side: SIDES[sideOf(vector.side[i]!)]!,
      link: vector.link[i]!,
      bytes,
      ...(over < 0 ? {} : { over }),
      ...(pin < 0 ? {} : { pin }),
    };
  }

  /** What the pipeline did with each packet. */
  observed(): Observed[] {
    const { vector } = this;
    const all: Observed[] = [];
    let extra = 0;
    const slice = (offset: number, length: number): Uint8Array =>
      Uint8Array.from(this.memory.subarray(offset, offset + length));
    for (let i = 0; i < vector.count; i++) {
      const entry = verdictEntry(vector.verdict[i]!);
      if (entry === undefined) throw new Error(`packet ${i} has verdict number ${vector.verdict[i]!}`);
      const outputs: Sent[] = [];
      if (vector.outLength[i]! > 0) {
        outputs.push({
          side: SIDES[vector.outSide(i)]!,
          through: vector.tunnelOut[i]!,
          link: vector.outLink[i]!,
          bytes: slice(vector.outOffset[i]!, vector.outLength[i]!),
        });
      }
      for (; extra < vector.extraCount && vector.extraParent[extra] === i; extra++) {
        outputs.push({
          side: SIDES[vector.extraSide[extra]!]!,
          through: vector.extraTunnel[extra]!,
          link: vector.extraLink[extra]!,
          bytes: slice(vector.extraOffset[extra]!, vector.extraLength[extra]!),
        });
      }
      all.push({
        verdict: entry.name as Observed['verdict'],
        tunnelIn: vector.tunnelIn[i]!,
        tunnelOut: vector.tunnelOut[i]!,
        outputs,
      });
    }
    return all;
  }
}
