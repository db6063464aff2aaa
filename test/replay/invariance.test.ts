/**
 * The same captures over any number of workers under any distribution: the same counters, the same bytes,
 * in the same order with the same times. On frames of random shapes, half of them damaged.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import type { TablesSpec } from '../../src/dataplane/tables.js';
import { DISTRIBUTIONS } from '../../src/replay/distribution.js';
import { replayTables, type ReplayWork } from '../../src/replay/replay.js';
import type { ReplayResult } from '../../src/replay/result.js';
import { Prng } from '../fuzz/prng.js';
import { randomFrames } from '../fuzz/trial.js';
import { randomWorld } from '../fuzz/world.js';
import type { Frame } from '../oracle/outcome.js';
import { readFrames, writeFrames } from './captures.js';

const PACKETS = 2500;

type Way = Pick<ReplayWork, 'workers' | 'distribution' | 'seed'>;

interface Files {
  dir: string;
  underlay: string;
  overlay: string;
}

async function writeWorld(dir: string, frames: readonly Frame[], prng: Prng): Promise<Files> {
  let time = 0;
  const timed = frames.map(({ bytes, link, side }) => {
    time += prng.below(3) * 700;
    return { bytes, link, side, seconds: 1_700_000_000 + Math.floor(time / 1e9), nanoseconds: time % 1e9 };
  });
  const of = (wanted: Frame['side']) => timed.filter(({ side }) => side === wanted);
  return {
    dir,
    underlay: await writeFrames(join(dir, 'underlay.pcapng'), of('underlay')),
    overlay: await writeFrames(join(dir, 'overlay.pcapng'), of('overlay')),
  };
}

async function play(spec: TablesSpec, { dir, underlay, overlay }: Files, way: Way) {
  const names = { overlay: 'out-o.pcapng', underlay: 'out-u.pcapng', dropped: 'out-d.pcapng' };
  const outputs = {
    overlay: join(dir, names.overlay),
    underlay: join(dir, names.underlay),
    dropped: join(dir, names.dropped),
  };
  const result = await replayTables(spec, { underlay: [underlay], overlay: [overlay], outputs, ...way });
  return { result, files: Object.values(outputs).map((path) => readFileSync(path)), outputs };
}

/** What must not depend on workers and time. */
function lasting(result: ReplayResult) {
  return { ...result, elapsed_ns: 0, packets_per_second: 0, workers: 0 };
}

t.test('any number of workers, any distribution', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(),
      fc.array(
        fc.record({
          workers: fc.integer({ min: 1, max: 8 }),
          distribution: fc.constantFrom(...DISTRIBUTIONS),
          seed: fc.nat(),
        }),
        { minLength: 3, maxLength: 3 },
      ),
      async (seed, ways) => {
        const world = randomWorld(new Prng(seed));
        const tunnels = world.spec.tunnels.map((tunnel) => ({ ...tunnel, sequence: false }));
        const spec = { ...world.spec, tunnels };
        const frames = randomFrames(new Prng(seed, 1), world, PACKETS);
        const files = await writeWorld(t.testdir(), frames, new Prng(seed, 2));
        const inline = await play(spec, files, { workers: 0 });
        t.equal(inline.result.received, PACKETS);
        for (const way of ways) {
          const other = await play(spec, files, way);
          t.same(lasting(other.result), lasting(inline.result), JSON.stringify(way));
          t.ok(
            other.files.every((bytes, i) => bytes.equals(inline.files[i]!)),
            'the same files',
          );
        }
      },
    ),
    { numRuns: 3 },
  );
});

t.test('every packet is written once, and times never go back', async (t) => {
  const world = randomWorld(new Prng(5));
  const frames = randomFrames(new Prng(5, 1), world, PACKETS);
  const files = await writeWorld(t.testdir(), frames, new Prng(5, 2));
  const { result, outputs } = await play(world.spec, files, { workers: 3, distribution: 'random' });
  const { delivered, answered, dropped } = result;
  const answers = answered.echo + answered.keepalive;
  t.equal(delivered.overlay + delivered.underlay + answers + dropped.total, PACKETS);
  t.equal(result.outputs.dropped?.packets, result.dropped.total);
  t.equal(result.dropped.reasons.no_buffer, 0, 'nothing depends on who shares a vector');
  for (const path of Object.values(outputs)) {
    const { packets } = await readFrames(path);
    const times = packets.map(({ seconds, nanoseconds }) => seconds * 1e9 + nanoseconds);
    t.ok(
      times.every((time, i) => i === 0 || time >= times[i - 1]!),
      path,
    );
  }
});

t.test('sequence numbers are the only difference', async (t) => {
  const world = randomWorld(new Prng(11));
  const tunnels = world.spec.tunnels.map((tunnel) => ({ ...tunnel, sequence: true, checksum: false }));
  const spec = { ...world.spec, tunnels };
  const files = await writeWorld(t.testdir(), randomFrames(new Prng(11, 1), world, 2000), new Prng(11, 2));
  const one = await play(spec, files, { workers: 1 });
  const many = await play(spec, files, { workers: 4, distribution: 'random' });
  t.same(lasting(one.result), lasting(many.result));
  t.ok(one.files[0]?.equals(many.files[0]!), 'overlay');
  t.ok(one.files[2]?.equals(many.files[2]!), 'dropped');
  t.equal(one.files[1]?.length, many.files[1]?.length, 'underlay: as many bytes');
});
