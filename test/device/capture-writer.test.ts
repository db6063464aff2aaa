import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'tap';
import { MemorySource } from '../../src/device/capture/byte-source.js';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import {
  captureFormatFor,
  createCapture,
  type CaptureWriterOptions,
} from '../../src/device/capture/capture-writer.js';
import { Cursor } from '../../src/device/capture/packet-cursor.js';
import { OptionCode } from '../../src/device/capture/pcapng-format.js';
import { pcapngSample } from './capture-arbitrary.js';
import { readAll, text, type ReadPacket } from './capture-bytes.js';

const packet = fc.record({
  seconds: fc.integer({ min: 0, max: 0xffffffff }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  linkType: fc.constantFrom(1, 101, 113),
  bytes: fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.integer({ min: 60_000, max: 70_000 }).map((length) => new Uint8Array(length).map((_, i) => i * 7)),
  ),
  shift: fc.integer({ min: 0, max: 9 }),
  extraLength: fc.integer({ min: 0, max: 9000 }),
  comment: fc.option(fc.string({ maxLength: 50 }), { nil: undefined }),
});

/** Where the written bytes gather: memory of their own, or a small part of shared memory. */
function memory(isStaged: boolean): CaptureWriterOptions {
  if (!isStaged) return {};
  return { staging: { buffer: new SharedArrayBuffer(70_000), offset: 100, bytes: 65_600 } };
}

test('what is written is read again', async (t) => {
  const dir = t.testdir();
  await fc.assert(
    fc.asyncProperty(
      fc.array(packet, { maxLength: 20 }),
      fc.constantFrom('pcap' as const, 'pcapng' as const),
      fc.constantFrom('micro' as const, 'nano' as const),
      fc.boolean(),
      async (packets, format, resolution, isStaged) => {
        const path = join(dir, `out.${format}`);
        const isPcap = format === 'pcap';
        const writer = await createCapture(path, { resolution, ...memory(isStaged) });
        const linkTypes: number[] = [];
        for (const model of packets) {
          const linkType = isPcap ? packets[0]!.linkType : model.linkType;
          if (!linkTypes.includes(linkType)) linkTypes.push(linkType);
          // The frame lies anywhere in a shared memory, as in a pool.
          const source = new Uint8Array(new SharedArrayBuffer(model.shift + model.bytes.length + 5));
          source.set(model.bytes, model.shift);
          const { seconds, nanoseconds, bytes, extraLength, comment } = model;
          const originalLength = bytes.length + extraLength;
          const id = writer.interfaceFor(linkType);
          writer.write(seconds, nanoseconds, id, source, model.shift, bytes.length, originalLength, comment);
        }
        assert.equal(writer.packets, packets.length);
        writer.commit();
        assert.equal(writer.bytesWritten, readFileSync(path).length);
        const reader = await openCapture(path);
        assert.equal(reader.format, format);
        assert.equal(
          reader.interfaces[0]?.nanoseconds ?? false,
          isPcap ? resolution === 'nano' : linkTypes.length > 0,
        );
        assert.deepStrictEqual(
          await readAll(reader),
          packets.map((model, i): ReadPacket => {
            const linkType = isPcap ? packets[0]!.linkType : model.linkType;
            const isMicro = isPcap && resolution === 'micro';
            const hasComment = !isPcap && model.comment !== undefined;
            return {
              number: i + 1,
              seconds: model.seconds,
              nanoseconds: isMicro ? model.nanoseconds - (model.nanoseconds % 1000) : model.nanoseconds,
              linkType,
              interfaceId: isPcap ? 0 : linkTypes.indexOf(linkType),
              bytes: [...model.bytes],
              originalLength: model.bytes.length + model.extraLength,
              options: hasComment ? [{ code: OptionCode.COMMENT, value: [...text(model.comment!)] }] : [],
            };
          }),
        );
        await reader.close();
      },
    ),
    { numRuns: 60 },
  );
  t.strictSame(
    readdirSync(dir).filter((name) => name.includes('tmp')),
    [],
    'no temporary file is left',
  );
});

test('pcapng to pcapng: packets, interfaces and all options come through', async (t) => {
  const path = join(t.testdir(), 'copy.pcapng');
  await fc.assert(
    fc.asyncProperty(pcapngSample, async (sample) => {
      const source = await openCapture(new MemorySource('sample', sample.bytes));
      const writer = await createCapture(path, { sectionOptions: source.sectionOptions });
      const first = source.sectionOptions;
      const writerInterfaces: number[] = [];
      for (let state = source.next(); state !== Cursor.END; state = source.next()) {
        if (state === Cursor.FILL) {
          await source.fill();
          continue;
        }
        while (writerInterfaces.length < source.interfaces.length) {
          const added = source.interfaces[writerInterfaces.length]!;
          writerInterfaces.push(writer.addInterface(added));
        }
        // What lies before 1970 or behind 2554 has no place in the file.
        if (source.seconds < 0 || source.seconds > 18_000_000_000) continue;
        const id = writerInterfaces[source.interfaceId]!;
        const { seconds, nanoseconds, data, position, length, originalLength } = source;
        writer.write(
          seconds,
          nanoseconds,
          id,
          data,
          position,
          length,
          originalLength,
          undefined,
          source.options(),
        );
      }
      writer.commit();
      const known = writerInterfaces.length;
      const copy = await openCapture(path);
      const expected = sample.packets.filter((p) => p.seconds >= 0 && p.seconds <= 18_000_000_000);
      assert.deepStrictEqual(
        await readAll(copy),
        expected.map((p, i) => ({ ...p, number: i + 1 })),
      );
      await copy.close();
      assert.deepStrictEqual(copy.sectionOptions, first);
      for (const [i, written] of copy.interfaces.entries()) {
        const original = source.interfaces[i]!;
        assert.deepStrictEqual(
          [written.linkType, written.snaplen, written.name],
          [original.linkType, original.snaplen, original.name],
        );
      }
      assert.equal(copy.interfaces.length, known);
    }),
    { numRuns: 100 },
  );
  t.pass();
});
test('a packet larger than the buffer, with options larger than it', async (t) => {
  const path = join(t.testdir(), 'large.pcapng');
  const staging = { buffer: new SharedArrayBuffer(65_536), offset: 0, bytes: 65_536 };
  const writer = await createCapture(path, { staging });
  const id = writer.interfaceFor(1);
  const frame = new Uint8Array(3_000_001).map((_, i) => i);
  const options = [
    { code: 5000, value: new Uint8Array(50_000).fill(1) },
    { code: 5001, value: new Uint8Array(50_001).fill(2) },
  ];
  writer.write(1, 2, id, frame, 0, frame.length, frame.length, 'a comment', options);
  writer.write(3, 4, id, frame, 1, 10, 10);
  writer.commit();
  const reader = await openCapture(path);
  while (reader.next() === 0) await reader.fill();
  t.equal(Buffer.compare(reader.data.subarray(reader.position, reader.position + reader.length), frame), 0);
  t.strictSame(
    reader.options().map(({ code, value }) => [code, value.length]),
    [
      [1, 9],
      [5000, 50_000],
      [5001, 50_001],
    ],
  );
  t.match(await readAll(reader), [{ seconds: 3, nanoseconds: 4, bytes: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }]);
  await reader.close();
});

test('the kernel copies what lies in the same memory, and only that', async (t) => {
  const buffer = new SharedArrayBuffer(200_000);
  const bytes = new Uint8Array(buffer);
  const calls: number[][] = [];
  const kernel = (destination: number, source: number, length: number): void => {
    calls.push([source, length]);
    bytes.copyWithin(destination, source, source + length);
  };
  const path = join(t.testdir(), 'kernel.pcap');
  const writer = await createCapture(path, { staging: { buffer, offset: 100_000, bytes: 100_000 }, kernel });
  bytes.set(text('inside'), 500);
  const id = writer.interfaceFor(101);
  writer.write(1, 1, id, bytes, 500, 6, 6);
  writer.write(1, 1, id, new Uint8Array(buffer, 400, 200), 100, 6, 6);
  writer.write(1, 1, id, text('outside'), 0, 7, 7);
  writer.commit();
  t.strictSame(calls, [
    [500, 6],
    [500, 6],
  ]);
  t.match(await readAll(await openCapture(path)), [
    { bytes: [...text('inside')] },
    { bytes: [...text('inside')] },
    { bytes: [...text('outside')] },
  ]);
});

test('formats by name', async (t) => {
  t.equal(captureFormatFor('a.pcap'), 'pcap');
  t.equal(captureFormatFor('dir.pcapng/a.cap'), 'pcap');
  t.equal(captureFormatFor('-'), 'pcap');
  t.equal(captureFormatFor('/tmp/a.pcapng'), 'pcapng');
  t.equal(captureFormatFor('a.PcapNG.1'), 'pcapng');
  await t.rejects(createCapture('a.pcap.gz'), {
    name: 'CaptureError',
    message: /captures are written plain/,
  });
});

test('what a format cannot hold is refused', async (t) => {
  const dir = t.testdir();
  const pcap = await createCapture(join(dir, 'a.pcap'));
  t.equal(pcap.addInterface({ linkType: 1 }), 0);
  t.equal(pcap.addInterface({ linkType: 1, name: 'another' }), 0);
  t.throws(() => pcap.addInterface({ linkType: 101 }), {
    name: 'CaptureError',
    message: /a\.pcap: found packets of raw IP after Ethernet, expected one link type/,
  });
  t.throws(() => pcap.write(-1, 0, 0, text('x'), 0, 1, 1), { message: /found a packet time of -1 s/ });
  t.throws(() => pcap.write(2 ** 32, 0, 0, text('x'), 0, 1, 1), {
    message: /found a packet time of 4294967296 s/,
  });
  pcap.abort();
  const pcapng = await createCapture(join(dir, 'a.pcapng'));
  t.throws(() => pcapng.write(1, 0, 0, text('x'), 0, 1, 1), { name: 'RangeError' });
  const id = pcapng.addInterface({ linkType: 1 });
  t.throws(() => pcapng.write(2e10, 0, id, text('x'), 0, 1, 1), {
    message: /found a packet time of 20000000000 s/,
  });
  pcapng.abort();
  t.strictSame(readdirSync(dir), []);
  await t.rejects(
    createCapture(join(dir, 'b.pcap'), {
      staging: { buffer: new SharedArrayBuffer(10), offset: 0, bytes: 10 },
    }),
    { name: 'RangeError' },
  );
  t.strictSame(readdirSync(dir), [], 'nothing is left when the options are wrong');
});

test('a capture without packets is a capture', async (t) => {
  const dir = t.testdir();
  for (const name of ['none.pcap', 'none.pcapng']) {
    const path = join(dir, name);
    (await createCapture(path)).commit();
    const reader = await openCapture(path);
    t.strictSame(await readAll(reader), []);
    await reader.close();
  }
});
