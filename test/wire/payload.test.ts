import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { compilePayloadWasm } from '../../scripts/build-wasm.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { wasm } from '../../src/wire/webassembly.js';

const BYTES = 3 * 65_536;
const memory = new wasm.Memory({ initial: 3, maximum: 3, shared: true });
const bytes = new Uint8Array(memory.buffer);
const { sum, copy, copySum } = payloadKernels(memory);

/** RFC 1071 §4.1, little-endian words. */
function onesComplementSum(data: Uint8Array): number {
  let total = 0;
  for (let i = 0; i < data.length; i += 2) total += data[i]! | ((data[i + 1] ?? 0) << 8);
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x10000);
  return total;
}

const content = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: length }),
    fc
      .tuple(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(length))
      .map(([value, n]) => new Uint8Array(n).fill(value)),
  );

t.test('the committed binary is what the source compiles to', async (t) => {
  const committed = readFileSync(new URL('../../../src/wire/payload-wasm.ts', import.meta.url), 'utf8');
  t.equal(committed, await compilePayloadWasm(), 'else: npm run build && node dist/scripts/build-wasm.js');
});

t.test('sum: as RFC 1071 by words, at any offset and length', async (t) => {
  fc.assert(
    fc.property(content(700), fc.nat(200), (data, offset) => {
      bytes.fill(0xa5);
      bytes.set(data, offset);
      return sum(offset, data.length) === onesComplementSum(data);
    }),
    { numRuns: 1000 },
  );
  for (let length = 0; length <= 200; length++) {
    for (let i = 0; i < BYTES; i++) bytes[i] = (i * 197) ^ (i >> 8);
    t.equal(sum(3, length), onesComplementSum(bytes.slice(3, 3 + length)), `${length} bytes`);
    t.equal(
      sum(BYTES - length, length),
      onesComplementSum(bytes.slice(BYTES - length)),
      `the last ${length} bytes`,
    );
  }
});

t.test('sum: no overflow in the longest packet, whatever its bytes', async (t) => {
  for (const value of [0x00, 0xff, 0x7f, 0x80, 0xfe]) {
    bytes.fill(value);
    for (const length of [65_534, 65_535, 65_536, BYTES]) {
      t.equal(sum(0, length), onesComplementSum(bytes.subarray(0, length)), `${length} of ${value}`);
    }
  }
});

t.test('sum: 0xffff over data with its own checksum', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 8, maxLength: 200 }), fc.nat(20), (data, offset) => {
      data[4] = data[5] = 0;
      bytes.set(data, offset);
      const checksum = ~sum(offset, data.length) & 0xffff;
      bytes[offset + 4] = checksum & 0xff;
      bytes[offset + 5] = checksum >>> 8;
      return sum(offset, data.length) === 0xffff;
    }),
  );
});

t.test('copy: every byte of the range and none beside it', async (t) => {
  const at = 1000;
  for (let length = 0; length <= 300; length++) {
    for (const [from, to] of [
      [0, 0],
      [1, 0],
      [0, 3],
      [7, 9],
    ] as const) {
      bytes.fill(0xcc, at - 32, at + 400);
      for (let i = 0; i < 400; i++) bytes[i] = i * 31 + length;
      copy(at + to, from, length);
      const expected = new Uint8Array(432).fill(0xcc);
      expected.set(bytes.slice(from, from + length), 32 + to);
      if (Buffer.compare(bytes.slice(at - 32, at + 400), expected) !== 0)
        t.fail(`${length} bytes ${from} to ${to}`);
    }
  }
  for (let i = 0; i < 65_536; i++) bytes[i] = Math.imul(i, 0x9e3779b1) >>> 24;
  copy(100_001, 0, 65_535);
  t.equal(Buffer.compare(bytes.slice(100_001, 165_536), bytes.slice(0, 65_535)), 0, 'the longest packet');
});

t.test('copySum: copies as copy, answers as sum', async (t) => {
  const at = 1000;
  for (let length = 0; length <= 300; length++) {
    for (const [from, to] of [
      [0, 0],
      [1, 0],
      [0, 3],
      [7, 9],
    ] as const) {
      bytes.fill(0xcc, at - 32, at + 400);
      for (let i = 0; i < 400; i++) bytes[i] = Math.imul(i + length, 0x9e3779b1) >>> 24;
      const total = copySum(at + to, from, length);
      const expected = new Uint8Array(432).fill(0xcc);
      expected.set(bytes.slice(from, from + length), 32 + to);
      if (Buffer.compare(bytes.slice(at - 32, at + 400), expected) !== 0) t.fail(`${length} bytes copied`);
      if (total !== sum(from, length)) t.fail(`sum of ${length} bytes`);
    }
  }
  for (const value of [0x00, 0xff, 0x7f, 0x80]) {
    bytes.fill(value, 0, 65_535);
    t.equal(copySum(100_001, 0, 65_535), sum(0, 65_535), `the longest packet, of ${value}`);
  }
});

t.test('copy and sum: up to the last byte of the memory, and not behind it', async (t) => {
  for (const length of [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 63, 64, 65, 100]) {
    for (let i = 0; i < 128; i++) bytes[i] = i + 1;
    bytes.fill(0, BYTES - 128);
    copy(BYTES - length, 0, length);
    t.same(bytes.slice(BYTES - length), bytes.slice(0, length), `copy ${length} to the end`);
    copy(200, BYTES - length, length);
    t.same(bytes.slice(200, 200 + length), bytes.slice(0, length), `copy ${length} from the end`);
    bytes.fill(0, BYTES - 128);
    copySum(BYTES - length, 0, length);
    t.same(bytes.slice(BYTES - length), bytes.slice(0, length), `copySum ${length} to the end`);
    t.equal(copySum(200, BYTES - length, length), sum(0, length), `copySum ${length} from the end`);
  }
  t.throws(() => sum(BYTES - 10, 11), Error);
  t.throws(() => {
    copy(BYTES - 10, 0, 11);
  }, Error);
});
