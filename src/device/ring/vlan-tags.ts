/**
 * 802.1Q tags in a TPACKET_V3 ring. The network card or the kernel takes the outer tag out of a frame before anybody
 * sees it, and tells what it was in the frame's header in the ring (linux/if_packet.h).
 */
import { EtherType } from '../../wire/protocol.js';

/** struct tpacket_block_desc: where the first frame's header is, from the block's start. */
const BLOCK_FIRST = 16;
/** struct tpacket3_hdr. */
const FRAME_NEXT = 0;
const FRAME_STATUS = 20;
const FRAME_MAC = 24;
const FRAME_TAG = 32;
const FRAME_TAG_PROTOCOL = 36;
const FRAME_HEADER_BYTES = 48;
const VLAN_VALID = 1 << 4;
const VLAN_PROTOCOL_VALID = 1 << 6;

const LINK_ADDRESSES = 12;
const TAG_BYTES = 4;

/** Frames as the addon has found them, in the order of the block. */
export interface RingFrames {
  readonly offset: Int32Array;
  readonly length: Int32Array;
  readonly originalLength: Int32Array;
}

/**
 * Puts the tags of `count` frames back: a frame then begins four bytes earlier and is four bytes longer.
 *
 * @param block where the block begins in the memory
 * @param first the header of the first frame, from there; null: that with which the block begins
 */
export function restoreTags(
  memory: DataView,
  block: number,
  blockBytes: number,
  first: number | null,
  count: number,
  frames: RingFrames,
): void {
  const last = block + blockBytes - FRAME_HEADER_BYTES;
  let header = block + (first ?? memory.getUint32(block + BLOCK_FIRST, true));
  for (let i = 0; i < count && header <= last;) {
    const mac = memory.getUint16(header + FRAME_MAC, true);
    // The addon passes over a frame that does not lie in its block.
    if (header + mac === frames.offset[i]) {
      const isTagged = (memory.getUint32(header + FRAME_STATUS, true) & VLAN_VALID) !== 0;
      if (isTagged && mac >= FRAME_HEADER_BYTES + TAG_BYTES && frames.length[i]! >= LINK_ADDRESSES)
        restoreTag(memory, header, i, frames);
      i++;
    }
    const next = memory.getUint32(header + FRAME_NEXT, true);
    if (next === 0) return;
    header += next;
  }
}

function restoreTag(memory: DataView, header: number, i: number, frames: RingFrames): void {
  const at = frames.offset[i]! - TAG_BYTES;
  for (let word = 0; word < LINK_ADDRESSES; word += 4)
    memory.setUint32(at + word, memory.getUint32(at + TAG_BYTES + word));
  const isKnown = (memory.getUint32(header + FRAME_STATUS, true) & VLAN_PROTOCOL_VALID) !== 0;
  const protocol = isKnown ? memory.getUint16(header + FRAME_TAG_PROTOCOL, true) : EtherType.VLAN;
  memory.setUint16(at + LINK_ADDRESSES, protocol);
  memory.setUint16(at + LINK_ADDRESSES + 2, memory.getUint32(header + FRAME_TAG, true));
  frames.offset[i] = at;
  frames.length[i]! += TAG_BYTES;
  frames.originalLength[i]! += TAG_BYTES;
}
