/**
 * A window: the packets that are on their way through the workers together, one vector for each worker.
 * The main thread fills a window in input order, hands its vectors out, and walks it in that order again
 * when all are done; so outputs follow the input whatever the number of workers and the distribution.
 */
import { HEADROOM, type PacketPool } from '../dataplane/packet-pool.js';
import { EXTRA_SIZE, PacketVector, VECTOR_SIZE, type VectorRegion } from '../dataplane/packet-vector.js';
import type { CopyKernel } from '../device/byte-copier.js';
import { FramePlacer, MAXIMUM_FRAME_BYTES } from '../device/frame-placer.js';
import type { MergedInputs } from './inputs.js';

/** Bytes by which a fragment may grow: IP options, outer header, GRE, link header, made Ethernet header. */
const FRAGMENT_GROWTH = 256;

/** The longest IPv4 header, which every fragment repeats at the worst. */
const MAX_IPV4_HEADER = 60;

/**
 * What one packet may cost at the worst in extra packets and slots. Vectors are closed before their extra
 * room could run out, so that a packet's verdict never depends on which packets share its vector.
 */
export class ExtraBudget {
  /** A packet of up to this many bytes is never fragmented; all it can cause is one ICMP error. */
  readonly unfragmented: number;
  private readonly payload: number;
  private readonly stride: number;

  /** `smallestMtu`: the lowest tunnel MTU of the tables, in bytes. */
  constructor(pool: PacketPool, smallestMtu: number) {
    this.stride = pool.stride;
    // An ICMP error (at most 1,280 bytes and headers) takes one slot.
    this.unfragmented = smallestMtu;
    this.payload = Math.max(8, (smallestMtu - MAX_IPV4_HEADER) & ~7);
  }

  /** Extra packets that a frame of `length` bytes can lead to, at the most. */
  packets(length: number): number {
    return length <= this.unfragmented
      ? 1
      : 1 + Math.ceil(Math.min(length, MAXIMUM_FRAME_BYTES) / this.payload);
  }

  /** Pool slots that those extra packets take, at the most. */
  slots(length: number): number {
    if (length <= this.unfragmented) return 1;
    const packets = this.packets(length);
    // Twice the length: all slots are counted as if for the largest fragment, and the last may be small.
    const bytes = 2 * Math.min(length, MAXIMUM_FRAME_BYTES) + packets * (HEADROOM + FRAGMENT_GROWTH);
    return packets + Math.ceil(bytes / this.stride);
  }
}

export class Window {
  readonly vectors: readonly PacketVector[];
  /** Packets in all vectors together. */
  count = 0;

  /** For each packet in input order: the worker (index into `vectors`) that has it. */
  readonly order: Uint8Array;
  /** For each packet in input order: its time, seconds since 1970 and nanoseconds. */
  readonly seconds: Float64Array;
  readonly nanoseconds: Int32Array;
  /** For each packet in input order: its length on the wire in bytes, which may be more than was captured. */
  readonly originalLength: Float64Array;

  private readonly placers: readonly FramePlacer[];
  /** For each vector: extra packets and extra slots that its packets may need at the most. */
  private readonly extras: Int32Array;
  private readonly extraSlots: Int32Array;

  /**
   * `index`: the window's place in the ring. `copy` copies inside the pool. `keepsOrder`: whether somebody
   * will walk the window, so that order and times have to be kept.
   */
  constructor(
    readonly index: number,
    pool: PacketPool,
    regions: readonly VectorRegion[],
    copy: CopyKernel,
    private readonly budget: ExtraBudget,
    private readonly keepsOrder: boolean,
  ) {
    this.vectors = regions.map((region) => PacketVector.create(pool, region));
    this.placers = this.vectors.map((vector) => new FramePlacer(pool, vector, copy));
    const workers = regions.length;
    const size = keepsOrder ? workers * VECTOR_SIZE : 0;
    this.order = new Uint8Array(size);
    this.seconds = new Float64Array(size);
    this.nanoseconds = new Int32Array(size);
    this.originalLength = new Float64Array(size);
    this.extras = new Int32Array(workers);
    this.extraSlots = new Int32Array(workers);
  }

  /** Empties the window for its next use. */
  reset(): void {
    this.count = 0;
    this.extras.fill(0);
    this.extraSlots.fill(0);
    for (const placer of this.placers) placer.begin();
  }

  /**
   * Takes the packet at which the inputs stand into a worker's vector. False, and nothing changed, when it
   * does not fit any more; an empty vector takes any packet.
   */
  add(inputs: MergedInputs, worker: number): boolean {
    const { reader } = inputs;
    const { length } = reader;
    const extras = this.extras[worker]! + this.budget.packets(length);
    const extraSlots = this.extraSlots[worker]! + this.budget.slots(length);
    const vector = this.vectors[worker]!;
    if ((extras > EXTRA_SIZE || extraSlots > vector.region.extraSlots) && vector.count > 0) return false;
    if (!this.placers[worker]!.place(reader.data, reader.position, length, reader.linkType, inputs.side))
      return false;
    this.extras[worker] = extras;
    this.extraSlots[worker] = extraSlots;
    if (this.keepsOrder) {
      const place = this.count;
      this.order[place] = worker;
      this.seconds[place] = inputs.seconds;
      this.nanoseconds[place] = inputs.nanoseconds;
      this.originalLength[place] = reader.originalLength;
    }
    this.count++;
    return true;
  }
}
