/**
 * PacketVector: up to 256 packets as a struct of arrays over shared memory. A device fills the first
 * group of arrays, the pipeline fills the second, the next device reads them. Nothing is allocated per
 * packet; one vector is written by one thread at a time (whoever holds it).
 */

/** Packets in a full vector. */
export const VECTOR_SIZE = 256;

/** Extra packets (fragments, ICMP errors) that one vector can give birth to. */
export const EXTRA_SIZE = 2048;

/** Where a packet comes from or goes to. */
export const Side = { UNDERLAY: 0, OVERLAY: 1 } as const;

const HEADER_WORDS = 16;
const PER_PACKET_ARRAYS = 10;
const PER_EXTRA_ARRAYS = 5;
const WORDS = HEADER_WORDS + PER_PACKET_ARRAYS * VECTOR_SIZE + PER_EXTRA_ARRAYS * EXTRA_SIZE;

/** The slots of a pool that belong to one vector. */
export interface VectorRegion {
  /** First slot for received packets. */
  firstSlot: number;
  /** Number of slots for received packets. */
  slots: number;
  /** First slot for packets that the pipeline makes (fragments, ICMP errors). */
  firstExtraSlot: number;
  extraSlots: number;
}

export interface SharedPacketVector {
  memory: SharedArrayBuffer;
  region: VectorRegion;
}

export class PacketVector {
  readonly region: VectorRegion;
  private readonly memory: SharedArrayBuffer;
  private readonly header: Int32Array;

  // Filled by whoever receives.
  /** Byte offset in the pool of the frame's first byte (link header included). */
  readonly offset: Int32Array;
  /** Bytes of the frame that are there. */
  readonly length: Int32Array;
  /** LINKTYPE_ number of the frame. */
  readonly link: Int32Array;
  /** Side.UNDERLAY or Side.OVERLAY. */
  readonly side: Int32Array;

  // Filled by the pipeline.
  /** Verdict number (verdicts.ts). */
  readonly verdict: Int32Array;
  /** Tunnel that the packet came out of, or −1. */
  readonly tunnelIn: Int32Array;
  /** Tunnel that the packet went into, or −1. */
  readonly tunnelOut: Int32Array;
  /** Byte offset of the frame to send. */
  readonly outOffset: Int32Array;
  /** Bytes to send; 0 when the packet was dropped or left as fragments. */
  readonly outLength: Int32Array;
  /** LINKTYPE_ number of the frame to send. */
  readonly outLink: Int32Array;

  /** For each extra packet, in the order of the packets they stem from: index of that packet. */
  readonly extraParent: Int32Array;
  readonly extraOffset: Int32Array;
  readonly extraLength: Int32Array;
  readonly extraLink: Int32Array;
  /** Side on which the extra packet leaves. */
  readonly extraSide: Int32Array;

  private constructor(shared: SharedPacketVector) {
    this.memory = shared.memory;
    this.region = shared.region;
    this.header = new Int32Array(shared.memory, 0, HEADER_WORDS);
    let at = HEADER_WORDS * 4;
    const take = (size: number): Int32Array => {
      const view = new Int32Array(shared.memory, at, size);
      at += size * 4;
      return view;
    };
    this.offset = take(VECTOR_SIZE);
    this.length = take(VECTOR_SIZE);
    this.link = take(VECTOR_SIZE);
    this.side = take(VECTOR_SIZE);
    this.verdict = take(VECTOR_SIZE);
    this.tunnelIn = take(VECTOR_SIZE);
    this.tunnelOut = take(VECTOR_SIZE);
    this.outOffset = take(VECTOR_SIZE);
    this.outLength = take(VECTOR_SIZE);
    this.outLink = take(VECTOR_SIZE);
    this.extraParent = take(EXTRA_SIZE);
    this.extraOffset = take(EXTRA_SIZE);
    this.extraLength = take(EXTRA_SIZE);
    this.extraLink = take(EXTRA_SIZE);
    this.extraSide = take(EXTRA_SIZE);
  }

  static create(region: VectorRegion): PacketVector {
    return new PacketVector({ memory: new SharedArrayBuffer(WORDS * 4), region });
  }

  static open(shared: SharedPacketVector): PacketVector {
    return new PacketVector(shared);
  }

  share(): SharedPacketVector {
    return { memory: this.memory, region: this.region };
  }

  /** Packets in the vector, 0 to VECTOR_SIZE. */
  get count(): number {
    return this.header[0]!;
  }
  set count(value: number) {
    this.header[0] = value;
  }

  /** Extra packets that the pipeline made. */
  get extraCount(): number {
    return this.header[1]!;
  }
  set extraCount(value: number) {
    this.header[1] = value;
  }

  /** Slots of the region's extra part in use; the pipeline starts each run at 0. */
  get extraSlotsUsed(): number {
    return this.header[2]!;
  }
  set extraSlotsUsed(value: number) {
    this.header[2] = value;
  }

  /**
   * The word through which a vector is handed from thread to thread (Atomics.wait and notify):
   * its values belong to whoever runs the threads.
   */
  get handover(): Int32Array {
    return this.header.subarray(8, 9);
  }
}

/** Slots that one vector needs for received packets and for extras, with one packet a slot. */
export const VECTOR_SLOTS = VECTOR_SIZE;
export const VECTOR_EXTRA_SLOTS = EXTRA_SIZE;

/** Number of pool slots that `count` vectors need, and their regions. */
export function vectorRegions(count: number): { slots: number; regions: VectorRegion[] } {
  const each = VECTOR_SLOTS + VECTOR_EXTRA_SLOTS;
  const regions = Array.from({ length: count }, (_, i) => ({
    firstSlot: i * each,
    slots: VECTOR_SLOTS,
    firstExtraSlot: i * each + VECTOR_SLOTS,
    extraSlots: VECTOR_EXTRA_SLOTS,
  }));
  return { slots: count * each, regions };
}
