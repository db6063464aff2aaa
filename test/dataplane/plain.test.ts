/** Plain next hops: circuits without encapsulation, out and in, with every output by hand. */
import t from 'tap';
import { COUNTERS_PER_TUNNEL, TUNNEL_COUNTERS } from '../../src/dataplane/counters.js';
import { keySetGet } from '../../src/dataplane/key-set.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { interconnectOf, interconnectSide, Side, sideOf } from '../../src/dataplane/packet-vector.js';
import { Tables } from '../../src/dataplane/tables.js';
import { addressBytes, buildPacket, mssOption, type FrameSpec } from '../../src/wire/build.js';
import { plainHop, route, run, tables, tunnel, type Input, type Outcome } from './harness.js';

const CIRCUIT = 1;
const SMALL = 2;

const spec = tables(
  [
    tunnel('acme', '198.51.100.1', '203.0.113.10'),
    plainHop('circuit', {
      allowedSources: [
        { address: addressBytes('192.0.2.0'), length: 24 },
        { address: addressBytes('2001:db8::'), length: 32 },
      ],
    }),
    plainHop('small', { mtu: 576, clearDontFragment: false }),
  ],
  [route('192.0.2.0/24', CIRCUIT), route('2001:db8::/32', CIRCUIT), route('10.0.0.0/8', SMALL)],
  1,
  [{ address: addressBytes('172.16.0.0'), tunnel: CIRCUIT }],
);

const hexOf = (frame: FrameSpec): string => Buffer.from(buildPacket(frame)).toString('hex');
const over = (frame: FrameSpec, nexthop = CIRCUIT): Input => ({
  bytes: buildPacket(frame),
  side: interconnectSide(nexthop),
});
const first = (input: Input | FrameSpec): Outcome & { counters: Float64Array } => {
  const { outcomes, counters } = run(spec, [input]);
  return { ...outcomes[0]!, counters };
};
/** Packets and bytes out of a next hop, and into it. */
const counted = (counters: Float64Array, nexthop: number): number[] =>
  Array.from(counters.slice(TUNNEL_COUNTERS + nexthop * COUNTERS_PER_TUNNEL).slice(0, COUNTERS_PER_TUNNEL));

const FAR = { source: '8.8.8.8', destination: '192.0.2.1' };
const HOME = { source: '192.0.2.1', destination: '8.8.8.8' };

t.test('sides', (t) => {
  for (const nexthop of [0, 1, 70_000]) {
    const side = interconnectSide(nexthop);
    t.equal(interconnectOf(side), nexthop);
    t.equal(sideOf(side), Side.UNDERLAY);
  }
  for (const side of [Side.UNDERLAY, Side.OVERLAY]) {
    t.equal(interconnectOf(side), -1);
    t.equal(sideOf(side), side);
  }
  t.end();
});

t.test('out: one hop older, clamped, and no header in front', (t) => {
  for (const six of [false, true]) {
    const ip = six ? { source: '2001:4860::8', destination: '2001:db8::1' } : FAR;
    const mss = (value: number, ttl: number): FrameSpec => ({
      ip: { ...ip, ttl },
      tcp: { syn: true, options: mssOption(value) },
    });
    const { verdict, tunnelOut, outputs, counters } = first(mss(8000, 64));
    t.equal(verdict, 'delivered_underlay');
    t.equal(tunnelOut, CIRCUIT);
    const wanted = mss(six ? 1440 : 1460, 63);
    t.same(outputs, [{ side: Side.UNDERLAY, link: LinkType.RAW, hex: hexOf(wanted), through: CIRCUIT }]);
    t.same(counted(counters, CIRCUIT), [0, 0, 1, buildPacket(wanted).length]);
  }
  const overlay = first({ bytes: buildPacket({ ip: { ...FAR, ttl: 1 }, udp: {} }), side: Side.OVERLAY });
  t.same(overlay.outputs[0]?.hex, hexOf({ ip: { ...FAR, ttl: 1 }, udp: {} }), 'from the overlay as it is');
  t.end();
});

t.test('out: the circuit’s MTU, fragments and errors', (t) => {
  const long = (dontFragment: boolean): FrameSpec => ({
    ip: { source: '192.0.2.9', destination: '10.1.1.1', dontFragment, id: 7 },
    udp: {},
    payload: 1000,
  });
  const cut = first(long(false));
  t.equal(cut.outputs.length, 2);
  t.same(
    cut.outputs.map(({ hex, through }) => [hex.length / 2, through]),
    [
      [572, SMALL],
      [476, SMALL],
    ],
  );
  const refused = first(long(true));
  t.equal(refused.verdict, 'mtu_exceeded');
  t.equal(refused.outputs[0]?.through, -1, 'plain, to where it came from');
  const back = first(over(long(true)));
  t.equal(back.verdict, 'mtu_exceeded');
  t.same(
    back.outputs.map(({ hex, through, side }) => [hex.slice(18, 20), hex.slice(40, 44), through, side]),
    [['01', '0304', CIRCUIT, Side.UNDERLAY]],
    'to the circuit that it came by, without outer header',
  );
  t.same(counted(back.counters, CIRCUIT), [1, 1028, 1, 576]);
  const old = first(over({ ip: { source: '192.0.2.9', destination: '10.1.1.1', ttl: 1 }, udp: {} }));
  t.equal(old.verdict, 'ttl_exceeded');
  t.equal(old.outputs[0]?.through, CIRCUIT);
  t.end();
});

t.test('in: to the overlay, to another next hop, or not at all', (t) => {
  const home = first(over({ ip: HOME, tcp: { syn: true, options: mssOption(8000) } }));
  t.equal(home.verdict, 'delivered_overlay');
  t.equal(home.tunnelIn, CIRCUIT);
  t.equal(home.outputs[0]?.hex, hexOf({ ip: HOME, tcp: { syn: true, options: mssOption(1460) } }));
  t.same(counted(home.counters, CIRCUIT), [1, 44, 0, 0]);
  t.equal(first({ ip: HOME, udp: {} }).verdict, 'not_for_us', 'from the Internet it has no route');
  const denied = first(over({ ip: { ...HOME, source: '198.18.0.1' }, udp: {} }));
  t.equal(denied.verdict, 'inner_source_denied');
  t.same(counted(denied.counters, CIRCUIT), [0, 0, 0, 0]);
  const six = first(over({ ip: { source: '2001:db8::1', destination: '2001:4860::8' }, udp: {} }));
  t.equal(six.verdict, 'delivered_overlay');
  const across = first(over({ ip: { source: '10.1.1.1', destination: '192.0.2.1' }, udp: {} }, SMALL));
  t.same([across.verdict, across.tunnelIn, across.tunnelOut], ['delivered_underlay', SMALL, CIRCUIT]);
  t.equal(first({ ...over({ ip: { ...HOME, checksum: 1 }, udp: {} }) }).verdict, 'ip_bad_checksum');
  t.end();
});

t.test('in: GRE over the circuit is for the tunnel, and only GRE for our endpoints', (t) => {
  const gre = (destination: string): FrameSpec => ({
    ip: { source: '203.0.113.10', destination },
    gre: {},
    inner: { ip: { source: '198.18.0.1', destination: '8.8.8.8' }, udp: {} },
  });
  const ours = first(over(gre('198.51.100.1')));
  t.same([ours.verdict, ours.tunnelIn], ['delivered_overlay', 0]);
  t.same(counted(ours.counters, CIRCUIT), [0, 0, 0, 0], 'the tunnel counts it');
  t.equal(first(over(gre('198.51.100.2'))).verdict, 'inner_source_denied', 'not ours: a packet as any other');
  t.equal(first(over(gre('198.51.100.2'), SMALL)).verdict, 'delivered_overlay');
  t.equal(
    first(over({ ...gre('198.51.100.1'), ip: { source: '203.0.113.11', destination: '198.51.100.1' } }))
      .verdict,
    'endpoint_unknown',
  );
  t.end();
});

t.test('in: our own addresses answer over the circuit', (t) => {
  const echo = (type: number, source: string, destination: string): FrameSpec => ({
    ip: { source, destination, dontFragment: true },
    icmp: { type, id: 3 },
    payload: 20,
  });
  const { verdict, outputs } = first(over(echo(8, '192.0.2.1', '172.16.0.0')));
  t.equal(verdict, 'answered_echo');
  t.same(outputs, [
    {
      side: Side.UNDERLAY,
      link: LinkType.RAW,
      hex: hexOf(echo(0, '172.16.0.0', '192.0.2.1')),
      through: CIRCUIT,
    },
  ]);
  t.end();
});

t.test('a frame from the circuit goes back with its addresses swapped', (t) => {
  const frame: FrameSpec = {
    link: 'ethernet',
    vlan: 7,
    ip: { source: '10.1.1.1', destination: '192.0.2.1' },
    udp: {},
  };
  const { verdict, outputs } = first({ ...over(frame, SMALL), link: LinkType.ETHERNET });
  t.equal(verdict, 'delivered_underlay');
  const wanted = { ...frame, sourceMac: '02:00:00:00:00:02', destinationMac: '02:00:00:00:00:01' };
  t.equal(outputs[0]?.hex, hexOf({ ...wanted, ip: { ...frame.ip!, ttl: 63 } }));
  t.end();
});

t.test('a plain next hop is no endpoint, and has no header to become too long', (t) => {
  const { endpoints } = Tables.build(spec).shared;
  const word = (text: string): Int32Array => new Int32Array(addressBytes(text).slice().buffer);
  t.equal(keySetGet(endpoints.locals4, word('198.51.100.1'), 0), 0);
  t.equal(keySetGet(endpoints.locals4, word('192.0.2.0'), 0), -1);
  t.ok(
    Tables.build(tables([plainHop('a', { mtu: 65_535 }), plainHop('b')], [])),
    'nor are two of them alike',
  );
  t.throws(() => Tables.build(tables([plainHop('a', { mtu: 65_536 })], [])), RangeError);
  t.end();
});
