/** TUN and TAP ports for tests: packets as arrays in and out, in the network namespace of this process. */
import { execFileSync } from 'node:child_process';
import type { Test } from 'tap';
import { frameAlignment, LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { DEVICE_COUNTERS } from '../../src/device/device-counters.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { openTun, type OpenedTun } from '../../src/device/tun/open-tun.js';
import type { TunOptions } from '../../src/device/tun/tun-options.js';
import { tunStagingBytes, type TunPortSpec } from '../../src/device/tun/tun-port-spec.js';
import { TunPort } from '../../src/device/tun/tun-port.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { createSplitter } from '../../src/wire/split.js';

export function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Opens a device that is closed with the test. Default: a TUN grebe0 without addresses, one queue. */
export async function open(t: Test, options: Partial<TunOptions> = {}): Promise<OpenedTun> {
  const device = await openTun({
    name: 'grebe0',
    kind: 'tun',
    workers: 1,
    mtu: 1476,
    addresses: [],
    routes: [],
    offload: true,
    ...options,
  });
  t.teardown(() => device.close());
  return device;
}

/** Whether a frame is one of the kernel's own: listener reports and router solicitations to IPv6 multicast. */
function isKernelsOwn(frame: Uint8Array, link: number): boolean {
  return frame[link]! >> 4 === 6 && frame[link + 24] === 0xff;
}

/** A port with a pool of its own. */
export class PortUser {
  readonly port: TunPort;
  readonly vector: PacketVector;
  private readonly pool: PacketPool;

  /** @param gathers whether large segments are received in pieces */
  constructor(
    private readonly spec: TunPortSpec,
    gathers = false,
  ) {
    const { slots, vectors, regions } = vectorRegions(1);
    const stagingBytes = tunStagingBytes();
    const pool = PacketPool.create({ slots, vectors, stagingBytes });
    const vector = PacketVector.create(pool, regions[0]!);
    const { stagingOffset } = pool;
    const kernels = payloadKernels(pool.memory);
    this.pool = pool;
    this.vector = vector;
    const splitter = createSplitter(pool.bytes, kernels, spec.kind === 'tap', gathers ? vector : null);
    this.port = new TunPort(spec, { pool, vector, stagingOffset, stagingBytes, kernels, gathers, splitter });
  }

  /** Sends up to 256 packets in one call, as the pipeline would deliver them. */
  send(packets: readonly Uint8Array[], link = this.port.linkType): number {
    const { pool, vector } = this;
    packets.forEach((packet, i) => {
      const at = pool.frameOffset(vector.region.firstSlot + i, frameAlignment(link));
      pool.bytes.set(packet, at);
      vector.verdict[i] = Verdict.delivered_overlay;
      vector.outOffset[i] = at;
      vector.outLength[i] = packet.length;
      vector.outLink[i] = link;
    });
    vector.count = packets.length;
    vector.extraCount = 0;
    return this.port.transmit(vector, Side.OVERLAY);
  }

  /** The packets of one receive call, without those that the kernel sends by itself. */
  receive(): Uint8Array[] {
    const count = this.port.receive(this.vector, Side.OVERLAY);
    const frames = Array.from({ length: count }, (_, i) => {
      const at = this.vector.offset[i]!;
      return this.pool.bytes.slice(at, at + this.vector.length[i]!);
    });
    const link = this.port.linkType === LinkType.ETHERNET ? 14 : 0;
    return frames.filter((frame) => !isKernelsOwn(frame, link));
  }

  /** So many packets, for which it waits; or all that are there, or come within `milliseconds`. */
  receiveAll(count = Infinity, milliseconds = count === Infinity ? 100 : 60_000): Uint8Array[] {
    const packets: Uint8Array[] = [];
    const end = Date.now() + milliseconds;
    while (packets.length < count) {
      const more = this.receive();
      packets.push(...more);
      if (more.length > 0 || this.port.waitMs === 0) continue;
      const left = end - Date.now();
      if (left <= 0) break;
      loadAddon().poll(Int32Array.from(this.port.pollFds), left);
    }
    return packets;
  }

  /** The counters that are not 0. */
  counts(): Record<string, number> {
    const all = DEVICE_COUNTERS.map((name, i) => [name, this.spec.counters[i]!] as const);
    return Object.fromEntries(all.filter(([, value]) => value > 0));
  }
}
