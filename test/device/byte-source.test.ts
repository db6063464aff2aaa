import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { test } from 'tap';
import { MemorySource } from '../../src/device/capture/byte-source.js';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { GunzipSource } from '../../src/device/capture/gunzip-source.js';
import { MINIMUM_STAGING_BYTES } from '../../src/device/capture/read-buffer.js';
import {
  enhancedPacket,
  concat,
  interfaceBlock,
  pcapFile,
  readAll,
  sectionHeader,
  text,
  type ReadPacket,
} from './capture-bytes.js';

const records = Array.from({ length: 5000 }, (_, i) => ({
  seconds: i,
  fraction: i,
  bytes: text(`packet number ${i} ${Math.imul(i, 0x9e3779b1) >>> 0}`),
  originalLength: 1000,
}));
const file = pcapFile({ littleEndian: true, variant: 'nano', linkType: 101 }, records);
const zipped = gzipSync(file);

async function summary(path: string): Promise<{ packets: number; last: number | undefined }> {
  const reader = await openCapture(path);
  const packets = await readAll(reader);
  await reader.close();
  return { packets: packets.length, last: packets.at(-1)?.seconds };
}
const all = { packets: 5000, last: 4999 };

test('plain and gzip-compressed files, with progress', async (t) => {
  const dir = t.testdir();
  for (const [name, bytes] of [
    ['a.pcap', file],
    ['b.pcap.gz', zipped],
    ['c.misnamed', zipped],
    ['members.gz', concat([gzipSync(file.subarray(0, 9001)), gzipSync(file.subarray(9001))])],
    ['zeros.gz', concat([zipped, new Uint8Array(512)])],
  ] as const) {
    const path = join(dir, name);
    writeFileSync(path, bytes);
    t.strictSame(await summary(path), all, name);
    const staging = {
      buffer: new SharedArrayBuffer(MINIMUM_STAGING_BYTES),
      offset: 0,
      bytes: MINIMUM_STAGING_BYTES,
    };
    const reader = await openCapture(path, { staging, chunkBytes: 4000 });
    t.equal(reader.totalBytes, bytes.length);
    const before = reader.bytesRead;
    t.ok(before > 0 && before <= bytes.length);
    t.equal((await readAll(reader)).length, 5000, `${name} through shared memory`);
    t.equal(reader.bytesRead, bytes.length);
    await reader.close();
  }
});

test('a gzip file that is cut off or damaged: the packets before, then an error', async (t) => {
  const dir = t.testdir();
  const cut = join(dir, 'cut.gz');
  writeFileSync(cut, zipped.subarray(0, zipped.length - 2000));
  const before: ReadPacket[] = [];
  await t.rejects(readAll(await openCapture(cut), before), {
    name: 'CaptureError',
    message: /cut\.gz: byte \d+: the gzip data is cut off: found the end of the file/,
  });
  t.ok(before.length > 3000 && before.length < 5000, `${before.length} packets before the cut`);

  const damaged = join(dir, 'damaged.gz');
  const wrong = Uint8Array.from(zipped);
  wrong[zipped.length - 6]! ^= 1;
  writeFileSync(damaged, wrong);
  const whole: ReadPacket[] = [];
  await t.rejects(readAll(await openCapture(damaged), whole), {
    name: 'CaptureError',
    message: /damaged\.gz: byte \d+: the gzip data is damaged: incorrect data check/,
  });
  t.ok(whole.length > 4000, `${whole.length} packets before the check at the end`);

  const header = join(dir, 'header.gz');
  writeFileSync(header, zipped.subarray(0, 5));
  await t.rejects(openCapture(header), { message: /header\.gz: byte 0: the gzip data is cut off/ });
  const inside = join(dir, 'inside.gz');
  writeFileSync(inside, gzipSync(text('just text, compressed')));
  await t.rejects(openCapture(inside), { message: /inside\.gz: byte 0: found a file that starts with/ });
});

test('a file made to blow up under gunzip is read in small memory', async (t) => {
  const packet = enhancedPacket(true, 0, 1n, new Uint8Array(60_000), 60_000);
  const bytes = concat([
    sectionHeader(true),
    interfaceBlock(true, 1, 0),
    ...Array.from({ length: 500 }, () => packet),
  ]);
  const bomb = gzipSync(bytes, { level: 9 });
  t.ok(bomb.length < bytes.length / 500);
  const reader = await openCapture(new GunzipSource(new MemorySource('bomb.gz', bomb)));
  let packets = 0;
  let most = 0;
  for (let state = reader.next(); state !== -1; state = reader.next()) {
    if (state === 0) await reader.fill();
    else packets++;
    most = Math.max(most, reader.data.length);
  }
  t.equal(packets, 500);
  t.ok(most < 1_000_000);
});

test('files that cannot be opened', async (t) => {
  const dir = t.testdir();
  const missing = join(dir, 'missing.pcap');
  await t.rejects(openCapture(missing), {
    name: 'CaptureError',
    message: `${missing}: cannot open the file: no such file or directory (ENOENT)`,
  });
  await t.rejects(openCapture(dir), { message: `${dir}: found a directory, expected a capture file` });
  await t.rejects(openCapture('/dev/null'), { message: /^\/dev\/null: found an empty file/ });
});

test('a FIFO', async (t) => {
  const dir = t.testdir();
  const fifo = join(dir, 'fifo');
  execFileSync('mkfifo', [fifo]);
  for (const [name, bytes] of [
    ['a.pcap', file],
    ['b.gz', zipped],
  ] as const) {
    writeFileSync(join(dir, name), bytes);
    const writer = spawn('sh', ['-c', 'cat "$0" > "$1"', join(dir, name), fifo], { stdio: 'ignore' });
    const closed = new Promise((resolve) => writer.on('close', resolve));
    t.strictSame(await summary(fifo), all, name);
    await closed;
  }
});

test('standard input: a pipe and a redirected file', async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'a.pcap.gz');
  writeFileSync(path, zipped);
  const script = `
    import { openCapture } from ${JSON.stringify(new URL('../../src/device/capture/capture-reader.js', import.meta.url).href)};
    const reader = await openCapture('-');
    let count = 0;
    for (let state = reader.next(); state !== -1; state = reader.next()) {
      if (state === 0) await reader.fill();
      else count++;
    }
    await reader.close();
    console.log(reader.path, count, reader.totalBytes);`;
  const run = async (stdin: number | 'pipe', bytes?: Uint8Array): Promise<string> => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: [stdin, 'pipe', 'inherit'],
    });
    child.stdin?.end(bytes);
    let output = '';
    child.stdout!.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    return output.trim();
  };
  t.equal(await run('pipe', file), 'standard input 5000 null');
  t.equal(await run('pipe', zipped), 'standard input 5000 null');
  const fd = openSync(path, 'r');
  t.equal(await run(fd), `standard input 5000 ${zipped.length}`);
  closeSync(fd);
});
