import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { MemorySource } from '../../src/device/capture/byte-source.js';
import { CaptureError } from '../../src/device/capture/capture-error.js';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { pcapngSample, pcapSample } from './capture-arbitrary.js';
import {
  block,
  ByteBuilder,
  concat,
  enhancedPacket,
  interfaceBlock,
  obsoletePacket,
  pcapFile,
  readAll,
  sectionHeader,
  simplePacket,
  text,
  type ReadPacket,
} from './capture-bytes.js';

interface Outcome {
  packets: ReadPacket[];
  error: CaptureError | null;
}

async function read(bytes: Uint8Array, chunkBytes?: number): Promise<Outcome> {
  const packets: ReadPacket[] = [];
  try {
    const reader = await openCapture(new MemorySource('bad.cap', bytes), { chunkBytes });
    await readAll(reader, packets);
    return { packets, error: null };
  } catch (error) {
    if (error instanceof CaptureError) return { packets, error };
    throw error;
  }
}

const form = { littleEndian: true, variant: 'micro', linkType: 1 } as const;
const record = { seconds: 1, fraction: 1, bytes: text('0123456789'), originalLength: 10 };
const pcap = pcapFile(form, [record, record]);
const le = true;
const start = concat([sectionHeader(le), interfaceBlock(le, 1, 0)]);
const packet = enhancedPacket(le, 0, 1n, text('0123456789'), 10);
const pcapng = concat([start, packet, packet]);

function patched(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  new DataView(copy.buffer).setUint32(at, value, true);
  return copy;
}

const EXPECTED = 'expected a pcap or pcapng capture, which may be gzip-compressed';
const first = start.length;
const second = first + packet.length;

/** Name, file, packets that come before the error, and the error. */
const cases: [string, Uint8Array, number, string][] = [
  ['empty', new Uint8Array(0), 0, `bad.cap: found an empty file, ${EXPECTED}`],
  ['three bytes', text('abc'), 0, `bad.cap: found a file of 3 bytes, ${EXPECTED}`],
  [
    'a text',
    text('hello world'),
    0,
    `bad.cap: byte 0: found a file that starts with the bytes 68656c6c, ${EXPECTED}`,
  ],
  [
    'zstd',
    Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0),
    0,
    `bad.cap: byte 0: found a zstd-compressed file, ${EXPECTED}`,
  ],
  [
    'half a pcap header',
    pcap.subarray(0, 20),
    0,
    'bad.cap: byte 0: the capture is cut off in its file header: found 20 bytes, expected 24',
  ],
  ['pcap 3.0', patched(pcap, 4, 3), 0, 'bad.cap: byte 4: found pcap version 3.0, expected 2.4'],
  ['pcap 2.5', patched(pcap, 4, 0x00050002), 0, 'bad.cap: byte 4: found pcap version 2.5, expected 2.4'],
  [
    'cut off in a record header',
    pcap.subarray(0, 24 + 26 + 7),
    1,
    "bad.cap: record 2 at byte 50: the capture is cut off in the middle of a packet's record header: found 7 bytes, expected 16",
  ],
  [
    'cut off in a packet',
    pcap.subarray(0, pcap.length - 1),
    1,
    'bad.cap: record 2 at byte 50: the capture is cut off in the middle of a packet: found 25 bytes, expected 26',
  ],
  [
    'an absurd length',
    patched(pcap, 50 + 8, 0xfffffff0),
    1,
    'bad.cap: record 2 at byte 50: found a captured length of 4294967280 bytes, expected at most 16777216; the file is damaged',
  ],
  [
    'bad byte-order magic',
    patched(pcapng, 8, 0x11223344),
    0,
    'bad.cap: block 1 at byte 0: found byte-order magic 44332211, expected 1a2b3c4d or 4d3c2b1a',
  ],
  [
    'pcapng 2.0',
    patched(pcapng, 12, 2),
    0,
    'bad.cap: block 1 at byte 0: found pcapng version 2.0, expected 1.x',
  ],
  [
    'a short section header',
    block(le, 0x0a0d0d0a, Uint8Array.of(0x4d, 0x3c, 0x2b, 0x1a)),
    0,
    'bad.cap: block 1 at byte 0: found a block length of 16, expected a multiple of 4 from 28 up',
  ],
  [
    'a block length that is too small',
    patched(pcapng, second + 4, 8),
    1,
    `bad.cap: block 4 at byte ${second}: found a block length of 8, expected a multiple of 4 from 32 up`,
  ],
  [
    'a block length that is no multiple of 4',
    patched(pcapng, second + 4, 45),
    1,
    `bad.cap: block 4 at byte ${second}: found a block length of 45, expected a multiple of 4 from 32 up`,
  ],
  [
    'a huge packet block',
    patched(pcapng, second + 4, 0x7ffffff0),
    1,
    `bad.cap: block 4 at byte ${second}: found a block of 2147483632 bytes, expected at most 16777216`,
  ],
  [
    'lengths that differ',
    patched(pcapng, pcapng.length - 4, 48),
    1,
    `bad.cap: block 4 at byte ${second}: found 48 as the block length at the block's end, expected 44 as before`,
  ],
  [
    'a captured length beyond the block',
    patched(pcapng, second + 20, 13),
    1,
    `bad.cap: block 4 at byte ${second}: found a captured length of 13 bytes, expected at most the block's 12`,
  ],
  [
    'an unknown interface',
    patched(pcapng, second + 8, 1),
    1,
    `bad.cap: block 4 at byte ${second}: found a packet of interface 1, expected a number below 1: so many are described before it`,
  ],
  [
    'an interface of another section',
    concat([pcapng, sectionHeader(le), packet]),
    2,
    `bad.cap: block 6 at byte ${pcapng.length + 28}: found a packet of interface 0, expected a number below 0: so many are described before it`,
  ],
  [
    'cut off in a packet block',
    pcapng.subarray(0, pcapng.length - 5),
    1,
    `bad.cap: block 4 at byte ${second}: the capture is cut off in the middle of a packet: found 39 bytes, expected 44`,
  ],
  [
    'cut off behind the block type',
    pcapng.subarray(0, second + 5),
    1,
    `bad.cap: block 4 at byte ${second}: the capture is cut off in the middle of a packet: found 5 bytes, expected 12`,
  ],
  [
    'cut off in an interface',
    pcapng.subarray(0, first - 3),
    0,
    'bad.cap: block 2 at byte 28: the capture is cut off in the middle of a block: found 17 bytes, expected 20',
  ],
  [
    'cut off in a block of no interest',
    concat([pcapng, block(le, 5, new Uint8Array(100)).subarray(0, 60)]),
    2,
    `bad.cap: block 5 at byte ${pcapng.length + 108}: the capture is cut off in the middle of a block`,
  ],
  [
    'cut off before the last length of a block of no interest',
    concat([pcapng, block(le, 5, new Uint8Array(100)).subarray(0, 108)]),
    2,
    `bad.cap: block 5 at byte ${pcapng.length + 108}: the capture is cut off in the middle of a block`,
  ],
  [
    'lengths of a block of no interest that differ',
    concat([pcapng, patched(block(le, 5, new Uint8Array(100)), 108, 1)]),
    2,
    `bad.cap: block 5 at byte ${pcapng.length + 108}: found 1 as the block length at the block's end, expected 112 as before`,
  ],
  [
    'an interface option beyond its block',
    concat([
      sectionHeader(le),
      block(le, 1, new ByteBuilder(le).u16(1).u16(0).u32(0).u16(2).u16(9).u32(0).done()),
    ]),
    0,
    'bad.cap: block 2 at byte 28: found an option 2 of 9 bytes, expected at most the 4 left in the block',
  ],
  [
    'a simple packet larger than its block',
    concat([start, simplePacket(le, text('abcd'), 5)]),
    0,
    `bad.cap: block 3 at byte ${first}: found a captured length of 5 bytes, expected at most the block's 4`,
  ],
  [
    'an obsolete packet larger than its block',
    concat([start, patched(obsoletePacket(le, 0, 1n, text('abcd'), 4), 20, 5)]),
    0,
    `bad.cap: block 3 at byte ${first}: found a captured length of 5 bytes, expected at most the block's 4`,
  ],
];

test('every kind of damage is named, with its place, after the packets before it', async (t) => {
  for (const [name, bytes, packets, message] of cases) {
    for (const chunkBytes of [undefined, 1, 13, 64]) {
      const outcome = await read(bytes, chunkBytes);
      t.equal(outcome.error?.message, message, name);
      t.equal(outcome.packets.length, packets, `${name}: packets before it`);
    }
  }
});

test('a packet option beyond its block is an error when the options are asked for', async (t) => {
  const bytes = concat([
    start,
    enhancedPacket(le, 0, 1n, text('abcd'), 4, [{ code: 1, value: text('abcd') }]),
  ]);
  const bad = patched(bytes, first + 32, 1 | (20 << 16));
  const { error } = await read(bad);
  t.equal(
    error?.message,
    `bad.cap: block 3 at byte ${first + 32}: found an option 1 of 20 bytes, expected at most the 8 left in the block`,
  );
  const reader = await openCapture(new MemorySource('bad.cap', bad));
  t.equal(reader.next(), 1);
  t.equal(reader.length, 4);
});

test('an error has its place in fields, too', async (t) => {
  const { error } = await read(pcap.subarray(0, pcap.length - 1));
  t.match(error, { name: 'CaptureError', path: 'bad.cap', place: { unit: 'record', number: 2, offset: 50 } });
});

test('interfaces without end are refused', async (t) => {
  const one = interfaceBlock(le, 1, 0);
  const { error } = await read(concat([sectionHeader(le), ...Array.from({ length: 65_537 }, () => one)]));
  t.match(error, { message: /found more than 65536 interfaces/ });
});

/** Changes bytes, cuts pieces out, doubles pieces, and cuts the end off. */
const mutation = fc.record({
  kind: fc.constantFrom('byte', 'word', 'remove', 'repeat', 'cut'),
  at: fc.nat(),
  length: fc.integer({ min: 1, max: 60 }),
  value: fc.oneof(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.constantFrom(0, 1, 4, 12, 0x0a0d0d0a, 6, 0xffffffff),
  ),
});
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(bytes: Uint8Array, { kind, at, length, value }: Mutation): Uint8Array {
  const place = at % bytes.length;
  const copy = Uint8Array.from(bytes);
  switch (kind) {
    case 'byte':
      copy[place] = value & 0xff;
      return copy;
    case 'word':
      if (bytes.length >= 4)
        new DataView(copy.buffer).setUint32(Math.min(place & ~3, bytes.length - 4), value, true);
      return copy;
    case 'remove':
      return concat([bytes.subarray(0, place), bytes.subarray(place + length)]);
    case 'repeat':
      return concat([bytes.subarray(0, place + length), bytes.subarray(place)]);
    default:
      return copy.subarray(0, place);
  }
}

test('a mutated capture ends, with packets and at most a CaptureError, the same for every chunk size', async (t) => {
  const errors = new Set<string>();
  for (const arbitrary of [pcapSample, pcapngSample]) {
    await fc.assert(
      fc.asyncProperty(
        arbitrary,
        fc.array(mutation, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 100, max: 5000 }),
        async (sample, mutations, chunkBytes) => {
          let bytes: Uint8Array = sample.bytes;
          for (const step of mutations) if (bytes.length > 0) bytes = mutate(bytes, step);
          const whole = await read(bytes);
          const pieces = await read(bytes, chunkBytes);
          assert.deepStrictEqual(pieces.packets, whole.packets);
          assert.equal(pieces.error?.message, whole.error?.message);
          if (whole.error !== null) errors.add(whole.error.problem.replace(/\d+/g, '#'));
        },
      ),
      { numRuns: 400 },
    );
  }
  t.ok(errors.size > 10, `${errors.size} different errors were met`);
});
