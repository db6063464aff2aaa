/** Frames through a pipeline and the oracle, outside of the fuzzer's loop: for tests and for shrinking. */
import { createCounters } from '../../src/dataplane/counters.js';
import { VECTOR_SIZE } from '../../src/dataplane/packet-vector.js';
import { Pipeline, type PipelineOptions } from '../../src/dataplane/pipeline.js';
import { Tables, type TablesSpec } from '../../src/dataplane/tables.js';
import { compare } from '../oracle/compare.js';
import type { Frame } from '../oracle/outcome.js';
import { Memory, type Observed } from '../oracle/observed.js';
import { account, counterDifferences } from './account.js';
import type { Arena } from './arena.js';
import { Mutant } from './mutant.js';
import { mutate } from './mutate.js';
import type { Prng } from './prng.js';
import { randomTemplate } from './shapes.js';
import { randomWay, type World } from './world.js';

/** One vector, already placed in the arena, through a pipeline; an error when memory was damaged. */
function runPlaced(arena: Arena, pipeline: Pipeline): Observed[] {
  arena.seal();
  pipeline.run(arena.vector, 0);
  const complaints = arena.check();
  if (complaints.length > 0) throw new Error(complaints.join('; '));
  return arena.observed();
}

/** All frames through a pipeline, in vectors of at most so many as `vectorSize` says each time. */
export function runAll(
  arena: Arena,
  pipeline: Pipeline,
  frames: readonly Frame[],
  vectorSize: () => number = () => VECTOR_SIZE,
): Observed[] {
  const all: Observed[] = [];
  while (all.length < frames.length) {
    const size = vectorSize();
    arena.begin();
    for (let i = all.length; i < frames.length && arena.vector.count < size; i++) {
      const { bytes, link, side, ...way } = frames[i]!;
      if (!arena.place(bytes, bytes.length, link, side === 'overlay', way)) break;
    }
    if (arena.vector.count === 0) throw new Error('the arena has no room for this frame');
    all.push(...runPlaced(arena, pipeline));
  }
  return all;
}

/** Mutated frames of random shapes. */
export function randomFrames(prng: Prng, world: World, count: number): Frame[] {
  const templates = Array.from({ length: Math.ceil(count / 4) }, () => randomTemplate(prng, world));
  const mutant = new Mutant();
  return Array.from({ length: count }, () => {
    mutant.load(prng.pick(templates));
    mutate(mutant, prng, world);
    return {
      side: mutant.isOverlay ? 'overlay' : 'underlay',
      link: mutant.link,
      bytes: mutant.bytes.slice(0, mutant.length),
      ...randomWay(prng, world.spec, mutant.isOverlay),
    };
  });
}

/** One frame through a fresh pipeline, compared with the oracle. */
export function tryOne(
  arena: Arena,
  spec: TablesSpec,
  frame: Frame,
  options: PipelineOptions = {},
): { observed: Observed | null; differences: string[] } {
  const counters = createCounters(spec.tunnels.length);
  let observed: Observed;
  try {
    const pipeline = new Pipeline(arena.pool, Tables.build(spec), counters, options);
    observed = runAll(arena, pipeline, [frame])[0]!;
  } catch (error) {
    return { observed: null, differences: [String(error)] };
  }
  const { expected, differences } = compare(spec, frame, observed, new Memory());
  const wanted = createCounters(spec.tunnels.length);
  account(wanted, frame, expected);
  const before = createCounters(spec.tunnels.length);
  return { observed, differences: [...differences, ...counterDifferences(wanted, before, counters)] };
}
