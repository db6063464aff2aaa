/**
 * What is timed: the whole pipeline, or its first stages alone. One way to a thread, since V8 compiles the
 * flat loops for the first pipeline's memory (src/dataplane/decap.ts).
 */
import { createDecapStages } from '../src/dataplane/decap.js';
import { createFrameStage } from '../src/dataplane/frame.js';
import type { PacketPool } from '../src/dataplane/packet-pool.js';
import type { PacketVector } from '../src/dataplane/packet-vector.js';
import { Pipeline } from '../src/dataplane/pipeline.js';
import { Scratch } from '../src/dataplane/scratch.js';
import type { Tables } from '../src/dataplane/tables.js';

/** decap: link header, outer header, endpoint, inner header. pipeline: everything. */
export type WayName = 'decap' | 'pipeline';

export interface Way {
  readonly scratch: Scratch;
  run(this: void, vector: PacketVector): void;
}

export function createWay(name: WayName, pool: PacketPool, tables: Tables, counters: Float64Array): Way {
  return name === 'decap' ? decapWay(pool, tables, counters) : pipelineWay(pool, tables, counters);
}

function pipelineWay(pool: PacketPool, tables: Tables, counters: Float64Array): Way {
  const pipeline = new Pipeline(pool, tables, counters);
  return { scratch: pipeline.scratch, run: (vector) => pipeline.run(vector, 0) };
}

function decapWay(pool: PacketPool, tables: Tables, counters: Float64Array): Way {
  const scratch = new Scratch();
  const frame = createFrameStage(pool, scratch);
  const { outer, endpoint } = createDecapStages(pool.words, scratch, tables.shared.endpoints.v4, counters);
  return {
    scratch,
    run(vector) {
      const { count, base } = vector;
      frame(vector);
      outer(count, base);
      endpoint(count, base);
    },
  };
}
