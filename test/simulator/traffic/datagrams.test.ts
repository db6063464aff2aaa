/** UDP, ping, traceroute, floods and replayed captures. */
import { join } from 'node:path';
import t from 'tap';
import { createCapture } from '../../../src/device/capture/capture-writer.js';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { createTraffic } from '../../../src/simulator/traffic/create-traffic.js';
import { Flood } from '../../../src/simulator/traffic/flood.js';
import { Ping } from '../../../src/simulator/traffic/ping.js';
import { Traceroute } from '../../../src/simulator/traffic/traceroute.js';
import { UdpTraffic } from '../../../src/simulator/traffic/udp-traffic.js';
import type { TrafficSpec } from '../../../src/simulator/scenario/scenario.js';
import { buildPacket } from '../../../src/wire/build.js';
import { ANYCAST, isConserved } from '../node/lab.js';
import { CLIENT, hostPair, siteLab, WEB, type Pair, type SiteLab } from '../node/site-lab.js';
import { flood, ping, tcp, traceroute, udp } from './specs.js';

/** Starts the one piece of traffic, and lets time pass. */
async function run<T>(
  lab: Pair | SiteLab,
  spec: TrafficSpec,
  kind: new (...args: never[]) => T,
  until = 10 * SECOND,
): Promise<T> {
  const [traffic] = await createTraffic([spec], lab.hosts);
  traffic!.start();
  lab.world.scheduler.run(until);
  if (!(traffic instanceof kind)) throw new Error('another kind of traffic');
  return traffic;
}

t.test('UDP one way and back', async (t) => {
  for (const echo of [false, true]) {
    const lab = hostPair();
    await run(lab, udp('a', 'b', { echo, flows: 20, rate: 50, size: 200 }), UdpTraffic);
    t.equal(lab.recorder.dropped, 0);
    for (let flow = 0; flow < 20; flow++) {
      t.equal(lab.recorder.sentPackets.get(flow), echo ? 100 : 50);
      t.equal(lab.recorder.deliveredPackets.get(flow), echo ? 100 : 50);
      t.equal(lab.recorder.answeredCount.get(flow), echo ? 50 : 0);
    }
    t.ok(isConserved(lab.world, lab.recorder));
    t.equal(lab.world.packets.inFlight, 0);
  }
});

t.test('UDP counts what is lost', async (t) => {
  const lab = hostPair({ there: { loss: 0.1, reorder: 0.1 } });
  await run(lab, udp('a', 'b', { rate: 1000, size: 100 }), UdpTraffic);
  const [sent, received] = [lab.recorder.sentPackets.get(0), lab.recorder.deliveredPackets.get(0)];
  t.equal(sent - received, lab.recorder.dropsOf('link_loss'));
  t.ok(received < 0.95 * sent && received > 0.85 * sent);
});

t.test('UDP to a closed port, and sizes from nothing to jumbo', async (t) => {
  const closed = hostPair();
  await run(closed, udp('a', 'b', { port: 9, rate: 10 }), UdpTraffic);
  t.equal(closed.recorder.dropsOf('port_closed', 'b'), 10);
  for (const size of [28, 31, 32, 1500, 4000, 65_535]) {
    const lab = hostPair();
    await run(lab, udp('a', 'b', { size, rate: 3, echo: true }), UdpTraffic);
    t.equal(lab.recorder.answeredCount.get(0), 3, `${size} bytes`);
    t.ok(isConserved(lab.world, lab.recorder));
  }
});

t.test('ping measures round trips, loss and gaps', async (t) => {
  const lab = hostPair();
  const pings = await run(lab, ping('a', 'b'), Ping);
  t.match(pings.summary, {
    sent: 10,
    received: 10,
    least: 10 * MILLISECOND,
    most: 10 * MILLISECOND,
    errors: 0,
  });

  const gap = hostPair();
  const [traffic] = await createTraffic([ping('a', 'b', { until: 10 * SECOND })], gap.hosts);
  traffic!.start();
  gap.world.scheduler.run(2 * SECOND);
  gap.back.up = false;
  gap.world.scheduler.run(5 * SECOND);
  gap.back.up = true;
  gap.world.scheduler.run(20 * SECOND);
  const { sent, received, longestGap } = (traffic as Ping).summary;
  t.equal(sent, 100);
  t.equal(sent - received, 30);
  t.equal(longestGap, 3.1 * SECOND);
});

t.test('ping with DF learns the path MTU, and is too long from then on', async (t) => {
  const lab = hostPair({ there: { mtu: 1400 } });
  const pings = await run(lab, ping('a', 'b', { size: 1500 }), Ping);
  t.match(pings.summary, { sent: 10, received: 0, errors: 1 });
  t.equal(lab.recorder.dropsOf('path_mtu_exceeded', 'a'), 9);
  const cut = hostPair({ there: { mtu: 1400 } });
  const pieces = await run(cut, ping('a', 'b', { size: 1500, dont_fragment: false }), Ping);
  t.match(pieces.summary, { sent: 10, received: 10 });
});

t.test('traceroute lists the hops through the edge and the router', async (t) => {
  const lab = siteLab();
  const way = await run(lab, traceroute('client', 'web'), Traceroute, 60 * SECOND);
  t.ok(way.reached);
  const addresses = way.hops.map(({ address }) => address);
  t.equal(addresses.at(-1), WEB);
  t.equal(addresses.at(-2), '10.100.0.9', 'the router, by the tunnel');
  t.ok(addresses.includes('10.100.0.8'), 'the edge');
  t.ok(addresses[0]?.startsWith('100.64.'), 'routers of the Internet');
  t.same(
    way.hops.map(({ ttl }) => ttl),
    way.hops.map((_, i) => i + 1),
  );
  t.equal(lab.recorder.events.length, 1);
  t.ok(isConserved(lab.world, lab.recorder));
});

t.test('traceroute past somebody who says nothing', async (t) => {
  const lab = hostPair();
  lab.back.up = false;
  const way = await run(lab, traceroute('a', 'b'), Traceroute, 60 * SECOND);
  t.notOk(way.reached);
  t.equal(way.hops.length, 30);
  t.ok(way.hops.every(({ address }) => address === null));
});

t.test('floods', async (t) => {
  const syn = siteLab();
  const attack = await run(syn, flood('syn', ['client'], 'web', 1000), Flood);
  t.equal(attack.sent, 1000);
  t.ok(syn.recorder.dropsOf('destination_unreachable', 'internet') > 900, 'SYN-ACKs to nobody');
  t.ok(isConserved(syn.world, syn.recorder));

  const reflection = siteLab();
  await run(reflection, flood('reflection', ['client'], 'web', 500), Flood);
  t.equal(
    reflection.recorder.dropsOf('port_closed', 'web') + reflection.recorder.deliveredPackets.get(0),
    500,
  );
  t.ok(isConserved(reflection.world, reflection.recorder));

  const gre = siteLab();
  await run(gre, flood('gre', ['client'], ANYCAST, 500), Flood);
  t.equal(gre.recorder.dropsOf('endpoint_unknown') + gre.recorder.dropsOf('gre_key_mismatch'), 500);
  t.ok(isConserved(gre.world, gre.recorder));
});

t.test('a capture is replayed with its times', async (t) => {
  const file = join(t.testdir(), 'some.pcap');
  const writer = await createCapture(file, { format: 'pcap', resolution: 'nano' });
  const id = writer.interfaceFor(1);
  const frames = [
    buildPacket({
      link: 'ethernet',
      ip: { source: CLIENT, destination: WEB },
      icmp: { type: 8, id: 1 },
      payload: 56,
    }),
    buildPacket({ link: 'ethernet', etherType: 0x0806, payload: 46 }),
    buildPacket({
      link: 'ethernet',
      vlan: 5,
      ip: { source: CLIENT, destination: WEB },
      icmp: { type: 8, id: 2 },
    }),
  ];
  frames.forEach((frame, i) => {
    writer.write(1_700_000_000, i * 250_000_000, id, frame, 0, frame.length, frame.length);
  });
  writer.commit();
  const lab = siteLab();
  const times: number[] = [];
  lab.down.capture = { packet: (time) => times.push(time) };
  const spec: TrafficSpec = {
    name: 'replay',
    type: 'capture',
    file: 'some',
    from: 'client',
    at: SECOND,
    until: null,
  };
  const [traffic] = await createTraffic([spec], lab.hosts, { resolve: () => file });
  traffic!.start();
  lab.world.scheduler.run(5 * SECOND);
  t.equal(times.length, 2);
  t.equal(times[1]! - times[0]!, 500 * MILLISECOND);
  t.equal(lab.recorder.sentPackets.get(0), 2);
});

t.test('traffic that cannot be says why', async (t) => {
  const lab = hostPair();
  await t.rejects(createTraffic([tcp('a', 'nobody')], lab.hosts), { message: 'there is no host nobody' });
  const alien = hostPair({ a: { addresses: ['198.18.0.1'] }, b: { addresses: ['2001:db8::2'] } });
  await t.rejects(createTraffic([ping('a', 'b')], alien.hosts), /no family/);
});
