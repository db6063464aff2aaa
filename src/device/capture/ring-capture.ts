/**
 * Live capture through the kernel's ring (packet-ring.ts): on Linux, with the native addon and CAP_NET_RAW. Packets
 * are read where the kernel has put them, with its times, and what it had no room for is counted.
 */
import { constants } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { PacketPool } from '../../dataplane/packet-pool.js';
import { loadAddon, type Addon } from '../native/addon.js';
import { blocksIn, PacketRing, RING_BLOCK_BYTES, ringBytes, type RingMemory } from '../ring/packet-ring.js';
import { CaptureError } from './capture-error.js';
import { askKernel } from './live-interfaces.js';
import { Cursor, type CaptureInterface, type PacketCursor } from './packet-cursor.js';
import type { CaptureOption } from './pcapng-options.js';
import type { StagingArea } from './read-buffer.js';

/** Milliseconds after which the event loop gets its turn, when packets come without a pause. */
const TURN_MS = 10;
/** How long a stopped capture waits for a block that the kernel has yet to hand over, in milliseconds. */
const STOP_MS = 2000;
/** How often it is looked whether an interface that has gone down is still there, in milliseconds. */
const DOWN_MS = 1000;
const LEAST_BLOCKS = 2;
const MOST_BLOCKS = 4096;

export interface RingCaptureOptions {
  readonly name: string;
  /** The kernel's index of the interface. */
  readonly index: number;
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** Frames that this machine sends are captured as well. */
  readonly outgoing: boolean;
  /** Bytes of the ring, as far as the staging area has room; at least two blocks of 256 KiB, at most 1 GiB. */
  readonly kernelBufferBytes: number;
  /** Where the ring is put; part of a WebAssembly memory. Default: memory of its own. */
  readonly staging?: StagingArea | undefined;
}

export class RingCapture implements PacketCursor {
  readonly path: string;
  readonly interfaces: readonly CaptureInterface[];
  readonly data: Uint8Array;
  readonly linkType: number;
  readonly interfaceId = 0;
  readonly optionsLength = 0;
  readonly totalBytes = null;
  position = 0;
  length = 0;
  originalLength = 0;
  seconds = 0;
  nanoseconds = 0;
  packetNumber = 0;
  bytesRead = 0;

  private readonly addon: Addon = loadAddon();
  private readonly ring: PacketRing;
  private readonly index: number;
  /** Packets of the ring's last receive, and which of them is the next. */
  private count = 0;
  private at = 0;
  private nextTurn = 0;
  /** When a stopped capture waits no longer; Infinity before it is stopped. */
  private deadline = Infinity;
  private isDown = false;
  private isEnded = false;
  private isClosed = false;
  private wake = (): void => undefined;

  /**
   * Starts to capture, promiscuously.
   *
   * @throws SystemError (EPERM without CAP_NET_RAW; ENODEV), AddonMissing
   * @throws RangeError when the staging area is not WebAssembly memory or too small
   */
  constructor({ name, index, linkType, outgoing, kernelBufferBytes, staging }: RingCaptureOptions) {
    const wanted = Math.ceil(kernelBufferBytes / RING_BLOCK_BYTES);
    const room = staging === undefined ? MOST_BLOCKS : blocksIn(staging.bytes);
    const blocks = Math.min(Math.max(wanted, LEAST_BLOCKS), room);
    const memory = ringMemory(blocks, staging);
    this.ring = new PacketRing({ index, linkType, blocks, outgoing, promiscuous: true }, memory);
    this.path = name;
    this.index = index;
    this.linkType = linkType;
    this.data = memory.bytes;
    this.interfaces = [{ linkType, snaplen: 0, name, nanoseconds: true, options: [] }];
  }

  /** Packets that found the ring full. */
  get dropped(): number {
    return this.ring.dropped;
  }

  next(): number {
    if (this.at === this.count) return this.isEnded ? Cursor.END : Cursor.FILL;
    const { offset, length, originalLength, time } = this.ring;
    const i = this.at++;
    this.position = offset[i]!;
    this.length = length[i]!;
    this.originalLength = originalLength[i]!;
    this.seconds = time[2 * i]! >>> 0;
    this.nanoseconds = time[2 * i + 1]!;
    this.bytesRead += this.length;
    this.packetNumber++;
    return Cursor.PACKET;
  }

  /** Waits for packets; without any, for as long as it takes. */
  async fill(): Promise<void> {
    if (performance.now() >= this.nextTurn) {
      await setImmediate();
      this.nextTurn = performance.now() + TURN_MS;
    }
    for (;;) {
      if (this.isClosed) throw new CaptureError(this.path, 'the capture is closed');
      this.at = 0;
      this.count = this.ring.receive();
      if (this.count > 0) return;
      if (performance.now() >= this.deadline || (this.deadline < Infinity && this.ring.isEmpty)) {
        this.isEnded = true;
        return;
      }
      this.checkInterface();
      await this.wait();
    }
  }

  /** Stops to capture. The cursor ends after the packets captured before. */
  stop(): void {
    if (this.isClosed || this.deadline < Infinity) return;
    this.ring.shut();
    this.deadline = performance.now() + STOP_MS;
    this.wake();
  }

  options(): CaptureOption[] {
    return [];
  }

  close(): Promise<void> {
    this.isClosed = true;
    this.isEnded = true;
    this.at = this.count;
    this.wake();
    this.ring.close();
    return Promise.resolve();
  }

  /** An interface that goes down may come back; one that is gone does not. @throws CaptureError */
  private checkInterface(): void {
    if (this.ring.takeError() === constants.errno.ENETDOWN) this.isDown = true;
    if (!this.isDown) return;
    const link = askKernel((netlink) => netlink.linkByIndex(this.index));
    if (link === null && this.ring.isEmpty)
      throw new CaptureError(this.path, 'the capture ended: the interface is gone');
    this.isDown = link?.up !== true;
  }

  /** Until there is something to do: packets, an error, or the time for it. */
  private wait(): Promise<void> {
    const untilDeadline = this.deadline - performance.now();
    const ms = Math.min(untilDeadline, this.isDown ? DOWN_MS : Infinity);
    return new Promise((resolve) => {
      // Not watched in between: a reader that takes its time would be told again and again.
      const watch = this.addon.watchReadable(this.ring.fd, () => this.wake());
      const timer = ms === Infinity ? undefined : setTimeout(() => this.wake(), ms);
      this.wake = () => {
        this.addon.unwatch(watch);
        clearTimeout(timer);
        this.wake = () => undefined;
        resolve();
      };
    });
  }
}

function ringMemory(blocks: number, staging: StagingArea | undefined): RingMemory {
  if (staging !== undefined) return { bytes: new Uint8Array(staging.buffer), offset: staging.offset };
  const pool = PacketPool.create({ slots: 1, stagingBytes: ringBytes(blocks) });
  return { bytes: pool.bytes, offset: pool.stagingOffset };
}
