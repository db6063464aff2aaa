/**
 * PacketVector: up to 256 packets as a struct of arrays in the memory of their pool. A device fills the first
 * group of arrays, the pipeline fills the second, the next device reads them. Nothing is allocated per
 * packet; one vector is written by one thread at a time (whoever holds it).
 */

import type { PacketPool } from './packet-pool.js';
import { EXTRA_SIZE, VECTOR_SIZE, VectorField } from './vector-layout.js';
import { FIRST_DROP, Verdict } from './verdicts.js';

export { EXTRA_SIZE, VECTOR_SIZE } from './vector-layout.js';

/** Where a packet comes from or goes to. */
export const Side = { UNDERLAY: 0, OVERLAY: 1 } as const;

const INTERCONNECT = 2;
const INTERCONNECT_SHIFT = 2;

/**
 * Side of a packet that comes in over a plain next hop (a circuit without encapsulation): on the underlay, and
 * out of that next hop.
 *
 * @param nexthop index of the plain next hop among the tunnels
 */
export function interconnectSide(nexthop: number): number {
  return (nexthop << INTERCONNECT_SHIFT) | INTERCONNECT;
}

/** The plain next hop over which a packet with this `side` came in, or −1. */
export function interconnectOf(side: number): number {
  return (side & INTERCONNECT) === 0 ? -1 : side >>> INTERCONNECT_SHIFT;
}

/** Side.UNDERLAY or OVERLAY, for any value of `side`. */
export function sideOf(side: number): number {
  return side & 1;
}

const DELIVERED_OVERLAY = Verdict.delivered_overlay;
const DELIVERED_UNDERLAY = Verdict.delivered_underlay;

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

/** What another thread needs to open a vector of a pool that it has open. */
export interface SharedPacketVector {
  /** First word of the vector in the pool. */
  base: number;
  region: VectorRegion;
}

export class PacketVector {
  readonly region: VectorRegion;
  /** First word of the vector in its pool; its fields lie behind as vector-layout.ts says. */
  readonly base: number;
  private readonly header: Int32Array;
  private readonly bytes: Uint8Array;

  // Filled by whoever receives.
  /** Byte offset in the pool of the frame's first byte (link header included). */
  readonly offset: Int32Array;
  /** Bytes of the frame that are there. */
  readonly length: Int32Array;
  /** LINKTYPE_ number of the frame. */
  readonly link: Int32Array;
  /** Side.UNDERLAY, Side.OVERLAY, or interconnectSide(…). */
  readonly side: Int32Array;
  /**
   * Packets whose last bytes (their body) are not with the rest, as what is cut from a large segment: where they are in
   * the pool, and how many, 0 for none. `length` counts them, and there is room for them. Meant only while `bodies`
   * is not 0. Their headers are all there: what needs more calls `complete` first.
   *
   * Of large segments (`large`), which are in one piece: where the payload begins, and how much of it each packet gets.
   */
  readonly bodyOffset: Int32Array;
  readonly bodyLength: Int32Array;
  /** Next hop to which a packet is pinned, or −1; to be read only while `isPinned`, written by `pinTo`. */
  readonly pin: Int32Array;

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
  /** Tunnel or plain next hop that it leaves through, or −1: plain, to where the packet came from. */
  readonly extraTunnel: Int32Array;

  private constructor(pool: PacketPool, shared: SharedPacketVector) {
    const { base, region } = shared;
    const view = (field: number, size: number): Int32Array =>
      new Int32Array(pool.buffer, (base + field) * 4, size);
    this.region = region;
    this.base = base;
    this.header = view(0, VectorField.OFFSET);
    this.bytes = pool.bytes;
    this.offset = view(VectorField.OFFSET, VECTOR_SIZE);
    this.length = view(VectorField.LENGTH, VECTOR_SIZE);
    this.link = view(VectorField.LINK, VECTOR_SIZE);
    this.side = view(VectorField.SIDE, VECTOR_SIZE);
    this.bodyOffset = view(VectorField.BODY_OFFSET, VECTOR_SIZE);
    this.bodyLength = view(VectorField.BODY_LENGTH, VECTOR_SIZE);
    this.pin = view(VectorField.PIN, VECTOR_SIZE);
    this.verdict = view(VectorField.VERDICT, VECTOR_SIZE);
    this.tunnelIn = view(VectorField.TUNNEL_IN, VECTOR_SIZE);
    this.tunnelOut = view(VectorField.TUNNEL_OUT, VECTOR_SIZE);
    this.outOffset = view(VectorField.OUT_OFFSET, VECTOR_SIZE);
    this.outLength = view(VectorField.OUT_LENGTH, VECTOR_SIZE);
    this.outLink = view(VectorField.OUT_LINK, VECTOR_SIZE);
    this.extraParent = view(VectorField.EXTRA_PARENT, EXTRA_SIZE);
    this.extraOffset = view(VectorField.EXTRA_OFFSET, EXTRA_SIZE);
    this.extraLength = view(VectorField.EXTRA_LENGTH, EXTRA_SIZE);
    this.extraLink = view(VectorField.EXTRA_LINK, EXTRA_SIZE);
    this.extraSide = view(VectorField.EXTRA_SIDE, EXTRA_SIZE);
    this.extraTunnel = view(VectorField.EXTRA_TUNNEL, EXTRA_SIZE);
  }

  /**
   * A new vector over these slots, in the pool's memory.
   *
   * @throws RangeError when the pool has no room for one more (PacketPoolOptions.vectors)
   */
  static create(pool: PacketPool, region: VectorRegion): PacketVector {
    return new PacketVector(pool, { base: pool.takeVector(), region });
  }

  /** Opens a vector made by another thread over the same pool. */
  static open(pool: PacketPool, shared: SharedPacketVector): PacketVector {
    return new PacketVector(pool, shared);
  }

  share(): SharedPacketVector {
    return { base: this.base, region: this.region };
  }

  /** Packets in the vector, 0 to VECTOR_SIZE. */
  get count(): number {
    return this.header[VectorField.COUNT]!;
  }
  set count(value: number) {
    this.header[VectorField.COUNT] = value;
  }

  /** Not 0: some packets may have a body elsewhere. For whoever receives to set. */
  get bodies(): number {
    return this.header[VectorField.BODIES]!;
  }
  set bodies(value: number) {
    this.header[VectorField.BODIES] = value;
  }

  /** Puts packet `i` together, if its body is elsewhere. */
  complete(i: number): void {
    if (this.bodies === 0) return;
    const bytes = this.bodyLength[i]!;
    if (bytes === 0) return;
    const from = this.bodyOffset[i]!;
    this.bytes.copyWithin(this.offset[i]! + this.length[i]! - bytes, from, from + bytes);
    this.bodyLength[i] = 0;
  }

  /** Puts all packets together. */
  completeAll(): void {
    for (let i = 0; i < this.count; i++) this.complete(i);
    this.bodies = 0;
  }

  /**
   * Whether all packets of the vector are large segments, as the kernel hands them over, each for Pipeline.runLarge
   * and what it delivers for whoever cuts it (src/device/underlay/transmitter.ts). Raw IP; what the virtio-net
   * header said about them is true, the transport checksum is that of the pseudo header. For whoever receives to set,
   * and only where `takesLarge`.
   */
  get large(): boolean {
    return this.header[VectorField.LARGE] !== 0;
  }
  set large(value: boolean) {
    this.header[VectorField.LARGE] = value ? 1 : 0;
  }

  /** Whether whoever receives may put large segments into the vector. */
  get takesLarge(): boolean {
    return this.header[VectorField.TAKES_LARGE] !== 0;
  }
  set takesLarge(value: boolean) {
    this.header[VectorField.TAKES_LARGE] = value ? 1 : 0;
  }

  /** Large segments, the last of those received, that are to be cut before they come again; set to 0 when they are. */
  get refused(): number {
    return this.header[VectorField.REFUSED]!;
  }
  set refused(value: number) {
    this.header[VectorField.REFUSED] = value;
  }

  /** Packets that large segment `i` consists of. */
  segments(i: number): number {
    const payload = this.offset[i]! + this.length[i]! - this.bodyOffset[i]!;
    return Math.ceil(payload / this.bodyLength[i]!);
  }

  /** Whether the pipeline has put anything out on this side, extra packets included; it may also say so of nothing. */
  leavesOn(side: number): boolean {
    return ((this.header[VectorField.LEAVES]! >>> side) & 1) !== 0;
  }

  /** For the pipeline: everything in the vector, if anything, leaves on this side. */
  leaveOn(side: number): void {
    this.header[VectorField.LEAVES] = this.count > 0 ? 1 << side : 0;
  }

  /** Extra packets that the pipeline made. */
  get extraCount(): number {
    return this.header[VectorField.EXTRA_COUNT]!;
  }
  set extraCount(value: number) {
    this.header[VectorField.EXTRA_COUNT] = value;
  }

  /** Slots of the region's extra part in use; the pipeline starts each run at 0. */
  get extraSlotsUsed(): number {
    return this.header[VectorField.EXTRA_SLOTS_USED]!;
  }
  set extraSlotsUsed(value: number) {
    this.header[VectorField.EXTRA_SLOTS_USED] = value;
  }

  /** Row of the next-hop groups by which the vector is routed, below Tables.views; 0 unless somebody sets it. */
  get view(): number {
    return this.header[VectorField.VIEW]!;
  }
  set view(value: number) {
    this.header[VectorField.VIEW] = value;
  }

  /** Whether a packet of the next run is pinned to a next hop. */
  get isPinned(): boolean {
    return this.header[VectorField.PINNED] !== 0;
  }

  /**
   * Has packet `i` leave through this tunnel or plain next hop, whatever the routes say, in the next run and in no
   * other. A packet for one of our own addresses stays with us, unless it comes from the overlay.
   *
   * @param nexthop index below the number of tunnels
   */
  pinTo(i: number, nexthop: number): void {
    if (!this.isPinned) {
      this.pin.fill(-1);
      this.header[VectorField.PINNED] = 1;
    }
    this.pin[i] = nexthop;
  }

  /** Forgets all pins. The pipeline does so at the end of each run. */
  unpin(): void {
    this.header[VectorField.PINNED] = 0;
  }

  /**
   * Side on which packet `i` leaves, once the pipeline has run: Side.UNDERLAY or OVERLAY, or −1 when nothing of
   * it is sent (dropped, or left as extra packets).
   */
  outSide(i: number): number {
    const verdict = this.verdict[i]!;
    if (this.outLength[i] === 0 || verdict >= FIRST_DROP) return -1;
    if (verdict === DELIVERED_OVERLAY) return Side.OVERLAY;
    // What is answered goes back to where it came from.
    return verdict === DELIVERED_UNDERLAY ? Side.UNDERLAY : sideOf(this.side[i]!);
  }

  /**
   * The word through which a vector is handed from thread to thread (Atomics.wait and notify):
   * its values belong to whoever runs the threads.
   */
  get handover(): Int32Array {
    return this.header.subarray(VectorField.HANDOVER, VectorField.HANDOVER + 1);
  }
}

/** Slots that one vector needs for received packets and for extras, with one packet a slot. */
export const VECTOR_SLOTS = VECTOR_SIZE;
export const VECTOR_EXTRA_SLOTS = EXTRA_SIZE;

/** What a pool for `count` vectors needs (options of PacketPool.create), and the regions of the vectors. */
export function vectorRegions(count: number): { slots: number; vectors: number; regions: VectorRegion[] } {
  const each = VECTOR_SLOTS + VECTOR_EXTRA_SLOTS;
  const regions = Array.from({ length: count }, (_, i) => ({
    firstSlot: i * each,
    slots: VECTOR_SLOTS,
    firstExtraSlot: i * each + VECTOR_SLOTS,
    extraSlots: VECTOR_EXTRA_SLOTS,
  }));
  return { slots: count * each, vectors: count, regions };
}
