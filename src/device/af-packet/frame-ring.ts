/**
 * The receive ring of an AF_PACKET socket (TPACKET_V2, packet_mmap in the kernel's documentation): the kernel copies
 * each frame into a place of the ring and hands it over at once, without a system call; the place lies in the pool,
 * so that the frame is forwarded from where it arrived.
 *
 *     a place:  kernel's words │ headroom │ Ethernet header │ IP packet …
 */
import { HEADROOM } from '../../dataplane/packet-pool.js';
import { ETHERNET_HEADER, VLAN_TAG } from '../../wire/protocol.js';
import type { SocketCalls } from '../native/socket-calls.js';
import { PacketOption, setPacketOption, TPACKET_V2 } from '../underlay/socket-options.js';

const PAGE = 4096;
const CACHE_LINE = 64;
/** Bytes that the kernel allocates in one piece, where a frame fits. */
const BLOCK_BYTES = 65_536;
/** Places that a ring has at least. */
const LEAST_FRAMES = 128;
/** Bytes of all rings of a port at most: offsets in the pool have 31 bits. */
const MOST_BYTES = 1 << 30;

/**
 * Where the kernel puts the IP header in a place: behind its own words (TPACKET2_HDRLEN of 52 bytes and room for an
 * Ethernet header, rounded up to 16) and what PACKET_RESERVE keeps free.
 */
const IP_AT = 80 + HEADROOM;

/** Words of a ring's state (native/src/frame-ring.c), shared: where in the ring whoever receives is. */
export const FrameRingState = {
  /** Byte offset of the ring in the pool; bytes of a block, number of blocks, bytes of a place. */
  OFFSET: 0,
  BLOCK_BYTES: 1,
  BLOCKS: 2,
  FRAME_BYTES: 3,
  /** The addon's: the place read next, and how many before it are still ours. */
  NEXT: 4,
  HELD: 5,
  /** Frames that found the ring full, modulo 2³². */
  DROPPED: 6,
  /** Frames that waited when last looked at. */
  WAITING: 7,
} as const;
const STATE_WORDS = 8;

/** A worker's socket on one interface, and its ring. */
export interface FrameRing {
  /** The kernel's index of the interface. */
  readonly index: number;
  readonly fd: number;
  readonly state: Int32Array;
}

/** How a ring is divided. */
export interface FrameRingSize {
  readonly blockBytes: number;
  readonly blocks: number;
  readonly frameBytes: number;
}

/**
 * @param mtu largest IP packet, in bytes
 * @param bytes of the ring, about; it has room for LEAST_FRAMES in any case
 */
export function frameRingSize(mtu: number, bytes: number): FrameRingSize {
  const lines = Math.ceil((IP_AT + VLAN_TAG + mtu) / CACHE_LINE);
  // An odd number of lines, so that headers spread over all sets of the cache.
  const frameBytes = (lines | 1) * CACHE_LINE;
  const blockBytes = Math.max(BLOCK_BYTES, Math.ceil(frameBytes / PAGE) * PAGE);
  const inBlock = Math.floor(blockBytes / frameBytes);
  const blocks = Math.max(Math.ceil(LEAST_FRAMES / inBlock), Math.floor(bytes / blockBytes));
  return { blockBytes, blocks, frameBytes };
}

/** The largest frame that a place has room for, link header included. */
export function largestFrame(state: Int32Array): number {
  return state[FrameRingState.FRAME_BYTES]! - IP_AT + ETHERNET_HEADER;
}

/** Bytes of the pool that a ring takes: whole pages. */
export function frameRingBytes(state: Int32Array): number {
  return state[FrameRingState.BLOCK_BYTES]! * state[FrameRingState.BLOCKS]!;
}

/** Bytes of staging area for these rings, room for alignment included. */
export function frameRingStagingBytes(rings: readonly FrameRing[]): number {
  return rings.reduce((sum, { state }) => sum + frameRingBytes(state), PAGE);
}

/** First byte of a staging area where a ring may lie. */
export function frameRingOffset(stagingOffset: number): number {
  return Math.ceil(stagingOffset / PAGE) * PAGE;
}

/** Bytes of these rings that are taken by frames, as their workers last saw. */
export function ringBytesTaken(rings: readonly FrameRing[]): number {
  const taken = ({ state }: FrameRing): number =>
    state[FrameRingState.WAITING]! * state[FrameRingState.FRAME_BYTES]!;
  return rings.reduce((sum, ring) => sum + taken(ring), 0);
}

/**
 * Gives a socket, not bound yet, its ring; returns the ring's state.
 *
 * @param mtu of the interface
 * @param rings how many rings the port has
 * @throws SystemError (ENOMEM)
 */
export function addFrameRing(
  calls: SocketCalls,
  fd: number,
  { mtu, bytes, rings }: { mtu: number; bytes: number; rings: number },
): Int32Array {
  const { blockBytes, blocks, frameBytes } = frameRingSize(mtu, Math.min(bytes, MOST_BYTES / rings));
  setPacketOption(calls, fd, PacketOption.VERSION, TPACKET_V2);
  setPacketOption(calls, fd, PacketOption.RESERVE, HEADROOM);
  // struct tpacket_req: bytes of a block, blocks, bytes of a place, places.
  const frames = Math.floor(blockBytes / frameBytes) * blocks;
  setPacketOption(calls, fd, PacketOption.RX_RING, blockBytes, blocks, frameBytes, frames);
  const state = new Int32Array(new SharedArrayBuffer(STATE_WORDS * 4));
  state[FrameRingState.BLOCK_BYTES] = blockBytes;
  state[FrameRingState.BLOCKS] = blocks;
  state[FrameRingState.FRAME_BYTES] = frameBytes;
  return state;
}
