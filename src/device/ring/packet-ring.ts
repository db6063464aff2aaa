/**
 * Frames of an interface through a TPACKET_V3 ring, read where the kernel has put them. It costs little per frame
 * and tells when each one came, but hands frames over in blocks: up to BLOCK_MS late. So it is for looking on
 * (capture), not for forwarding.
 */
import { closeSync } from 'node:fs';
import { LinkType } from '../../dataplane/link-type.js';
import { HEADROOM } from '../../dataplane/packet-pool.js';
import { VECTOR_SIZE, type PacketVector } from '../../dataplane/packet-vector.js';
import { createDeviceCounters, DeviceCount } from '../device-counters.js';
import { loadAddon, type Addon } from '../native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import { attachFilter, bindToInterface, Domain, SOCK_RAW } from '../underlay/socket-options.js';

const SOL_PACKET = 263;
const PACKET_RX_RING = 5;
const PACKET_STATISTICS = 6;
const PACKET_VERSION = 10;
const PACKET_RESERVE = 12;
const TPACKET_V3 = 2;

const PAGE = 4096;
const BLOCK_BYTES = 1 << 18;
const DEFAULT_BLOCKS = 32;
/** Milliseconds after which a block is handed over that is not full. */
const BLOCK_MS = 10;
/** Receives after which the kernel is asked what it has dropped, when there is no pause. */
const STATISTICS_TURNS = 64;

/** Words of a ring's state (native/src/ring.c). */
export const RingState = {
  /** Byte offset of the ring in the pool, bytes of a block, number of blocks. */
  OFFSET: 0,
  BLOCK_BYTES: 1,
  BLOCKS: 2,
  /** The addon's: current block, frames left in it (−1: not begun), and where the next one is. */
  BLOCK: 3,
  LEFT: 4,
  NEXT: 5,
} as const;
export const RING_STATE_WORDS = 6;

export interface RingOptions {
  readonly name: string;
  /** The kernel's index of the interface. */
  readonly index: number;
  readonly mtu: number;
  /** Blocks of 256 KiB, default 32. */
  readonly blocks?: number;
  /** Classic BPF (bpf.ts): what is taken, and how many bytes of it. Default: all. */
  readonly filter?: Int32Array;
}

export interface RingPortSpec extends BasePortSpec {
  readonly kind: 'ring';
  readonly fd: number;
  readonly blocks: number;
  /** RingState, shared: where in the ring whoever receives is. */
  readonly state: Int32Array;
}

/** Opens a ring; whoever does closes its descriptor, `fd`, last. @throws SystemError, AddonMissing */
export function openRing({ name, index, mtu, blocks = DEFAULT_BLOCKS, filter }: RingOptions): RingPortSpec {
  const addon = loadAddon();
  const fd = addon.openSocket(Domain.PACKET, SOCK_RAW, 0);
  const set = (option: number, ...values: number[]): void =>
    addon.setSocketOption(fd, SOL_PACKET, option, Int32Array.from(values));
  try {
    set(PACKET_VERSION, TPACKET_V3);
    set(PACKET_RESERVE, HEADROOM);
    // struct tpacket_req3: bytes of a block, blocks, bytes of a frame (of no meaning here), frames, time-out.
    set(PACKET_RX_RING, BLOCK_BYTES, blocks, PAGE, (BLOCK_BYTES / PAGE) * blocks, BLOCK_MS, 0, 0);
    if (filter !== undefined) attachFilter(addon, fd, filter);
    bindToInterface(addon, fd, index);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  const state = new Int32Array(new SharedArrayBuffer(RING_STATE_WORDS * 4));
  state[RingState.BLOCK_BYTES] = BLOCK_BYTES;
  state[RingState.BLOCKS] = blocks;
  state[RingState.LEFT] = -1;
  return { kind: 'ring', name, mtu, counters: createDeviceCounters(), fd, blocks, state };
}

/** Bytes of staging area that a port of this spec wants. */
export function ringStagingBytes({ blocks }: Pick<RingPortSpec, 'blocks'>): number {
  return PAGE + blocks * BLOCK_BYTES;
}

/** Receives Ethernet frames as they are; sends nothing. */
export class RingPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.ETHERNET;
  readonly counters: Float64Array;
  readonly pollFds: readonly number[];
  readonly waitMs = Infinity;
  /** For each frame of the last receive: its length on the wire; seconds and nanoseconds since 1970. */
  readonly originalLength = new Int32Array(VECTOR_SIZE);
  readonly time = new Int32Array(VECTOR_SIZE * 2);

  private readonly addon: Addon = loadAddon();
  private readonly bytes: Uint8Array;
  private readonly statistics = new Int32Array(3);
  private readonly start: number;
  private turns = 0;

  constructor(
    private readonly spec: RingPortSpec,
    { pool, stagingOffset }: PortMemory,
  ) {
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = spec.counters;
    this.pollFds = [spec.fd];
    this.bytes = pool.bytes;
    this.start = Math.ceil(stagingOffset / PAGE) * PAGE;
    spec.state[RingState.OFFSET] = this.start;
    this.addon.ringMap(this.bytes, this.start, spec.blocks * BLOCK_BYTES, spec.fd);
  }

  receive(vector: PacketVector, side: number): number {
    const { addon, bytes, originalLength, time, counters } = this;
    const { state } = this.spec;
    const { offset, length } = vector;
    let count = addon.ringReceive(bytes, state, offset, length, originalLength, time, VECTOR_SIZE);
    // A block without frames: its successor may be there already.
    if (count === 0)
      count = addon.ringReceive(bytes, state, offset, length, originalLength, time, VECTOR_SIZE);
    vector.count = count;
    if (count === 0 || ++this.turns % STATISTICS_TURNS === 0) this.countDrops();
    if (count === 0) return 0;
    vector.link.fill(LinkType.ETHERNET, 0, count);
    vector.side.fill(side, 0, count);
    let received = 0;
    for (let i = 0; i < count; i++) received += originalLength[i]!;
    counters[DeviceCount.rx_packets]! += count;
    counters[DeviceCount.rx_bytes]! += received;
    counters[DeviceCount.rx_batches]! += 1;
    return count;
  }

  /** struct tpacket_stats_v3: packets, drops, freezes; each since it was last asked. */
  private countDrops(): void {
    this.addon.getSocketOption(this.spec.fd, SOL_PACKET, PACKET_STATISTICS, this.statistics);
    this.counters[DeviceCount.rx_dropped_queue]! += this.statistics[1]!;
  }

  transmit(): number {
    return 0;
  }

  close(): void {
    this.addon.poolUnmap(this.bytes, this.start, this.spec.blocks * BLOCK_BYTES);
  }
}
