/** A worker's share of a synthetic device: packets that were made beforehand, by the clock. */
import { LinkType } from '../dataplane/link-type.js';
import type { PacketVector } from '../dataplane/packet-vector.js';
import { DeviceCount } from '../device/device-counters.js';
import { DiscardPort } from '../device/discard.js';
import { FramePlacer } from '../device/frame-placer.js';
import type { BasePortSpec, Port, PortMemory } from '../device/port.js';
import type { FrameRing } from './synthetic-frames.js';

export interface SyntheticPortSpec extends BasePortSpec {
  readonly kind: 'synthetic';
  /** Of this port. */
  readonly packetsPerSecond: number;
  readonly frames: FrameRing;
  /** Number of the frame to begin with. */
  readonly first: number;
}

/** Packets that a port makes up for when it is called late. */
const MOST_BEHIND = 2048;

export class SyntheticPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.RAW;
  readonly pollFds: readonly number[] = [];
  readonly counters: Float64Array;
  private readonly placer: FramePlacer;
  private readonly frames: FrameRing;
  private readonly perMs: number;
  private readonly sink: DiscardPort;
  private next: number;
  private sent = 0;
  private startedAt = -1;

  constructor(spec: SyntheticPortSpec, { pool, vector }: PortMemory) {
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = spec.counters;
    this.placer = new FramePlacer(pool, vector);
    this.frames = spec.frames;
    this.next = spec.first;
    this.perMs = spec.packetsPerSecond / 1000;
    this.sink = new DiscardPort({ kind: 'discard', name: spec.name, mtu: spec.mtu, counters: spec.counters });
  }

  get waitMs(): number {
    if (this.frames.count === 0) return Infinity;
    return this.due() >= 1 ? 0 : Math.max(1, 1 / this.perMs);
  }

  receive(vector: PacketVector, side: number): number {
    const { placer, frames, counters } = this;
    placer.begin();
    if (frames.count === 0) return 0;
    const { bytes, spans } = frames;
    let due = Math.floor(this.due());
    let total = 0;
    for (; due > 0; due--) {
      const length = spans[2 * this.next + 1]!;
      if (!placer.place(bytes, spans[2 * this.next]!, length, LinkType.RAW, side)) break;
      total += length;
      this.next = this.next + 1 === frames.count ? 0 : this.next + 1;
    }
    const { count } = vector;
    if (count === 0) return 0;
    this.sent += count;
    counters[DeviceCount.rx_packets]! += count;
    counters[DeviceCount.rx_bytes]! += total;
    counters[DeviceCount.rx_batches]! += 1;
    return count;
  }

  transmit(vector: PacketVector, side: number): number {
    return this.sink.transmit(vector, side);
  }

  close(): void {
    // Nothing is held.
  }

  private due(): number {
    const now = performance.now();
    if (this.startedAt < 0) this.startedAt = now;
    const due = (now - this.startedAt) * this.perMs - this.sent;
    if (due > MOST_BEHIND) {
      this.startedAt = now;
      this.sent = -MOST_BEHIND;
      return MOST_BEHIND;
    }
    return due;
  }
}
