import t from 'tap';
import { Verdict } from '../../../src/dataplane/verdicts.js';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { route, tunnel } from '../../dataplane/harness.js';
import { ANYCAST, BOTH, CUSTOMER, isConserved, newLab, POPS, type Lab } from './lab.js';

function udp(source: string, destination: string, port: number, payload = 100): FrameSpec {
  return { ip: { source, destination }, udp: { sourcePort: port, destinationPort: 53 }, payload };
}

function run(lab: Lab): void {
  lab.world.scheduler.run(lab.world.scheduler.now + 2 * SECOND);
}

t.test('a packet for the customer goes through the nearest PoP into the tunnel', async (t) => {
  const lab = newLab();
  const { world, recorder, edge, router } = lab;
  lab.fromClient(world.packets.build(udp('8.8.8.8', '192.0.2.7', 1234)));
  run(lab);
  t.same(router.destinations, [CUSTOMER]);
  const { bytes, time } = router.got[0]!;
  t.equal(bytes[9], 47, 'in GRE');
  t.equal(bytes.subarray(12, 16).join('.'), ANYCAST);
  // Inside: what was sent, older by the routers on the way to the PoP (2) and the PoP itself.
  const inner = buildPacket({
    ...udp('8.8.8.8', '192.0.2.7', 1234),
    ip: { source: '8.8.8.8', destination: '192.0.2.7', ttl: 61 },
  });
  t.same(bytes.subarray(24), inner);
  const toEdge = lab.internet.nearest(
    edge.pops[3]!.attachment,
    world.packets.build(udp('9.9.9.9', '192.0.2.1', 1)),
  );
  t.equal(toEdge?.name, 'ewr');
  t.ok(time > 30 * MILLISECOND && time < 80 * MILLISECOND, `over the Atlantic in ${time / MILLISECOND} ms`);
  t.equal(edge.counters[Verdict.delivered_underlay], 1);
  t.equal(recorder.nexthopPackets.get(2 * recorder.nexthop('acme_1')), 1);
});

t.test('and out of the tunnel to anywhere', async (t) => {
  const lab = newLab();
  lab.fromRouter(
    lab.world.packets.build({
      ip: { source: CUSTOMER, destination: ANYCAST },
      gre: {},
      inner: udp('192.0.2.7', '8.8.8.8', 1),
    }),
  );
  run(lab);
  t.same(lab.client.destinations, ['8.8.8.8']);
  t.same(lab.client.got[0]!.bytes.subarray(20), buildPacket(udp('192.0.2.7', '8.8.8.8', 1)).subarray(20));
  t.equal(lab.recorder.nexthopPackets.get(2 * lab.recorder.nexthop('acme_1') + 1), 1);
  t.ok(isConserved(lab.world, lab.recorder));
});

t.test(
  'withdrawal and failure move traffic to the next PoP of the region, then to the next of all',
  async (t) => {
    const lab = newLab();
    const { edge, world } = lab;
    const served = (): string => {
      const before = edge.pops.map(({ servers }) => servers.reduce((sum, { packets }) => sum + packets, 0));
      // From Berlin, where Warsaw is nearer than London.
      lab.fromRouter(
        world.packets.build({
          ip: { source: CUSTOMER, destination: ANYCAST },
          gre: {},
          inner: udp('192.0.2.7', '8.8.8.8', 1),
        }),
      );
      run(lab);
      return edge.pops
        .filter(({ servers }, i) => servers.reduce((sum, { packets }) => sum + packets, 0) > before[i]!)
        .map(({ name }) => name)
        .join();
    };
    t.equal(served(), 'fra');
    edge.pops[0]!.setUp(false);
    t.equal(served(), 'lhr', 'in the region of the nearest');
    for (let i = 0; i < 4; i++) edge.pops[2]!.setServer(i, false);
    t.equal(served(), 'waw', 'a PoP without a server is none');
    edge.pops[0]!.setUp(true);
    t.equal(served(), 'fra');
    lab.internet.withdraw(`${ANYCAST}/32`, edge.pops[0]!.attachment);
    t.equal(served(), 'waw');
    for (const { attachment } of edge.pops) lab.internet.withdraw(`${ANYCAST}/32`, attachment);
    t.equal(served(), '');
    t.equal(lab.recorder.dropsOf('destination_unreachable', 'internet'), 1);
    t.ok(isConserved(world, lab.recorder));
  },
);

t.test('flows spread over the servers of a PoP, and few move when one fails', async (t) => {
  const lab = newLab({ pops: [{ ...POPS[0]!, servers: 10 }] }, { views: 1 });
  const { edge, world } = lab;
  const servers = edge.pops[0]!.servers;
  const flows = 4000;
  const place = (): number[] =>
    Array.from({ length: flows }, (_, i) => {
      const before = servers.map(({ packets }) => packets);
      lab.fromClient(world.packets.build(udp(`8.8.8.${i & 0xff}`, '192.0.2.7', 1024 + i, 0)));
      run(lab);
      return servers.findIndex(({ packets }, s) => packets > before[s]!);
    });
  const first = place();
  const shares = servers.map((_, s) => first.filter((server) => server === s).length / flows);
  t.ok(
    shares.every((share) => share > 0.07 && share < 0.13),
    shares.join(),
  );
  edge.pops[0]!.setServer(3, false);
  const second = place();
  t.notOk(second.includes(3));
  t.ok(
    second.every((server, i) => server === first[i] || first[i] === 3),
    'only flows of the one that failed move',
  );
  edge.pops[0]!.setServer(3, true);
  t.same(place(), first);
});

t.test('each PoP has its own row of next hops', async (t) => {
  const lab = newLab();
  const { edge, world } = lab;
  edge.tables.setGroup(3, 0, [BOTH[1]!]);
  lab.fromClient(world.packets.build(udp('8.8.8.8', '192.0.2.7', 1)));
  lab.fromRouter(world.packets.build(udp('203.0.113.99', '192.0.2.7', 1)));
  run(lab);
  t.same(lab.router.destinations.sort(), [CUSTOMER, '203.0.113.20']);
  edge.tables.setGroup(3, 0, []);
  lab.fromClient(world.packets.build(udp('8.8.8.8', '192.0.2.7', 1)));
  run(lab);
  t.equal(lab.recorder.dropsOf('not_for_us', 'ewr'), 1);
  t.ok(isConserved(world, lab.recorder));
});

t.test(
  'packets of the edge: through a next hop whatever the routes say, and answers to its own addresses',
  async (t) => {
    const lab = newLab();
    const { edge, world } = lab;
    const local: (readonly number[])[] = [];
    edge.onLocal = (pop, server, packet, via) => {
      local.push([pop, via]);
      world.arrive(packet, 'prober');
      return server >= 0;
    };
    const probe = { ip: { source: '10.100.0.8', destination: '10.100.0.9' }, icmp: { type: 8 } };
    edge.sendThrough(1, 1, world.packets.build(probe));
    run(lab);
    t.same(lab.router.destinations, ['203.0.113.20']);
    t.same(lab.router.got[0]!.bytes.subarray(24), buildPacket(probe), 'TTL as it was');
    // Answers: outside of tunnels, and inside.
    lab.fromRouter(
      world.packets.build({ ip: { source: CUSTOMER, destination: ANYCAST }, icmp: { type: 0 } }),
    );
    lab.fromRouter(
      world.packets.build({
        ip: { source: CUSTOMER, destination: ANYCAST },
        gre: {},
        inner: { ip: { source: '10.100.0.9', destination: '10.100.0.8' }, icmp: { type: 0 } },
      }),
    );
    run(lab);
    t.same(local, [
      [0, -1],
      [0, 0],
    ]);
    edge.handOver(0, 2, world.packets.build(probe), 1);
    run(lab);
    t.same(local[2], [2, 1]);
    edge.onLocal = null;
    lab.fromRouter(
      world.packets.build({ ip: { source: CUSTOMER, destination: ANYCAST }, icmp: { type: 0 } }),
    );
    run(lab);
    t.equal(lab.recorder.dropsOf('not_for_us', 'fra'), 1);
    t.ok(isConserved(world, lab.recorder));
  },
);

t.test('a server that fails loses what waits for it, a PoP all', async (t) => {
  const lab = newLab({ turn: MILLISECOND });
  const { edge, world } = lab;
  edge.pops[0]!.receive(world.packets.build(udp('8.8.8.8', '192.0.2.7', 1)), 0);
  const owner = edge.pops[0]!.queue.server[0]!;
  edge.pops[0]!.setServer(owner, false);
  run(lab);
  t.equal(lab.recorder.dropsOf('pop_down', 'fra'), 1);
  edge.pops[0]!.setUp(false);
  edge.pops[0]!.receive(world.packets.build(udp('8.8.8.8', '192.0.2.7', 1)), 0);
  t.equal(lab.recorder.dropsOf('pop_down', 'fra'), 2);
  t.throws(() => edge.pops[0]!.setServer(9, true), /server 10 of 4 in fra/);
  t.ok(isConserved(world, lab.recorder));
});

t.test('a PoP takes no more than its capacity', async (t) => {
  // 8 Mbit/s are 1,000 packets of 1,000 bytes a second; 10 ms of them are let in at once.
  const lab = newLab({ pops: [{ ...POPS[0]!, capacity: 8_000_000 }] }, { views: 1 });
  const { edge, world, recorder } = lab;
  for (let i = 0; i < 100; i++)
    edge.pops[0]!.receive(world.packets.build(udp('8.8.8.8', '192.0.2.7', 1, 972)), 0);
  t.equal(recorder.dropsOf('capacity_exceeded', 'fra'), 89);
  world.scheduler.run(100 * MILLISECOND);
  for (let i = 0; i < 11; i++)
    edge.pops[0]!.receive(world.packets.build(udp('8.8.8.8', '192.0.2.7', 1, 972)), 0);
  t.equal(recorder.dropsOf('capacity_exceeded', 'fra'), 89);
});

t.test('IPv6 inside and outside', async (t) => {
  const six = '2001:db8:1::1';
  const tables = {
    tunnels: [tunnel('six', '2001:db8:a::1', six, { mtu: 1456 })],
    routes: [{ ...route('2001:db8:2::/48'), group: 0 }],
  };
  const lab = newLab({ endpoints: ['2001:db8:a::1'] }, tables);
  const { world, edge, internet, router } = lab;
  edge.announce('2001:db8:2::/48');
  const atRouter = internet.attach('router6', [52.5, 13.3], router, 0);
  internet.announce('2001:db8:1::/48', atRouter);
  const inner = { ip: { source: '2001:db8:8::8', destination: '2001:db8:2::7' }, payload: 1416 };
  lab.fromClient(world.packets.build(inner));
  run(lab);
  t.equal(router.got.length, 1);
  t.equal(router.got[0]!.bytes.length, 1500);
  t.equal(router.got[0]!.bytes[6], 47);
  const local: number[] = [];
  edge.onLocal = (_pop, _server, packet, via) => {
    world.arrive(packet, 'prober');
    return local.push(via) > 0;
  };
  atRouter.send(
    world.packets.build({ ip: { source: six, destination: '2001:db8:a::1' }, icmp: { type: 129 } }),
  );
  run(lab);
  t.same(local, [-1]);
  // An ICMPv6 message about a packet of the edge.
  const packet = router.got[0]!.bytes.slice(0, 100);
  atRouter.send(
    world.packets.build({
      ip: { source: '2001:db8:1::ff', destination: '2001:db8:a::1' },
      icmp: { type: 2, mtu: 1400 },
      payload: packet,
    }),
  );
  run(lab);
  t.same(
    edge.pops.flatMap(({ servers }) => servers.flatMap(({ mtus }) => [...mtus.values()])),
    [1356],
  );
  t.ok(isConserved(world, lab.recorder));
});

t.test('what is on its way to a PoP that fails is lost with it', async (t) => {
  const lab = newLab();
  lab.fromClient(lab.world.packets.build(udp('8.8.8.8', '192.0.2.7', 1)));
  lab.edge.pops[3]!.setUp(false);
  run(lab);
  t.equal(lab.recorder.dropsOf('pop_down', 'internet'), 1);
});
