/**
 * The memory of one worker: a pool with a vector for each port and one for warming up. It belongs to the
 * worker's place, not to its thread: it stays while threads come and go, as long as the devices stay.
 */
import { CACHE_LINE, PacketPool } from '../dataplane/packet-pool.js';
import {
  PacketVector,
  VECTOR_EXTRA_SLOTS,
  VECTOR_SLOTS,
  type VectorRegion,
} from '../dataplane/packet-vector.js';
import { stagingBytesOf, type AnyPortSpec } from './ports.js';
import { WARM_UP_SLOTS } from './warm-up.js';
import type { SharedWorkerPool } from './worker-memory.js';

const PORT_SLOTS = VECTOR_SLOTS + VECTOR_EXTRA_SLOTS;

export function createWorkerPool(underlay: AnyPortSpec, overlay: AnyPortSpec): SharedWorkerPool {
  const bytes = [underlay, overlay].map(
    (spec) => Math.ceil(stagingBytesOf(spec) / CACHE_LINE) * CACHE_LINE,
  ) as [number, number];
  const pool = PacketPool.create({
    slots: 2 * PORT_SLOTS + 2 * WARM_UP_SLOTS,
    vectors: 3,
    stagingBytes: bytes[0] + bytes[1],
  });
  const vector = (region: VectorRegion) => PacketVector.create(pool, region).share();
  const portRegion = (port: number): VectorRegion => ({
    firstSlot: port * PORT_SLOTS,
    slots: VECTOR_SLOTS,
    firstExtraSlot: port * PORT_SLOTS + VECTOR_SLOTS,
    extraSlots: VECTOR_EXTRA_SLOTS,
  });
  return {
    pool: pool.share(),
    vectors: [vector(portRegion(0)), vector(portRegion(1))],
    staging: [
      { offset: pool.stagingOffset, bytes: bytes[0] },
      { offset: pool.stagingOffset + bytes[0], bytes: bytes[1] },
    ],
    warmUp: vector({
      firstSlot: 2 * PORT_SLOTS,
      slots: WARM_UP_SLOTS,
      firstExtraSlot: 2 * PORT_SLOTS + WARM_UP_SLOTS,
      extraSlots: WARM_UP_SLOTS,
    }),
  };
}
