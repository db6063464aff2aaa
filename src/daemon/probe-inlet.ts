/**
 * The overlay port of a worker through which the probes of the main thread come in as well: they are packets of the
 * overlay, each pinned to its tunnel, and take the way of all others from there on.
 */
import { LinkType } from '../dataplane/link-type.js';
import type { PacketPool } from '../dataplane/packet-pool.js';
import { VECTOR_SIZE, type PacketVector } from '../dataplane/packet-vector.js';
import type { Port } from '../device/port.js';
import type { PacketQueue } from './packet-queue.js';

export class ProbeInlet implements Port {
  readonly name: string;
  readonly mtu: number;
  readonly linkType: number;
  readonly counters: Float64Array;

  constructor(
    private readonly port: Port,
    private readonly probes: PacketQueue,
    private readonly pool: PacketPool,
  ) {
    this.name = port.name;
    this.mtu = port.mtu;
    this.linkType = port.linkType;
    this.counters = port.counters;
  }

  get pollFds(): readonly number[] {
    return this.port.pollFds;
  }

  get waitMs(): number {
    return this.probes.isEmpty ? this.port.waitMs : 0;
  }

  receive(vector: PacketVector, side: number): number {
    if (this.probes.isEmpty) return this.port.receive(vector, side);
    const { probes, pool } = this;
    const { firstSlot, slots } = vector.region;
    const most = Math.min(slots, VECTOR_SIZE);
    vector.bodies = 0;
    vector.large = false;
    let count = 0;
    while (count < most && probes.take()) {
      const offset = pool.frameOffset(firstSlot + count, 0);
      pool.bytes.set(probes.bytes.subarray(probes.at, probes.at + probes.length), offset);
      vector.offset[count] = offset;
      vector.length[count] = probes.length;
      vector.link[count] = LinkType.RAW;
      vector.side[count] = side;
      vector.pinTo(count, probes.tunnel);
      probes.done();
      count++;
    }
    vector.count = count;
    return count;
  }

  transmit(vector: PacketVector, side: number): number {
    return this.port.transmit(vector, side);
  }

  close(): void {
    this.port.close();
  }
}
