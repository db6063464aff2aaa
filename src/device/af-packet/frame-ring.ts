/**
 * The receive ring of an AF_PACKET socket (TPACKET_V2, packet_mmap in the kernel's documentation): the kernel copies
 * each frame into a place of the ring and hands it over at once, without a system call; the place lies in the pool,
 * so that the frame is forwarded from where it arrived.
 *
 *     a place:  kernel's words │ headroom │ Ethernet header │ IP packet …
 */
import { CACHE_LINE, HEADROOM } from '../../dataplane/packet-pool.js';
import { ETHERNET_HEADER, VLAN_TAG } from '../../wire/protocol.js';
import { sharedWords } from '../native/pin-calls.js';
import type { SocketCalls } from '../native/socket-calls.js';
import { PacketOption, setPacketOption, TPACKET_V2 } from '../underlay/socket-options.js';

const PAGE = 4096;
/** Places in a block of the kernel's: whole pages, whatever a place takes, so that places follow without gaps. */
const BLOCK_FRAMES = PAGE / CACHE_LINE;
/** Blocks that a ring has at least. */
const LEAST_BLOCKS = 2;
/** Bytes of all rings of a port at most: offsets in the pool have 31 bits. */
const MOST_BYTES = 1 << 30;

/**
 * Where the kernel puts the IP header in a place: behind its own words (TPACKET2_HDRLEN of 52 bytes and room for an
 * Ethernet header, rounded up to 16) and what PACKET_RESERVE keeps free.
 */
const IP_AT = 80 + HEADROOM;

/** Words of a ring's state (native/src/frame-ring.c), shared: where in the ring whoever receives is. */
export const FrameRingState = {
  /** Byte offset of the ring in the pool; bytes of a place, number of places. */
  OFFSET: 0,
  FRAME_BYTES: 1,
  FRAMES: 2,
  /** The addon's: the place read next, and how many before it are still ours. */
  NEXT: 3,
  HELD: 4,
  /** Frames that found the ring full, modulo 2³². */
  DROPPED: 5,
  /** Frames that waited when last looked at. */
  WAITING: 6,
} as const;
const STATE_WORDS = 7;

/** A worker's socket on one interface, and its ring. */
export interface FrameRing {
  /** The kernel's index of the interface. */
  readonly index: number;
  readonly fd: number;
  readonly state: Int32Array;
}

/** The largest frame that a place has room for, link header included. */
export function largestFrame(state: Int32Array): number {
  return state[FrameRingState.FRAME_BYTES]! - IP_AT + ETHERNET_HEADER;
}

/** Bytes of the pool that a ring takes: whole pages. */
export function frameRingBytes(state: Int32Array): number {
  return state[FrameRingState.FRAME_BYTES]! * state[FrameRingState.FRAMES]!;
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
 * @param bytes of the ring, about; it has room for 128 frames in any case
 * @param rings how many rings the port has
 * @throws SystemError (ENOMEM)
 */
export function addFrameRing(
  calls: SocketCalls,
  fd: number,
  { mtu, bytes, rings }: { mtu: number; bytes: number; rings: number },
): Int32Array {
  const lines = Math.ceil((IP_AT + VLAN_TAG + mtu) / CACHE_LINE);
  // An odd number of lines, so that headers spread over all sets of the cache.
  const frameBytes = (lines | 1) * CACHE_LINE;
  const blockBytes = frameBytes * BLOCK_FRAMES;
  const blocks = Math.max(LEAST_BLOCKS, Math.floor(Math.min(bytes, MOST_BYTES / rings) / blockBytes));
  const frames = blocks * BLOCK_FRAMES;
  setPacketOption(calls, fd, PacketOption.VERSION, TPACKET_V2);
  setPacketOption(calls, fd, PacketOption.RESERVE, HEADROOM);
  // struct tpacket_req: bytes of a block, blocks, bytes of a place, places.
  setPacketOption(calls, fd, PacketOption.RX_RING, blockBytes, blocks, frameBytes, frames);
  const state = sharedWords(STATE_WORDS);
  state[FrameRingState.FRAME_BYTES] = frameBytes;
  state[FrameRingState.FRAMES] = frames;
  return state;
}
