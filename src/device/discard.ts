/** A device from which nothing comes and in which everything ends, counted. */
import { LinkType } from '../dataplane/link-type.js';
import type { PacketVector } from '../dataplane/packet-vector.js';
import { forEachDelivered } from './device.js';
import { createDeviceCounters, DeviceCount } from './device-counters.js';
import type { BasePortSpec, OpenedDevice, Port } from './port.js';

export interface DiscardPortSpec extends BasePortSpec {
  readonly kind: 'discard';
}

export interface DiscardOptions {
  readonly name: string;
  readonly mtu: number;
  readonly workers: number;
}

export function openDiscard({ name, mtu, workers }: DiscardOptions): OpenedDevice<DiscardPortSpec> {
  return {
    name,
    kind: 'discard',
    description: 'discard: packets are counted and thrown away',
    mtu,
    ports: Array.from({ length: workers }, () => ({
      kind: 'discard',
      name,
      mtu,
      counters: createDeviceCounters(),
    })),
    close: () => Promise.resolve(),
  };
}

export class DiscardPort implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType = LinkType.RAW;
  readonly pollFds: readonly number[] = [];
  readonly waitMs = Infinity;
  readonly counters: Float64Array;
  private bytes = 0;
  private readonly add = (_offset: number, length: number): void => {
    this.bytes += length;
  };

  constructor(spec: DiscardPortSpec) {
    this.name = spec.name;
    this.mtu = spec.mtu;
    this.counters = spec.counters;
  }

  receive(vector: PacketVector): number {
    vector.count = 0;
    return 0;
  }

  transmit(vector: PacketVector, side: number): number {
    this.bytes = 0;
    const sent = forEachDelivered(vector, side, this.add);
    if (sent > 0) {
      this.counters[DeviceCount.tx_packets]! += sent;
      this.counters[DeviceCount.tx_bytes]! += this.bytes;
      this.counters[DeviceCount.tx_batches]! += 1;
    }
    return sent;
  }

  close(): void {
    // Nothing is held.
  }
}
