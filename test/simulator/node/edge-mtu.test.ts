import t from 'tap';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { Link } from '../../../src/simulator/link/link.js';
import type { EdgeSpec } from '../../../src/simulator/scenario/scenario.js';
import { be16 } from '../../../src/wire/bytes.js';
import { buildPacket } from '../../../src/wire/build.js';
import { ANYCAST, CUSTOMER, isConserved, newLab, path, type Lab } from './lab.js';

const DF = { source: '8.8.8.8', destination: '192.0.2.7', dontFragment: true };

function run(lab: Lab, time = 2 * SECOND): void {
  lab.world.scheduler.run(lab.world.scheduler.now + time);
}

/** The customer's provider takes 1,400 bytes only. */
function newNarrowLab(spec: Partial<EdgeSpec> = {}) {
  const lab = newLab(spec);
  const atRouter = lab.internet.attach('provider', [52.5, 13.3], lab.router, 0);
  const down = new Link(
    lab.world,
    'router.down',
    path({ mtu: 1400 }),
    { node: atRouter, port: 0 },
    { node: lab.router, port: 0 },
  );
  atRouter.to = { node: down, port: 0 };
  lab.internet.announce(`${CUSTOMER}/32`, atRouter);
  const send = (size: number, sourcePort = 1): void =>
    lab.fromClient(
      lab.world.packets.build({ ip: DF, udp: { sourcePort, destinationPort: 2 }, payload: size - 28 }),
    );
  return { ...lab, send };
}

t.test(
  'a packet too long for the tunnel: ICMP from the edge with the tunnel MTU, to the sender',
  async (t) => {
    const lab = newLab();
    lab.fromClient(lab.world.packets.build({ ip: DF, payload: 1477 - 20 }));
    lab.fromClient(lab.world.packets.build({ ip: DF, payload: 1476 - 20 }));
    lab.fromClient(lab.world.packets.build({ ip: { ...DF, dontFragment: false }, payload: 1477 - 20 }));
    run(lab);
    t.equal(lab.recorder.dropsOf('mtu_exceeded', 'ewr'), 1);
    t.equal(lab.client.got.length, 1);
    const [{ bytes }] = lab.client.got as [(typeof lab.client.got)[0]];
    t.same([...bytes.subarray(20, 22)], [3, 4]);
    t.equal(be16(bytes, 26), 1476);
    t.equal(lab.router.got.length, 3, 'one whole, one in two fragments');
    t.ok(lab.router.got.every(({ bytes: outer }) => outer.length <= 1500 && outer[9] === 47));
    t.ok(isConserved(lab.world, lab.recorder));
  },
);

t.test('ICMP for an outer packet reaches the PoP that is nearest to the router that sent it', async (t) => {
  const lab = newNarrowLab();
  const { edge } = lab;
  lab.send(1450);
  run(lab);
  t.equal(lab.recorder.dropsOf('path_mtu_exceeded', 'router.down'), 1);
  const learned = edge.pops.flatMap(({ name, servers }) =>
    servers.filter(({ mtus }) => mtus.size > 0).map(({ mtus }) => [name, mtus.get(0)]),
  );
  t.same(learned, [['fra', 1376]], 'in Frankfurt, while New York sends');
  t.equal(lab.recorder.events[0]!.kind, 'path_mtu');
  // New York goes on as if nothing had been said: a black hole.
  lab.send(1450);
  run(lab);
  t.equal(lab.recorder.dropsOf('path_mtu_exceeded'), 2);
  t.equal(lab.client.got.length, 0);
  // What the one server sends is of the right size.
  const server = edge.pops[0]!.servers.find(({ mtus }) => mtus.size > 0)!;
  let told = 0;
  for (let port = 1; port < 40; port++) {
    const packet = lab.world.packets.build({
      ip: DF,
      udp: { sourcePort: port, destinationPort: 2 },
      payload: 1450 - 28,
    });
    const { queue } = edge.pops[0]!;
    edge.pops[0]!.receive(packet, 0);
    if (queue.server[queue.count - 1] === server.index) told++;
    lab.world.scheduler.run(lab.world.scheduler.now + MILLISECOND);
  }
  t.ok(told > 0 && told < 39);
  t.equal(lab.recorder.dropsOf('mtu_exceeded', 'fra'), told, 'it says so to the senders');
  run(lab, SECOND);
  t.equal(be16(lab.client.got[0]!.bytes, 26), 1376);
  t.equal(lab.client.got.length, told);
  t.equal(edge.tables.effectiveMtu(0), 1476, 'no other server is told');
  // Forgotten after ten minutes.
  run(lab, 601 * SECOND);
  t.equal(server.mtus.size, 0);
  t.ok(isConserved(lab.world, lab.recorder));
});

t.test('spread to all servers, the path MTU holds everywhere (RFC 7690)', async (t) => {
  const lab = newNarrowLab({ spread_too_big: true });
  lab.send(1450);
  run(lab);
  t.equal(lab.edge.tables.effectiveMtu(0), 1376);
  lab.send(1450);
  run(lab);
  t.equal(be16(lab.client.got[0]!.bytes, 26), 1376, 'the sender is told');
  lab.send(1376);
  run(lab);
  t.equal(lab.router.got.length, 1);
  t.equal(lab.router.got[0]!.bytes.length, 1400);
  run(lab, 601 * SECOND);
  t.equal(lab.edge.tables.effectiveMtu(0), 1476);
  t.ok(isConserved(lab.world, lab.recorder));
});

t.test('a made-up message changes nothing', async (t) => {
  const lab = newLab({ spread_too_big: true });
  const tell = (destination: string): void => {
    const quoted = buildPacket({ ip: { source: ANYCAST, destination, dontFragment: true }, payload: 8 });
    lab.fromRouter(
      lab.world.packets.build({
        ip: { source: CUSTOMER, destination: ANYCAST },
        icmp: { type: 3, code: 4, mtu: 1300 },
        payload: quoted,
      }),
    );
  };
  tell(CUSTOMER);
  tell('203.0.113.77');
  run(lab);
  t.equal(lab.edge.tables.effectiveMtu(0), 1476);
  t.equal(lab.recorder.events.length, 0);
});

t.test(
  'fragments from the Internet are put together before they are routed, if the edge does so',
  async (t) => {
    const whole = {
      ip: { ...DF, dontFragment: false, id: 4 },
      udp: { sourcePort: 1, destinationPort: 2 },
      payload: 1400,
    };
    for (const reassembly of [true, false]) {
      const lab = newLab({ reassembly });
      const narrow = new Link(
        lab.world,
        'narrow',
        path({ mtu: 700 }),
        { node: lab.client, port: 0 },
        { node: { name: 'client', receive: (packet) => lab.fromClient(packet) }, port: 0 },
      );
      narrow.send(lab.world.packets.build(whole));
      run(lab);
      t.same(
        lab.router.got.map(({ bytes }) => bytes.length - 24),
        reassembly ? [1428] : [700, 700, 68],
      );
      t.ok(isConserved(lab.world, lab.recorder));
    }
  },
);
