/**
 * Two TUN or TAP ports back to back: what comes in at one goes out at the other, in a worker thread that waits
 * in poll, as the daemon's do. Run as a worker it forwards; imported it starts one.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { PacketPool, type SharedPacketPool } from '../../src/dataplane/packet-pool.js';
import {
  PacketVector,
  Side,
  vectorRegions,
  type SharedPacketVector,
} from '../../src/dataplane/packet-vector.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { TunPort } from '../../src/device/tun/tun-port.js';
import { tunStagingBytes, type TunPortSpec } from '../../src/device/tun/tun-port-spec.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { createSplitter } from '../../src/wire/split.js';

interface Task {
  readonly pool: SharedPacketPool;
  readonly vectors: readonly SharedPacketVector[];
  readonly specs: readonly [TunPortSpec, TunPortSpec];
  /** 1: end. */
  readonly stop: Int32Array;
  /** Packets that were not in one of the 256 sizes are none; index 256 counts vectors. */
  readonly sizes: Float64Array;
}

export interface Forwarder {
  /** Vectors by their number of packets. */
  readonly sizes: Float64Array;
  stop(): Promise<void>;
}

/** A pool for two ports, and what else a forwarding worker needs. */
export async function startForwarding(a: TunPortSpec, b: TunPortSpec): Promise<Forwarder> {
  const { slots, vectors, regions } = vectorRegions(2);
  const pool = PacketPool.create({ slots, vectors, stagingBytes: 2 * tunStagingBytes() });
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const sizes = new Float64Array(new SharedArrayBuffer(257 * 8));
  const task: Task = {
    pool: pool.share(),
    vectors: regions.map((region) => PacketVector.create(pool, region).share()),
    specs: [a, b],
    stop,
    sizes,
  };
  const worker = new Worker(new URL(import.meta.url), { workerData: task });
  await once(worker, 'message');
  return {
    sizes,
    stop: async () => {
      Atomics.store(stop, 0, 1);
      await once(worker, 'exit');
    },
  };
}

function forward({ pool: shared, vectors, specs, stop, sizes }: Task): void {
  const pool = PacketPool.open(shared);
  const kernels = payloadKernels(pool.memory);
  const stagingBytes = tunStagingBytes();
  const ports = specs.map((spec, i) => {
    const vector = PacketVector.open(pool, vectors[i]!);
    const stagingOffset = pool.stagingOffset + i * stagingBytes;
    const gathers = i === 0;
    const splitter = createSplitter(pool.bytes, kernels, spec.kind === 'tap', gathers ? vector : null);
    const memory = { pool, vector, stagingOffset, stagingBytes, kernels, gathers, splitter };
    return { vector, port: new TunPort(spec, memory) };
  });
  const addon = loadAddon();
  const fds = Int32Array.from(specs, (spec) => spec.fd);
  parentPort?.postMessage('ready');
  while (Atomics.load(stop, 0) === 0) {
    let moved = 0;
    for (const [i, { port, vector }] of ports.entries()) {
      const count = port.receive(vector, Side.OVERLAY);
      if (count === 0) continue;
      moved += count;
      sizes[count]!++;
      for (let packet = 0; packet < count; packet++) {
        vector.verdict[packet] = Verdict.delivered_overlay;
        vector.outOffset[packet] = vector.offset[packet]!;
        vector.outLength[packet] = vector.length[packet]!;
        vector.outLink[packet] = vector.link[packet]!;
      }
      vector.extraCount = 0;
      ports[1 - i]!.port.transmit(vector, Side.OVERLAY);
    }
    if (moved === 0 && ports.every(({ port }) => port.waitMs > 0)) addon.poll(fds, 20);
  }
}

if (!isMainThread) forward(workerData as Task);
