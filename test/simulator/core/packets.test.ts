import fc from 'fast-check';
import t from 'tap';
import { Packets, PacketsFull, SLOT_BYTES } from '../../../src/simulator/core/packets.js';
import { buildPacket } from '../../../src/wire/build.js';
import { LONGEST_IP } from '../../../src/wire/protocol.js';

const ip = { source: '192.0.2.1', destination: '198.51.100.1' };

t.test('a packet is what was built, and a copy is its own', async (t) => {
  const packets = new Packets({ capacity: 4, large: 2 });
  const spec = { ip, udp: { sourcePort: 1, destinationPort: 2 }, payload: 100 };
  const packet = packets.build(spec);
  packets.flow[packet] = 7;
  packets.born[packet] = 123;
  const copy = packets.copy(packet);
  t.not(copy, packet);
  packets.bytes[packets.start[packet]! + 20]! ^= 1;
  const at = packets.start[copy]!;
  t.same(packets.bytes.slice(at, at + packets.length[copy]!), buildPacket(spec));
  t.equal(packets.flow[copy], 7);
  t.equal(packets.born[copy], 123);
  t.equal(packets.inFlight, 2);
  packets.free(copy);
  t.throws(() => packets.free(copy), /is not on its way/);
  const again = packets.take();
  t.equal(packets.flow[again], -1);
  t.equal(packets.born[again], 0);
  t.equal(packets.length[again], 0);
});

t.test('a full store says so', async (t) => {
  const packets = new Packets({ capacity: 2, large: 1 });
  const large = packets.build({ ip, payload: 60_000 });
  t.equal(packets.length[large], 60_020);
  t.throws(() => packets.take(SLOT_BYTES + 1), PacketsFull);
  t.throws(() => packets.take(LONGEST_IP + 1), RangeError);
  const first = packets.take();
  packets.take();
  t.throws(() => packets.take(), /^2 packets are on their way already/);
  packets.free(first);
  packets.take();
  packets.free(large);
  packets.take(LONGEST_IP);
  t.throws(() => new Packets({ capacity: 2 ** 21 }), /do not fit in 2 GB/);
});

t.test('whatever is taken and freed, packets do not touch each other', async () => {
  const packets = new Packets({ capacity: 16, large: 3 });
  const step = fc.record({ take: fc.boolean(), size: fc.integer({ min: 1, max: 4000 }), which: fc.nat() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const held: { packet: number; size: number; mark: number }[] = [];
      let mark = 0;
      for (const { take, size, which } of steps) {
        if (take) {
          const largeHeld = held.filter((h) => h.size > SLOT_BYTES).length;
          if (size > SLOT_BYTES ? largeHeld === 3 : held.length - largeHeld === 16) continue;
          const packet = packets.take(size);
          mark = (mark + 1) & 0xff;
          const at = packets.start[packet]!;
          // With the whole headroom, as headers would be.
          packets.bytes.fill(mark, at - packets.headroom(packet), at + size);
          held.push({ packet, size, mark });
        } else if (held.length > 0) {
          const [{ packet, size, mark: own }] = held.splice(which % held.length, 1) as [(typeof held)[0]];
          const at = packets.start[packet]!;
          const bytes = packets.bytes.subarray(at - packets.headroom(packet), at + size);
          if (packets.headroom(packet) !== 128 || packets.room(packet) < size) return false;
          packets.free(packet);
          if (!bytes.every((byte) => byte === own)) return false;
        }
      }
      const inFlight = packets.inFlight === held.length;
      for (const { packet } of held) packets.free(packet);
      return inFlight && packets.inFlight === 0;
    }),
    { numRuns: 200 },
  );
});
