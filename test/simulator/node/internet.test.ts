import fc from 'fast-check';
import t from 'tap';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { Internet, routersOn } from '../../../src/simulator/node/internet.js';
import { delayBetween, distanceOf } from '../../../src/simulator/scenario/geography.js';
import { be16 } from '../../../src/wire/bytes.js';
import { sumBytes } from '../../../src/wire/checksum.js';
import { BERLIN, isConserved, newWorld, NEW_YORK, Sink } from './lab.js';

function newInternet() {
  const { world, recorder } = newWorld();
  const internet = new Internet(world);
  const place = (name: string, location: readonly [number, number], region: string | null = null) => {
    const sink = new Sink(world, name);
    return { sink, at: internet.attach(name, location, sink, 7, region) };
  };
  return { world, recorder, internet, place };
}

t.test(
  'packets go to the place that announces the longest prefix, in the time of the distance',
  async (t) => {
    const { world, recorder, internet, place } = newInternet();
    const client = place('client', NEW_YORK);
    const wide = place('wide', BERLIN);
    const narrow = place('narrow', [35.7, 139.7]);
    const six = place('six', BERLIN);
    internet.announce('203.0.113.0/24', wide.at);
    internet.announce('203.0.113.128/25', narrow.at);
    internet.announce('2001:db8::/32', six.at);
    const send = (source: string, destination: string): void =>
      client.at.send(world.packets.build({ ip: { source, destination }, payload: 100 }));
    send('192.0.2.1', '203.0.113.1');
    send('192.0.2.1', '203.0.113.200');
    send('2001:db8:1::1', '2001:db8:2::1');
    send('192.0.2.1', '198.18.0.1');
    world.scheduler.run(SECOND);
    for (const [{ sink, at }, header] of [
      [wide, 8],
      [narrow, 8],
      [six, 7],
    ] as const) {
      t.equal(sink.got.length, 1, sink.name);
      const [{ time, bytes, port }] = sink.got as [(typeof sink.got)[0]];
      t.equal(port, 7);
      t.equal(time, delayBetween(NEW_YORK, at.location));
      t.equal(bytes[header], 64 - routersOn(time), 'TTL');
      if (header === 8) t.equal(sumBytes(bytes, 0, 20), 0xffff);
    }
    t.equal(recorder.dropsOf('destination_unreachable', 'internet'), 1);
    internet.withdraw('203.0.113.128/25', narrow.at);
    send('192.0.2.1', '203.0.113.200');
    world.scheduler.run(2 * SECOND);
    t.equal(wide.sink.got.length, 2, 'the shorter one is left');
    t.same(internet.announcedAt(wide.at), ['203.0.113.0/24']);
    t.ok(isConserved(world, recorder));
    for (const bad of ['203.0.113.0', '0.0.0.0/0', 'nonsense', '']) {
      t.throws(() => internet.announce(bad, wide.at), RangeError, bad);
    }
  },
);

t.test('anycast: the nearest that is up, in the region of the nearest of all first', async () => {
  const location = fc.tuple(
    fc.double({ min: -60, max: 70, noNaN: true }),
    fc.double({ min: -180, max: 180, noNaN: true }),
  );
  const spot = fc.record({
    location,
    region: fc.constantFrom('A', 'B', null),
    up: fc.boolean(),
    announces: fc.boolean(),
  });
  fc.assert(
    fc.property(location, fc.array(spot, { minLength: 1, maxLength: 8 }), (from, spots) => {
      const { world, internet, place } = newInternet();
      const client = place('client', from);
      const places = spots.map(({ location: where, region }, i) => place(`p${i}`, where, region));
      const packet = world.packets.build({ ip: { source: '192.0.2.1', destination: '198.51.100.1' } });
      const changes = places.map(({ at }, i) => () => {
        if (spots[i]!.announces) internet.announce('198.51.100.0/24', at);
        at.up = spots[i]!.up;
      });
      return changes.every((change, done) => {
        change();
        const known = spots.slice(0, done + 1).map((s, i) => ({ ...s, name: `p${i}` }));
        const candidates = known
          .filter(({ announces }) => announces)
          .sort((a, b) => distanceOf(from, a.location) - distanceOf(from, b.location));
        const region = candidates[0]?.region ?? null;
        const alive = candidates.filter(({ up }) => up);
        const expected = alive.find((s) => region !== null && s.region === region) ?? alive[0];
        return internet.nearest(client.at, packet)?.name === expected?.name;
      });
    }),
    { numRuns: 40 },
  );
});

t.test('TTLs that run out are answered by the routers on the way, nearer ones sooner', async (t) => {
  const { world, recorder, internet, place } = newInternet();
  const client = place('client', NEW_YORK);
  const server = place('server', BERLIN);
  internet.announce('192.0.2.0/24', client.at);
  internet.announce('203.0.113.0/24', server.at);
  const delay = delayBetween(NEW_YORK, BERLIN);
  const routers = routersOn(delay);
  for (let ttl = 0; ttl <= routers + 1; ttl++) {
    client.at.send(
      world.packets.build({
        ip: { source: '192.0.2.1', destination: '203.0.113.1', ttl, id: ttl },
        payload: 30,
      }),
    );
  }
  world.scheduler.run(SECOND);
  t.equal(server.sink.got.length, 1);
  t.equal(server.sink.got[0]!.bytes[8], 1);
  t.equal(recorder.dropsOf('time_exceeded', 'internet'), routers + 1);
  const answers = client.sink.got;
  t.same(
    answers.map(({ bytes }) => be16(bytes, 28 + 4)),
    Array.from({ length: routers + 1 }, (_, ttl) => ttl),
  );
  t.ok(answers.every(({ bytes }) => bytes[20] === 11));
  const addresses = new Set(answers.map(({ bytes }) => bytes.subarray(12, 16).join('.')));
  t.equal(addresses.size, routers, 'each router by its own address');
  t.ok(answers.every(({ time }, i) => i === 0 || time >= answers[i - 1]!.time));
  t.ok(isConserved(world, recorder));
});

t.test('the Internet has an MTU: fragments, or an error from the first router', async (t) => {
  const { world, recorder, internet, place } = newInternet();
  const client = place('client', NEW_YORK);
  const server = place('server', BERLIN);
  internet.announce('192.0.2.0/24', client.at);
  internet.announce('203.0.113.0/24', server.at);
  const ip = { source: '192.0.2.1', destination: '203.0.113.1' };
  client.at.send(world.packets.build({ ip: { ...ip, dontFragment: true }, payload: 1481 }));
  client.at.send(world.packets.build({ ip: { ...ip, id: 9 }, payload: 1481 }));
  world.scheduler.run(SECOND);
  t.equal(be16(client.sink.got[0]!.bytes, 26), 1500);
  t.ok(client.sink.got[0]!.time < 40 * MILLISECOND);
  t.same(
    server.sink.got.map(({ bytes }) => bytes.length),
    [1500, 21],
  );
  t.ok(isConserved(world, recorder));
});

t.test('what is no IP packet, and what comes to a place that is down', async (t) => {
  const { world, recorder, internet, place } = newInternet();
  const client = place('client', NEW_YORK);
  const server = place('server', BERLIN);
  internet.announce('203.0.113.0/24', server.at);
  client.at.send(world.packets.put(new Uint8Array(10), 0, 10));
  client.at.send(world.packets.put(new Uint8Array(100), 0, 100));
  t.equal(recorder.dropsOf('not_understood', 'internet'), 2);
  client.at.send(world.packets.build({ ip: { source: '192.0.2.1', destination: '203.0.113.1' } }));
  server.at.up = false;
  client.at.send(world.packets.build({ ip: { source: '192.0.2.1', destination: '203.0.113.1' } }));
  world.scheduler.run(SECOND);
  t.equal(recorder.dropsOf('link_down', 'internet'), 1);
  t.equal(recorder.dropsOf('destination_unreachable', 'internet'), 1);
  t.ok(isConserved(world, recorder));
});
