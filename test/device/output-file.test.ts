import { execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { createCapture } from '../../src/device/capture/capture-writer.js';
import { readAll, text } from './capture-bytes.js';

const url = (file: string): string =>
  JSON.stringify(new URL(`../../src/device/capture/${file}.js`, import.meta.url).href);

async function writeOne(path: string): Promise<void> {
  const writer = await createCapture(path);
  writer.write(1, 1, writer.interfaceFor(101), text('frame'), 0, 5, 5);
  writer.commit();
}

test('a file appears whole, at commit, or not at all', async (t) => {
  const dir = t.testdir({ 'old.pcap': 'what was there before' });
  const listeners = process.listenerCount('SIGTERM');
  for (const name of ['new.pcap', 'old.pcap']) {
    const path = join(dir, name);
    const before = existsSync(path) ? readFileSync(path, 'utf8') : null;
    const state = (): string | null => (existsSync(path) ? readFileSync(path, 'utf8') : null);

    const given = await createCapture(path);
    t.strictSame(
      readdirSync(dir).includes(`.${name}.tmp-${process.pid}`),
      true,
      'written under another name',
    );
    const id = given.interfaceFor(1);
    for (let i = 0; i < 20_000; i++) given.write(i, 0, id, new Uint8Array(200), 0, 200, 200);
    t.equal(state(), before, 'untouched while it is written');
    given.abort();
    given.abort();
    t.equal(state(), before, 'untouched when it is given up');
    t.throws(() => {
      given.write(1, 0, id, new Uint8Array(2_000_000), 0, 2_000_000, 2_000_000);
    }, /it was closed before/);

    await writeOne(path);
    t.equal((await readAll(await openCapture(path))).length, 1);
  }
  t.strictSame(readdirSync(dir), ['new.pcap', 'old.pcap']);
  t.equal(process.listenerCount('SIGTERM'), listeners, 'no handler stays');
});

test('permissions and symbolic links stay what they were', async (t) => {
  const dir = t.testdir({ 'private.pcap': 'x' });
  const path = join(dir, 'private.pcap');
  chmodSync(path, 0o600);
  symlinkSync('private.pcap', join(dir, 'link.pcap'));
  await writeOne(join(dir, 'link.pcap'));
  t.ok(lstatSync(join(dir, 'link.pcap')).isSymbolicLink());
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal((await readAll(await openCapture(path))).length, 1);
});

test('a stale temporary file is no obstacle, a second writer is', async (t) => {
  const dir = t.testdir({ [`.a.pcap.tmp-${process.pid}`]: 'stale' });
  const path = join(dir, 'a.pcap');
  const writer = await createCapture(path);
  await t.rejects(createCapture(path), {
    name: 'CaptureError',
    message: `${path}: cannot write the file: it is being written already`,
  });
  writer.commit();
  writer.commit();
  writer.abort();
  t.strictSame(readdirSync(dir), ['a.pcap']);
});

test('errors name the file', async (t) => {
  const dir = t.testdir();
  const missing = join(dir, 'no', 'a.pcap');
  await t.rejects(createCapture(missing), {
    name: 'CaptureError',
    message: `${missing}: cannot write the file: no such file or directory (ENOENT)`,
  });
  mkdirSync(join(dir, 'a.pcap'));
  await t.rejects(createCapture(join(dir, 'a.pcap')), {
    message: `${join(dir, 'a.pcap')}: cannot write the file: found a directory of this name`,
  });
  const full = await createCapture('/dev/full');
  full.write(1, 1, full.interfaceFor(1), text('x'), 0, 1, 1);
  t.throws(
    () => {
      full.commit();
    },
    { name: 'CaptureError', message: '/dev/full: cannot write the file: no space left on device (ENOSPC)' },
  );
  const gone = join(dir, 'gone');
  mkdirSync(gone);
  const writer = await createCapture(join(gone, 'a.pcap'));
  execFileSync('rm', ['-r', gone]);
  t.throws(
    () => {
      writer.commit();
    },
    { name: 'CaptureError', message: /a\.pcap: cannot finish the file: no such file or directory/ },
  );
});

test('what is no file is written straight to: /dev/null, a FIFO, standard output', async (t) => {
  await writeOne('/dev/null');
  t.ok(statSync('/dev/null').isCharacterDevice());

  const dir = t.testdir();
  const fifo = join(dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  const reader = spawn('cat', [fifo], { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  reader.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise((resolve) => reader.on('close', resolve));
  await writeOne(fifo);
  await closed;
  t.ok(lstatSync(fifo).isFIFO());
  await writeOne(join(dir, 'same.pcap'));
  t.strictSame(Buffer.concat(chunks), readFileSync(join(dir, 'same.pcap')));

  const script = `
    import { createCapture } from ${url('capture-writer')};
    // Makes standard output non-blocking, as a program does that has written a line to it.
    process.stdout.write('');
    const writer = await createCapture('-');
    const id = writer.interfaceFor(101);
    for (let i = 0; i < 50000; i++) writer.write(i, 0, id, new Uint8Array(100), 0, 100, 100);
    writer.commit();`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { maxBuffer: 1e8 });
  t.equal(stdout.length, 24 + 50_000 * 116);
  t.strictSame(readdirSync(dir), ['fifo', 'same.pcap']);
});

test('a process that ends before commit leaves nothing', async (t) => {
  const dir = t.testdir();
  const script = (after: string): string => `
    import { createCapture } from ${url('capture-writer')};
    const a = await createCapture('a.pcap');
    const b = await createCapture('b.pcapng');
    ${after}`;
  const run = (after: string): ReturnType<typeof spawnSync> =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script(after)], { cwd: dir });
  t.equal(run('process.exit(3)').status, 3);
  t.strictSame(readdirSync(dir), [], 'after process.exit');
  t.equal(run('throw new Error("x")').status, 1);
  t.strictSame(readdirSync(dir), [], 'after an exception');
  t.equal(run('').status, 0);
  t.strictSame(readdirSync(dir), [], 'after a forgotten commit');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', script('console.log("ready"); setInterval(() => undefined, 1000);')],
      { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const ended = new Promise<string | null>((resolve) => child.on('close', (_code, by) => resolve(by)));
    await new Promise((resolve) => child.stdout.once('data', resolve));
    t.equal(readdirSync(dir).length, 2, 'two temporary files');
    child.kill(signal);
    t.equal(await ended, signal, 'the process still dies of the signal');
    t.strictSame(readdirSync(dir), [], `after ${signal}`);
  }
  const handled = run(`
    const c = await createCapture('c.pcap', { signals: 'leave' });
    b.abort();
    a.abort();
    process.on('SIGTERM', () => { c.commit(); process.exit(0); });
    process.kill(process.pid, 'SIGTERM');
    setInterval(() => undefined, 1000);`);
  t.equal(handled.status, 0);
  t.strictSame(readdirSync(dir), ['c.pcap'], "a program's own handler decides");
});
