/** Memory safety: no byte outside a packet's own slots is written, and none beside its frame is read. */
import fc from 'fast-check';
import t from 'tap';
import { createCounters } from '../../src/dataplane/counters.js';
import { HEADROOM } from '../../src/dataplane/packet-pool.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables } from '../../src/dataplane/tables.js';
import { Arena } from '../fuzz/arena.js';
import { Prng } from '../fuzz/prng.js';
import { describeFailure } from '../fuzz/report.js';
import { Session } from '../fuzz/session.js';
import { randomFrames, runAll } from '../fuzz/trial.js';
import { randomWorld, type World } from '../fuzz/world.js';
import type { Frame } from '../oracle/outcome.js';

t.test('the canaries see a single changed byte', (t) => {
  const arena = new Arena(new Prng(1));
  const place = (): void => {
    arena.begin();
    arena.skip();
    arena.place(new Uint8Array(100), 100, 101, false);
    arena.seal();
    arena.vector.extraCount = 0;
    arena.vector.extraSlotsUsed = 0;
    arena.vector.verdict[0] = 16;
    arena.vector.outLength[0] = 0;
  };
  const { bytes, stride } = arena.pool;
  place();
  const own = arena.vector.offset[0]!;
  const firstOwned = own - HEADROOM;
  bytes[own]! ^= 1;
  bytes[firstOwned]! ^= 1;
  bytes[firstOwned + stride - 1]! ^= 1;
  t.strictSame(arena.check(), [], 'a packet may change all of its slot');
  for (const [where, at] of [
    ['before the slot', firstOwned - 1],
    ['behind the slot', firstOwned + stride],
    ['first byte of the pool', 0],
    ['before the vector', arena.pool.vectorsOffset - 1],
    ['last byte of the pool', bytes.length - 1],
    ['behind the slots', arena.pool.stagingOffset],
    ['an unused extra slot', arena.vector.region.firstExtraSlot * stride],
  ] as const) {
    place();
    bytes[at]! ^= 1;
    t.match(arena.check()[0], /which no packet owns/, where);
    place();
    t.strictSame(arena.check(), [], 'and the pattern is whole again');
  }
  place();
  arena.vector.offset[0]! += 1;
  t.match(arena.check()[0], /received part of the vector/, 'arrays of the receiver');
  place();
  arena.vector.verdict[0] = 1;
  arena.vector.outOffset[0] = firstOwned + stride - 10;
  arena.vector.outLength[0] = 11;
  t.match(arena.check()[0], /outside of its slots/, 'an output that leaves its slot');
  t.end();
});

t.test('no write outside, whatever comes in', (t) => {
  const arena = new Arena(new Prng(2));
  const starving = new Arena(new Prng(3), { extraSlots: 1, starving: true });
  for (let number = 0; number < 10; number++) {
    const into = number % 3 === 2 ? starving : arena;
    const session = new Session(into, { seed: 99, session: number, packets: 4000, oracleShare: 0 });
    session.run();
    t.equal(session.failures.map((failure) => describeFailure(99, failure, arena)).join('\n'), '');
  }
  t.end();
});

t.test('frames that fill their slots to the last byte', (t) => {
  const arena = new Arena(new Prng(4));
  const { stride } = arena.pool;
  const world = randomWorld(new Prng(5));
  const prng = new Prng(6);
  const frames = randomFrames(prng, world, 2000).map((frame): Frame => {
    // The largest frame of so many slots, one byte less, one more.
    const slots = arena.pool.slotsFor(frame.bytes.length);
    const wanted = slots * stride - HEADROOM - 4 + prng.between(-1, 1);
    const filled = new Uint8Array(wanted);
    filled.set(frame.bytes.slice(0, wanted));
    return { ...frame, bytes: filled };
  });
  const pipeline = new Pipeline(
    arena.pool,
    Tables.build(world.spec),
    createCounters(world.spec.tunnels.length),
  );
  // runAll throws when the arena finds damage.
  t.equal(runAll(arena, pipeline, frames).length, frames.length);
  t.end();
});

/** The same frames through an arena of their own, whose memory beside them is random. */
function runIn(memory: number, world: World, frames: readonly Frame[]): string {
  const arena = new Arena(new Prng(memory, 7));
  const counters = createCounters(world.spec.tunnels.length);
  const pipeline = new Pipeline(arena.pool, Tables.build(world.spec), counters);
  return JSON.stringify([runAll(arena, pipeline, frames), [...counters]], (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
}

t.test('bytes beside a frame have no influence', (t) => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.nat(), (seed, one, other) => {
      const world = randomWorld(new Prng(seed));
      const frames = randomFrames(new Prng(seed, 8), world, 300);
      if (runIn(one, world, frames) !== runIn(other, world, frames)) {
        throw new Error(`memory ${one} and ${other} lead to different results`);
      }
    }),
    { numRuns: 12 },
  );
  t.pass('none');
  t.end();
});
