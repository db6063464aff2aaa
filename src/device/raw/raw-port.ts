/** The raw device as a worker uses it. */
import { LinkType } from '../../dataplane/link-type.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { DeviceCount } from '../device-counters.js';
import { forEachDeliveredInPieces, type SendFrame } from '../device.js';
import { dropsOf, DropWatch } from '../underlay/drop-watch.js';
import { loadAddon } from '../native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { FallbackSender, type FallbackSockets } from './fallback-sender.js';
import { openDescriptors, type GreSockets } from './gre-socket.js';
import { rawReceivers } from './raw-receiver.js';

export interface RawPortSpec extends BasePortSpec {
  readonly kind: 'raw';
  readonly receive: GreSockets;
  readonly send: FallbackSockets;
}

/** Whether a frame of this link type is an IP packet and nothing else. */
export function isRawIp(linkType: number): boolean {
  return linkType === LinkType.RAW || linkType === LinkType.IPV4 || linkType === LinkType.IPV6;
}

export class RawPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.RAW;
  readonly counters: Float64Array;
  readonly pollFds: readonly number[];
  readonly waitMs = Infinity;
  private readonly turns: ReceiveTurns;
  private readonly drops: DropWatch;
  private readonly sender: FallbackSender;
  private readonly send: SendFrame;

  constructor(spec: RawPortSpec, memory: PortMemory) {
    const calls = loadAddon();
    const { counters } = spec;
    const { pool } = memory;
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = counters;
    this.pollFds = openDescriptors(spec.receive);
    this.turns = new ReceiveTurns(rawReceivers(spec.receive, memory, counters));
    this.drops = new DropWatch(dropsOf(calls, this.pollFds), counters);
    const sender = new FallbackSender(spec.send, pool.bytes, counters, calls);
    this.sender = sender;
    this.send = (offset, length, linkType, body, bodyLength) => {
      if (isRawIp(linkType)) sender.add(offset, length, body, bodyLength);
      else counters[DeviceCount.tx_dropped_error]! += 1;
    };
  }

  /** One batch, of one family. */
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

  /** The descriptors are the main thread's. */
  close(): void {
    this.drops.update();
  }
}
