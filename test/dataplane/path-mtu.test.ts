/** Tables whose MTU changes while pipelines run over them. */
import fc from 'fast-check';
import t from 'tap';
import { createCounters } from '../../src/dataplane/counters.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables, type TablesSpec, type TunnelSpec } from '../../src/dataplane/tables.js';
import { Arena } from '../fuzz/arena.js';
import { Prng } from '../fuzz/prng.js';
import { randomFrames, runAll } from '../fuzz/trial.js';
import { randomWorld } from '../fuzz/world.js';
import type { Frame } from '../oracle/outcome.js';
import { route, tables, tunnel } from './harness.js';

const arena = new Arena(new Prng(1));

interface Result {
  readonly outcomes: string[];
  readonly counters: Float64Array;
}

/** A pipeline over tables that may change between two runs. */
function runner(built: Tables, tunnels: number): (frames: readonly Frame[]) => Result {
  const counters = createCounters(tunnels);
  const pipeline = new Pipeline(arena.pool, built, counters);
  return (frames) => {
    counters.fill(0);
    const outcomes = runAll(arena, pipeline, frames).map((observed) =>
      JSON.stringify(observed, (_key, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
      ),
    );
    return { outcomes, counters: counters.slice() };
  };
}

const auto = (mtu: number): TunnelSpec['clampTo'] => ({ v4: mtu - 40, v6: mtu - 60 });
const isAuto = ({ v4, v6 }: TunnelSpec['clampTo'], mtu: number): boolean =>
  v4 === auto(mtu).v4 && v6 === auto(mtu).v6;

/** The specification as it would be with these MTUs in the configuration; a missing or larger one changes nothing. */
function withMtus(spec: TablesSpec, mtus: readonly (number | null)[]): TablesSpec {
  const tunnels = spec.tunnels.map((tunnel, i) => {
    const mtu = Math.min(mtus[i] ?? tunnel.mtu, tunnel.mtu);
    const { clampFrom, clampTo } = tunnel;
    return {
      ...tunnel,
      mtu,
      clampFrom: isAuto(clampFrom, tunnel.mtu) ? auto(mtu) : clampFrom,
      clampTo: isAuto(clampTo, tunnel.mtu) ? auto(mtu) : clampTo,
    };
  });
  return { ...spec, tunnels };
}

function requireSame(one: Result, other: Result): void {
  one.outcomes.forEach((outcome, i) => {
    if (outcome !== other.outcomes[i]) throw new Error(`${i}:\n${outcome}\n${other.outcomes[i] ?? ''}`);
  });
  if (!one.counters.every((value, i) => value === other.counters[i])) throw new Error('counters differ');
}

t.test('an MTU in effect gives what the same MTU in the configuration gives, and goes away again', (t) => {
  const mtu = fc.oneof(fc.constant(null), fc.integer({ min: 576, max: 1600 }));
  fc.assert(
    fc.property(fc.nat(), fc.array(mtu, { minLength: 24, maxLength: 24 }), (seed, mtus) => {
      const world = randomWorld(new Prng(seed));
      // Sequence numbers go on from run to run.
      const tunnels = world.spec.tunnels.map((tunnel) => ({ ...tunnel, sequence: false }));
      const spec = { ...world.spec, tunnels };
      const frames = randomFrames(new Prng(seed, 1), { ...world, spec }, 300);
      const live = Tables.build(spec);
      // What workers have open is the same memory.
      const run = runner(Tables.open(live.share()), tunnels.length);
      const before = run(frames);
      tunnels.forEach((_, i) => {
        live.setPathMtu(i, mtus[i] ?? null);
      });
      const wanted = withMtus(spec, mtus);
      requireSame(run(frames), runner(Tables.build(wanted), tunnels.length)(frames));
      if (!wanted.tunnels.every((tunnel, i) => live.effectiveMtu(i) === tunnel.mtu)) return false;
      tunnels.forEach((_, i) => {
        live.setPathMtu(i, null);
      });
      requireSame(run(frames), before);
      return tunnels.every((tunnel, i) => live.effectiveMtu(i) === tunnel.mtu);
    }),
    { numRuns: 60 },
  );
  t.pass('the same');
  t.end();
});

t.test('the configured MTU is the most, numbers and off stay', (t) => {
  const spec = tables(
    [
      tunnel('auto', '198.51.100.1', '203.0.113.1'),
      tunnel('given', '198.51.100.1', '203.0.113.2', {
        clampFrom: { v4: 1400, v6: 1400 },
        clampTo: { v4: 0, v6: 0 },
      }),
    ],
    [route('192.0.2.0/24', 0)],
  );
  const built = Tables.build(spec);
  const words = (): number[] => Array.from(built.shared.tunnels);
  const original = words();
  built.setPathMtu(0, 1500);
  t.equal(built.effectiveMtu(0), 1476);
  t.same(words(), original, 'a larger one changes nothing');
  for (const mtu of [1400, 68, 1300, 1476]) {
    built.setPathMtu(0, mtu);
    built.setPathMtu(1, mtu);
    t.equal(built.effectiveMtu(0), mtu);
    t.equal(Tables.open(built.share()).effectiveMtu(1), mtu);
    const expected = { mtu, clampFrom: auto(mtu), clampTo: auto(mtu) };
    const same = Tables.build({
      ...spec,
      tunnels: [
        { ...spec.tunnels[0]!, ...expected },
        { ...spec.tunnels[1]!, mtu },
      ],
    });
    const inEffect = (from: Tables): number[] => [2, 3, 4, 34, 35, 36].map((at) => from.shared.tunnels[at]!);
    t.same(inEffect(built), inEffect(same), `${mtu}`);
  }
  built.setPathMtu(0, 1000);
  built.setPathMtu(0, null);
  built.setPathMtu(1, null);
  t.same(words(), original, 'and back');
  t.end();
});

t.test('what is no MTU or no tunnel is refused', (t) => {
  const built = Tables.build(tables([tunnel('a', '198.51.100.1', '203.0.113.1')], []));
  for (const mtu of [67, 0, -1, 1400.5, NaN, Infinity]) {
    t.throws(() => {
      built.setPathMtu(0, mtu);
    }, RangeError);
  }
  for (const index of [-1, 1, 0.5, NaN]) {
    t.throws(() => {
      built.setPathMtu(index, 1400);
    }, RangeError);
    t.throws(() => built.effectiveMtu(index), RangeError);
  }
  t.equal(built.effectiveMtu(0), 1476);
  t.end();
});
