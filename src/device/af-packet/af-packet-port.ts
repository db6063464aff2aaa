/**
 * The AF_PACKET device as a worker uses it: packets arrive in rings that lie in the pool, and leave from there when the
 * pipeline sends them on.
 */
import { LinkType } from '../../dataplane/link-type.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { ETHERNET_HEADER } from '../../wire/protocol.js';
import type { SharedAdjacencies } from '../underlay/adjacency.js';
import { BatchSender } from '../underlay/batch-sender.js';
import { DeviceCount } from '../device-counters.js';
import { forEachDeliveredInPieces, type SendFrame } from '../device.js';
import { dropsOf, DropWatch } from '../underlay/drop-watch.js';
import { loadAddon } from '../native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import { FallbackSender, type FallbackSockets } from '../raw/fallback-sender.js';
import { openDescriptors, type GreSockets } from '../raw/gre-socket.js';
import { isRawIp } from '../raw/raw-port.js';
import { rawReceivers } from '../raw/raw-receiver.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { frameRingBytes, frameRingOffset, type FrameRing } from './frame-ring.js';
import { LinkSender } from './link-sender.js';
import { PacketReceiver } from './packet-receiver.js';

export interface AfPacketPortSpec extends BasePortSpec {
  readonly kind: 'af_packet';
  readonly rings: readonly FrameRing[];
  /** Of the first worker: raw sockets for what AF_PACKET cannot have (rawRemainderFilter). */
  readonly remainder: GreSockets | null;
  readonly fallback: FallbackSockets;
  readonly adjacencies: SharedAdjacencies;
}

export class AfPacketPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.RAW;
  readonly counters: Float64Array;
  readonly pollFds: readonly number[];
  readonly waitMs = Infinity;
  private readonly receivers: readonly PacketReceiver[];
  private readonly turns: ReceiveTurns;
  private readonly drops: DropWatch;
  private readonly sender: LinkSender;
  private readonly send: SendFrame;

  constructor(spec: AfPacketPortSpec, memory: PortMemory) {
    const calls = loadAddon();
    const { counters, remainder, rings } = spec;
    const { pool } = memory;
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = counters;
    let at = frameRingOffset(memory.stagingOffset);
    this.receivers = rings.map((ring) => {
      const offset = at;
      at += frameRingBytes(ring.state);
      return new PacketReceiver({ calls, pool, counters, ring, offset });
    });
    const rare = remainder === null ? [] : openDescriptors(remainder);
    this.turns = new ReceiveTurns(
      this.receivers,
      remainder === null ? [] : rawReceivers(remainder, memory, counters),
    );
    this.pollFds = [...rings.map(({ fd }) => fd), ...rare];
    const full = this.receivers.map((receiver) => () => receiver.dropped());
    this.drops = new DropWatch([...full, ...dropsOf(calls, rare)], counters);
    const common = { calls, memory: pool.bytes, counters, linkBytes: ETHERNET_HEADER };
    const senders = rings.map(({ index, fd }) => ({
      index,
      sender: new BatchSender({ ...common, fd }),
    }));
    const fallback = new FallbackSender(spec.fallback, pool.bytes, counters, calls);
    const sender = new LinkSender(pool, spec.adjacencies, senders, fallback, counters);
    this.sender = sender;
    this.send = (offset, length, linkType, body, bodyLength) => {
      if (isRawIp(linkType)) sender.add(offset, length, body, bodyLength);
      else counters[DeviceCount.tx_dropped_error]! += 1;
    };
  }

  /** One batch, from one interface. */
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

  /** Leaves the sockets, and what waits in their rings, to whoever opens the port next. */
  close(): void {
    this.drops.update();
    for (const receiver of this.receivers) receiver.close();
  }
}
