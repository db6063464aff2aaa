import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { MemorySource, type ByteSource } from '../../src/device/capture/byte-source.js';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { Cursor } from '../../src/device/capture/packet-cursor.js';
import { MINIMUM_STAGING_BYTES, type StagingArea } from '../../src/device/capture/read-buffer.js';
import { pcapngSample, pcapSample, type Sample } from './capture-arbitrary.js';
import {
  concat,
  enhancedPacket,
  interfaceBlock,
  pcapFile,
  pcapHeader,
  readAll,
  sectionHeader,
  simplePacket,
  text,
  type ReadPacket,
} from './capture-bytes.js';

const STAGING_OFFSET = 4096;

function staging(): StagingArea {
  const bytes = MINIMUM_STAGING_BYTES;
  return { buffer: new SharedArrayBuffer(STAGING_OFFSET + bytes + 4096), offset: STAGING_OFFSET, bytes };
}

/** How the bytes reach the reader: bytes of one read, bytes asked for at a time, where they go. */
const feeding = fc.record({
  step: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.constant(Infinity)),
  chunkBytes: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1000, max: 300_000 })),
  isStaged: fc.boolean(),
});
type Feeding = typeof feeding extends fc.Arbitrary<infer T> ? T : never;

async function readSample(
  sample: Sample,
  how: Feeding,
): Promise<{ packets: ReadPacket[]; linkTypes: number[] }> {
  // Byte by byte through a file of many kilobytes would take all day.
  const step = sample.bytes.length > 20_000 ? Math.max(how.step, 1000) : how.step;
  const chunkBytes = sample.bytes.length > 20_000 ? Math.max(how.chunkBytes, 1000) : how.chunkBytes;
  const reader = await openCapture(new MemorySource('sample', sample.bytes, step), {
    chunkBytes,
    staging: how.isStaged ? staging() : undefined,
  });
  const packets = await readAll(reader);
  await reader.close();
  return { packets, linkTypes: reader.interfaces.map((i) => i.linkType) };
}

test('a capture of either format, however it is fed, gives its packets', async (t) => {
  for (const [name, arbitrary] of [
    ['pcap', pcapSample],
    ['pcapng', pcapngSample],
  ] as const) {
    await fc.assert(
      fc.asyncProperty(arbitrary, feeding, async (sample, how) => {
        const { packets, linkTypes } = sample;
        assert.deepStrictEqual(await readSample(sample, how), { packets, linkTypes });
      }),
      { numRuns: 150 },
    );
    t.pass(name);
  }
});

test('positions are offsets in the whole shared memory, inside the staging area', async (t) => {
  const record = { seconds: 1, fraction: 2, bytes: text('a frame'), originalLength: 7 };
  const file = pcapFile({ littleEndian: true, variant: 'nano', linkType: 1 }, [record]);
  const area = staging();
  const reader = await openCapture(new MemorySource('staged', file), { staging: area });
  t.equal(reader.next(), 1);
  t.equal(reader.data.buffer, area.buffer);
  t.equal(reader.data.length, area.buffer.byteLength);
  t.equal(reader.position, STAGING_OFFSET + 24 + 16);
  const memory = new Uint8Array(area.buffer);
  t.strictSame(memory.slice(reader.position, reader.position + 7), text('a frame'));
  t.ok(memory.subarray(0, STAGING_OFFSET).every((byte) => byte === 0));
  await t.rejects(openCapture(new MemorySource('x', file), { staging: { ...area, bytes: 1000 } }), {
    name: 'RangeError',
  });
});

test('records of the largest size, larger than the buffer', async (t) => {
  const large = new Uint8Array(262_144).map((_, i) => i);
  const huge = new Uint8Array(3_000_000).map((_, i) => i >> 3);
  const form = { littleEndian: false, variant: 'micro', linkType: 101 } as const;
  const records = [large, huge, text('small'), large].map((bytes, i) => ({
    seconds: i,
    fraction: i,
    bytes,
    originalLength: bytes.length,
  }));
  const file = pcapFile(form, records);
  for (const chunkBytes of [65_536, 262_144, 10_000_000]) {
    const reader = await openCapture(new MemorySource('large', file), { chunkBytes });
    const lengths: number[] = [];
    for (let i = 0; i < records.length;) {
      if (reader.next() === 0) {
        await reader.fill();
        continue;
      }
      const frame = reader.data.subarray(reader.position, reader.position + reader.length);
      t.equal(Buffer.compare(frame, records[i]!.bytes), 0, `record ${i + 1}`);
      lengths.push(reader.length);
      i++;
    }
    t.strictSame(await readAll(reader), []);
    t.strictSame(lengths, [262_144, 3_000_000, 5, 262_144]);
  }
  const staged = await openCapture(new MemorySource('large', file), { staging: staging() });
  const packets: ReadPacket[] = [];
  await t.rejects(readAll(staged, packets), {
    name: 'CaptureError',
    message: /large: .*3000016 bytes.*staging area/,
  });
  t.equal(packets.length, 1, 'what fits the staging area was read');
});

test('pcap: old versions, link type flags, a fraction beyond the second', async (t) => {
  const form = { littleEndian: true, variant: 'micro', linkType: 12 } as const;
  const record = { seconds: 10, fraction: 2_500_000, bytes: text('abc'), originalLength: 60 };
  const reader = await openCapture(new MemorySource('raw', pcapFile(form, [record])));
  t.match(reader.interfaces, [{ linkType: 101, snaplen: 262_144, name: null, nanoseconds: false }]);
  t.match(await readAll(reader), [
    { seconds: 12, nanoseconds: 500_000_000, linkType: 101, originalLength: 60 },
  ]);

  const withFcs = await openCapture(new MemorySource('fcs', pcapFile({ ...form, linkType: 0x24000001 }, [])));
  t.equal(withFcs.linkType, 1);

  const swapped = pcapFile(form, [{ ...record, originalLength: 3 }]);
  swapped.set(pcapHeader(form, 2));
  const view = new DataView(swapped.buffer);
  view.setUint32(24 + 8, 60, true);
  view.setUint32(24 + 12, 3, true);
  t.match(await readAll(await openCapture(new MemorySource('2.2', swapped))), [
    { bytes: [...text('abc')], originalLength: 60 },
  ]);
  swapped.set(pcapHeader(form, 3));
  t.match(await readAll(await openCapture(new MemorySource('2.3', swapped))), [
    { bytes: [...text('abc')], originalLength: 60 },
  ]);
});

test('pcapng: options are kept, numbers in them turned to little-endian', async (t) => {
  const flags = Uint8Array.of(0, 0, 0, 1);
  const custom = concat([Uint8Array.of(0, 0, 0x7e, 0xd9), text('x')]);
  const file = concat([
    sectionHeader(false, [{ code: 4, value: text('dumpcap') }]),
    interfaceBlock(false, 1, 0, [
      { code: 2, value: text('eth0') },
      { code: 8, value: Uint8Array.of(0, 0, 0, 0, 0x3b, 0x9a, 0xca, 0x00) },
      { code: 9, value: Uint8Array.of(9) },
    ]),
    enhancedPacket(false, 0, 1_700_000_000_123_456_789n, text('frame'), 99, [
      { code: 1, value: text('seen') },
      { code: 2, value: flags },
      { code: 2989, value: custom },
    ]),
  ]);
  const reader = await openCapture(new MemorySource('options', file));
  t.match(reader.sectionOptions, [{ code: 4, value: text('dumpcap') }]);
  t.match(reader.interfaces, [{ name: 'eth0', linkType: 1, nanoseconds: true }]);
  t.strictSame([...reader.interfaces[0]!.options[1]!.value], [0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0]);
  t.strictSame(await readAll(reader), [
    {
      number: 1,
      seconds: 1_700_000_000,
      nanoseconds: 123_456_789,
      linkType: 1,
      interfaceId: 0,
      bytes: [...text('frame')],
      originalLength: 99,
      options: [
        { code: 1, value: [...text('seen')] },
        { code: 2, value: [1, 0, 0, 0] },
        { code: 2989, value: [0xd9, 0x7e, 0, 0, ...text('x')] },
      ],
    },
  ]);
});

test('interfaces are known when a capture opens, and may come later', async (t) => {
  const file = concat([
    sectionHeader(true),
    interfaceBlock(true, 113, 0),
    enhancedPacket(true, 0, 1n, text('a'), 1),
    interfaceBlock(true, 14, 0),
    enhancedPacket(true, 1, 2n, text('b'), 1),
    simplePacket(true, text('c'), 1),
  ]);
  const reader = await openCapture(new MemorySource('late', file));
  t.equal(reader.format, 'pcapng');
  t.equal(reader.linkType, 113);
  t.equal(reader.packetNumber, 0);
  t.equal(reader.interfaces.length, 1);
  const packets = await readAll(reader);
  t.strictSame(
    packets.map((p) => p.linkType),
    [113, 101, 113],
  );
  t.equal(reader.interfaces.length, 2);
});

test('a stream of 400 MB in the memory of one chunk', async (t) => {
  const frame = new Uint8Array(1484).map((_, i) => i);
  const form = { littleEndian: true, variant: 'micro', linkType: 1 } as const;
  const record = { seconds: 1, fraction: 1, bytes: frame, originalLength: frame.length };
  const file = pcapFile(form, [record]);
  const one = file.subarray(24);
  const total = 400_000_000;
  let given = 0;
  const source: ByteSource = {
    path: 'endless',
    bytesRead: 0,
    totalBytes: null,
    read(target, position, length) {
      // The header, then records of 1,500 bytes, cut wherever a chunk ends.
      if (given === 0) {
        target.set(file.subarray(0, 24), position);
        given = 24;
        return 24;
      }
      const n = Math.min(length, total - given);
      for (let done = 0; done < n;) {
        const at = (given - 24) % one.length;
        const piece = one.subarray(at, Math.min(one.length, at + n - done));
        target.set(piece, position + done);
        done += piece.length;
        given += piece.length;
      }
      return n;
    },
    close: () => Promise.resolve(),
  };
  const reader = await openCapture(source);
  const before = process.memoryUsage();
  let bytes = 0;
  await t.rejects(
    (async (): Promise<void> => {
      for (;;) {
        const state = reader.next();
        if (state === Cursor.PACKET) bytes += reader.length;
        else if (state === Cursor.FILL) await reader.fill();
        else break;
      }
    })(),
    {
      message: `endless: record 266667 at byte 399999024: the capture is cut off in the middle of a packet: found 976 bytes, expected 1500`,
    },
  );
  t.equal(bytes, 266_666 * 1484);
  const grown = process.memoryUsage();
  t.ok(grown.arrayBuffers - before.arrayBuffers < 5_000_000, 'buffers');
  t.ok(grown.rss - before.rss < 60_000_000, `resident memory grew by ${grown.rss - before.rss} bytes`);
  t.ok(reader.data.length < 1_000_000);
});
