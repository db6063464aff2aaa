/**
 * The packets that are on their way: raw IP packets (no link header) in the slots of one PacketPool, known by
 * number. Who holds a packet sends it on, or ends it (World.drop, arrive, replace).
 */
import { PacketPool, HEADROOM } from '../../dataplane/packet-pool.js';
import { EXTRA_SIZE, PacketVector, VECTOR_SIZE } from '../../dataplane/packet-vector.js';
import { payloadKernels, type PayloadKernels } from '../../wire/payload.js';
import { writeFrame, type FrameSpec } from '../../wire/build.js';
import { LONGEST_IP } from '../../wire/protocol.js';

export interface PacketsOptions {
  /** Packets that may be on their way at a time. Default 131,072 (264 MB, of which only used ones cost memory). */
  readonly capacity?: number;
  /** Among those, how many longer than `SLOT_BYTES`, up to 65,535 bytes. Default 256. */
  readonly large?: number;
}

/** Bytes of the longest packet that an ordinary slot takes, and of one that a small slot does. */
export const SLOT_BYTES = 1920;
export const SMALL_BYTES = 576;

/** Bytes at `pool.stagingOffset` that traffic has for the pattern of its payloads. */
export const PATTERN_BYTES = 131_072;

const DEFAULT_CAPACITY = 131_072;
const DEFAULT_LARGE = 256;
/** Headroom, and the longest packet; whole cache lines, an odd number of them but for the large ones. */
const STRIDE = 2112;
const SMALL_STRIDE = 704;
const LARGE_STRIDE = 65_792;

/** More packets on their way than the store has room for. */
export class PacketsFull extends Error {
  constructor(capacity: number, kind: string) {
    super(
      `${capacity} ${kind} are on their way already: too much traffic for this memory, or packets that a node keeps`,
    );
    this.name = 'PacketsFull';
  }
}

export class Packets {
  readonly pool: PacketPool;
  readonly bytes: Uint8Array;
  /** Copies and sums over the pool's memory. */
  readonly kernels: PayloadKernels;
  /** Offset in `bytes` of the packet's first byte, and its bytes. Whoever holds the packet may change both. */
  readonly start: Int32Array;
  readonly length: Int32Array;
  /** Number of the recorder's flow that it belongs to, −1: none. */
  readonly flow: Int32Array;
  /** Virtual time at which it was sent by its source. */
  readonly born: Float64Array;
  /** Packets taken and given back since the beginning. */
  taken = 0;
  freed = 0;
  /**
   * Packets by number: ordinary ones, then large ones, then small ones. Of ordinary and small ones there may be
   * `ordinary` together: small ones lie closer, so that many packets on their way need fewer pages of memory.
   */
  private readonly ordinary: number;
  private readonly large: number;
  private readonly firstSmall: number;
  /** First bytes of large and small slots. */
  private readonly largeOffset: number;
  private readonly smallOffset: number;
  /** Numbers of free slots, a stack for each kind. */
  private readonly freeOrdinary: Int32Array;
  private readonly freeLarge: Int32Array;
  private readonly freeSmall: Int32Array;
  private freeCount: number;
  private freeLargeCount: number;
  private freeSmallCount: number;
  private readonly inUse: Uint8Array;

  constructor(options: PacketsOptions = {}) {
    const { capacity = DEFAULT_CAPACITY, large = DEFAULT_LARGE } = options;
    this.ordinary = capacity;
    this.large = large;
    this.firstSmall = capacity + large;
    const total = this.firstSmall + capacity;
    // Offsets are 32-bit numbers with a sign.
    if ((capacity + EXTRA_SIZE) * STRIDE + capacity * SMALL_STRIDE + large * LARGE_STRIDE > 0x7fff_ffff) {
      throw new RangeError(`${capacity} packets and ${large} long ones do not fit in 2 GB`);
    }
    this.pool = PacketPool.create({
      // Behind the packets the places for those that the pipeline makes.
      slots: capacity + EXTRA_SIZE,
      slotBytes: SLOT_BYTES,
      stagingBytes: PATTERN_BYTES + large * LARGE_STRIDE + capacity * SMALL_STRIDE,
      vectors: 1,
    });
    this.largeOffset = this.pool.stagingOffset + PATTERN_BYTES;
    this.smallOffset = this.largeOffset + large * LARGE_STRIDE;
    this.bytes = this.pool.bytes;
    this.kernels = payloadKernels(this.pool.memory);
    this.start = new Int32Array(total);
    this.length = new Int32Array(total);
    this.flow = new Int32Array(total);
    this.born = new Float64Array(total);
    this.inUse = new Uint8Array(total);
    this.freeOrdinary = new Int32Array(capacity).map((_, i) => capacity - 1 - i);
    this.freeLarge = new Int32Array(large).map((_, i) => this.firstSmall - 1 - i);
    this.freeSmall = new Int32Array(capacity).map((_, i) => total - 1 - i);
    this.freeCount = capacity;
    this.freeLargeCount = large;
    this.freeSmallCount = capacity;
  }

  get inFlight(): number {
    return this.taken - this.freed;
  }

  /**
   * A new packet, of no flow, born at 0; length 0, at a 4-aligned place with 128 bytes free in front.
   *
   * @param room bytes that it will have, encapsulation in front not counted; up to 65,535
   * @throws PacketsFull
   */
  take(room = SLOT_BYTES): number {
    const packet =
      room <= SMALL_BYTES
        ? this.takeSmall()
        : room <= SLOT_BYTES
          ? this.takeOrdinary()
          : this.takeLarge(room);
    this.length[packet] = 0;
    this.flow[packet] = -1;
    this.born[packet] = 0;
    this.inUse[packet] = 1;
    this.taken++;
    return packet;
  }

  /** A new packet with the bytes of this description (its link must be raw). @throws PacketsFull */
  build(spec: FrameSpec): number {
    const packet = this.take(roomFor(spec));
    this.length[packet] = writeFrame(this.bytes, this.start[packet]!, spec);
    return packet;
  }

  /** A new packet with these bytes. @throws PacketsFull */
  put(from: Uint8Array, offset: number, length: number): number {
    const packet = this.take(length);
    this.bytes.set(from.subarray(offset, offset + length), this.start[packet]);
    this.length[packet] = length;
    return packet;
  }

  /** A new packet with the bytes, flow and birth of another one. @throws PacketsFull */
  copy(packet: number): number {
    return this.copyOf(packet, this.start[packet]!, this.length[packet]!);
  }

  /**
   * A new packet with the flow and birth of another one and `length` bytes of the pool's memory at `offset`.
   *
   * @throws PacketsFull
   */
  copyOf(parent: number, offset: number, length: number): number {
    const packet = this.take(length);
    this.kernels.copy(this.start[packet]!, offset, length);
    this.length[packet] = length;
    this.flow[packet] = this.flow[parent]!;
    this.born[packet] = this.born[parent]!;
    return packet;
  }

  /** Gives the slot back. To end a packet, see World. @throws RangeError when the packet was given back before */
  free(packet: number): void {
    if (this.inUse[packet] !== 1) throw new RangeError(`packet ${packet} is not on its way`);
    this.inUse[packet] = 0;
    this.freed++;
    if (packet < this.ordinary) this.freeOrdinary[this.freeCount++] = packet;
    else if (packet >= this.firstSmall) this.freeSmall[this.freeSmallCount++] = packet;
    else this.freeLarge[this.freeLargeCount++] = packet;
  }

  /** Bytes free in front of the packet, for headers to be put there. */
  headroom(packet: number): number {
    return this.start[packet]! - this.slotOf(packet);
  }

  /** Bytes that the packet may have from its start on. */
  room(packet: number): number {
    const stride =
      packet < this.ordinary ? this.pool.stride : packet < this.firstSmall ? LARGE_STRIDE : SMALL_STRIDE;
    return this.slotOf(packet) + stride - this.start[packet]!;
  }

  /** The vector for the pipeline over these packets; one only. */
  createVector(): PacketVector {
    return PacketVector.create(this.pool, {
      firstSlot: 0,
      slots: VECTOR_SIZE,
      firstExtraSlot: this.ordinary,
      extraSlots: EXTRA_SIZE,
    });
  }

  private takeOrdinary(): number {
    if (this.freeCount + this.freeSmallCount === this.ordinary) this.refuse();
    const packet = this.freeOrdinary[--this.freeCount]!;
    this.start[packet] = packet * this.pool.stride + HEADROOM;
    return packet;
  }

  private takeSmall(): number {
    if (this.freeCount + this.freeSmallCount === this.ordinary) this.refuse();
    const packet = this.freeSmall[--this.freeSmallCount]!;
    this.start[packet] = this.smallOffset + (packet - this.firstSmall) * SMALL_STRIDE + HEADROOM;
    return packet;
  }

  private refuse(): never {
    throw new PacketsFull(this.ordinary, 'packets');
  }

  private takeLarge(room: number): number {
    if (!(room <= LONGEST_IP)) throw new RangeError(`a packet of ${room} bytes`);
    if (this.freeLargeCount === 0) {
      throw new PacketsFull(this.large, `packets of more than ${SLOT_BYTES} bytes`);
    }
    const packet = this.freeLarge[--this.freeLargeCount]!;
    this.start[packet] = this.slotOf(packet) + HEADROOM;
    return packet;
  }

  private slotOf(packet: number): number {
    if (packet < this.ordinary) return packet * this.pool.stride;
    return packet < this.firstSmall
      ? this.largeOffset + (packet - this.ordinary) * LARGE_STRIDE
      : this.smallOffset + (packet - this.firstSmall) * SMALL_STRIDE;
  }
}

/** Longest headers of one packet: IP with extension headers, GRE, TCP with options. */
const HEADERS = 384;

/** Bytes that are enough for this packet. */
function roomFor({ payload = 0, inner, padding = 0 }: FrameSpec): number {
  const data = typeof payload === 'number' ? payload : payload.length;
  const room = HEADERS + data + padding + (inner === undefined ? 0 : roomFor(inner));
  return Math.min(room, LONGEST_IP);
}
