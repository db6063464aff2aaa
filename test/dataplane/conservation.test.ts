/** Conservation: every packet that comes in has exactly one verdict, whatever it holds. */
import fc from 'fast-check';
import t from 'tap';
import { createCounters, isConserved, Misc, sumCounters } from '../../src/dataplane/counters.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables } from '../../src/dataplane/tables.js';
import { FIRST_DROP, VERDICT_LIMIT, VERDICTS } from '../../src/dataplane/verdicts.js';
import { Arena } from '../fuzz/arena.js';
import { Prng } from '../fuzz/prng.js';
import { randomFrames, runAll } from '../fuzz/trial.js';
import { randomWorld } from '../fuzz/world.js';
import type { Frame } from '../oracle/outcome.js';
import type { Observed } from '../oracle/observed.js';

const arena = new Arena(new Prng(1));
const starving = new Arena(new Prng(2), { extraSlots: 3, starving: true });

/** Runs frames through a fresh pipeline for the tables of `seed`. */
function run(
  seed: number,
  frames: readonly Frame[],
  into: Arena,
): { counters: Float64Array; all: Observed[] } {
  const { spec } = randomWorld(new Prng(seed));
  const counters = createCounters(spec.tunnels.length);
  const pipeline = new Pipeline(into.pool, Tables.build(spec), counters);
  return { counters, all: runAll(into, pipeline, frames) };
}

/** Every way in which the counters do not fit the frames or what became of them. */
function violations(frames: readonly Frame[], counters: Float64Array, all: readonly Observed[]): string[] {
  const found: string[] = [];
  const expect = (what: string, wanted: number, got: number): void => {
    if (wanted !== got) found.push(`${what}: ${wanted} expected, got ${got}`);
  };
  let sum = 0;
  for (let number = 0; number < VERDICT_LIMIT; number++) sum += counters[number]!;
  expect('sum of all verdicts', frames.length, sum);
  expect('received_packets', frames.length, counters[Misc.received_packets]!);
  expect(
    'received_bytes',
    frames.reduce((bytes, frame) => bytes + frame.bytes.length, 0),
    counters[Misc.received_bytes]!,
  );
  if (!isConserved(counters)) found.push('isConserved says no');
  for (const { name, number } of VERDICTS) {
    expect(name, all.filter(({ verdict }) => verdict === name).length, counters[number]!);
  }
  // What is sent stems from deliveries, fragments and ICMP errors, and from nothing else.
  const sent = all.reduce((count, { outputs }) => count + outputs.length, 0);
  const delivered = VERDICTS.filter(({ number }) => number < FIRST_DROP).reduce(
    (count, { number }) => count + counters[number]!,
    0,
  );
  const extra = counters[Misc.fragments_created]! - counters[Misc.fragmented]!;
  expect('packets sent', delivered + extra + counters[Misc.icmp_errors]!, sent);
  return found;
}

t.test('mutated frames', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 600 }), fc.boolean(), (seed, count, starve) => {
      const prng = new Prng(seed, 1);
      const frames = randomFrames(prng, randomWorld(new Prng(seed)), count);
      const { counters, all } = run(seed, frames, starve ? starving : arena);
      const found = violations(frames, counters, all);
      if (found.length > 0) throw new Error(found.join('; '));
    }),
    { numRuns: 40 },
  );
  t.pass('conserved');
  t.end();
});

t.test('any bytes at all', (t) => {
  const frame: fc.Arbitrary<Frame> = fc.record({
    side: fc.constantFrom('underlay', 'overlay'),
    link: fc.oneof(fc.constantFrom(0, 1, 101, 108, 113, 228, 229, 276), fc.integer()),
    bytes: fc.uint8Array({ maxLength: 200 }),
  });
  fc.assert(
    fc.property(fc.nat(), fc.array(frame, { minLength: 1, maxLength: 300 }), (seed, frames) => {
      const { counters, all } = run(seed % 50, frames, arena);
      const found = violations(frames, counters, all);
      if (found.length > 0) throw new Error(found.join('; '));
    }),
    { numRuns: 40 },
  );
  t.pass('conserved');
  t.end();
});

t.test('an empty vector changes nothing', (t) => {
  const { spec } = randomWorld(new Prng(3));
  const counters = createCounters(spec.tunnels.length);
  const pipeline = new Pipeline(arena.pool, Tables.build(spec), counters);
  arena.begin();
  arena.seal();
  pipeline.run(arena.vector, 0);
  t.strictSame(arena.check(), []);
  t.ok(counters.every((value) => value === 0));
  t.ok(isConserved(counters));
  t.end();
});

t.test('the sum of several workers is conserved as well', (t) => {
  const world = randomWorld(new Prng(4));
  const tables = Tables.build(world.spec);
  const blocks = [1, 2, 3].map((worker) => {
    const counters = createCounters(world.spec.tunnels.length);
    runAll(arena, new Pipeline(arena.pool, tables, counters), randomFrames(new Prng(worker), world, 500));
    return counters;
  });
  const sum = sumCounters(blocks);
  t.equal(sum[Misc.received_packets], 1500);
  t.ok(isConserved(sum));
  t.end();
});
