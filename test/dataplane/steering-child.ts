/** A worker that routes while another thread steers: each group has next hops that no other group has. */
import { parentPort, workerData } from 'node:worker_threads';
import { createCounters } from '../../src/dataplane/counters.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, VECTOR_SIZE, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables, type SharedTables } from '../../src/dataplane/tables.js';
import { buildPacket } from '../../src/wire/build.js';

export interface SteeredWorker {
  readonly tables: SharedTables;
  /** One, for what it says as a reader of groups. */
  readonly words: Int32Array;
  /** Group g is 10.g.0.0/16, and has next hops g × each to (g + 1) × each − 1. */
  readonly groups: number;
  readonly each: number;
  readonly runs: number;
}

const { tables, words, groups, each, runs } = workerData as SteeredWorker;
const opened = Tables.open(tables);
const reader = opened.reader({ words, at: 0 });
const { slots, vectors, regions } = vectorRegions(1);
const pool = PacketPool.create({ slots, vectors });
const vector = PacketVector.create(pool, regions[0]!);
const pipeline = new Pipeline(pool, opened, createCounters(tables.tunnelCount));

let strays = 0;
const seen = new Set<number>();
for (let run = 0; run < runs; run++) {
  vector.count = VECTOR_SIZE;
  for (let i = 0; i < VECTOR_SIZE; i++) {
    const ip = { source: `192.0.2.${i}`, destination: `10.${i % groups}.0.1` };
    const bytes = buildPacket({ ip, udp: { sourcePort: run & 0xffff } });
    vector.offset[i] = pool.frameOffset(i, 0);
    pool.bytes.set(bytes, vector.offset[i]);
    vector.length[i] = bytes.length;
    vector.link[i] = LinkType.RAW;
    vector.side[i] = Side.OVERLAY;
  }
  vector.view = run % tables.views;
  reader.begin();
  pipeline.run(vector, 0);
  for (let i = 0; i < VECTOR_SIZE; i++) {
    const tunnel = vector.tunnelOut[i]!;
    seen.add(tunnel);
    if (tunnel >= 0 && Math.floor(tunnel / each) !== i % groups) strays++;
  }
}
reader.end();
parentPort!.postMessage({ strays, seen: seen.size });
