import fc from 'fast-check';
import t from 'tap';
import { PacketQueue, QUEUED_BYTES } from '../../src/daemon/packet-queue.js';

interface Packet {
  readonly bytes: Uint8Array;
  readonly tunnel: number;
  readonly time: number;
}

function takeOne(queue: PacketQueue): Packet | null {
  if (!queue.take()) return null;
  const { bytes, at, length, tunnel, time } = queue;
  const packet = { bytes: bytes.slice(at, at + length), tunnel, time };
  queue.done();
  return packet;
}

t.test('what is put in at one end comes out at the other, in order', async (t) => {
  const packet = fc.record(
    {
      bytes: fc.uint8Array({ maxLength: QUEUED_BYTES }),
      tunnel: fc.integer({ min: 0, max: 1_000_000 }),
      time: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(fc.option(packet), { maxLength: 100 }), (steps) => {
      const near = PacketQueue.create(8);
      const far = PacketQueue.open(near.share());
      const waiting: Packet[] = [];
      for (const step of steps) {
        if (step === null) {
          const expected = waiting.shift() ?? null;
          const found = takeOne(far);
          t.strictSame(found, expected);
        } else {
          const isTaken = near.put(step.bytes, 0, step.bytes.length, step.tunnel, step.time);
          t.equal(isTaken, waiting.length < 8);
          if (isTaken) waiting.push(step);
        }
        t.equal(far.count, waiting.length);
        t.equal(near.isEmpty, waiting.length === 0);
      }
    }),
    { numRuns: 30 },
  );
});

t.test('a packet that is too long is not taken', async (t) => {
  const queue = PacketQueue.create(2);
  const bytes = new Uint8Array(QUEUED_BYTES + 3);
  t.notOk(queue.put(bytes, 0, QUEUED_BYTES + 1, 0, 0));
  t.ok(queue.put(bytes, 3, QUEUED_BYTES, 0, 0));
});
