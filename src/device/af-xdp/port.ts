/**
 * A worker's share of AF_XDP: packets arrive in chunks that lie in the pool, and leave from there without a
 * copy when the pipeline sends them on. A packet from elsewhere is copied into a chunk.
 */
import { LinkType } from '../../dataplane/link-type.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { ETHERNET_HEADER } from '../../wire/protocol.js';
import { LinkSender } from '../af-packet/link-sender.js';
import { BatchSender } from '../underlay/batch-sender.js';
import { DeviceCount } from '../device-counters.js';
import { forEachDeliveredInPieces, type SendFrame } from '../device.js';
import { loadAddon } from '../native/addon.js';
import type { Port, PortMemory } from '../port.js';
import { FallbackSender } from '../raw/fallback-sender.js';
import { openDescriptors } from '../raw/gre-socket.js';
import { isRawIp } from '../raw/raw-port.js';
import { rawReceivers } from '../raw/raw-receiver.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { MappedRings } from './rings.js';
import type { AfXdpPortSpec } from './spec.js';
import { XdpDrops } from './xdp-drops.js';
import { XdpReceiver } from './xdp-receiver.js';

export class AfXdpPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.RAW;
  readonly counters: Float64Array;
  readonly pollFds: readonly number[];
  readonly waitMs = Infinity;
  private readonly rings: MappedRings;
  private readonly turns: ReceiveTurns;
  private readonly drops: XdpDrops;
  private readonly sender: LinkSender;
  private readonly send: SendFrame;

  constructor(spec: AfXdpPortSpec, memory: PortMemory) {
    const addon = loadAddon();
    const { counters, remainder, sockets, mtu } = spec;
    const { pool } = memory;
    this.name = spec.name;
    this.mtu = mtu;
    this.counters = counters;
    this.rings = new MappedRings(addon, pool, spec, memory.stagingOffset);
    const { layouts } = this.rings;
    const receivers = layouts.map((layout) => new XdpReceiver(addon, pool, layout, counters));
    this.turns = new ReceiveTurns(
      receivers,
      remainder === null ? [] : rawReceivers(remainder, memory, counters),
    );
    const descriptors = sockets.map(({ fd }) => fd);
    const rare = remainder === null ? [] : openDescriptors(remainder);
    this.pollFds = [...descriptors, ...rare];
    this.drops = new XdpDrops(addon, descriptors, rare, counters);
    const senders = sockets.map(({ index, fd }, i) => {
      const calls = {
        sendBatch: (_fd: number, bytes: Uint8Array, frames: Int32Array, first: number, count: number) =>
          addon.xdpTransmit(bytes, layouts[i]!, frames, first, count),
        waitWritable: (socket: number, ms: number) => addon.waitWritable(socket, ms),
        poll: (fds: Int32Array, ms: number) => addon.poll(fds, ms),
      };
      const common = { calls, fd, memory: pool.bytes, counters };
      return { index, sender: new BatchSender({ ...common, linkBytes: ETHERNET_HEADER }) };
    });
    const fallback = new FallbackSender(spec.fallback, pool.bytes, counters, addon);
    const sender = new LinkSender(pool, spec.adjacencies, senders, fallback, counters);
    this.sender = sender;
    this.send = (offset, length, linkType, body, bodyLength) => {
      if (!isRawIp(linkType)) counters[DeviceCount.tx_dropped_error]! += 1;
      else if (length + bodyLength > mtu) counters[DeviceCount.tx_dropped_size]! += 1;
      else sender.add(offset, length, body, bodyLength);
    };
  }

  /** One batch, from one socket. */
  receive(vector: PacketVector, side: number): number {
    const { counters } = this;
    const count = this.turns.receive(vector, side);
    this.drops.after(count);
    if (count > 0) {
      counters[DeviceCount.rx_packets]! += count;
      counters[DeviceCount.rx_batches]! += 1;
    }
    return count;
  }

  transmit(vector: PacketVector, side: number): number {
    forEachDeliveredInPieces(vector, side, this.send);
    return this.sender.flush();
  }

  /** Leaves the sockets, and what is queued there, to whoever opens the port next. */
  close(): void {
    this.drops.update();
    this.rings.close();
  }
}
