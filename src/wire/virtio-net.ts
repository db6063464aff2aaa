/**
 * The virtio-net header (virtio 1.2 §5.1.6, <linux/virtio_net.h>) that stands in front of each frame of a TUN
 * or TAP with large segments. Twelve bytes, the long form: what follows it is then as aligned as the header.
 *
 * | byte | field |
 * | --- | --- |
 * | 0 | flags |
 * | 1 | type of segments |
 * | 2 | length of all headers, a hint; nothing here relies on it |
 * | 4 | payload bytes of each segment |
 * | 6 | where the checksum's range begins, from the frame's first byte |
 * | 8 | where the checksum stands, from there |
 * | 10 | number of buffers, unused |
 *
 * All in native (little-endian) order.
 */
export const VIRTIO_NET_HEADER = 12;

export const VirtioFlag = {
  /** The checksum's field holds the sum of the pseudo header; the rest is for the reader to add. */
  NEEDS_CHECKSUM: 1,
} as const;

export const VirtioSegments = {
  NONE: 0,
  TCP4: 1,
  TCP6: 4,
  UDP: 5,
  /** With TCP4 or TCP6: the first segment has CWR set. */
  ECN: 0x80,
} as const;

/** Where a checksum stands in the header of its protocol. */
export const TCP_CHECKSUM = 16;
export const UDP_CHECKSUM = 6;
