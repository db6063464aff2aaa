/**
 * Where a benchmark runs: a pool with one slot for each packet, the vectors that hold them, and the two
 * implementations over both. `load` puts fresh packets into the slots as a device would; everything that
 * a run changed is new again, for TypeScript and C alike.
 *
 * One arena to a thread: V8 compiles the flat loops for one pipeline's memory.
 */
import { createCounters } from '../src/dataplane/counters.js';
import { LinkType } from '../src/dataplane/link-type.js';
import { PacketPool, type SharedPacketPool } from '../src/dataplane/packet-pool.js';
import { PacketVector, VECTOR_SIZE, type SharedPacketVector } from '../src/dataplane/packet-vector.js';
import { Tables, type SharedTables } from '../src/dataplane/tables.js';
import { IMAGE_WORDS, type Traffic } from './traffic.js';
import { Twin } from './twin.js';
import { createWay, type Way, type WayName } from './ways.js';

/** Vectors of an arena: with full vectors, 16,384 packets, as many as the rings of a network card hold. */
export const VECTORS = 64;

/** Slots of each vector's region for packets that the pipeline makes; the benchmark's packets make none. */
const EXTRA_SLOTS = 8;

/** All memory of an arena, structured-cloneable. */
export interface SharedArena {
  readonly pool: SharedPacketPool;
  readonly vectors: readonly SharedPacketVector[];
  readonly tables: SharedTables;
  readonly traffic: Traffic;
  readonly way: WayName;
  /** Packets in each vector, 1 to 256. */
  readonly batch: number;
  /** Where the packets come from: Side.UNDERLAY or Side.OVERLAY. */
  readonly side: number;
}

/** Makes `count` arenas with packets of the same traffic, for as many threads, on one pool. */
export function createArenas(
  count: number,
  tables: Tables,
  options: Pick<SharedArena, 'traffic' | 'way' | 'batch' | 'side'>,
): SharedArena[] {
  const each = VECTOR_SIZE + EXTRA_SLOTS;
  const pool = PacketPool.create({ slots: count * VECTORS * each, vectors: count * VECTORS });
  return Array.from({ length: count }, (_, arena) => {
    const vectors = Array.from({ length: VECTORS }, (_, v) => {
      const firstSlot = (arena * VECTORS + v) * each;
      const region = {
        firstSlot,
        slots: VECTOR_SIZE,
        firstExtraSlot: firstSlot + VECTOR_SIZE,
        extraSlots: EXTRA_SLOTS,
      };
      return PacketVector.create(pool, region).share();
    });
    return { pool: pool.share(), vectors, tables: tables.share(), ...options };
  });
}

export class Arena {
  readonly pool: PacketPool;
  readonly vectors: readonly PacketVector[];
  readonly way: Way;
  readonly wayName: WayName;
  readonly counters: Float64Array;
  readonly twinCounters: Float64Array;
  readonly twin: Twin | null;
  private readonly batch: number;
  private readonly traffic: Traffic;
  /** Number of the image that the next load begins with. */
  private next = 0;

  /** @param addon path of the compiled twin, when there is one */
  constructor(shared: SharedArena, addon: string | null) {
    const { batch, side, traffic } = shared;
    this.batch = batch;
    this.traffic = traffic;
    this.pool = PacketPool.open(shared.pool);
    this.vectors = shared.vectors.map((vector) => PacketVector.open(this.pool, vector));
    for (const vector of this.vectors) {
      vector.count = batch;
      vector.link.fill(LinkType.RAW);
      vector.side.fill(side);
      for (let i = 0; i < VECTOR_SIZE; i++) {
        vector.offset[i] = this.pool.frameOffset(vector.region.firstSlot + i, 0);
      }
    }
    const tables = Tables.open(shared.tables);
    this.counters = createCounters(tables.tunnelCount);
    this.twinCounters = createCounters(tables.tunnelCount);
    this.wayName = shared.way;
    this.way = createWay(shared.way, this.pool, tables, this.counters);
    const { scratch } = this.way;
    this.twin =
      addon === null
        ? null
        : new Twin(addon, this.pool, shared.tables, this.twinCounters, this.vectors, scratch);
  }

  /** Packets of one pass over all vectors. */
  get packets(): number {
    return VECTORS * this.batch;
  }

  /** Takes the next images. */
  load(): void {
    if (this.next + this.packets > this.traffic.count) this.next = 0;
    for (let v = 0; v < VECTORS; v++) this.loadVector(this.vectors[v]!);
  }

  /** Takes the same images as the load before. */
  reload(): void {
    this.next -= this.packets;
    this.load();
  }

  private loadVector(vector: PacketVector): void {
    const { offset, length } = vector;
    const { images, lengths } = this.traffic;
    const { words } = this.pool;
    const { batch } = this;
    let image = this.next;
    for (let i = 0; i < batch; i++, image++) {
      length[i] = lengths[image]!;
      const to = offset[i]! >> 2;
      const from = image * IMAGE_WORDS;
      for (let k = 0; k < IMAGE_WORDS; k++) words[to + k] = images[from + k]!;
    }
    this.next = image;
  }

  /** Sends all packets their way. */
  run(): void {
    for (let v = 0; v < VECTORS; v++) this.way.run(this.vectors[v]!);
  }

  /** Sends all packets through the twin; answers how many it did not take. */
  runTwin(prefetch = false): number {
    return this.twin === null ? 0 : this.twin.run(this.wayName, this.batch, prefetch);
  }
}
