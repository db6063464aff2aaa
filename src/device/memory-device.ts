import { LinkType } from '../dataplane/link-type.js';
import type { PacketPool } from '../dataplane/packet-pool.js';
import type { PacketVector } from '../dataplane/packet-vector.js';
import type { CopyKernel } from './byte-copier.js';
import { forEachDelivered, type Device } from './device.js';
import { FramePlacer } from './frame-placer.js';

/** A frame outside the pool. */
export interface Frame {
  readonly bytes: Uint8Array;
  readonly linkType: number;
}

export interface MemoryDeviceOptions {
  /** Default `memory`. */
  name?: string;
  /** Default 1500. */
  mtu?: number;
  /** Default raw IP. */
  linkType?: number;
  /** Copies inside the pool's memory (see FramePlacer). */
  kernel?: CopyKernel;
}

/**
 * A device whose frames are arrays: for tests, for users of the library, and for the links of the
 * simulator. Frames pushed in are received in order; frames sent are kept until they are taken.
 */
export class MemoryDevice implements Device {
  readonly name: string;
  readonly mtu: number;
  readonly linkType: number;
  private readonly kernel: CopyKernel | null;
  private arrived: Frame[] = [];
  private departed: Frame[] = [];
  private placer: FramePlacer | null = null;

  constructor(
    private readonly pool: PacketPool,
    options: MemoryDeviceOptions = {},
  ) {
    this.name = options.name ?? 'memory';
    this.mtu = options.mtu ?? 1500;
    this.linkType = options.linkType ?? LinkType.RAW;
    this.kernel = options.kernel ?? null;
  }

  /** Queues a frame to be received. Its bytes are read when they are received, not before. */
  push(bytes: Uint8Array, linkType = this.linkType): void {
    this.arrived.push({ bytes, linkType });
  }

  /** Frames that wait to be received. */
  get pending(): number {
    return this.arrived.length;
  }

  /** The frames sent since the last call, as copies, in order. */
  take(): Frame[] {
    const frames = this.departed;
    this.departed = [];
    return frames;
  }

  receive(vector: PacketVector, side: number): number {
    if (this.placer?.vector !== vector) this.placer = new FramePlacer(this.pool, vector, this.kernel);
    const placer = this.placer;
    placer.begin();
    const full = this.arrived.findIndex(
      ({ bytes, linkType }) => !placer.place(bytes, 0, bytes.length, linkType, side),
    );
    this.arrived.splice(0, full === -1 ? this.arrived.length : full);
    return vector.count;
  }

  transmit(vector: PacketVector, side: number): number {
    return forEachDelivered(vector, side, (offset, length, linkType) => {
      this.departed.push({
        bytes: Uint8Array.from(this.pool.bytes.subarray(offset, offset + length)),
        linkType,
      });
    });
  }

  close(): void {
    this.arrived = [];
    this.departed = [];
  }
}
