/**
 * How an AF_XDP port lies in its staging area, and the words by which the addon finds it there.
 *
 *     page-aligned: memory file (chunks, control area), then for each socket rx, tx, fill and completion ring
 *
 * The memory file is the same for all ports of a device: every worker sees all chunks, as the kernel may fill
 * any of them for any socket of a queue. native/src/xdp.h describes the control area.
 */
import { ETHERNET_HEADER, VLAN_TAG } from '../../wire/protocol.js';

/** Words of a ring in a layout (native/src/xdp.h). */
export const RING_WORDS = 5;
/** Words of a layout: byte offsets in the pool, unless they say otherwise. */
export const LayoutField = {
  FD: 0,
  /** Number of the port, from 0, and of the device's ports. */
  PORT: 1,
  PORTS: 2,
  UMEM: 3,
  /** log2 of a chunk's bytes. */
  SHIFT: 4,
  CHUNKS: 5,
  /** RX, TX, fill and completion ring. */
  RINGS: 6,
} as const;
export const LAYOUT_WORDS = LayoutField.RINGS + 4 * RING_WORDS;

/** Packets that one port holds at most: a vector. */
export const HELD_MAXIMUM = 256;

const PAGE = 4096;
/** Words of the control area before the chunks' and for each port. */
const CONTROL_WORDS = 16;
const HELD_WORDS = 272;
/** Bytes of an entry by ring: descriptors of 16 bytes, or addresses. */
const ENTRY_BYTES = [16, 16, 8, 8] as const;

/** Bytes that the kernel leaves free before a frame, besides its own 256: the IP header behind Ethernet is 4-aligned. */
export const XDP_HEADROOM = 2;
const KERNEL_HEADROOM = 256;
const ETHERNET_WITH_TAG = ETHERNET_HEADER + VLAN_TAG;

/** Entries of each ring, powers of two. */
export interface RingSizes {
  readonly rx: number;
  readonly tx: number;
  readonly fill: number;
  readonly completion: number;
}

/** The memory that the ports of a device share. */
export interface SharedUmem {
  /** Descriptor of the memory file. */
  readonly memory: number;
  readonly shift: number;
  readonly chunks: number;
  readonly ports: number;
}

export function pageAligned(bytes: number): number {
  return Math.ceil(bytes / PAGE) * PAGE;
}

/** Bytes of the memory file. */
export function umemBytes({ shift, chunks, ports }: Omit<SharedUmem, 'memory'>): number {
  return pageAligned((chunks << shift) + (CONTROL_WORDS + 2 * chunks + ports * HELD_WORDS) * 4);
}

/** Bytes of the pool that a ring takes: its indices have a page, which is more than enough. */
export function ringBytes(sizes: RingSizes): readonly [number, number, number, number] {
  const bytes = (ring: 0 | 1 | 2 | 3, entries: number): number =>
    PAGE + pageAligned(entries * ENTRY_BYTES[ring]);
  return [bytes(0, sizes.rx), bytes(1, sizes.tx), bytes(2, sizes.fill), bytes(3, sizes.completion)];
}

/** Staging bytes of a port with this many sockets, room for alignment included. */
export function portBytes(umem: Omit<SharedUmem, 'memory'>, sizes: RingSizes, sockets: number): number {
  const rings = ringBytes(sizes).reduce((sum, bytes) => sum + bytes, 0);
  return PAGE + umemBytes(umem) + sockets * rings;
}

/** Largest IP packet that a chunk takes behind Ethernet with a VLAN tag. */
export function largestPacket(shift: number): number {
  return (1 << shift) - KERNEL_HEADROOM - XDP_HEADROOM - ETHERNET_WITH_TAG;
}

/** The smallest chunk for an MTU, as log2 of its bytes; null when there is none. */
export function shiftFor(mtu: number): number | null {
  return [11, 12].find((shift) => largestPacket(shift) >= mtu) ?? null;
}
