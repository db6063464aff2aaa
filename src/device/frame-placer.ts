import { frameAlignment } from '../dataplane/link-type.js';
import type { PacketPool } from '../dataplane/packet-pool.js';
import { VECTOR_SIZE, type PacketVector } from '../dataplane/packet-vector.js';
import { ByteCopier, type CopyKernel } from './byte-copier.js';

/**
 * The longest frame that is placed, in bytes: the longest IPv4 packet (65,535; an IPv6 packet without
 * jumbo payload is at most 40 longer) and room for any link header. What a longer frame has behind that
 * cannot belong to its IP packet, and is left out.
 */
export const MAXIMUM_FRAME_BYTES = 65_536 + 128;

/**
 * Fills a vector with frames, one after the other in the slots of its region; a frame that is longer
 * than a slot takes several in a row. Made once for each vector.
 */
export class FramePlacer {
  private readonly copier: ByteCopier;
  private nextSlot: number;
  private readonly endSlot: number;

  /** `kernel` copies inside the pool's memory; it is used for frames that lie there already (staging). */
  constructor(
    private readonly pool: PacketPool,
    readonly vector: PacketVector,
    kernel: CopyKernel | null = null,
  ) {
    const { firstSlot, slots } = vector.region;
    const least = pool.slotsFor(MAXIMUM_FRAME_BYTES);
    if (slots < least) {
      throw new RangeError(`a vector's region has at least ${least} slots of this pool, found ${slots}`);
    }
    this.copier = new ByteCopier(pool.bytes, kernel);
    this.nextSlot = firstSlot;
    this.endSlot = firstSlot + slots;
  }

  /** Empties the vector. */
  begin(): void {
    this.vector.count = 0;
    this.nextSlot = this.vector.region.firstSlot;
  }

  /**
   * Copies the frame source[position…] of `length` bytes into the next slots and adds it to the vector.
   * False, and nothing changed, when the vector or its slots are full; an empty vector takes any frame.
   */
  place(source: Uint8Array, position: number, length: number, linkType: number, side: number): boolean {
    const pool = this.pool;
    const vector = this.vector;
    const index = vector.count;
    const bytes = length < MAXIMUM_FRAME_BYTES ? length : MAXIMUM_FRAME_BYTES;
    const slot = this.nextSlot;
    const next = slot + pool.slotsFor(bytes);
    if (index === VECTOR_SIZE || next > this.endSlot) return false;
    const offset = pool.frameOffset(slot, frameAlignment(linkType));
    this.copier.copy(offset, source, position, bytes);
    vector.offset[index] = offset;
    vector.length[index] = bytes;
    vector.link[index] = linkType;
    vector.side[index] = side;
    vector.count = index + 1;
    this.nextSlot = next;
    return true;
  }
}
