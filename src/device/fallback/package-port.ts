/** The devices of the packages `raw-socket` and `cap` as a worker uses them. */
import { LinkType } from '../../dataplane/link-type.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { ETHERNET_HEADER } from '../../wire/protocol.js';
import type { SharedAdjacencies } from '../underlay/adjacency.js';
import { LinkSender } from '../af-packet/link-sender.js';
import { BatchSender } from '../underlay/batch-sender.js';
import { DeviceCount } from '../device-counters.js';
import { forEachDelivered } from '../device.js';
import { loadAddon } from '../native/addon.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import { FallbackSender, type FallbackSockets } from '../raw/fallback-sender.js';
import { isRawIp } from '../raw/raw-port.js';
import { ReceiveTurns } from '../underlay/receive-turns.js';
import { ChannelReceiver } from './channel-receiver.js';

/** A channel to a helper process. */
export interface PackageChannel {
  readonly fd: number;
  /** cap: the kernel's index of its interface; raw-socket: 0. */
  readonly index: number;
}

export interface PackagePortSpec extends BasePortSpec {
  readonly kind: 'raw-socket' | 'cap';
  readonly channels: readonly PackageChannel[];
  /** cap: what its frames need. */
  readonly link: { readonly adjacencies: SharedAdjacencies; readonly fallback: FallbackSockets } | null;
}

interface Sender {
  add(offset: number, length: number, body: number, bodyLength: number): void;
  flush(): number;
}

export class PackagePort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.RAW;
  readonly counters: Float64Array;
  readonly pollFds: readonly number[];
  readonly waitMs = Infinity;
  private readonly turns: ReceiveTurns;
  private readonly sender: Sender;
  private readonly send: (offset: number, length: number, linkType: number) => void;

  constructor(spec: PackagePortSpec, memory: PortMemory) {
    const calls = loadAddon();
    const { counters, channels } = spec;
    const { pool, vector } = memory;
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = counters;
    this.pollFds = channels.map(({ fd }) => fd);
    this.turns = new ReceiveTurns(
      channels.map(({ fd }) => new ChannelReceiver({ calls, pool, vector, counters, fd })),
    );
    const sender = makeSender(spec, memory);
    this.sender = sender;
    this.send = (offset, length, linkType) => {
      if (isRawIp(linkType)) sender.add(offset, length, 0, 0);
      else counters[DeviceCount.tx_dropped_error]! += 1;
    };
  }

  receive(vector: PacketVector, side: number): number {
    const count = this.turns.receive(vector, side);
    if (count > 0) {
      this.counters[DeviceCount.rx_packets]! += count;
      this.counters[DeviceCount.rx_batches]! += 1;
    }
    return count;
  }

  /** Hands packets to the helper process. What that cannot send is in `tx_dropped_error` besides. */
  transmit(vector: PacketVector, side: number): number {
    forEachDelivered(vector, side, this.send);
    return this.sender.flush();
  }

  /** The channels are the main thread's. */
  close(): void {
    return;
  }
}

function makeSender(spec: PackagePortSpec, { pool }: PortMemory): Sender {
  const calls = loadAddon();
  const { counters, channels, link } = spec;
  const common = { calls, memory: pool.bytes, counters };
  if (link === null) return new BatchSender({ ...common, fd: channels[0]!.fd });
  const senders = channels.map(({ index, fd }) => ({
    index,
    sender: new BatchSender({ ...common, fd, linkBytes: ETHERNET_HEADER }),
  }));
  const fallback = new FallbackSender(link.fallback, pool.bytes, counters, calls);
  return new LinkSender(pool, link.adjacencies, senders, fallback, counters);
}
