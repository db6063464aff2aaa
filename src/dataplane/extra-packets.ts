/**
 * Extra packets: what a packet turns into when it is not one any more (fragments), or is answered (ICMP
 * errors). They lie in the extra slots of the vector's region and are listed in the vector, in the order of
 * the packets that they stem from.
 */
import { HEADROOM, type PacketPool } from './packet-pool.js';
import { EXTRA_SIZE, type PacketVector } from './packet-vector.js';

export class ExtraPackets {
  constructor(private readonly pool: PacketPool) {}

  /** Puts a packet out, as one that stems from packet `parent` of the vector and leaves through `tunnel` (−1: plain). */
  emit(
    vector: PacketVector,
    parent: number,
    offset: number,
    length: number,
    link: number,
    side: number,
    tunnel: number,
  ): void {
    const at = vector.extraCount;
    vector.extraParent[at] = parent;
    vector.extraOffset[at] = offset;
    vector.extraLength[at] = length;
    vector.extraLink[at] = link;
    vector.extraSide[at] = side;
    vector.extraTunnel[at] = tunnel;
    vector.extraCount = at + 1;
  }

  /** Whether there are slots for so many packets of up to `length` bytes. */
  hasRoomFor(vector: PacketVector, packets: number, length: number): boolean {
    const slots = packets * this.pool.slotsFor(length);
    return (
      vector.extraCount + packets <= EXTRA_SIZE && vector.extraSlotsUsed + slots <= vector.region.extraSlots
    );
  }

  /** Offset for an IP packet of `length` bytes in fresh slots; hasRoomFor was asked before. */
  take(vector: PacketVector, length: number): number {
    const slot = vector.region.firstExtraSlot + vector.extraSlotsUsed;
    vector.extraSlotsUsed += this.pool.slotsFor(length);
    return slot * this.pool.stride + HEADROOM;
  }
}
