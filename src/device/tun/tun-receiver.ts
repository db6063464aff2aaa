/**
 * Frames of a TUN's or TAP's queue into vectors: read several at a time into the staging area, and left there. A large
 * segment goes to the pipeline as it is (PacketVector.large), or where that or the other side does not take it, cut
 * into packets (src/wire/split.ts).
 */
import { frameAlignment, LinkType } from '../../dataplane/link-type.js';
import { HEADROOM } from '../../dataplane/packet-pool.js';
import { VECTOR_SIZE, type PacketVector } from '../../dataplane/packet-vector.js';
import { FrameKind, type Splitter } from '../../wire/split.js';
import { VIRTIO_NET_HEADER, VirtioSegments } from '../../wire/virtio-net.js';
import { DeviceCount } from '../device-counters.js';
import type { Addon } from '../native/addon.js';
import { sharedWords, type Pinned } from '../native/pin-calls.js';
import type { PortMemory } from '../port.js';
import type { Receiver } from '../underlay/receive-turns.js';
import { TUN_FRAME_BYTES, TUN_FRAMES, type TunPortSpec } from './tun-port-spec.js';
import { isGone } from './write-errors.js';

/** The arrays that each read hands over. */
interface Pins {
  readonly memory: Pinned<Uint8Array>;
  readonly offsets: Pinned<Int32Array>;
  readonly lengths: Pinned<Int32Array>;
}

export class TunReceiver implements Receiver {
  /** Whether the interface has vanished, as the last read found. */
  isGone = false;
  private readonly offsets = sharedWords(TUN_FRAMES);
  private readonly lengths = sharedWords(TUN_FRAMES);
  private readonly pins: Pins;
  private readonly splitter: Splitter;
  private readonly counters: Float64Array;
  private readonly fd: number;
  private readonly linkType: number;
  /** Bytes of the virtio-net header, 0 without. */
  private readonly header: number;
  /** Where the first frame goes, its virtio-net header first, and how many bytes there are for all. */
  private readonly start: number;
  private readonly room: number;
  /** Whether payload of large frames stays where the kernel put it, for the other side to send from there. */
  private readonly hasBodies: boolean;
  /** Frames of the last read call, the one in work, and whether the splitter has it. */
  private frames = 0;
  private frame = 0;
  private isSplitting = false;
  /** The first frame behind those that were refused as large segments. They have been counted, and are cut now. */
  private refusedEnd = 0;

  constructor(
    spec: TunPortSpec,
    private readonly memory: PortMemory,
    private readonly addon: Addon,
  ) {
    const { pool, stagingOffset, stagingBytes, vector } = memory;
    this.counters = spec.counters;
    this.fd = spec.fd;
    this.linkType = spec.kind === 'tap' ? LinkType.ETHERNET : LinkType.RAW;
    this.header = spec.offload ? VIRTIO_NET_HEADER : 0;
    this.start = stagingOffset + HEADROOM + frameAlignment(this.linkType) - this.header;
    this.room = stagingOffset + stagingBytes - this.start;
    this.hasBodies = memory.gathers && spec.offload;
    this.splitter = memory.splitter;
    this.pins = {
      memory: addon.pin(pool.bytes),
      offsets: addon.pin(this.offsets),
      lengths: addon.pin(this.lengths),
    };
    // What a worker that failed has left.
    vector.refused = 0;
  }

  /** Whether there is something to receive that has been read already. */
  get isWaiting(): boolean {
    return this.frame < this.frames || this.memory.vector.refused > 0;
  }

  /** Forgets what has been read. */
  clear(): void {
    this.frame = this.frames = 0;
  }

  receive(vector: PacketVector, side: number): number {
    vector.count = 0;
    vector.bodies = 0;
    vector.large = false;
    if (vector.refused > 0) {
      this.refusedEnd = this.frame;
      this.frame -= vector.refused;
      vector.refused = 0;
    }
    if (this.frame === this.frames && !this.read()) return 0;
    const areCounted = this.frame < this.refusedEnd;
    const large = this.mayTakeLarge(vector) && !this.isSplitting && this.isLarge(this.frame);
    const count = large ? this.placeLarge(vector) : this.place(vector);
    vector.count = count;
    vector.large = large;
    if (this.hasBodies && !large) vector.bodies = count;
    const { link, side: sides, length } = vector;
    let packets = count;
    let bytes = 0;
    for (let i = 0; i < count; i++) {
      link[i] = this.linkType;
      sides[i] = side;
      bytes += length[i]!;
      if (!large) continue;
      const more = vector.segments(i) - 1;
      packets += more;
      bytes += more * (vector.bodyOffset[i]! - vector.offset[i]!);
    }
    if (packets > 0 && !areCounted) {
      const { counters } = this;
      counters[DeviceCount.rx_packets]! += packets;
      counters[DeviceCount.rx_bytes]! += bytes;
      counters[DeviceCount.rx_batches]!++;
      if (large) counters[DeviceCount.rx_large]! += count;
    }
    return packets;
  }

  /** Reads frames into the staging area. */
  private read(): boolean {
    const { header, pins } = this;
    const frames = this.addon.tunRead(
      this.fd,
      pins.memory,
      this.start,
      this.room,
      header + TUN_FRAME_BYTES,
      HEADROOM,
      pins.offsets,
      pins.lengths,
    );
    this.isGone = isGone(frames);
    this.frame = 0;
    this.refusedEnd = 0;
    this.frames = Math.max(frames, 0);
    return frames > 0;
  }

  /** Whether large segments go into the vector as they are, from now on or from the next vector on. */
  private mayTakeLarge(vector: PacketVector): boolean {
    return (
      vector.takesLarge && this.hasBodies && this.linkType === LinkType.RAW && this.frame >= this.refusedEnd
    );
  }

  /** Whether a frame is a large segment; the splitter has it then. Nothing is changed in it. */
  private isLarge(frame: number): boolean {
    const { header } = this;
    const at = this.offsets[frame]! + header;
    const bytes = this.lengths[frame]! - header;
    const kind = this.memory.pool.bytes[at - header + 1]! & ~VirtioSegments.ECN;
    if (kind === VirtioSegments.NONE || bytes <= 0 || bytes >= TUN_FRAME_BYTES) return false;
    return this.splitter.begin(at - header, at, bytes) === FrameKind.LARGE;
  }

  /** Puts the large segments that are next, of TUN_FRAMES at most, into the vector. */
  private placeLarge(vector: PacketVector): number {
    const { splitter, offsets, lengths, header } = this;
    let placed = 0;
    do {
      vector.offset[placed] = offsets[this.frame]! + header;
      vector.length[placed] = lengths[this.frame]! - header;
      vector.bodyOffset[placed] = splitter.payload;
      vector.bodyLength[placed] = splitter.size;
      placed++;
      this.frame++;
    } while (this.frame < this.frames && this.isLarge(this.frame));
    return placed;
  }

  /**
   * Puts packets into the vector until it is full or the frames that were read are done; those that were refused as large
   * segments have a vector of their own, as they have been counted.
   */
  private place(vector: PacketVector): number {
    const { splitter, offsets, lengths, header, counters } = this;
    const { pool } = this.memory;
    const { offset, length, bodyLength, region } = vector;
    const alignment = frameAlignment(this.linkType);
    let packets = 0;
    let slot = 0;
    let { frame, isSplitting } = this;
    const areRefused = frame < this.refusedEnd;
    const end = areRefused ? this.refusedEnd : this.frames;
    const mayTakeLarge = this.mayTakeLarge(vector);
    while (frame < end && packets < VECTOR_SIZE) {
      if (!isSplitting) {
        const at = offsets[frame]! + header;
        const bytes = lengths[frame]! - header;
        if (bytes >= TUN_FRAME_BYTES) {
          counters[DeviceCount.rx_dropped_oversized]!++;
          frame++;
          continue;
        }
        let kind: number = bytes > 0 ? FrameKind.WHOLE : FrameKind.INVALID;
        if (header > 0 && bytes > 0) kind = splitter.begin(at - header, at, bytes);
        if (kind === FrameKind.LARGE) {
          if (mayTakeLarge && packets > 0) break;
          isSplitting = true;
          if (!areRefused) counters[DeviceCount.rx_large]!++;
          continue;
        }
        if (kind === FrameKind.WHOLE) {
          offset[packets] = at;
          length[packets] = bytes;
          bodyLength[packets] = 0;
          packets++;
        } else {
          counters[DeviceCount.rx_dropped_invalid]!++;
        }
        frame++;
        continue;
      }
      const longest = splitter.left();
      const slots = pool.slotsFor(longest);
      const room = Math.min(Math.floor((region.slots - slot) / slots), VECTOR_SIZE - packets);
      const taken = splitter.take(
        offset,
        length,
        packets,
        room,
        pool.frameOffset(region.firstSlot + slot, alignment),
        slots * pool.stride,
      );
      packets += taken;
      slot += taken * slots;
      if (splitter.left() > 0) break;
      isSplitting = false;
      frame++;
    }
    this.frame = frame;
    this.isSplitting = isSplitting;
    return packets;
  }
}
