import fc from 'fast-check';
import t from 'tap';
import { flowHash } from '../../../src/dataplane/route.js';
import { Bundle } from '../../../src/network/interconnect/bundle.js';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { Link } from '../../../src/simulator/link/link.js';
import type { PathSpec } from '../../../src/simulator/scenario/scenario.js';
import { be16 } from '../../../src/wire/bytes.js';
import { sumBytes } from '../../../src/wire/checksum.js';
import { isConserved, newWorld, path, Sink } from '../node/lab.js';

const ip = { source: '192.0.2.1', destination: '198.51.100.1' };

function newLink(spec: Partial<PathSpec>, seed = 1) {
  const { world, recorder } = newWorld(seed);
  const from = new Sink(world, 'from');
  const to = new Sink(world, 'to');
  const link = new Link(world, 'a to b', path(spec), { node: from, port: 3 }, { node: to, port: 5 });
  /** Sends an IP packet of so many bytes, numbered by its ID. */
  const send = (size: number, id = 0, dontFragment = true): void => {
    link.send(world.packets.build({ ip: { ...ip, id, dontFragment }, payload: size - 20 }));
  };
  return { world, recorder, from, to, link, send };
}

function ids(sink: Sink): number[] {
  return sink.got.map(({ bytes }) => be16(bytes, 4));
}

t.test('packets arrive after the delay, at the port of the other end', async (t) => {
  const { world, recorder, to, send } = newLink({ delay: 5 * MILLISECOND });
  send(100);
  world.scheduler.run(4_999_999);
  t.equal(to.got.length, 0);
  t.equal(world.lost, 0, 'the link has it');
  world.scheduler.run(5 * MILLISECOND);
  t.equal(to.got.length, 1);
  t.equal(to.got[0]!.port, 5);
  t.equal(recorder.linkBytes.get(recorder.link('a to b')), 100);
});

t.test('a rate sends bit by bit, and its queue holds so many bytes', async (t) => {
  // 8 Mbit/s: a byte takes a microsecond.
  const { world, recorder, to, send } = newLink({ rate: 8_000_000, queue: 3000, delay: MILLISECOND });
  for (let i = 0; i < 5; i++) send(1000, i);
  // The first is on the wire and counts as long as it is not sent, two wait; the rest has no room.
  t.equal(recorder.dropsOf('queue_full', 'a to b'), 2);
  world.scheduler.run(500_000);
  send(1000, 5);
  t.equal(recorder.dropsOf('queue_full'), 3, 'half of the first is not enough room');
  world.scheduler.run(1_000_000);
  send(1000, 6);
  world.scheduler.run(SECOND);
  t.same(ids(to), [0, 1, 2, 6]);
  t.same(
    to.got.map(({ time }) => time),
    [2_000_000, 3_000_000, 4_000_000, 5_000_000],
  );
  send(1500, 7);
  world.scheduler.run(2 * SECOND);
  t.equal(to.got[4]!.time, SECOND + 2_500_000, 'an idle link begins at once');
  t.ok(isConserved(world, recorder));
});

t.test('in a bundle each flow has the rate of one link, and waits for no other', async (t) => {
  const { world, recorder, to, link } = newLink({ queue: 1_000_000, delay: MILLISECOND });
  // 8 Mbit/s for each of two: a byte takes a microsecond.
  const bundle = new Bundle(2, 8_000_000);
  link.bundle = bundle;
  const times = (from: number): Map<number, number[]> => {
    for (let port = 1; port <= 8; port++) {
      const udp = { sourcePort: port, destinationPort: 9 };
      for (let i = 0; i < 5; i++) link.send(world.packets.build({ ip, udp, payload: 972 }));
    }
    world.scheduler.run(from + SECOND);
    const found = new Map<number, number[]>();
    for (const { time, bytes } of to.got.splice(0)) {
      const lane = bundle.linkOf(flowHash(bytes, 0, bytes.length, 4));
      found.set(lane, [...(found.get(lane) ?? []), time - from]);
    }
    return found;
  };
  const inTurn = (count: number): number[] => Array.from({ length: count }, (_, i) => (i + 2) * MILLISECOND);
  const both = times(0);
  t.equal(both.size, 2);
  for (const found of both.values()) t.same(found, inTurn(found.length));
  bundle.setLink(0, false);
  t.same([...times(SECOND)], [[1, inTurn(40)]], 'all over the one that is left');
  t.ok(isConserved(world, recorder));
});

t.test('an idle link takes a packet whatever its queue is', async (t) => {
  const { world, to, send } = newLink({ rate: 1_000_000_000, queue: 0 });
  send(1500);
  world.scheduler.run(SECOND);
  t.equal(to.got[0]!.time, 12_000);
});

t.test('throughput is the rate, over any sizes', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 20, max: 1500 }), { minLength: 2, maxLength: 200 }),
      fc.integer({ min: 64_000, max: 1_000_000_000 }),
      (sizes, rate) => {
        const { world, to, send } = newLink({ rate, queue: 1_000_000 });
        sizes.forEach((size, i) => send(size, i));
        world.scheduler.run(1000 * SECOND);
        const total = sizes.reduce((sum, size) => sum + size, 0);
        return (
          ids(to).every((id, i) => id === i) && Math.abs(to.got.at(-1)!.time - (total * 8e9) / rate) <= 1
        );
      },
    ),
    { numRuns: 60 },
  );
});

t.test('loss is what it is said to be, and is drawn anew for each link and seed', async (t) => {
  const lost = (seed: number): number[] => {
    const { world, recorder, to, send } = newLink({ loss: 0.1 }, seed);
    for (let i = 0; i < 5000; i++) send(40, i);
    world.scheduler.run(SECOND);
    t.equal(to.got.length + recorder.dropsOf('link_loss'), 5000);
    return ids(to);
  };
  const first = lost(1);
  t.ok(Math.abs(first.length - 4500) < 100, `${5000 - first.length} of 5000`);
  t.same(lost(1), first);
  t.notSame(lost(2), first);
});

t.test('jitter delays, and overtakes nobody; reordering does', async (t) => {
  const jittery = newLink({ delay: 10 * MILLISECOND, jitter: 5 * MILLISECOND });
  for (let i = 0; i < 1000; i++) {
    jittery.world.scheduler.run(i * 100_000);
    jittery.send(40, i);
  }
  jittery.world.scheduler.run(SECOND);
  t.same(ids(jittery.to), [...Array(1000).keys()]);
  const delays = jittery.to.got.map(({ time }, i) => time - i * 100_000);
  t.ok(delays.every((delay) => delay >= 10 * MILLISECOND && delay <= 15 * MILLISECOND));

  const unruly = newLink({ delay: 10 * MILLISECOND, reorder: 0.05 });
  for (let i = 0; i < 1000; i++) {
    unruly.world.scheduler.run(i * 100_000);
    unruly.send(40, i);
  }
  unruly.world.scheduler.run(SECOND);
  const late = unruly.to.got.filter(({ time, bytes }) => time - be16(bytes, 4) * 100_000 > 10 * MILLISECOND);
  t.ok(late.length > 20 && late.length < 90, `${late.length} of 1000 overtaken`);
  t.equal(unruly.to.got.length, 1000);
  t.notSame(ids(unruly.to), [...Array(1000).keys()]);
});

t.test('too long, DF set: an ICMP error comes back by the link, or nothing', async (t) => {
  const { world, recorder, from, send, link } = newLink({ mtu: 1400, delay: 2 * MILLISECOND });
  send(1400);
  send(1401);
  world.scheduler.run(SECOND);
  t.equal(recorder.dropsOf('path_mtu_exceeded', 'a to b'), 1);
  const [{ bytes, port, time }] = from.got as [(typeof from.got)[0]];
  t.equal(port, 3);
  t.equal(time, 2 * MILLISECOND, 'half the way and back');
  t.same([...bytes.subarray(20, 22)], [3, 4]);
  t.equal(be16(bytes, 26), 1400);
  t.equal(bytes.subarray(12, 14).join('.'), '100.64');
  t.equal(bytes.subarray(16, 20).join('.'), '192.0.2.1');
  t.equal(sumBytes(bytes, 0, 20), 0xffff);
  t.equal(sumBytes(bytes, 20, bytes.length - 20), 0xffff);
  link.setPath(path({ mtu: 1400, too_big: 'filter' }));
  send(1401);
  world.scheduler.run(2 * SECOND);
  t.equal(from.got.length, 1, 'a black hole');
  t.equal(recorder.dropsOf('path_mtu_exceeded'), 2);
  t.ok(isConserved(world, recorder));
});

t.test('too long for IPv6: ICMPv6 packet too big', async (t) => {
  const { world, from, link } = newLink({ mtu: 1280 });
  link.send(
    world.packets.build({ ip: { source: '2001:db8::1', destination: '2001:db8:1::1' }, payload: 1400 }),
  );
  world.scheduler.run(SECOND);
  t.equal(from.got[0]!.bytes[40], 2);
  t.equal(be16(from.got[0]!.bytes, 46), 1280);
  t.equal(from.got[0]!.bytes.length, 1280);
});

t.test('too long, DF clear: fragments', async (t) => {
  const { world, recorder, to, send } = newLink({ mtu: 600 });
  send(1500, 77, false);
  world.scheduler.run(SECOND);
  t.same(
    to.got.map(({ bytes }) => [bytes.length, be16(bytes, 6)]),
    [
      [596, 0x2000],
      [596, 0x2000 + 72],
      [348, 144],
    ],
  );
  t.ok(to.got.every(({ bytes }) => be16(bytes, 4) === 77 && sumBytes(bytes, 0, 20) === 0xffff));
  t.ok(isConserved(world, recorder));
});

t.test('a link that is down loses what goes in and what would come out', async (t) => {
  const { world, recorder, to, send, link } = newLink({ delay: MILLISECOND });
  send(100);
  link.up = false;
  send(100);
  t.equal(recorder.dropsOf('link_down', 'a to b'), 1);
  world.scheduler.run(SECOND);
  t.equal(recorder.dropsOf('link_down', 'a to b'), 2);
  link.up = true;
  send(100);
  world.scheduler.run(2 * SECOND);
  t.equal(to.got.length, 1);
});

t.test('tags that differ let nothing pass', async (t) => {
  const { world, recorder, to, send, link } = newLink({});
  link.tags = { sent: 100, taken: 100 };
  send(100);
  world.scheduler.run(1);
  link.tags = { sent: 100, taken: null };
  send(100);
  world.scheduler.run(2);
  t.equal(to.got.length, 1);
  t.equal(recorder.dropsOf('vlan_mismatch'), 1);
});

t.test('whatever a path does, packets are conserved and same seeds give the same', async () => {
  const anyPath = fc.record({
    delay: fc.nat(20 * MILLISECOND),
    jitter: fc.nat(5 * MILLISECOND),
    loss: fc.constantFrom(0, 0.01, 0.5, 1),
    reorder: fc.constantFrom(0, 0.1),
    rate: fc.constantFrom(null, 1_000_000, 100_000_000),
    queue: fc.nat(20_000),
    mtu: fc.integer({ min: 68, max: 1500 }),
    too_big: fc.constantFrom('send' as const, 'filter' as const),
  });
  const anyPackets = fc.array(
    fc.record({ size: fc.integer({ min: 20, max: 1800 }), df: fc.boolean(), wait: fc.nat(MILLISECOND) }),
    { maxLength: 50 },
  );
  const run = (spec: PathSpec, list: { size: number; df: boolean; wait: number }[], failAt: number) => {
    const { world, recorder, link, from, to, send } = newLink(spec, 9);
    list.forEach(({ size, df, wait }, i) => {
      link.up = i !== failAt;
      send(size, i, df);
      world.scheduler.run(world.scheduler.now + wait);
      if (world.lost !== 0) throw new Error('lost on the way');
    });
    world.scheduler.run(100 * SECOND);
    return {
      conserved: isConserved(world, recorder) && world.packets.inFlight === 0,
      got: [from.got, to.got],
    };
  };
  fc.assert(
    fc.property(anyPath, anyPackets, fc.nat(60), (spec, list, failAt) => {
      const first = run(spec, list, failAt);
      const second = run(spec, list, failAt);
      return first.conserved && JSON.stringify(first.got) === JSON.stringify(second.got);
    }),
    { numRuns: 60 },
  );
});
