/** What the ports of all underlay devices do alike; what differs are the sockets, which each brings (UnderlaySockets). */
import { LinkType } from '../../dataplane/link-type.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import { LONGEST_IP } from '../../wire/protocol.js';
import { DeviceCount } from '../device-counters.js';
import type { SendFrame } from '../device.js';
import type { BasePortSpec, Port, PortMemory } from '../port.js';
import type { ReceiveTurns } from './receive-turns.js';
import { Transmitter } from './transmitter.js';

/** Sends packets whose body may be elsewhere. */
export interface PacketSender {
  /** Takes `length` bytes at `offset` of the pool, and `bodyLength` more at `body`. */
  add(offset: number, length: number, body: number, bodyLength: number): void;
  /** Sends what was added, in order; returns the number of packets that left. */
  flush(): number;
}

/** Brings the kernel's counts of what was lost before `receive` into the port's counters. */
export interface DropCounts {
  /** To be called after each receive, with the number of packets that it brought. */
  after(received: number): void;
  update(): void;
}

export interface UnderlaySockets {
  /** Port.pollFds */
  readonly pollFds: readonly number[];
  readonly turns: ReceiveTurns;
  /** Where the kernel tells. */
  readonly drops?: DropCounts;
  readonly sender: PacketSender;
  /** Bytes of the longest packet that `sender` can be given; default: any. */
  readonly longest?: number;
  /** Leaves the sockets, and what waits there, to whoever opens the port next: descriptors are the main thread's. */
  readonly close?: () => void;
}

export class UnderlayPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.RAW;
  readonly counters: Float64Array;
  readonly pollFds: readonly number[];
  readonly waitMs = Infinity;
  private readonly turns: ReceiveTurns;
  private readonly drops: DropCounts | undefined;
  private readonly transmitter: Transmitter;
  private readonly closeSockets: (() => void) | undefined;

  constructor(spec: BasePortSpec, memory: PortMemory, sockets: UnderlaySockets) {
    const { counters } = spec;
    const { sender, longest = LONGEST_IP } = sockets;
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = counters;
    this.pollFds = sockets.pollFds;
    this.turns = sockets.turns;
    this.drops = sockets.drops;
    this.closeSockets = sockets.close;
    const send: SendFrame = (offset, length, linkType, body, bodyLength) => {
      if (!isRawIp(linkType)) counters[DeviceCount.tx_dropped_error]! += 1;
      else if (length + bodyLength > longest) counters[DeviceCount.tx_dropped_size]! += 1;
      else sender.add(offset, length, body, bodyLength);
    };
    this.transmitter = new Transmitter(memory.pool, memory.splitter, send, () => sender.flush());
  }

  /** One batch, from one socket. */
  receive(vector: PacketVector, side: number): number {
    const { counters } = this;
    const count = this.turns.receive(vector, side);
    this.drops?.after(count);
    if (count > 0) {
      counters[DeviceCount.rx_packets]! += count;
      counters[DeviceCount.rx_batches]! += 1;
    }
    return count;
  }

  transmit(vector: PacketVector, side: number): number {
    return this.transmitter.transmit(vector, side);
  }

  close(): void {
    this.drops?.update();
    this.closeSockets?.();
  }
}

/** Whether a frame of this link type is an IP packet and nothing else. */
function isRawIp(linkType: number): boolean {
  return linkType === LinkType.RAW || linkType === LinkType.IPV4 || linkType === LinkType.IPV6;
}
