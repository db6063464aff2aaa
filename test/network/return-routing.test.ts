import fc from 'fast-check';
import t from 'tap';
import { createCounters } from '../../src/dataplane/counters.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { interconnectSide, PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables } from '../../src/dataplane/tables.js';
import { ReturnRouting, type ReturnRoutingOptions } from '../../src/network/return-routing.js';
import { buildPacket, type FrameSpec } from '../../src/wire/build.js';
import { plainHop, route, tables, tunnel } from '../dataplane/harness.js';

/** Two families: a host behind a tunnel, and one on the Internet. */
const FAMILIES = [
  { family: 4, site: '192.0.2.10', far: '8.8.8.8', request: 8, reply: 0, unreachable: 3 },
  { family: 6, site: '2001:db8::10', far: '2001:4860::8', request: 128, reply: 129, unreachable: 1 },
] as const;
type Family = (typeof FAMILIES)[number];

const A = 0;
const B = 1;
/** Without the option. */
const C = 2;

class Bench {
  readonly routing: ReturnRouting;
  now = 0;

  constructor(options: Partial<ReturnRoutingOptions> = {}) {
    this.routing = new ReturnRouting({ nexthops: [true, true, false], ...options });
  }

  /** Where the packet goes; it came out of tunnel `from`, or (−1) from the Internet. */
  route(spec: FrameSpec | Uint8Array, from = -1): number {
    const packet = spec instanceof Uint8Array ? spec : buildPacket(spec);
    // At an odd place: nothing is said of alignment.
    const bytes = new Uint8Array(packet.length + 7);
    bytes.set(packet, 3);
    return this.routing.route(bytes, 3, packet.length, packet[0]! >> 4, from, this.now);
  }
}

const out = ({ site, far }: Family, port = 1000): FrameSpec & { tcp: object; udp: object } => ({
  ip: { source: site, destination: far },
  tcp: { sourcePort: port, destinationPort: 443 },
  udp: { sourcePort: port, destinationPort: 53 },
});
const back = ({ site, far }: Family, port = 1000): FrameSpec & { tcp: object; udp: object } => ({
  ip: { source: far, destination: site },
  tcp: { sourcePort: 443, destinationPort: port },
  udp: { sourcePort: 53, destinationPort: port },
});
const tcp = ({ ip, tcp }: FrameSpec, more: object = {}): FrameSpec => ({ ip, tcp: { ...tcp, ...more } });
const udp = ({ ip, udp }: FrameSpec): FrameSpec => ({ ip, udp });

for (const f of FAMILIES) {
  void t.test(`IPv${f.family}: the first packet out of a tunnel pins the way back`, (t) => {
    const bench = new Bench();
    t.equal(bench.route(tcp(back(f))), -1, 'nothing is known');
    t.equal(bench.route(tcp(out(f), { syn: true }), A), -1, 'the way out is the routes’');
    t.equal(bench.route(tcp(back(f), { syn: true, ack: true })), A);
    t.equal(bench.route(tcp(back(f, 1001))), -1, 'another port');
    t.equal(bench.route(udp(back(f))), -1, 'another protocol');
    t.equal(bench.route(tcp(out(f), { ack: true }), B), -1);
    t.equal(bench.route(tcp(back(f))), A, 'a later packet out of another tunnel changes nothing');
    bench.route(tcp(out(f), { syn: true }), B);
    t.equal(bench.route(tcp(back(f))), B, 'a new connection does');
    t.equal(bench.routing.flows, 1);
    t.end();
  });

  void t.test(`IPv${f.family}: what opens no flow pins nothing`, (t) => {
    const bench = new Bench();
    bench.route(tcp(out(f), { ack: true }), A);
    bench.route(tcp(out(f), { syn: true, ack: true }), A);
    bench.route(tcp(out(f), { rst: true }), A);
    bench.route(tcp(out(f), { syn: true }), C);
    bench.route(tcp(out(f), { syn: true }), -1);
    bench.route({ ip: { ...out(f).ip!, protocol: 50 }, payload: 20 }, A);
    bench.route({ ip: out(f).ip, icmp: { type: f.reply }, payload: 8 }, A);
    t.equal(bench.routing.flows, 0);
    t.end();
  });

  void t.test(`IPv${f.family}: UDP and echo`, (t) => {
    const bench = new Bench();
    bench.route(udp(out(f)), A);
    bench.route(udp(out(f)), B);
    t.equal(bench.route(udp(back(f))), A);
    const echo = (spec: FrameSpec, type: number, id: number): FrameSpec => ({
      ip: spec.ip,
      icmp: { type, id },
      payload: 16,
    });
    bench.route(echo(out(f), f.request, 77), B);
    t.equal(bench.route(echo(back(f), f.reply, 77)), B);
    t.equal(bench.route(echo(back(f), f.reply, 78)), -1, 'another identifier');
    t.equal(bench.route(echo(back(f), f.request, 77)), -1, 'a request from there is a flow of its own');
    t.equal(bench.route(echo(out(f), f.reply, 77), A), -1);
    t.end();
  });

  void t.test(`IPv${f.family}: ICMP errors take the flow's way back`, (t) => {
    const bench = new Bench();
    bench.route(udp(out(f)), B);
    const about = (quoted: FrameSpec, to = f.site as string, cut = 8): FrameSpec => ({
      ip: { source: f.far, destination: to },
      icmp: { type: f.unreachable, code: 3 },
      payload: buildPacket({ ...quoted, payload: 100 }).slice(0, (f.family === 4 ? 20 : 40) + cut),
    });
    t.equal(bench.route(about(udp(out(f)))), B);
    t.equal(bench.route(about(udp(out(f)), f.site, 3)), -1, 'without ports');
    t.equal(bench.route(about(udp(back(f)))), -1, 'about a packet the other way');
    t.equal(bench.route(about(udp(out(f)), f.far)), -1, 'to somebody else');
    t.end();
  });
}

const [V4] = FAMILIES;

void t.test('flows are forgotten when they are silent', (t) => {
  const timeouts = { tcp: 1000, tcpTransitory: 100, udp: 50, icmp: 10 };
  const bench = new Bench({ timeouts });
  const isPinned = (spec: FrameSpec): boolean => bench.route(spec) >= 0;
  bench.route(tcp(out(V4), { syn: true }), A);
  bench.now = 99;
  t.ok(isPinned(tcp(back(V4))));
  bench.now = 199;
  t.notOk(isPinned(tcp(back(V4))), 'opening');
  bench.route(tcp(out(V4), { syn: true }), A);
  bench.route(tcp(out(V4), { ack: true }), A);
  bench.now += 999;
  t.ok(isPinned(tcp(back(V4))), 'open');
  bench.now += 999;
  t.ok(isPinned(tcp(back(V4), { fin: true, ack: true })), 'the way back counts');
  bench.now += 100;
  t.notOk(isPinned(tcp(back(V4))), 'closing');
  bench.route(udp(out(V4)), A);
  bench.now += 50;
  t.notOk(isPinned(udp(back(V4))));
  t.equal(bench.routing.flows, 0);
  t.end();
});

void t.test('unless told otherwise, after the times of RFC 5382, 4787 and 5508', (t) => {
  const lasts = (seconds: number, ...packets: FrameSpec[]): void => {
    const bench = new Bench({});
    for (const packet of packets) bench.route(packet, A);
    const way = packets[0]!.udp === undefined ? tcp(back(V4)) : udp(back(V4));
    bench.now = seconds * 1000 - 1;
    t.equal(bench.route(way), A, `${seconds} s`);
    const late = new Bench({});
    for (const packet of packets) late.route(packet, A);
    late.now = seconds * 1000;
    t.equal(late.route(way), -1, `and no more at ${seconds} s`);
  };
  lasts(7440, tcp(out(V4), { syn: true }), tcp(out(V4), { ack: true }));
  lasts(240, tcp(out(V4), { syn: true }));
  lasts(300, udp(out(V4)));
  t.end();
});

void t.test('the table is bounded: who was silent for longest makes room', (t) => {
  const bench = new Bench({ flows: 3 });
  for (const port of [1, 2, 3]) bench.route(udp(out(V4, port)), A);
  bench.route(udp(back(V4, 1)));
  bench.route(udp(out(V4, 4)), B);
  t.same(
    [1, 2, 3, 4].map((port) => bench.route(udp(back(V4, port)))),
    [A, -1, A, B],
  );
  t.equal(bench.routing.evicted, 1);
  t.equal(bench.routing.flows, 3);
  t.throws(() => new ReturnRouting({ nexthops: [], flows: 0 }), RangeError);
  t.end();
});

void t.test('other next hops: flows stay with theirs as long as it has the option', (t) => {
  const bench = new Bench({});
  bench.route(tcp(out(V4, 1), { syn: true }), A);
  bench.route(udp(out(V4, 2)), B);
  const pins = (): number[] => [bench.route(tcp(back(V4, 1))), bench.route(udp(back(V4, 2)))];
  t.same(pins(), [A, B]);
  bench.routing.setNexthops([true, true, true, true], (before) => 3 - before);
  t.same(pins(), [3 - A, 3 - B], 'under other numbers');
  const gone = 3 - B;
  bench.routing.setNexthops([true, true, true, true], (before) => (before === gone ? -1 : before));
  t.same(pins(), [3 - A, -1], 'one is gone');
  bench.routing.setNexthops([false, false, false, false], (before) => before);
  t.same(pins(), [-1, -1], 'the option is off');
  t.equal(bench.routing.flows, 0);
  t.end();
});

void t.test('fragments and packets cut short are left to the routes', (t) => {
  const bench = new Bench();
  for (const f of FAMILIES) {
    const { packet } = { packet: buildPacket({ ...udp(out(f)), payload: 40 }) };
    for (let length = f.family === 4 ? 20 : 40; length < (f.family === 4 ? 24 : 44); length++) {
      t.equal(bench.route(packet.slice(0, length), A), -1);
    }
  }
  bench.route({ ...udp(out(V4)), ip: { ...out(V4).ip!, moreFragments: true } }, A);
  bench.route({ ...udp(out(V4)), ip: { ...out(V4).ip!, fragmentOffset: 8 } }, A);
  t.equal(bench.routing.flows, 0);
  t.end();
});

void t.test('any bytes at all', (t) => {
  const bench = new Bench({ flows: 4 });
  const ip = fc.tuple(
    fc.constantFrom(0x45, 0x46, 0x4f, 0x60),
    fc.uint8Array({ minLength: 59, maxLength: 120 }),
  );
  fc.assert(
    fc.property(ip, fc.integer({ min: -1, max: 2 }), ([first, rest], from) => {
      // As behind the check of headers: IPv4 length and checksum do not matter here any more.
      const bytes = Uint8Array.of(first, ...rest);
      if (first === 0x60) bytes[6] = [6, 17, 58, 44, 60][bytes[6]! % 5]!;
      else bytes.set([0, 0, 64, [1, 6, 17][bytes[9]! % 3]!], 6);
      const to = bench.route(bytes, from);
      return to >= -1 && to < 2 && bench.routing.flows <= 4;
    }),
  );
  t.end();
});

void t.test('as a stage of the pipeline: out of a tunnel, a circuit, and back', (t) => {
  const { slots, vectors, regions } = vectorRegions(1);
  const pool = PacketPool.create({ slots, vectors });
  const vector = PacketVector.create(pool, regions[0]!);
  const spec = tables(
    [
      tunnel('a', '198.51.100.1', '203.0.113.1'),
      tunnel('b', '198.51.100.1', '203.0.113.2'),
      plainHop('circuit'),
    ],
    [route('192.0.2.0/24', 0), route('2001:db8::/32', 0)],
  );
  const routing = new ReturnRouting({ nexthops: [true, true, true] });
  const down = new Set<string>();
  const steer = routing.stage(pool, (view, nexthop) => !down.has(`${view} ${nexthop}`));
  const pipeline = new Pipeline(pool, Tables.build({ ...spec, views: 2 }), createCounters(3), { steer });
  const run = (packets: readonly (readonly [FrameSpec, number])[]): number[] => {
    vector.count = packets.length;
    packets.forEach(([packet, side], i) => {
      const bytes = buildPacket(packet);
      vector.offset[i] = pool.frameOffset(i, 0);
      pool.bytes.set(bytes, vector.offset[i]);
      vector.length[i] = bytes.length;
      vector.link[i] = LinkType.RAW;
      vector.side[i] = side;
    });
    pipeline.run(vector, 0);
    return Array.from(vector.tunnelOut.subarray(0, packets.length));
  };
  const inTunnel = (remote: string, inner: FrameSpec): FrameSpec => ({
    ip: { source: remote, destination: '198.51.100.1' },
    gre: {},
    inner,
  });
  const answers = FAMILIES.flatMap((f) => [udp(back(f, 1)), udp(back(f, 2)), udp(back(f, 3))]).map(
    (packet) => [packet, Side.UNDERLAY] as const,
  );
  t.same(run(answers), [0, 0, 0, 0, 0, 0], 'by the routes');
  t.same(
    run(
      FAMILIES.flatMap((f) => [
        [inTunnel('203.0.113.2', udp(out(f, 1))), Side.UNDERLAY] as const,
        [udp(out(f, 2)), interconnectSide(2)] as const,
      ]),
    ),
    [-1, -1, -1, -1],
    'out to the overlay',
  );
  t.same(run(answers), [1, 2, 0, 1, 2, 0], 'back by tunnel b, by the circuit, by the routes');
  t.same(run([[udp(back(V4, 1)), Side.OVERLAY]]), [1], 'from the overlay as well');
  down.add('1 1');
  vector.view = 1;
  t.same(run(answers), [0, 2, 0, 0, 2, 0], 'by the routes where the tunnel is down');
  vector.view = 0;
  t.same(run(answers), [1, 2, 0, 1, 2, 0], 'and by the tunnel elsewhere');
  // One that comes out of a tunnel is pinned too: from site to site.
  t.same(run([[inTunnel('203.0.113.1', udp(back(V4, 1))), Side.UNDERLAY]]), [1]);
  vector.count = 1;
  vector.pinTo(0, 0);
  t.same(run([[udp(back(V4, 1)), Side.OVERLAY]]), [0], 'who pinned it before knows better');
  t.end();
});
