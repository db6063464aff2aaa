/** Workers that fail, replays that are stopped: a clear error, no hang, nothing left behind. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { replayTables } from '../../src/replay/replay.js';
import { route, tables, tunnel } from '../dataplane/harness.js';
import { CUSTOMER, fromTunnel, OURS, writeFrames } from './captures.js';

const spec = tables([tunnel('acme', OURS, CUSTOMER, { key: 42 })], [route('192.0.2.0/24', 0)]);

/** A worker module whose body is `source`, after it has said that it is ready. */
function workerModule(dir: string, source: string): URL {
  const path = join(dir, 'worker.mjs');
  const dataplane = new URL('../../src/dataplane/', import.meta.url).href;
  const head = `import { parentPort, workerData } from 'node:worker_threads';
import { PacketPool } from '${dataplane}packet-pool.js';
import { PacketVector } from '${dataplane}packet-vector.js';
const word = PacketVector.open(PacketPool.open(workerData.pool), workerData.vectors[0]).handover;
parentPort.postMessage('ready');
while (Atomics.load(word, 0) === 0) Atomics.wait(word, 0, 0);
`;
  writeFileSync(path, head + source);
  return pathToFileURL(path);
}

async function capture(dir: string, packets = 3000): Promise<string> {
  const bytes = fromTunnel(1);
  return writeFrames(
    join(dir, 'in.pcap'),
    Array.from({ length: packets }, () => ({ bytes, nanoseconds: 0 })),
  );
}

t.test('a worker that throws', async (t) => {
  for (const workers of [1, 3]) {
    const dir = t.testdir();
    const input = await capture(dir);
    const outputs = { overlay: join(dir, 'o.pcap'), dropped: join(dir, 'd.pcapng') };
    const module = workerModule(dir, `throw new Error('out of luck');`);
    await t.rejects(replayTables(spec, { underlay: [input], workers, outputs, workerModule: module }), {
      message: new RegExp(`^worker [1-3] of ${workers} failed: out of luck$`),
    });
    t.same(readdirSync(dir).sort(), ['in.pcap', 'worker.mjs']);
  }
});

t.test('a worker that ends without a word', async (t) => {
  const dir = t.testdir();
  const module = workerModule(dir, '');
  await t.rejects(replayTables(spec, { underlay: [await capture(dir)], workers: 2, workerModule: module }), {
    message: /worker \d of 2 failed: it ended by itself/,
  });
});

t.test('a worker that does not start', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'worker.mjs');
  writeFileSync(path, `throw new Error('no start');`);
  const workerModule = pathToFileURL(path);
  await t.rejects(replayTables(spec, { underlay: [await capture(dir)], workers: 2, workerModule }), {
    message: /no start/,
  });
});

t.test('stopped by a signal', async (t) => {
  for (const workers of [0, 2]) {
    const dir = t.testdir();
    const input = await capture(dir, 20_000);
    const outputs = { overlay: join(dir, 'o.pcap') };
    const controller = new AbortController();
    const running = replayTables(spec, {
      ...{ underlay: [input], workers, outputs, loops: 1_000_000, signal: controller.signal },
      onProgress: () => {
        controller.abort(new Error('enough'));
      },
    });
    await t.rejects(running, { message: 'enough' });
    t.same(readdirSync(dir), ['in.pcap']);
  }
});

t.test('stopped before it began', async (t) => {
  const dir = t.testdir();
  const running = replayTables(spec, {
    underlay: [await capture(dir)],
    signal: AbortSignal.abort(new Error('no')),
  });
  await t.rejects(running, { message: 'no' });
});

t.test('stopped while a worker is busy', async (t) => {
  const dir = t.testdir();
  const busy = join(dir, 'busy');
  const module = workerModule(
    dir,
    `(await import('node:fs')).writeFileSync(${JSON.stringify(busy)}, '');
for (;;) Atomics.wait(word, 0, 1, 1000);`,
  );
  const controller = new AbortController();
  const running = replayTables(spec, {
    ...{ underlay: [await capture(dir, 100)], signal: controller.signal, workerModule: module },
  });
  // It would not hear of an earlier end: that is told to workers which wait for work.
  const stopped = t.rejects(running, { message: 'enough' });
  while (!existsSync(busy)) await setTimeout(10);
  controller.abort(new Error('enough'));
  await stopped;
});

t.test('stopped while an input stays silent', async (t) => {
  const dir = t.testdir();
  const fifo = join(dir, 'silent.pcap');
  execFileSync('mkfifo', [fifo]);
  const good = await capture(dir, 10);
  const quiet = openSync(fifo, 'r+');
  for (const bytes of [new Uint8Array(0), readFileSync(good)]) {
    writeSync(quiet, bytes);
    const controller = new AbortController();
    const outputs = { overlay: join(dir, 'o.pcap') };
    const running = replayTables(spec, { underlay: [fifo], outputs, signal: controller.signal });
    const stopped = t.rejects(running, { message: 'enough' });
    await setTimeout(300);
    controller.abort(new Error('enough'));
    await stopped;
  }
  closeSync(quiet);
  t.same(readdirSync(dir).sort(), ['in.pcap', 'silent.pcap']);
});
