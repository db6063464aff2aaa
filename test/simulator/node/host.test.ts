/** What a host does by itself. */
import t from 'tap';
import { SECOND } from '../../../src/network/time.js';
import { IpPacket } from '../../../src/simulator/node/ip-packet.js';
import { Host } from '../../../src/simulator/node/host.js';
import { be16 } from '../../../src/wire/bytes.js';
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { isConserved, newWorld, Sink } from './lab.js';
import { hostOptions, hostPair } from './site-lab.js';

const A4 = { source: '198.18.0.9', destination: '198.18.0.1' };
const A6 = { source: '2001:db8::9', destination: '2001:db8::1' };

interface Lonely {
  readonly host: Host;
  readonly sink: Sink;
  readonly give: (spec: FrameSpec) => void;
  readonly isConserved: () => boolean;
  readonly drops: (reason: string) => number;
}

/** A host whose packets go into a sink. */
function lonely(more: Parameters<typeof hostOptions>[2] = {}): Lonely {
  const { world, recorder } = newWorld();
  const host = new Host(world, hostOptions('a', ['198.18.0.1', '2001:db8::1'], more));
  const sink = new Sink(world, 'sink');
  host.connect({ send: (packet) => sink.receive(packet, 0) });
  const give = (spec: FrameSpec): void => host.receive(world.packets.build(spec));
  const drops = (reason: string): number => recorder.dropsOf(reason, 'a');
  return { host, sink, give, drops, isConserved: () => isConserved(world, recorder) };
}

t.test('pings are answered', (t) => {
  for (const ip of [A4, A6]) {
    const { sink, give, isConserved } = lonely();
    const isV4 = ip === A4;
    give({ ip: { ...ip, ttl: 3, id: 77 }, icmp: { type: isV4 ? 8 : 128, id: 5, sequence: 6 }, payload: 57 });
    const back = { source: ip.destination, destination: ip.source, id: 77 };
    const reply = buildPacket({ ip: back, icmp: { type: isV4 ? 0 : 129, id: 5, sequence: 6 }, payload: 57 });
    t.same(
      sink.got.map(({ bytes }) => bytes),
      [reply],
    );
    t.ok(isConserved());
  }
  t.end();
});

t.test('a closed UDP port is unreachable, and says what it was asked', (t) => {
  for (const ip of [A4, A6]) {
    const { sink, give, drops, isConserved } = lonely();
    const spec: FrameSpec = { ip, udp: { sourcePort: 4000, destinationPort: 9 }, payload: 100 };
    give(spec);
    const [answer] = sink.got;
    const read = new IpPacket();
    t.ok(read.read(answer!.bytes, 0, answer!.bytes.length));
    const icmp = answer!.bytes.subarray(read.transport);
    t.same([...icmp.subarray(0, 2)], ip === A4 ? [3, 3] : [1, 4]);
    t.same(icmp.subarray(8), buildPacket(spec));
    t.equal(drops('port_closed'), 1);
    t.ok(isConserved());
  }
  t.end();
});

t.test('a closed TCP port resets, and a reset is not answered', (t) => {
  for (const ip of [A4, A6]) {
    const { sink, give, drops, isConserved } = lonely();
    const ports = { sourcePort: 4000, destinationPort: 80 };
    const back = { source: ip.destination, destination: ip.source, dontFragment: true };
    give({ ip, tcp: { ...ports, syn: true, sequence: 1000 } });
    give({ ip, tcp: { ...ports, ack: true, sequence: 1000, acknowledgment: 555 }, payload: 10 });
    give({ ip, tcp: { ...ports, rst: true } });
    const answer = { sourcePort: 80, destinationPort: 4000, rst: true, window: 0 };
    t.same(
      sink.got.map(({ bytes }) => bytes),
      [
        buildPacket({ ip: back, tcp: { ...answer, ack: true, sequence: 0, acknowledgment: 1001 } }),
        buildPacket({ ip: back, tcp: { ...answer, sequence: 555 } }),
      ],
    );
    t.equal(drops('port_closed'), 3);
    t.ok(isConserved());
  }
  t.end();
});

t.test('what is broken is not understood', (t) => {
  const { sink, give, drops } = lonely();
  give({ ip: { ...A4, checksum: 1 }, icmp: { type: 8 } });
  give({ ip: A4, icmp: { type: 8, checksum: 1 } });
  give({ ip: A4, udp: { checksum: 1 }, payload: 4 });
  give({ ip: A4, tcp: { syn: true, checksum: 1 } });
  give({ ip: { ...A4, destination: '198.18.0.3' }, icmp: { type: 8 } });
  give({ ip: { ...A4, protocol: 58 }, icmp: { type: 128 } });
  give({ ip: A4, udp: {}, truncate: 20 });
  t.equal(drops('not_understood'), 7);
  t.equal(sink.got.length, 0);
  t.end();
});

t.test('a port is any free one, each once, and free again', (t) => {
  const { host } = lonely();
  const socket = { receive: () => undefined, hasSent: () => false, failed: () => undefined };
  const first = host.bindAny(17, socket);
  t.equal(host.bindAny(17, socket), first + 1);
  t.throws(() => host.bind(17, first, socket), RangeError);
  host.unbind(17, first);
  host.bind(17, first, socket);
  t.equal(host.socketAt(6, first), null);
  t.end();
});

t.test('too long for the path: in fragments where DF is off, and put together again', (t) => {
  for (const family of [4, 6] as const) {
    const { world, recorder, a, b, there } = hostPair({ there: { mtu: 1400 } });
    const sizes: number[] = [];
    const got: Uint8Array[] = [];
    there.capture = { packet: (_time, _bytes, _at, length) => sizes.push(length) };
    b.bind(17, 7, {
      receive: (packet) => {
        const at = world.packets.start[packet]!;
        got.push(world.packets.bytes.slice(at, at + world.packets.length[packet]!));
        world.arrive(packet, 'b');
      },
      hasSent: () => true,
      failed: () => undefined,
    });
    const [source, destination] = [a, b].map((host) => host.addresses.ofFamily(family)!);
    const packet = world.packets.build({
      ip: { source: source!, destination: destination! },
      udp: { destinationPort: 7 },
      payload: 3000,
    });
    // IPv6 routers do not cut: the host has to know.
    if (family === 6)
      a.bind(17, 40_000, { receive: () => undefined, hasSent: () => true, failed: () => undefined });
    a.sendDatagram(packet, destination!);
    world.scheduler.run(SECOND);
    if (family === 6) {
      t.same(got, [], 'the first one is lost, and teaches the path MTU');
      t.equal(a.pathMtu(destination!), 1400);
      const again = world.packets.build({
        ip: { source: source!, destination: destination! },
        udp: { destinationPort: 7 },
        payload: 3000,
      });
      a.sendDatagram(again, destination!);
      world.scheduler.run(2 * SECOND);
    }
    t.equal(got.length, 1);
    t.equal(be16(got[0]!, family === 4 ? 2 : 4), family === 4 ? 3028 : 3008);
    t.same(got[0]!.subarray(-3000), buildPacket({ payload: 3000 }));
    t.ok(Math.max(...sizes) <= 1400);
    t.ok(isConserved(world, recorder));
    t.equal(world.packets.inFlight, 0);
  }
  t.end();
});

t.test('fragments without the others end as drops, when their time is over', (t) => {
  const { host, sink, give, drops, isConserved } = lonely();
  for (const id of [1, 2, 3]) {
    give({
      ip: { ...A4, id, moreFragments: true },
      udp: { sourcePort: 4000, destinationPort: 9 },
      payload: 64,
    });
  }
  t.equal(drops('reassembly_failed'), 0);
  host.world.scheduler.run(61 * SECOND);
  t.equal(drops('reassembly_failed'), 3);
  t.same(sink.got, []);
  t.ok(isConserved());
  t.equal(host.world.packets.inFlight, 0);
  t.end();
});

t.test('path MTUs are learned from what quotes our packets, and from nothing else', (t) => {
  const peer = '198.18.0.9';
  const tooBig = (quoted: FrameSpec, mtu: number): FrameSpec => ({
    ip: { source: '203.0.113.1', destination: '198.18.0.1' },
    icmp: { type: 3, code: 4, mtu },
    payload: buildPacket(quoted).subarray(0, 28),
  });
  const ours: FrameSpec = {
    ip: { source: '198.18.0.1', destination: peer, dontFragment: true },
    udp: { sourcePort: 40_000, destinationPort: 7 },
    payload: 1400,
  };
  const at = (mtu: number, spec: FrameSpec, discovery = true): number => {
    const { host, give } = lonely({ path_mtu_discovery: discovery });
    host.bind(17, 40_000, {
      receive: () => undefined,
      hasSent: (quote) => quote.localPort(host.world.packets.bytes) === 40_000,
      failed: () => undefined,
    });
    give(tooBig(spec, mtu));
    return host.pathMtu(Uint8Array.from(peer.split('.'), Number));
  };
  t.equal(at(1300, ours), 1300);
  t.equal(at(1300, { ...ours, ip: { ...ours.ip!, dontFragment: false } }), 1500, 'it may have been cut');
  t.equal(at(1300, { ...ours, ip: { ...ours.ip!, source: '198.18.0.7' } }), 1500, 'not ours');
  t.equal(at(1300, { ...ours, udp: { sourcePort: 40_001 } }), 1500, 'nobody has that port');
  t.equal(at(1430, ours), 1500, 'it would have passed');
  t.equal(at(68, ours), 1500, 'below what is believed');
  t.equal(at(1300, ours, false), 1500, 'without path MTU discovery');
  t.end();
});

t.test('a path MTU is forgotten after ten minutes', (t) => {
  const { host, give } = lonely();
  host.bind(17, 40_000, { receive: () => undefined, hasSent: () => true, failed: () => undefined });
  const quoted = buildPacket({
    ip: { source: '198.18.0.1', destination: '198.18.0.9', dontFragment: true },
    udp: { sourcePort: 40_000 },
    payload: 1400,
  });
  give({
    ip: { source: '203.0.113.1', destination: '198.18.0.1' },
    icmp: { type: 3, code: 4, mtu: 1300 },
    payload: quoted.subarray(0, 28),
  });
  const peer = Uint8Array.of(198, 18, 0, 9);
  host.world.scheduler.run(599 * SECOND);
  t.equal(host.pathMtu(peer), 1300);
  host.world.scheduler.run(600 * SECOND);
  t.equal(host.pathMtu(peer), 1500);
  t.end();
});
