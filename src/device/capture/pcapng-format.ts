/**
 * Numbers of the pcapng format (draft-ietf-opsawg-pcapng, IETF OPSAWG): blocks of type, total length,
 * body, total length again, all in 4-byte steps and in the byte order of their section.
 */

export const BlockType = {
  /** Reads the same in both byte orders. */
  SECTION_HEADER: 0x0a0d0d0a,
  INTERFACE_DESCRIPTION: 1,
  /** Obsolete, written by early versions of Wireshark. */
  PACKET: 2,
  SIMPLE_PACKET: 3,
  ENHANCED_PACKET: 6,
} as const;

export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Type, total length and the total length at the end. */
export const BLOCK_OVERHEAD = 12;

export const OptionCode = {
  END: 0,
  COMMENT: 1,
  // Of an interface description block.
  IF_NAME: 2,
  IF_SPEED: 8,
  IF_TSRESOL: 9,
  IF_TZONE: 10,
  IF_TSOFFSET: 14,
  IF_TXSPEED: 16,
  IF_RXSPEED: 17,
  // Of a section header block.
  SHB_USERAPPL: 4,
  // Of an enhanced packet block; the first two also of the obsolete packet block.
  EPB_FLAGS: 2,
  EPB_DROPCOUNT: 4,
  EPB_PACKETID: 5,
  EPB_QUEUE: 6,
  // Of any block: a private enterprise number in 4 bytes, then whatever its owner likes.
  CUSTOM_STRING: 2988,
  CUSTOM_BYTES: 2989,
  CUSTOM_STRING_UNCOPIED: 19372,
  CUSTOM_BYTES_UNCOPIED: 19373,
} as const;

/** The next multiple of 4. */
export function padded(length: number): number {
  return Math.ceil(length / 4) * 4;
}
