/** TCP over links that lose, reorder and are too narrow. */
import fc from 'fast-check';
import t from 'tap';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import type { PathSpec } from '../../../src/simulator/scenario/scenario.js';
import { endsOf } from '../../../src/simulator/traffic/ends.js';
import { TcpListener } from '../../../src/simulator/traffic/tcp-listener.js';
import { TcpTraffic, type TcpTrafficSpec } from '../../../src/simulator/traffic/tcp-traffic.js';
import { isConserved } from '../node/lab.js';
import {
  hostPair,
  routerSpec,
  siteLab,
  type Pair,
  type PairOptions,
  type SiteLab,
} from '../node/site-lab.js';
import { tcp } from './specs.js';

function connect(lab: Pair | SiteLab, spec: TcpTrafficSpec): TcpTraffic {
  const ends = endsOf(lab.hosts, spec.from, spec.to);
  const traffic = new TcpTraffic(spec, ends, { listener: new TcpListener(ends.to, spec.port), verify: true });
  traffic.start();
  return traffic;
}

function corrupt(traffic: TcpTraffic): number {
  return [...traffic.clients, ...traffic.servers].reduce((sum, end) => sum + (end?.corrupt ?? 0), 0);
}

/** Sizes of the packets that go over the way there. */
function sizesOn(lab: Pair): number[] {
  const sizes: number[] = [];
  lab.there.capture = { packet: (_time, _bytes, _at, length) => sizes.push(length) };
  return sizes;
}

t.test('a connection carries its bytes both ways and ends', (t) => {
  const lab = hostPair();
  const traffic = connect(lab, tcp('a', 'b', { upload: 100_000, download: 250_000 }));
  lab.world.scheduler.run(10 * SECOND);
  t.equal(traffic.servers[0]?.receivedBytes, 100_000);
  t.equal(traffic.clients[0]?.receivedBytes, 250_000);
  t.equal(corrupt(traffic), 0);
  t.same(lab.recorder.connections, { opened: 1, closed: 1, failed: 0 });
  t.equal(lab.recorder.dropped, 0);
  t.ok(isConserved(lab.world, lab.recorder));
  t.equal(traffic.clients[0]?.retransmitted, 0);
  t.end();
});

t.test('whatever the path does, the right bytes arrive', (t) => {
  fc.assert(
    fc.property(
      fc.record({
        seed: fc.nat(0xffff),
        loss: fc.constantFrom(0, 0.01, 0.05, 0.15),
        reorder: fc.constantFrom(0, 0.02, 0.2),
        jitter: fc.constantFrom(0, 3 * MILLISECOND),
        rate: fc.constantFrom(null, 2_000_000, 50_000_000),
        upload: fc.nat(120_000),
        download: fc.nat(120_000),
        six: fc.boolean(),
        discovery: fc.boolean(),
      }),
      ({ seed, loss, reorder, jitter, rate, upload, download, six, discovery }) => {
        const both: Partial<PathSpec> = { loss, reorder, jitter, rate, queue: 30_000 };
        const address = six ? '2001:db8::' : '198.18.0.';
        const options: PairOptions = {
          ...{ there: both, back: both, seed },
          a: { addresses: [`${address}1`], path_mtu_discovery: discovery },
          b: { addresses: [`${address}2`], path_mtu_discovery: discovery },
        };
        const lab = hostPair(options);
        const traffic = connect(lab, tcp('a', 'b', { upload, download }));
        lab.world.scheduler.run(900 * SECOND);
        if (corrupt(traffic) !== 0) throw new Error('wrong bytes');
        if (lab.recorder.connections.closed !== 1) throw new Error(JSON.stringify(lab.recorder.connections));
        if (traffic.receivedBytes !== upload + download)
          throw new Error(`${traffic.receivedBytes} bytes arrived`);
        if (!isConserved(lab.world, lab.recorder)) throw new Error('not conserved');
        if (lab.world.packets.inFlight !== 0) throw new Error('packets left over');
      },
    ),
    { numRuns: 60 },
  );
  t.end();
});

t.test('a rate is filled, and shared', (t) => {
  const lab = hostPair({ back: { rate: 20_000_000, queue: 60_000 } });
  const traffic = connect(lab, tcp('a', 'b', { connections: 4, download: 1_000_000 }));
  lab.world.scheduler.run(60 * SECOND);
  t.equal(lab.recorder.connections.closed, 4);
  // 4 MB at 20 Mbit/s are 1.6 s; half of the rate is the least that congestion control should get.
  const done = lab.recorder.sentPackets.get(0);
  t.ok(done > 0);
  t.equal(corrupt(traffic), 0);
  t.end();
});

t.test('MSS is honoured, the smaller of both', (t) => {
  for (const [mine, theirs, largest] of [
    [1460, 1200, 1240],
    [900, null, 940],
    [null, null, 1500],
  ] as const) {
    const lab = hostPair({ a: { mss: mine }, b: { mss: theirs } });
    const sizes = sizesOn(lab);
    const there = lab.recorder;
    connect(lab, tcp('a', 'b', { upload: 50_000 }));
    lab.world.scheduler.run(10 * SECOND);
    t.equal(there.connections.closed, 1);
    // What a sends is limited by what b told, and by its own MTU.
    t.equal(Math.max(...sizes), theirs === null ? 1500 : largest);
  }
  t.end();
});

t.test('path MTU discovery', async (t) => {
  t.test('a narrow path that says so', (t) => {
    const lab = hostPair({ there: { mtu: 1300 } });
    const sizes = sizesOn(lab);
    const traffic = connect(lab, tcp('a', 'b', { upload: 200_000 }));
    lab.world.scheduler.run(10 * SECOND);
    t.equal(lab.recorder.connections.closed, 1);
    t.equal(Math.max(...sizes), 1300);
    t.equal(corrupt(traffic), 0);
    t.ok(lab.recorder.dropsOf('path_mtu_exceeded') > 0);
    t.end();
  });
  t.test('a narrow path that says nothing: handshake fine, transfer hangs, and is given up', (t) => {
    const lab = hostPair({ there: { mtu: 1300, too_big: 'filter' } });
    const traffic = connect(lab, tcp('a', 'b', { upload: 200_000 }));
    lab.world.scheduler.run(60 * SECOND);
    t.equal(lab.recorder.answeredCount.get(0), 1, 'SYN-ACK came');
    t.equal(traffic.servers[0]?.receivedBytes, 0);
    t.same(lab.recorder.connections, { opened: 1, closed: 0, failed: 0 });
    lab.world.scheduler.run(400 * SECOND);
    t.equal(lab.recorder.connections.failed, 1);
    t.ok(isConserved(lab.world, lab.recorder));
    t.end();
  });
  t.test('without it, the packets are cut on the way', (t) => {
    const discovery = { path_mtu_discovery: false };
    const lab = hostPair({ there: { mtu: 1300, too_big: 'filter' }, a: discovery, b: discovery });
    const traffic = connect(lab, tcp('a', 'b', { upload: 200_000 }));
    lab.world.scheduler.run(10 * SECOND);
    t.equal(lab.recorder.connections.closed, 1);
    t.equal(corrupt(traffic), 0);
    t.end();
  });
  t.test('IPv6', (t) => {
    const addresses = { a: { addresses: ['2001:db8::1'] }, b: { addresses: ['2001:db8::2'] } };
    const lab = hostPair({ ...addresses, there: { mtu: 1400 } });
    const sizes = sizesOn(lab);
    connect(lab, tcp('a', 'b', { upload: 200_000 }));
    lab.world.scheduler.run(10 * SECOND);
    t.equal(lab.recorder.connections.closed, 1);
    t.equal(Math.max(...sizes), 1400);
    t.end();
  });
});

t.test('a closed port refuses at once, a dead path after two minutes', (t) => {
  const refused = hostPair();
  const spec = tcp('a', 'b', { port: 81, upload: 10 });
  const ends = endsOf(refused.hosts, 'a', 'b');
  new TcpTraffic(spec, ends, { listener: null }).start();
  refused.world.scheduler.run(SECOND);
  t.same(refused.recorder.connections, { opened: 1, closed: 0, failed: 1 });
  t.equal(refused.recorder.dropsOf('port_closed'), 1);

  const dead = hostPair();
  dead.there.up = false;
  connect(dead, tcp('a', 'b', { upload: 10 }));
  dead.world.scheduler.run(100 * SECOND);
  t.equal(dead.recorder.connections.failed, 0);
  dead.world.scheduler.run(200 * SECOND);
  t.equal(dead.recorder.connections.failed, 1);
  t.equal(dead.recorder.dropsOf('link_down'), 7, 'a SYN and six more');
  t.end();
});

t.test('an outage that ends is survived', (t) => {
  const lab = hostPair({ there: { rate: 10_000_000, queue: 100_000 } });
  const traffic = connect(lab, tcp('a', 'b', { upload: 3_000_000 }));
  lab.world.scheduler.run(SECOND);
  lab.there.up = false;
  lab.world.scheduler.run(4 * SECOND);
  lab.there.up = true;
  lab.world.scheduler.run(30 * SECOND);
  t.equal(lab.recorder.connections.closed, 1);
  t.equal(traffic.servers[0]?.receivedBytes, 3_000_000);
  t.end();
});

t.test('at its end traffic is cut off', (t) => {
  const lab = hostPair({ there: { rate: 1_000_000, queue: 100_000 } });
  connect(lab, tcp('a', 'b', { upload: 10_000_000, until: 5 * SECOND }));
  lab.world.scheduler.run(60 * SECOND);
  t.same(lab.recorder.connections, { opened: 1, closed: 0, failed: 1 });
  t.equal(lab.world.packets.inFlight, 0);
  t.end();
});

t.test('the same seed sends the same bytes', (t) => {
  const runs = [1, 1, 2].map((seed) => {
    const lossy: Partial<PathSpec> = { loss: 0.03, reorder: 0.03, jitter: MILLISECOND };
    const lab = hostPair({ there: lossy, back: lossy, seed });
    let hash = 0;
    lab.there.capture = {
      packet: (time, bytes, at, length) => {
        for (let i = 0; i < length; i++) hash = (Math.imul(hash, 31) + bytes[at + i]! + time) | 0;
      },
    };
    connect(lab, tcp('a', 'b', { connections: 5, over: SECOND, upload: 40_000, download: 40_000 }));
    lab.world.scheduler.run(60 * SECOND);
    return hash;
  });
  t.equal(runs[0], runs[1]);
  t.not(runs[0], runs[2]);
  t.end();
});

t.test('Magic Transit with DSR', async (t) => {
  const transfer = (lab: SiteLab): TcpTraffic =>
    connect(lab, tcp('client', 'web', { upload: 300_000, download: 300_000 }));

  t.test('without a clamp path MTU discovery does its work: the edge says too big', (t) => {
    const lab = siteLab();
    const traffic = transfer(lab);
    lab.world.scheduler.run(20 * SECOND);
    t.equal(lab.recorder.connections.closed, 1);
    t.equal(corrupt(traffic), 0);
    t.ok(lab.recorder.dropsOf('mtu_exceeded') > 0);
    t.equal(traffic.clients[0]?.sender.segment, 1436);
    t.ok(isConserved(lab.world, lab.recorder));
    t.end();
  });
  t.test('a host that ignores ICMP hangs', (t) => {
    // DF set, and ICMP too-big lost on the way to it.
    const lab = siteLab();
    lab.client.receive = ((receive) => (packet: number) => {
      const { bytes, start } = lab.world.packets;
      const at = start[packet]!;
      if (bytes[at + 9] === 1) lab.world.arrive(packet, 'filter');
      else receive.call(lab.client, packet);
    })(lab.client.receive.bind(lab.client));
    const traffic = transfer(lab);
    lab.world.scheduler.run(20 * SECOND);
    t.equal(lab.recorder.connections.closed, 0);
    t.equal(traffic.clients[0]?.state, 3);
    t.equal(traffic.servers[0]?.receivedBytes, 0);
    t.end();
  });
  t.test('the clamp on the uplink cures it', (t) => {
    const lab = siteLab({ site: { routers: [routerWith({ uplink: 1436, tunnel: null })] } });
    const traffic = transfer(lab);
    lab.world.scheduler.run(20 * SECOND);
    t.equal(lab.recorder.connections.closed, 1);
    t.equal(lab.recorder.dropsOf('mtu_exceeded'), 0);
    t.equal(traffic.clients[0]?.peerMss, 1436);
    t.end();
  });
  t.test('the clamp on the tunnel works against the wrong direction', (t) => {
    const lab = siteLab({ site: { routers: [routerWith({ uplink: null, tunnel: 1400 })] } });
    const traffic = transfer(lab);
    lab.world.scheduler.run(20 * SECOND);
    t.equal(traffic.clients[0]?.peerMss, 1460, 'what limits the client is untouched');
    t.equal(traffic.servers[0]?.peerMss, 1400, 'the server is limited, for nothing');
    t.ok(lab.recorder.dropsOf('mtu_exceeded') > 0);
    t.end();
  });
});

function routerWith(mss_clamp: {
  uplink: number | null;
  tunnel: number | null;
}): ReturnType<typeof routerSpec> {
  return routerSpec({ mss_clamp });
}
