import t from 'tap';
import { hashName } from '../../../src/dataplane/ecmp.js';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { Link } from '../../../src/simulator/link/link.js';
import { delayBetween } from '../../../src/simulator/scenario/geography.js';
import { buildPacket } from '../../../src/wire/build.js';
import { tunnel } from '../../dataplane/harness.js';
import { ANYCAST, BERLIN, CUSTOMER, isConserved, newLab, path, POPS, Sink, TUNNELS } from './lab.js';

const CNI = tunnel('cni', '10.9.0.0', '10.9.0.1', { mode: 'plain', mtu: 1500 });
/** The circuit ends in Frankfurt. */
const POP = 0;

/** @param plain dataplane 2; else tunnel acme_1 runs over the circuit (dataplane 1) */
function newCircuitLab(plain: boolean) {
  const lab = newLab({}, { tunnels: [...TUNNELS, CNI], groups: [{ nexthops: [], most: 2 }] });
  const { world, edge } = lab;
  const router = new Sink(world, 'cpe');
  const ends = { edge: { node: edge.pops[POP]!, port: 1 }, router: { node: router, port: 0 } };
  const down = new Link(world, 'cni.down', path({ delay: MILLISECOND }), ends.edge, ends.router);
  const port = edge.attachCircuit('cni', POP, {
    nexthops: plain ? ['cni'] : ['cni', 'acme_1'],
    plain: plain ? 'cni' : null,
    out: down,
  });
  const up = new Link(world, 'cni.up', path({ delay: MILLISECOND }), ends.router, {
    node: edge.pops[POP]!,
    port,
  });
  const number = plain ? 2 : 0;
  const name = edge.nexthops[number]!;
  for (const [view] of POPS.entries()) {
    edge.tables.setGroup(view, 0, [{ member: number, identity: hashName(name), weight: 1 }]);
  }
  return { ...lab, router, down, up };
}

function inner(source = '8.8.8.8', destination = '192.0.2.7') {
  return { ip: { source, destination }, udp: { sourcePort: 1, destinationPort: 2 }, payload: 1400 };
}

t.test('dataplane 2: plain over the circuit, by the backbone from other PoPs', async (t) => {
  const { world, recorder, edge, router, fromClient, fromRouter } = newCircuitLab(true);
  fromClient(world.packets.build(inner()));
  world.scheduler.run(SECOND);
  t.equal(router.got.length, 1);
  t.equal(router.got[0]!.bytes.length, 1428, 'no outer header');
  t.ok(router.got[0]!.time > delayBetween(POPS[3]!.location, POPS[0]!.location));
  fromRouter(world.packets.build(inner('203.0.113.99')));
  world.scheduler.run(2 * SECOND);
  t.ok(router.got[1]!.time < SECOND + delayBetween(BERLIN, POPS[0]!.location) + 2 * MILLISECOND);
  t.equal(recorder.nexthopPackets.get(2 * recorder.nexthop('cni')), 2);
  edge.pops[0]!.setUp(false);
  fromClient(world.packets.build(inner()));
  world.scheduler.run(3 * SECOND);
  t.equal(recorder.dropsOf('pop_down', 'fra'), 1);
  t.ok(isConserved(world, recorder));
});

t.test('dataplane 2: what the customer sends is routed, and policed', async (t) => {
  const { world, recorder, edge, client, up } = newCircuitLab(true);
  const asked: (readonly number[])[] = [];
  edge.policer = (pop, nexthop, bytes) => asked.push([pop, nexthop, bytes]) <= 2;
  for (let i = 0; i < 3; i++) up.send(world.packets.build(inner('192.0.2.7', '8.8.8.8')));
  world.scheduler.run(SECOND);
  t.equal(client.got.length, 2);
  t.same(client.got[0]!.bytes.subarray(20), buildPacket(inner('192.0.2.7', '8.8.8.8')).subarray(20));
  t.same(asked[0], [0, 2, 1428]);
  t.equal(recorder.dropsOf('policer_exceeded', 'fra'), 1);
  t.equal(recorder.nexthopPackets.get(2 * recorder.nexthop('cni') + 1), 2);
  t.ok(isConserved(world, recorder));
});

t.test('dataplane 1: the tunnel runs over the circuit, and nothing is taken without GRE', async (t) => {
  const { world, recorder, edge, router, client, fromClient, up, down } = newCircuitLab(false);
  fromClient(world.packets.build(inner()));
  up.send(
    world.packets.build({
      ip: { source: CUSTOMER, destination: ANYCAST },
      gre: {},
      inner: inner('192.0.2.7', '8.8.8.8'),
    }),
  );
  up.send(world.packets.build(inner('192.0.2.7', '8.8.8.8')));
  world.scheduler.run(SECOND);
  t.equal(router.got.length, 1);
  t.equal(router.got[0]!.bytes[9], 47);
  t.equal(client.got.length, 1);
  t.equal(recorder.dropsOf('gre_required', 'fra'), 1);
  // Answers outside of tunnels go back by the circuit: here a keepalive.
  const keepalive = {
    ip: { source: ANYCAST, destination: CUSTOMER, protocol: 47 },
    payload: new Uint8Array(4),
  };
  up.send(world.packets.build({ ip: { source: CUSTOMER, destination: ANYCAST }, gre: {}, inner: keepalive }));
  world.scheduler.run(2 * SECOND);
  t.equal(router.got.length, 2);
  // GRE-less delivery: the circuit itself as next hop.
  edge.tables.setGroup(3, 0, [{ member: 2, identity: hashName('cni'), weight: 1 }]);
  fromClient(world.packets.build(inner()));
  world.scheduler.run(3 * SECOND);
  t.equal(router.got[2]!.bytes.length, 1428);
  down.up = false;
  fromClient(world.packets.build(inner()));
  world.scheduler.run(4 * SECOND);
  t.equal(recorder.dropsOf('link_down', 'cni.down'), 1);
  t.ok(isConserved(world, recorder));
});

t.test('an interconnect without a circuit leads nowhere', async (t) => {
  const lab = newLab({}, { tunnels: [...TUNNELS, CNI], groups: [{ nexthops: [{ tunnel: 2, weight: 1 }] }] });
  lab.fromClient(lab.world.packets.build(inner()));
  lab.world.scheduler.run(SECOND);
  t.equal(lab.recorder.dropsOf('link_down', 'ewr'), 1);
  t.ok(isConserved(lab.world, lab.recorder));
});

t.test('the edge is a hop of the way out', async (t) => {
  const lab = newLab();
  const send = (ttl: number): void =>
    lab.fromRouter(
      lab.world.packets.build({
        ip: { source: CUSTOMER, destination: ANYCAST },
        gre: {},
        inner: { ip: { source: '192.0.2.7', destination: '8.8.8.8', ttl }, payload: 20 },
      }),
    );
  send(1);
  lab.world.scheduler.run(SECOND);
  t.equal(lab.recorder.dropsOf('time_exceeded', 'fra'), 1);
  t.equal(lab.router.got.length, 1, 'the answer comes by the tunnel');
  t.equal(lab.router.got[0]!.bytes[24 + 20], 11);
  t.equal(lab.router.got[0]!.bytes.subarray(24 + 16, 24 + 20).join('.'), '192.0.2.7');
  send(20);
  lab.world.scheduler.run(2 * SECOND);
  t.equal(lab.client.got.length, 1);
  t.ok(isConserved(lab.world, lab.recorder));
});

t.test('other tunnels are taken up while packets pass', async (t) => {
  const { world, recorder, edge, router, fromClient } = newCircuitLab(true);
  fromClient(world.packets.build(inner()));
  world.scheduler.run(SECOND);
  const before = edge.tables;
  // The circuit's next hop has another number now.
  edge.setTables({
    tunnels: [CNI, ...TUNNELS],
    routes: [{ address: Uint8Array.of(192, 0, 2, 0), length: 24, nexthops: [], group: 0 }],
    groups: [{ nexthops: [{ tunnel: 0, weight: 1 }] }],
    locals: [],
    maxNestingDepth: 1,
    views: POPS.length,
  });
  t.not(edge.tables, before);
  t.same(edge.nexthops, ['cni', 'acme_1', 'acme_2']);
  fromClient(world.packets.build(inner()));
  world.scheduler.run(2 * SECOND);
  t.equal(router.got.length, 2);
  t.equal(recorder.nexthopPackets.get(2 * recorder.nexthop('cni')), 2);
  t.ok(isConserved(world, recorder));
});
