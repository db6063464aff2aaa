/**
 * PacketPool: the one block of memory in which every packet lives, from the device that received it to
 * the device that sends it. Fixed slots, headroom before each packet: encapsulation writes in front,
 * decapsulation adds to an offset, payload bytes are not copied.
 *
 * The memory is a shared, fixed-size WebAssembly memory: workers see it as a plain SharedArrayBuffer,
 * and the WebAssembly kernels of src/wire (copy, whole-payload checksum) reach it without a copy.
 */
import { wasm, type WasmMemory } from '../wire/webassembly.js';
import { VECTOR_WORDS } from './vector-layout.js';

export const CACHE_LINE = 64;
const WASM_PAGE = 65_536;

/** Bytes kept free before a packet's first byte: room for link header, outer IPv6 and all GRE options. */
export const HEADROOM = 128;

/** Bytes a packet may have in a slot of the default size; a longer one takes several slots in a row. */
export const DEFAULT_SLOT_BYTES = 1920;

function endOfPackets(slots: number, stride: number, stagingBytes: number): number {
  return Math.ceil((slots * stride + stagingBytes) / CACHE_LINE) * CACHE_LINE;
}

export interface PacketPoolOptions {
  /** Number of slots, 1 and up. */
  slots: number;
  /** Bytes for packet data in each slot (headroom not counted). Default 1920. */
  slotBytes?: number;
  /** Bytes of plain memory behind the slots, for a device that reads files or rings into it. Default 0. */
  stagingBytes?: number;
  /** How many vectors may be made over this pool (PacketVector.create). Default 1. */
  vectors?: number;
}

/** What another thread needs to open the same pool: structured-cloneable, the memory is shared. */
export interface SharedPacketPool {
  memory: WasmMemory;
  slots: number;
  stride: number;
  stagingBytes: number;
  vectors: number;
}

export class PacketPool {
  readonly memory: WasmMemory;
  readonly buffer: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly slots: number;
  /** Bytes from one slot to the next: an odd number of cache lines, so that headers spread over all sets. */
  readonly stride: number;
  /** First byte of the staging area, or of nothing when there is none. */
  readonly stagingOffset: number;
  readonly stagingBytes: number;
  /** First byte behind slots and staging area, where the vectors lie. */
  readonly vectorsOffset: number;
  private readonly vectors: number;
  private vectorsTaken = 0;

  private constructor(shared: SharedPacketPool) {
    this.memory = shared.memory;
    this.buffer = shared.memory.buffer;
    this.bytes = new Uint8Array(this.buffer);
    this.words = new Int32Array(this.buffer);
    this.slots = shared.slots;
    this.stride = shared.stride;
    this.stagingOffset = shared.slots * shared.stride;
    this.stagingBytes = shared.stagingBytes;
    this.vectorsOffset = endOfPackets(shared.slots, shared.stride, shared.stagingBytes);
    this.vectors = shared.vectors;
  }

  /** Makes a new pool. Its pages cost real memory only once they are touched. */
  static create(options: PacketPoolOptions): PacketPool {
    const slotBytes = options.slotBytes ?? DEFAULT_SLOT_BYTES;
    const stagingBytes = options.stagingBytes ?? 0;
    const lines = Math.ceil((HEADROOM + slotBytes) / CACHE_LINE);
    const stride = (lines | 1) * CACHE_LINE;
    const vectors = options.vectors ?? 1;
    const bytes = endOfPackets(options.slots, stride, stagingBytes) + vectors * VECTOR_WORDS * 4;
    const pages = Math.ceil(bytes / WASM_PAGE);
    const memory = new wasm.Memory({ initial: pages, maximum: pages, shared: true });
    return new PacketPool({ memory, slots: options.slots, stride, stagingBytes, vectors });
  }

  /** Opens a pool made by another thread. */
  static open(shared: SharedPacketPool): PacketPool {
    return new PacketPool(shared);
  }

  share(): SharedPacketPool {
    const { memory, slots, stride, stagingBytes, vectors } = this;
    return { memory, slots, stride, stagingBytes, vectors };
  }

  /**
   * Word at which a new vector may lie. For PacketVector.create.
   *
   * @throws RangeError when all that the pool was made for are taken
   */
  takeVector(): number {
    if (this.vectorsTaken === this.vectors) {
      throw new RangeError(`the pool was made for ${this.vectors} vectors, one more was asked for`);
    }
    return (this.vectorsOffset >> 2) + this.vectorsTaken++ * VECTOR_WORDS;
  }

  /** How many slots in a row a frame of this many bytes needs. */
  slotsFor(length: number): number {
    return Math.ceil((HEADROOM + 4 + length) / this.stride);
  }

  /**
   * Byte offset at which a frame should start in this slot: behind the headroom, aligned as
   * `frameAlignment` of its link type says.
   */
  frameOffset(slot: number, alignment: number): number {
    return slot * this.stride + HEADROOM + alignment;
  }
}
