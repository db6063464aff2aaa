/**
 * A worker's queue of a TUN (IP packets) or TAP (Ethernet frames). What comes in: tun-receiver.ts. What goes out is
 * written a vector at a time; with virtio-net headers consecutive packets of a flow become one frame
 * (src/wire/join.ts).
 */
import { LinkType } from '../../dataplane/link-type.js';
import { EXTRA_SIZE, VECTOR_SIZE, type PacketVector } from '../../dataplane/packet-vector.js';
import { createJoiner, type Joiner } from '../../wire/join.js';
import { DeviceCount } from '../device-counters.js';
import { forEachDelivered } from '../device.js';
import { loadAddon, type Addon } from '../native/addon.js';
import { sharedWords, type Pinned } from '../native/pin-calls.js';
import type { Port, PortMemory } from '../port.js';
import { PlainFrames } from './plain-frames.js';
import type { TunPortSpec } from './tun-port-spec.js';
import { TunReceiver } from './tun-receiver.js';
import { dropCounter } from './write-errors.js';

/** Milliseconds that a write waits for room. */
const PATIENCE = 5;
/** Milliseconds until a queue whose interface has vanished is tried again. */
const RETRY_MS = 1000;

/** The packets of one transmit call, as frames to write. */
export type FrameList = Pick<Joiner, 'reset' | 'add' | 'finish' | 'gather' | 'packets' | 'bytes'>;

/** The arrays that each write hands over. */
interface Pins {
  readonly memory: Pinned<Uint8Array>;
  readonly gather: Pinned<Int32Array>;
  readonly results: Pinned<Int32Array>;
}

export class TunPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType: number;
  readonly counters: Float64Array;
  private readonly fd: number;
  private readonly addon: Addon;
  private readonly results = sharedWords(VECTOR_SIZE + EXTRA_SIZE);
  private readonly pins: Pins;
  private readonly receiver: TunReceiver;
  private readonly list: FrameList;
  private readonly readable: readonly number[];
  private unsendable = 0;

  constructor(spec: TunPortSpec, memory: PortMemory) {
    const { pool, kernels } = memory;
    const ethernet = spec.kind === 'tap';
    const packets = VECTOR_SIZE + EXTRA_SIZE;
    const addon = loadAddon();
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = spec.counters;
    this.fd = spec.fd;
    this.linkType = ethernet ? LinkType.ETHERNET : LinkType.RAW;
    this.addon = addon;
    this.readable = [spec.fd];
    this.receiver = new TunReceiver(spec, memory, addon);
    this.list = spec.offload
      ? createJoiner(pool.bytes, kernels, { packets, ethernet, udp: spec.udp })
      : new PlainFrames(packets);
    this.pins = {
      memory: addon.pin(pool.bytes),
      gather: addon.pin(this.list.gather),
      results: addon.pin(this.results),
    };
  }

  /** Empty while the interface is gone: its descriptor would be readable all the time. */
  get pollFds(): readonly number[] {
    return this.receiver.isGone ? [] : this.readable;
  }

  get waitMs(): number {
    if (this.receiver.isWaiting) return 0;
    return this.receiver.isGone ? RETRY_MS : Infinity;
  }

  receive(vector: PacketVector, side: number): number {
    return this.receiver.receive(vector, side);
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
    const { results, pins } = this;
    this.addon.tunWrite(this.fd, pins.memory, pins.gather, frames, pins.results, PATIENCE);
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
    this.receiver.clear();
  }
}
