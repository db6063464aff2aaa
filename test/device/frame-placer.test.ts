import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'tap';
import { frameAlignment, LinkType } from '../../src/dataplane/link-type.js';
import { HEADROOM, PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, VECTOR_SIZE, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { FramePlacer, MAXIMUM_FRAME_BYTES } from '../../src/device/frame-placer.js';

const FIRST_SLOT = 3;
const SLOTS = 100;

function setUp(kernel?: (destination: number, source: number, length: number) => void): {
  pool: PacketPool;
  vector: PacketVector;
  placer: FramePlacer;
} {
  const pool = PacketPool.create({ slots: FIRST_SLOT + SLOTS + 1, stagingBytes: 100_000 });
  const vector = PacketVector.create(pool, {
    firstSlot: FIRST_SLOT,
    slots: SLOTS,
    firstExtraSlot: 0,
    extraSlots: 1,
  });
  return { pool, vector, placer: new FramePlacer(pool, vector, kernel ?? null) };
}

function frameIn(pool: PacketPool, vector: PacketVector, index: number): Uint8Array {
  const offset = vector.offset[index]!;
  return pool.bytes.slice(offset, offset + vector.length[index]!);
}

test('frames of any length are placed whole, aligned, in slots of their own, inside the region', async (t) => {
  const frames = fc.array(
    fc.record({
      length: fc.oneof(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1000, max: 3000 }),
        fc.integer({ min: 60_000, max: 70_000 }),
      ),
      link: fc.constantFrom<number>(LinkType.ETHERNET, LinkType.RAW, LinkType.LINUX_SLL2),
      from: fc.constantFrom('array', 'shared', 'staging'),
      shift: fc.integer({ min: 0, max: 7 }),
    }),
    { maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(frames, async (models) => {
      const { pool, vector, placer } = setUp();
      placer.begin();
      const placed: Uint8Array[] = [];
      let slot = FIRST_SLOT;
      for (const [i, { length, link, from, shift }] of models.entries()) {
        const content = new Uint8Array(length).map((_, at) => at * 3 + i);
        let source: Uint8Array = new Uint8Array(shift + length);
        let position = shift;
        if (from === 'shared') source = new Uint8Array(new SharedArrayBuffer(shift + length));
        if (from === 'staging') {
          source = pool.bytes;
          position = pool.stagingOffset + shift;
        }
        source.set(content, position);
        const kept = content.subarray(0, MAXIMUM_FRAME_BYTES);
        const fits = slot + pool.slotsFor(kept.length) <= FIRST_SLOT + SLOTS;
        assert.equal(placer.place(source, position, length, link, Side.OVERLAY), fits);
        if (!fits) break;
        const offset = vector.offset[i]!;
        assert.equal(offset, pool.frameOffset(slot, frameAlignment(link)));
        assert.ok(offset - slot * pool.stride >= HEADROOM);
        slot += pool.slotsFor(kept.length);
        assert.ok(offset + kept.length <= slot * pool.stride);
        assert.deepEqual([vector.link[i], vector.side[i]], [link, Side.OVERLAY]);
        placed.push(kept);
      }
      assert.equal(vector.count, placed.length);
      for (const [i, expected] of placed.entries()) {
        assert.equal(Buffer.compare(frameIn(pool, vector, i), expected), 0, `frame ${i}`);
      }
      const outside = [
        pool.bytes.subarray(0, FIRST_SLOT * pool.stride),
        pool.bytes.subarray((FIRST_SLOT + SLOTS) * pool.stride, pool.stagingOffset),
      ];
      for (const part of outside)
        assert.ok(
          part.every((byte) => byte === 0),
          'nothing outside the region',
        );
      await Promise.resolve();
    }),
    { numRuns: 60 },
  );
  t.pass();
});

test('a vector is full at 256 packets, and begins anew', async (t) => {
  const { slots, vectors, regions } = vectorRegions(1);
  const pool = PacketPool.create({ slots, vectors });
  const vector = PacketVector.create(pool, regions[0]!);
  const placer = new FramePlacer(pool, vector);
  const frame = Uint8Array.of(1, 2, 3);
  for (let round = 0; round < 2; round++) {
    placer.begin();
    for (let i = 0; i < VECTOR_SIZE; i++)
      t.equal(placer.place(frame, 0, 3, LinkType.RAW, Side.UNDERLAY), true);
    t.equal(placer.place(frame, 0, 3, LinkType.RAW, Side.UNDERLAY), false);
    t.equal(vector.count, VECTOR_SIZE);
  }
});

test('the kernel copies frames that lie in the pool, and only those', async (t) => {
  const calls: number[][] = [];
  const { pool, vector, placer } = setUp((destination, source, length) => {
    calls.push([destination, source, length]);
    pool.bytes.copyWithin(destination, source, source + length);
  });
  placer.begin();
  pool.bytes.set([7, 8, 9], pool.stagingOffset + 5);
  placer.place(pool.bytes, pool.stagingOffset + 5, 3, LinkType.RAW, Side.UNDERLAY);
  placer.place(Uint8Array.of(1, 2, 3), 0, 3, LinkType.RAW, Side.UNDERLAY);
  // Another view of the same memory, as a reader with a staging area has.
  placer.place(new Uint8Array(pool.buffer), pool.stagingOffset + 5, 3, LinkType.RAW, Side.UNDERLAY);
  t.strictSame([...frameIn(pool, vector, 0)], [7, 8, 9]);
  t.strictSame([...frameIn(pool, vector, 1)], [1, 2, 3]);
  t.strictSame([...frameIn(pool, vector, 2)], [7, 8, 9]);
  t.equal(calls.length, 2);
});

test('a region that could never take a long frame is refused at once', async (t) => {
  const pool = PacketPool.create({ slots: 40 });
  const vector = PacketVector.create(pool, { firstSlot: 0, slots: 31, firstExtraSlot: 31, extraSlots: 9 });
  t.throws(() => new FramePlacer(pool, vector), {
    name: 'RangeError',
    message: /at least 32 slots.*found 31/,
  });
});
