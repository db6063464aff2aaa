/**
 * Stateless by construction: any worker, given any packet in any order and in any vector, gives the same
 * bytes, the same verdict and, summed, the same counters. Only sequence numbers may differ.
 */
import fc from 'fast-check';
import t from 'tap';
import { createCounters, sumCounters } from '../../src/dataplane/counters.js';
import { VECTOR_SIZE } from '../../src/dataplane/packet-vector.js';
import { Pipeline, type PipelineOptions } from '../../src/dataplane/pipeline.js';
import { Tables } from '../../src/dataplane/tables.js';
import { Arena } from '../fuzz/arena.js';
import { Prng } from '../fuzz/prng.js';
import { randomFrames, runAll } from '../fuzz/trial.js';
import { randomWorld, type World } from '../fuzz/world.js';
import { compare } from '../oracle/compare.js';
import { Memory, type Observed } from '../oracle/observed.js';
import type { Frame } from '../oracle/outcome.js';

const MOST_WORKERS = 4;
const arenas = Array.from({ length: MOST_WORKERS }, (_, i) => new Arena(new Prng(i)));

function withoutSequences(world: World): World {
  const tunnels = world.spec.tunnels.map((tunnel) => ({ ...tunnel, sequence: false }));
  return { ...world, spec: { ...world.spec, tunnels } };
}

interface Result {
  /** What became of each frame, in the order of `frames`. */
  all: Observed[];
  counters: Float64Array;
}

/** All frames, shuffled, dealt to `workers` pipelines over the same tables, in vectors of any size. */
function runShuffled(prng: Prng, world: World, frames: readonly Frame[], workers: number): Result {
  const shared = Tables.build(world.spec).share();
  const order = frames.map((_, i) => ({ i, key: prng.next() })).sort((a, b) => a.key - b.key);
  const hands = Array.from({ length: workers }, (): number[] => []);
  for (const { i } of order) prng.pick(hands).push(i);
  const all: Observed[] = [];
  const blocks = hands.map((hand, worker) => {
    const arena = arenas[worker]!;
    const counters = createCounters(world.spec.tunnels.length);
    const pipeline = new Pipeline(arena.pool, Tables.open(shared), counters);
    const results = runAll(
      arena,
      pipeline,
      hand.map((i) => frames[i]!),
      () => prng.between(1, VECTOR_SIZE),
    );
    results.forEach((observed, k) => (all[hand[k]!] = observed));
    return counters;
  });
  return { all, counters: sumCounters(blocks) };
}

/** All frames in their order through one pipeline, in full vectors. */
function runInOrder(world: World, frames: readonly Frame[], options: PipelineOptions = {}): Result {
  const counters = createCounters(world.spec.tunnels.length);
  const pipeline = new Pipeline(arenas[0]!.pool, Tables.build(world.spec), counters, options);
  return { all: runAll(arenas[0]!, pipeline, frames), counters };
}

function show(observed: Observed | undefined): string {
  return JSON.stringify(observed, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
}

function requireSame(frames: readonly Frame[], one: Result, other: Result): void {
  frames.forEach(({ bytes }, i) => {
    if (show(one.all[i]) !== show(other.all[i])) {
      const hex = Buffer.from(bytes).toString('hex');
      throw new Error(`frame ${i} ${hex}:\n${show(one.all[i])}\n${show(other.all[i])}`);
    }
  });
  one.counters.forEach((value, i) => {
    if (value !== other.counters[i]) throw new Error(`counter ${i}: ${value} and ${other.counters[i]!}`);
  });
}

t.test('any order, any vectors, any number of workers', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: MOST_WORKERS }), (seed, workers) => {
      const world = withoutSequences(randomWorld(new Prng(seed)));
      const frames = randomFrames(new Prng(seed, 1), world, 700);
      const shuffled = runShuffled(new Prng(seed, 2), world, frames, workers);
      requireSame(frames, runInOrder(world, frames), shuffled);
    }),
    { numRuns: 25 },
  );
  t.pass('the same');
  t.end();
});

t.test('the flat loops and the careful path', (t) => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const world = withoutSequences(randomWorld(new Prng(seed)));
      const frames = randomFrames(new Prng(seed, 1), world, 500);
      requireSame(frames, runInOrder(world, frames), runInOrder(world, frames, { carefulOnly: true }));
    }),
    { numRuns: 25 },
  );
  t.pass('the same');
  t.end();
});

t.test('sequence numbers: each once over all workers, without gaps', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: MOST_WORKERS }), (seed, workers) => {
      const world = randomWorld(new Prng(seed));
      const tunnels = world.spec.tunnels.map((tunnel) => ({ ...tunnel, sequence: true }));
      const sequenced: World = { ...world, spec: { ...world.spec, tunnels } };
      const frames = randomFrames(new Prng(seed, 1), sequenced, 400);
      const { all } = runShuffled(new Prng(seed, 2), sequenced, frames, workers);
      const memory = new Memory();
      frames.forEach((frame, i) => {
        const { differences } = compare(sequenced.spec, frame, all[i]!, memory);
        if (differences.length > 0) throw new Error(differences.join('; '));
      });
      for (const [tunnel, numbers] of memory.sequences) {
        const sorted = [...numbers].sort((a, b) => a - b);
        if (sorted.some((value, i) => value !== i + sorted[0]!)) {
          throw new Error(`tunnel ${tunnel}: ${sorted.join(' ')}`);
        }
      }
    }),
    { numRuns: 15 },
  );
  t.pass('a row');
  t.end();
});
