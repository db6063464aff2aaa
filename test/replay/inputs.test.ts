import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { Side } from '../../src/dataplane/packet-vector.js';
import { MINIMUM_STAGING_BYTES } from '../../src/device/capture/read-buffer.js';
import { Head, MergedInputs, type InputFile } from '../../src/replay/inputs.js';
import { writeFrames } from './captures.js';

interface Taken {
  /** First byte: the file; second and third: the packet's place in it. */
  file: number;
  place: number;
  side: number;
  time: bigint;
}

const buffer = new SharedArrayBuffer(4 * MINIMUM_STAGING_BYTES);

async function takeAll(
  files: readonly InputFile[],
  loops = 1,
): Promise<{ taken: Taken[]; read: number; total: number | null }> {
  const staging = files.map((_, i) => ({
    buffer,
    offset: i * MINIMUM_STAGING_BYTES,
    bytes: MINIMUM_STAGING_BYTES,
  }));
  const inputs = await MergedInputs.open(files, staging, loops);
  const taken: Taken[] = [];
  for (let head = inputs.head(); head !== Head.END; head = inputs.head()) {
    if (head === Head.STARVED) {
      await inputs.refill();
      continue;
    }
    const { reader, side, seconds, nanoseconds } = inputs;
    const at = reader.position;
    const place = (reader.data[at + 1]! << 8) | reader.data[at + 2]!;
    taken.push({
      file: reader.data[at]!,
      place,
      side,
      time: BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds),
    });
    inputs.advance();
  }
  const { bytesRead: read, totalBytes: total } = inputs;
  await inputs.close();
  return { taken, read, total };
}

async function writeTimes(dir: string, file: number, times: readonly number[], padding = 0): Promise<string> {
  const frames = times.map((time, i) => ({
    bytes: Uint8Array.from([file, i >> 8, i, ...new Array<number>(padding).fill(0)]),
    seconds: 1_700_000_000 + Math.floor(time / 1e9),
    nanoseconds: time % 1e9,
  }));
  return writeFrames(join(dir, `${file}.pcap`), frames);
}

/** The rule itself: of the packets that stand first in their files, the earliest; of several the first file's. */
function merge(files: readonly (readonly number[])[]): { file: number; place: number }[] {
  const next = files.map(() => 0);
  const merged: { file: number; place: number }[] = [];
  for (;;) {
    let best = -1;
    files.forEach((times, i) => {
      const time = times[next[i]!];
      if (time !== undefined && (best < 0 || time < files[best]![next[best]!]!)) best = i;
    });
    if (best < 0) return merged;
    merged.push({ file: best, place: next[best]!++ });
  }
}

t.test('files are merged by time, each in its own order', async (t) => {
  const times = fc.array(fc.integer({ min: 0, max: 3_000_000_000 }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(fc.array(times, { minLength: 1, maxLength: 4 }), async (files) => {
      const dir = t.testdir();
      const inputs: InputFile[] = [];
      for (const [i, file] of files.entries())
        inputs.push({ path: await writeTimes(dir, i, file), side: i % 2 });
      const { taken } = await takeAll(inputs);
      t.same(
        taken.map(({ file, place }) => ({ file, place })),
        merge(files),
      );
      t.ok(taken.every(({ file, side }) => side === file % 2));
      t.ok(
        taken.every(
          ({ file, place, time }) => time === 1_700_000_000_000_000_000n + BigInt(files[file]![place]!),
        ),
      );
    }),
    { numRuns: 50 },
  );
});

t.test('files larger than their memory, one of them compressed', async (t) => {
  const dir = t.testdir();
  const even = Array.from({ length: 3000 }, (_, i) => 2 * i);
  const odd = even.map((time) => time + 1);
  const first = await writeTimes(dir, 0, even, 700);
  const second = await writeTimes(dir, 1, odd, 900);
  writeFileSync(`${second}.gz`, gzipSync(readFileSync(second)));
  const { taken, read, total } = await takeAll([
    { path: first, side: Side.UNDERLAY },
    { path: `${second}.gz`, side: Side.OVERLAY },
  ]);
  t.equal(taken.length, 6000);
  t.ok(taken.every(({ time }, i) => Number(time % 1_000_000_000n) === i));
  t.equal(read, total, 'progress ends at the whole');
});

t.test('each pass starts when the one before ended', async (t) => {
  const dir = t.testdir();
  const files = [
    { path: await writeTimes(dir, 0, [1_900_000_000, 1_500_000_000, 2_100_000_000]), side: Side.UNDERLAY },
    { path: await writeTimes(dir, 1, [1_600_000_000, 4_000_000_001]), side: Side.OVERLAY },
  ];
  const { taken, read, total } = await takeAll(files, 3);
  const once = taken.slice(0, 5);
  const span = 4_000_000_001n - 1_500_000_000n;
  t.equal(taken.length, 15);
  taken.forEach((packet, i) => {
    const pass = BigInt(Math.floor(i / 5));
    t.same(packet, { ...once[i % 5], time: once[i % 5]!.time + pass * span });
  });
  t.equal(read, total);
});

t.test('captures without packets, once and again', async (t) => {
  const path = await writeFrames(join(t.testdir(), 'empty.pcap'), []);
  for (const loops of [1, 1000]) {
    const { taken } = await takeAll(
      [
        { path, side: 0 },
        { path, side: 1 },
      ],
      loops,
    );
    t.equal(taken.length, 0);
  }
});
