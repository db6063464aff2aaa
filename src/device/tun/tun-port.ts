/**
 * A worker's queue of a TUN (IP packets) or TAP (Ethernet frames). With virtio-net headers a frame may be a
 * large segment: it is cut into packets on its way to the pipeline (src/wire/split.ts), and consecutive packets
 * of a flow become one on the way back (src/wire/join.ts). Other frames are left where the kernel put them.
 */
import { frameAlignment, LinkType } from '../../dataplane/link-type.js';
import { HEADROOM } from '../../dataplane/packet-pool.js';
import { EXTRA_SIZE, VECTOR_SIZE, type PacketVector } from '../../dataplane/packet-vector.js';
import { createJoiner, type Joiner } from '../../wire/join.js';
import { createSplitter, FrameKind, type Splitter } from '../../wire/split.js';
import { VIRTIO_NET_HEADER } from '../../wire/virtio-net.js';
import { DeviceCount } from '../device-counters.js';
import { forEachDelivered } from '../device.js';
import { loadAddon, type Addon } from '../native/addon.js';
import type { Port, PortMemory } from '../port.js';
import { PlainFrames } from './plain-frames.js';
import { TUN_FRAME_BYTES, TUN_FRAMES, type TunPortSpec } from './tun-port-spec.js';
import { dropCounter, isGone } from './write-errors.js';

/** Milliseconds that a write waits for room. */
const PATIENCE = 5;
/** Milliseconds until a queue whose interface has vanished is tried again. */
const RETRY_MS = 1000;

/** The packets of one transmit call, as frames to write. */
export type FrameList = Pick<Joiner, 'reset' | 'add' | 'finish' | 'gather' | 'packets' | 'bytes'>;

export class TunPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType: number;
  readonly counters: Float64Array;
  private readonly fd: number;
  private readonly addon: Addon;
  private readonly offsets = new Int32Array(TUN_FRAMES);
  private readonly lengths = new Int32Array(TUN_FRAMES);
  private readonly results = new Int32Array(VECTOR_SIZE + EXTRA_SIZE);
  private readonly splitter: Splitter;
  private readonly list: FrameList;
  private readonly readable: readonly number[];
  /** Bytes of the virtio-net header, 0 without. */
  private readonly header: number;
  /** Where the first frame goes, its virtio-net header first, and how many bytes there are for all. */
  private readonly start: number;
  private readonly room: number;
  /** Frames of the last read call, the one in work, and whether the splitter has it. */
  private frames = 0;
  private frame = 0;
  private isSplitting = false;
  /** Whether payload of large frames stays where the kernel put it, for the other side to send from there. */
  private readonly hasBodies: boolean;
  private gone = false;
  private unsendable = 0;

  constructor(
    spec: TunPortSpec,
    private readonly memory: PortMemory,
  ) {
    const { pool, kernels, stagingOffset, stagingBytes } = memory;
    const ethernet = spec.kind === 'tap';
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = spec.counters;
    this.fd = spec.fd;
    this.linkType = ethernet ? LinkType.ETHERNET : LinkType.RAW;
    this.header = spec.offload ? VIRTIO_NET_HEADER : 0;
    this.start = stagingOffset + HEADROOM + frameAlignment(this.linkType) - this.header;
    this.room = stagingOffset + stagingBytes - this.start;
    this.addon = loadAddon();
    this.readable = [spec.fd];
    this.hasBodies = memory.gathers && spec.offload;
    this.splitter = createSplitter(pool.bytes, kernels, ethernet, this.hasBodies ? memory.vector : null);
    const packets = VECTOR_SIZE + EXTRA_SIZE;
    this.list = spec.offload
      ? createJoiner(pool.bytes, kernels, { packets, ethernet, udp: spec.udp })
      : new PlainFrames(packets);
  }

  /** Empty while the interface is gone: its descriptor would be readable all the time. */
  get pollFds(): readonly number[] {
    return this.gone ? [] : this.readable;
  }

  get waitMs(): number {
    if (this.frame < this.frames) return 0;
    return this.gone ? RETRY_MS : Infinity;
  }

  receive(vector: PacketVector, side: number): number {
    vector.count = 0;
    vector.bodies = 0;
    if (this.frame === this.frames && !this.read()) return 0;
    const packets = this.place(vector);
    vector.bodies = this.hasBodies ? packets : 0;
    const { link, side: sides, length } = vector;
    let bytes = 0;
    for (let i = 0; i < packets; i++) {
      link[i] = this.linkType;
      sides[i] = side;
      bytes += length[i]!;
    }
    vector.count = packets;
    const { counters } = this;
    counters[DeviceCount.rx_packets]! += packets;
    counters[DeviceCount.rx_bytes]! += bytes;
    if (packets > 0) counters[DeviceCount.rx_batches]!++;
    return packets;
  }

  /** Reads frames into the staging area. */
  private read(): boolean {
    const { header } = this;
    const frames = this.addon.tunRead(
      this.fd,
      this.memory.pool.bytes,
      this.start,
      this.room,
      header + TUN_FRAME_BYTES,
      HEADROOM,
      this.offsets,
      this.lengths,
    );
    this.gone = isGone(frames);
    this.frame = 0;
    this.frames = Math.max(frames, 0);
    return frames > 0;
  }

  /** Puts packets into the vector until it is full or the frames that were read are done. */
  private place(vector: PacketVector): number {
    const { splitter, offsets, lengths, header, frames, counters } = this;
    const { pool } = this.memory;
    const { offset, length, bodyLength, region } = vector;
    const alignment = frameAlignment(this.linkType);
    let packets = 0;
    let slot = 0;
    let { frame, isSplitting } = this;
    while (frame < frames && packets < VECTOR_SIZE) {
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
          isSplitting = true;
          counters[DeviceCount.rx_large]!++;
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

  transmit(vector: PacketVector, side: number): number {
    const { list, counters } = this;
    list.reset();
    this.unsendable = 0;
    const packets = forEachDelivered(vector, side, this.add);
    if (packets === 0) return 0;
    counters[DeviceCount.tx_dropped_error]! += this.unsendable;
    const frames = list.finish();
    if (frames === 0) return 0;
    const { results } = this;
    this.addon.tunWrite(this.fd, this.memory.pool.bytes, list.gather, frames, results, PATIENCE);
    let sent = 0;
    let bytes = 0;
    for (let i = 0; i < frames; i++) {
      const members = list.packets[i]!;
      if (results[i]! < 0) {
        counters[dropCounter(results[i]!)]! += members;
        continue;
      }
      sent += members;
      bytes += list.bytes[i]!;
      if (members > 1) counters[DeviceCount.tx_large]!++;
    }
    counters[DeviceCount.tx_packets]! += sent;
    counters[DeviceCount.tx_bytes]! += bytes;
    if (sent > 0) counters[DeviceCount.tx_batches]!++;
    return sent;
  }

  private readonly add = (offset: number, length: number, link: number): void => {
    const isOwn =
      link === this.linkType ||
      (this.linkType === LinkType.RAW && (link === LinkType.IPV4 || link === LinkType.IPV6));
    if (isOwn) this.list.add(offset, length);
    else this.unsendable++;
  };

  /** The descriptor belongs to the main thread. */
  close(): void {
    this.frame = this.frames = 0;
  }
}
