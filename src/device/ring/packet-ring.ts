/**
 * Frames of an interface through a TPACKET_V3 ring, read where the kernel has put them. It costs little per frame
 * and tells when each one came, but hands frames over in blocks: up to BLOCK_MS late. So it is for looking on
 * (capture), not for forwarding.
 */
import { LinkType } from '../../dataplane/link-type.js';
import { HEADROOM } from '../../dataplane/packet-pool.js';
import { VECTOR_SIZE } from '../../dataplane/packet-vector.js';
import { loadAddon, type Addon } from '../native/addon.js';
import { dropAll } from '../underlay/gre-filter.js';
import {
  attachFilter,
  bindToInterface,
  Domain,
  PacketOption,
  packetStatistics,
  setPacketOption,
  SOCK_RAW,
  socketError,
  TPACKET_V3,
} from '../underlay/socket-options.js';
import { restoreTags } from './vlan-tags.js';

const PACKET_MR_PROMISC = 1;

const PAGE = 4096;
export const RING_BLOCK_BYTES = 1 << 18;
const DEFAULT_BLOCKS = 32;
/** Milliseconds after which a block is handed over that is not full. */
const BLOCK_MS = 10;

/** Words of a ring's state (native/src/ring.c). */
const RingState = {
  /** Byte offset of the ring in the memory, bytes of a block, number of blocks. */
  OFFSET: 0,
  BLOCK_BYTES: 1,
  BLOCKS: 2,
  /** The addon's: current block, frames left in it (−1: not begun), and where the next one is. */
  BLOCK: 3,
  LEFT: 4,
  NEXT: 5,
} as const;
const RING_STATE_WORDS = 6;

/** Where a ring is put: over pages of a WebAssembly memory, such as the staging area of a PacketPool. */
export interface RingMemory {
  /** All of the memory. */
  readonly bytes: Uint8Array;
  /** First byte that is the ring's, with `ringBytes` more. */
  readonly offset: number;
}

export interface RingOptions {
  /** The kernel's index of the interface. */
  readonly index: number;
  /** What its frames begin with. Default: Ethernet. */
  readonly linkType?: number;
  /** Blocks of RING_BLOCK_BYTES, default 32. */
  readonly blocks?: number;
  /** Classic BPF (bpf.ts): what is taken, and how many bytes of it. Default: all. */
  readonly filter?: Int32Array;
  /** Frames that this machine sends are taken as well. Default false. */
  readonly outgoing?: boolean;
  /** The interface hands over frames for others, too, as long as the ring is open. Default false. */
  readonly promiscuous?: boolean;
}

/** Bytes of memory that a ring wants: its own, and what is lost in front to begin on a page. */
export function ringBytes(blocks: number): number {
  return PAGE + blocks * RING_BLOCK_BYTES;
}

/** How many blocks at most find room in so many bytes. */
export function blocksIn(bytes: number): number {
  return Math.max(0, Math.floor((bytes - PAGE) / RING_BLOCK_BYTES));
}

export class PacketRing {
  /** Readable when there are frames; in error when the interface goes down. */
  readonly fd: number;
  /**
   * For each frame of the last receive: where it begins in the memory, bytes that are there, length on the wire;
   * seconds and nanoseconds since 1970.
   */
  readonly offset = new Int32Array(VECTOR_SIZE);
  readonly length = new Int32Array(VECTOR_SIZE);
  readonly originalLength = new Int32Array(VECTOR_SIZE);
  readonly time = new Int32Array(VECTOR_SIZE * 2);

  private readonly addon: Addon = loadAddon();
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly start: number;
  private readonly totalBytes: number;
  private readonly state = new Int32Array(RING_STATE_WORDS);
  private readonly hasTags: boolean;
  private isOpen = true;
  private offered = 0;
  private lost = 0;
  private received = 0;

  /**
   * Opens a ring, into which frames come from now on.
   *
   * @throws SystemError (EPERM without CAP_NET_RAW; ENODEV), AddonMissing
   * @throws RangeError when the memory is not WebAssembly's or too small
   */
  constructor(options: RingOptions, memory: RingMemory) {
    const { index, linkType = LinkType.ETHERNET, blocks = DEFAULT_BLOCKS, filter } = options;
    const { addon, state } = this;
    this.bytes = memory.bytes;
    this.view = new DataView(memory.bytes.buffer);
    this.start = Math.ceil(memory.offset / PAGE) * PAGE;
    this.totalBytes = blocks * RING_BLOCK_BYTES;
    this.hasTags = linkType === LinkType.ETHERNET;
    state[RingState.OFFSET] = this.start;
    state[RingState.BLOCK_BYTES] = RING_BLOCK_BYTES;
    state[RingState.BLOCKS] = blocks;
    state[RingState.LEFT] = -1;
    const fd = addon.openSocket(Domain.PACKET, SOCK_RAW, 0);
    this.fd = fd;
    try {
      setPacketOption(addon, fd, PacketOption.VERSION, TPACKET_V3);
      setPacketOption(addon, fd, PacketOption.RESERVE, HEADROOM);
      // struct tpacket_req3: bytes of a block, blocks, bytes of a frame (of no meaning here), frames, time-out.
      const frames = (RING_BLOCK_BYTES / PAGE) * blocks;
      setPacketOption(
        addon,
        fd,
        PacketOption.RX_RING,
        RING_BLOCK_BYTES,
        blocks,
        PAGE,
        frames,
        BLOCK_MS,
        0,
        0,
      );
      if (filter !== undefined) attachFilter(addon, fd, filter);
      bindToInterface(addon, fd, index);
      if (options.outgoing === true) setPacketOption(addon, fd, PacketOption.IGNORE_OUTGOING, 0);
      // struct packet_mreq: interface, type and length of an address, no address.
      if (options.promiscuous === true)
        setPacketOption(addon, fd, PacketOption.ADD_MEMBERSHIP, index, PACKET_MR_PROMISC, 0, 0);
      addon.ringMap(this.bytes, this.start, this.totalBytes, fd);
    } catch (error) {
      addon.closeDescriptor(fd);
      throw error;
    }
  }

  /**
   * Takes frames without waiting, of one block; returns how many. They stay where they are until the next call,
   * and so does the room in front of each (HEADROOM, less 4 where a VLAN tag was put back).
   */
  receive(): number {
    // A block without frames: its successor may be there already.
    const count = this.take() || this.take();
    this.received += count;
    return count;
  }

  /** Frames that found the ring full. */
  get dropped(): number {
    this.ask();
    return this.lost;
  }

  /** Whether all frames have been received; some may wait in a block that is still being filled. */
  get isEmpty(): boolean {
    this.ask();
    return this.received >= this.offered;
  }

  /** Number of the error that the socket has met since this was last asked: ENETDOWN; 0 for none. */
  takeError(): number {
    return socketError(this.addon, this.fd);
  }

  /** From now on nothing more comes in. */
  shut(): void {
    attachFilter(this.addon, this.fd, dropAll());
  }

  /** Leaves empty memory where the ring was. */
  close(): void {
    if (!this.isOpen) return;
    this.ask();
    this.isOpen = false;
    this.addon.poolUnmap(this.bytes, this.start, this.totalBytes);
    this.addon.closeDescriptor(this.fd);
  }

  private take(): number {
    const { addon, bytes, state, offset, length, originalLength, time } = this;
    const isBegun = state[RingState.LEFT]! > 0;
    const next = state[RingState.NEXT]!;
    const count = addon.ringReceive(bytes, state, offset, length, originalLength, time, VECTOR_SIZE);
    if (count > 0 && this.hasTags) {
      const block = this.start + state[RingState.BLOCK]! * RING_BLOCK_BYTES;
      restoreTags(this.view, block, RING_BLOCK_BYTES, isBegun ? next : null, count, this);
    }
    return count;
  }

  private ask(): void {
    if (!this.isOpen) return;
    const [packets, dropped] = packetStatistics(this.addon, this.fd);
    this.offered += packets - dropped;
    this.lost += dropped;
  }
}
