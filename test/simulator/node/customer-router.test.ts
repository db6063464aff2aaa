/** A customer's router, packet by packet. */
import t from 'tap';
import { SECOND } from '../../../src/network/time.js';
import type { CountingRecorder } from '../../../src/simulator/core/recorder.js';
import type { World } from '../../../src/simulator/core/world.js';
import type { CustomerRouter } from '../../../src/simulator/node/customer-router.js';
import type { Outlet } from '../../../src/simulator/node/outlet.js';
import { buildRouter, LAN_PORT, updateTunnels } from '../../../src/simulator/node/router-plan.js';
import type { InterconnectConfig, NetworkConfig } from '../../../src/config/network.js';
import type { RouterSpec } from '../../../src/simulator/scenario/scenario.js';
import { buildPacket, mssOption, type FrameSpec } from '../../../src/wire/build.js';
import { ANYCAST, CUSTOMER, isConserved, newWorld, path, Sink } from './lab.js';
import { CLIENT, networkConfig, routerSpec, tunnelConfig, WEB } from './site-lab.js';

const SERVICES = [{ address: Uint8Array.of(192, 0, 2, 10), protocol: 'tcp', port: 443 }] as const;

class Way implements Outlet {
  up = true;
  constructor(
    private readonly sink: Sink,
    private readonly port: number,
  ) {}

  send(packet: number): void {
    this.sink.receive(packet, this.port);
  }
}

interface RouterLab {
  readonly world: World;
  readonly recorder: CountingRecorder;
  readonly router: CustomerRouter;
  /** What left, with the number of the port. */
  readonly sink: Sink;
  readonly ways: Way[];
  /** A packet comes in by a port. */
  readonly give: (port: string, spec: FrameSpec) => void;
  /** What has left since the last call: port and bytes. */
  readonly taken: () => { port: string; bytes: Uint8Array }[];
  readonly drops: (reason: string) => number;
}

function routerLab(spec: Partial<RouterSpec> = {}, network: Partial<NetworkConfig> = {}): RouterLab {
  const { world, recorder } = newWorld();
  const router = buildRouter(world, routerSpec(spec), networkConfig(network), {
    lanMtu: 1500,
    services: SERVICES,
  });
  const sink = new Sink(world, 'sink');
  const ways = router.ports.map((_, port) => new Way(sink, port));
  ways.forEach((way, port) => router.connect(port, way));
  const give = (port: string, frame: FrameSpec): void =>
    router.receive(world.packets.build(frame), router.port(port));
  const taken = (): { port: string; bytes: Uint8Array }[] =>
    sink.got.splice(0).map(({ port, bytes }) => ({ port: router.ports[port]!.name, bytes }));
  return {
    world,
    recorder,
    router,
    sink,
    ways,
    give,
    taken,
    drops: (reason) => recorder.dropsOf(reason, 'r1'),
  };
}

const IN = { source: CLIENT, destination: WEB };
const OUT = { source: WEB, destination: CLIENT };
const OUTER_IN = { source: ANYCAST, destination: CUSTOMER, dontFragment: true };
const OUTER_OUT = { source: CUSTOMER, destination: ANYCAST };

/** A packet, and the same one router further. */
function hop(spec: FrameSpec): FrameSpec {
  return { ...spec, ip: { ...spec.ip!, ttl: (spec.ip!.ttl ?? 64) - 1 } };
}

t.test('out of the tunnel to the LAN, and back by the ISP', (t) => {
  const { give, taken, world, recorder } = routerLab();
  const there: FrameSpec = { ip: IN, tcp: { syn: true, options: mssOption(1460) } };
  give('r1.isp', { ip: OUTER_IN, gre: {}, inner: there });
  t.same(taken(), [{ port: 'lan', bytes: buildPacket(hop(there)) }]);
  const back: FrameSpec = { ip: OUT, tcp: { syn: true, ack: true } };
  give('lan', back);
  t.same(taken(), [{ port: 'r1.isp', bytes: buildPacket(hop(back)) }]);
  t.ok(isConserved(world, recorder));
  t.end();
});

t.test('every kind of GRE, both ways', (t) => {
  const six = { cloudflare_gre_endpoint: '2001:db8:e::1', customer_gre_endpoint: '2001:db8:c::1' };
  for (const [more, gre, outer] of [
    [{}, {}, OUTER_OUT],
    [{ key: 42 }, { key: 42 }, OUTER_OUT],
    [{ key: 0 }, { key: 0 }, OUTER_OUT],
    [{ checksum: true, key: 0xfffffff0 }, { checksum: true, key: 0xfffffff0 }, OUTER_OUT],
    [{ checksum: true, sequence: true }, { checksum: true, sequence: 0 }, OUTER_OUT],
    [six, {}, { source: '2001:db8:c::1', destination: '2001:db8:e::1' }],
  ] as const) {
    const uplinks = [{ name: 'r1.isp', provider: 'isp', address: outer.source, down: path(), up: path() }];
    const { give, taken } = routerLab(
      { egress: 'tunnel', uplinks },
      { tunnels: [tunnelConfig('acme_1', { mtu: 1400, ...more })] },
    );
    for (const inner of [
      { ip: { ...OUT, dontFragment: true, tos: 0xb8 }, udp: {}, payload: 333 },
      { ip: { source: '2001:db8:2::1', destination: '2001:db8:3::1' }, udp: {}, payload: 21 },
    ] satisfies FrameSpec[]) {
      const isV4 = inner.ip.source === WEB;
      if (isV4) {
        give('lan', inner);
        const ip = { ...outer, dontFragment: true, tos: 0xb8 };
        t.same(taken(), [{ port: 'r1.isp', bytes: buildPacket({ ip, gre, inner: hop(inner) }) }]);
      }
      const way = { source: outer.destination, destination: outer.source };
      const toLan = isV4 ? { ...inner, ip: { ...inner.ip, ...IN } } : inner;
      give('r1.isp', { ip: way, gre, inner: toLan });
      const [out] = taken();
      if (isV4) t.same(out, { port: 'lan', bytes: buildPacket(hop(toLan)) });
    }
  }
  t.end();
});

t.test('GRE that no tunnel takes', (t) => {
  const { give, taken, drops } = routerLab({}, { tunnels: [tunnelConfig('acme_1', { key: 1 })] });
  const inner: FrameSpec = { ip: IN, udp: {} };
  give('r1.isp', { ip: OUTER_IN, gre: {}, inner });
  give('r1.isp', { ip: OUTER_IN, gre: { key: 2 }, inner });
  give('r1.isp', { ip: { ...OUTER_IN, source: '8.8.4.4' }, gre: { key: 1 }, inner });
  give('r1.isp', { ip: OUTER_IN, gre: { key: 1, checksum: 7 }, inner });
  give('r1.isp', { ip: OUTER_IN, gre: { key: 1, version: 1 }, inner });
  t.equal(drops('tunnel_unknown'), 5);
  give('r1.isp', { ip: OUTER_IN, gre: { key: 1 }, payload: 9 });
  give('r1.isp', { ip: OUTER_IN, gre: { key: 1, protocol: 0x86dd }, inner });
  t.equal(drops('not_understood'), 2);
  t.same(taken(), []);
  t.end();
});

t.test('its own addresses answer pings: the uplink, and the tunnel inside', (t) => {
  const { give, taken } = routerLab();
  give('r1.isp', { ip: { source: CLIENT, destination: CUSTOMER }, icmp: { type: 8, id: 1 } });
  const answer = buildPacket({ ip: { source: CUSTOMER, destination: CLIENT }, icmp: { type: 0, id: 1 } });
  t.same(taken(), [{ port: 'r1.isp', bytes: answer }]);
  const inside = { source: '10.100.0.8', destination: '10.100.0.9' };
  give('r1.isp', { ip: OUTER_IN, gre: {}, inner: { ip: inside, icmp: { type: 8, id: 2 } } });
  const back = { source: '10.100.0.9', destination: '10.100.0.8' };
  const outer = { ...OUTER_OUT, id: 1 };
  t.same(taken(), [
    {
      port: 'r1.isp',
      bytes: buildPacket({ ip: outer, gre: {}, inner: { ip: back, icmp: { type: 0, id: 2 } } }),
    },
  ]);
  t.end();
});

t.test('health probes', async (t) => {
  const inOuter = (inner: FrameSpec): FrameSpec => ({ ip: OUTER_IN, gre: {}, inner });
  const reply: FrameSpec = { ip: { source: CUSTOMER, destination: ANYCAST }, icmp: { type: 0, id: 7 } };
  const request: FrameSpec = { ip: { source: ANYCAST, destination: CUSTOMER }, icmp: { type: 8, id: 7 } };

  t.test('of type reply are routed back by the ISP', (t) => {
    const { give, taken } = routerLab();
    give('r1.isp', inOuter(reply));
    t.same(taken(), [{ port: 'r1.isp', bytes: buildPacket(hop(reply)) }]);
    t.end();
  });
  t.test('of type reply are dropped by a stateful firewall, while traffic flows', (t) => {
    const { give, taken, drops } = routerLab({ firewall: 'stateful' });
    give('r1.isp', inOuter(reply));
    t.equal(drops('firewall_denied'), 1);
    give('r1.isp', inOuter({ ip: IN, tcp: { destinationPort: 443, syn: true } }));
    give('lan', { ip: OUT, tcp: { sourcePort: 443, destinationPort: 40_000, syn: true, ack: true } });
    t.same(
      taken().map(({ port }) => port),
      ['lan', 'r1.isp'],
    );
    t.end();
  });
  t.test('of type request are answered with and without a firewall', (t) => {
    for (const firewall of ['none', 'stateful'] as const) {
      const { give, taken } = routerLab({ firewall });
      give('r1.isp', inOuter(request));
      t.same(taken(), [{ port: 'r1.isp', bytes: buildPacket({ ...reply, icmp: { type: 0, id: 7 } }) }]);
    }
    t.end();
  });
  t.test('of type reply between the interface addresses come back in the tunnel', (t) => {
    const { give, taken } = routerLab();
    const inside = { source: '10.100.0.9', destination: '10.100.0.8', dontFragment: true };
    const probe: FrameSpec = { ip: inside, icmp: { type: 0, id: 7 } };
    give('r1.isp', inOuter(probe));
    const outer = { ...OUTER_OUT, dontFragment: true };
    t.same(taken(), [{ port: 'r1.isp', bytes: buildPacket({ ip: outer, gre: {}, inner: hop(probe) }) }]);
    t.end();
  });
});

t.test('MSS is lowered on the interface that has the clamp, both ways, and there only', (t) => {
  const syn = (ip: typeof IN, mss: number): FrameSpec => ({
    ip,
    tcp: { syn: true, options: mssOption(mss) },
  });
  const uplink = routerLab({ mss_clamp: { uplink: 1436, tunnel: null } });
  uplink.give('lan', syn(OUT, 1460));
  uplink.give('r1.isp', syn(IN, 1460));
  uplink.give('r1.isp', { ip: OUTER_IN, gre: {}, inner: syn(IN, 1460) });
  t.same(
    uplink.taken().map(({ bytes }) => bytes),
    [syn(OUT, 1436), syn(IN, 1436), syn(IN, 1460)].map((spec) => buildPacket(hop(spec))),
  );
  const tunnel = routerLab({ mss_clamp: { uplink: null, tunnel: 1400 }, egress: 'tunnel' });
  tunnel.give('r1.isp', { ip: OUTER_IN, gre: {}, inner: syn(IN, 1460) });
  tunnel.give('r1.isp', syn(IN, 1460));
  tunnel.give('lan', syn({ ...OUT }, 1460));
  t.same(
    tunnel.taken().map(({ bytes }) => bytes),
    [
      buildPacket(hop(syn(IN, 1400))),
      buildPacket(hop(syn(IN, 1460))),
      buildPacket({ ip: { ...OUTER_OUT, id: 1 }, gre: {}, inner: hop(syn(OUT, 1400)) }),
    ],
  );
  t.end();
});

t.test('too big for the tunnel', async (t) => {
  const big: FrameSpec = { ip: { ...OUT, dontFragment: true }, udp: {}, payload: 1472 };
  t.test('says so', (t) => {
    const { give, taken, drops } = routerLab({ egress: 'tunnel' });
    give('lan', big);
    const [error, ...rest] = taken();
    t.equal(error?.port, 'lan');
    t.same([...error!.bytes.subarray(20, 22)], [3, 4]);
    t.equal((error!.bytes[26]! << 8) | error!.bytes[27]!, 1476);
    t.same(rest, []);
    t.equal(drops('router_mtu_exceeded'), 1);
    t.end();
  });
  t.test('says nothing with ICMP filtered, and lets none through', (t) => {
    const { give, taken, drops } = routerLab({ egress: 'tunnel', icmp: 'filter' });
    give('lan', big);
    t.same(taken(), []);
    give('r1.isp', {
      ip: { source: '203.0.113.1', destination: WEB },
      icmp: { type: 3, code: 4, mtu: 1300 },
      payload: 28,
    });
    t.equal(drops('icmp_filtered'), 1);
    t.end();
  });
  t.test('is cut where DF is off', (t) => {
    const { give, taken } = routerLab({ egress: 'tunnel' });
    give('lan', { ...big, ip: { ...OUT, id: 5 } });
    t.same(
      taken().map(({ bytes }) => bytes.length),
      [1500, 24 + 20 + 24],
    );
    t.end();
  });
  t.test('is lost when the router is wrong about the MTU', (t) => {
    const { give, taken, drops } = routerLab({ egress: 'tunnel', tunnel_mtu: 1500 });
    give('lan', big);
    t.same(taken(), []);
    t.equal(drops('router_mtu_exceeded'), 1);
    t.end();
  });
  t.test('learned from an ICMP error about the tunnel itself', (t) => {
    const { give, taken } = routerLab({ egress: 'tunnel' });
    const fits: FrameSpec = { ip: { ...OUT, dontFragment: true }, udp: {}, payload: 1448 };
    give('lan', fits);
    const [sent] = taken();
    const error = { source: '203.0.113.1', destination: CUSTOMER };
    give('r1.isp', {
      ip: error,
      icmp: { type: 3, code: 4, mtu: 1400 },
      payload: sent!.bytes.subarray(0, 60),
    });
    give('lan', fits);
    const [told] = taken();
    t.equal(told?.port, 'lan');
    t.equal((told!.bytes[26]! << 8) | told!.bytes[27]!, 1376);
    t.end();
  });
});

t.test('TTL runs out: ICMP time exceeded from the address of the interface', (t) => {
  const { give, taken, drops } = routerLab();
  give('lan', { ip: { ...OUT, ttl: 1 }, udp: {} });
  give('r1.isp', { ip: { ...IN, ttl: 1 }, udp: {} });
  give('r1.isp', { ip: OUTER_IN, gre: {}, inner: { ip: { ...IN, ttl: 1 }, udp: {} } });
  t.same(
    taken().map(({ port, bytes }) => [port, bytes[20], bytes.subarray(12, 16).join('.')]),
    [
      ['lan', 11, CUSTOMER],
      ['r1.isp', 11, CUSTOMER],
      ['r1.isp', 11, '10.100.0.9'],
    ],
  );
  t.equal(drops('time_exceeded'), 3);
  t.end();
});

const TWO_TUNNELS = [
  tunnelConfig('acme_1'),
  tunnelConfig('acme_2', { customer_gre_endpoint: '203.0.113.20', interface_address: '10.100.0.10/31' }),
];
const TWO_UPLINKS = [
  { name: 'r1.one', provider: 'one', address: CUSTOMER, down: path(), up: path() },
  { name: 'r1.two', provider: 'two', address: '203.0.113.20', down: path(), up: path() },
];
const BOTH: Partial<RouterSpec> = { tunnels: ['acme_1', 'acme_2'], uplinks: TWO_UPLINKS };

/** How many of 200 flows leave by each port. */
function share({ give, taken }: RouterLab): Record<string, number> {
  for (let i = 0; i < 200; i++) give('lan', { ip: OUT, udp: { sourcePort: 1000 + i } });
  const counts: Record<string, number> = {};
  for (const { port } of taken()) counts[port] = (counts[port] ?? 0) + 1;
  return counts;
}

t.test('egress through two tunnels', (t) => {
  const ecmp = routerLab({ ...BOTH, egress: 'tunnel' }, { tunnels: TWO_TUNNELS });
  const both = share(ecmp);
  t.ok(both['r1.one']! > 70 && both['r1.two']! > 70, JSON.stringify(both));
  t.same(share(ecmp), both, 'the same flow stays');
  ecmp.ways[1]!.up = false;
  t.same(share(ecmp), { 'r1.two': 200 });

  const primary = routerLab(
    { ...BOTH, egress: 'tunnel', tunnel_egress: 'primary' },
    { tunnels: TWO_TUNNELS },
  );
  t.same(share(primary), { 'r1.one': 200 });
  primary.router.setBroken('acme_1', true);
  t.same(share(primary), {}, 'lost, until the router knows');
  t.equal(primary.drops('link_down'), 200);
  t.ok(primary.router.reaches('acme_1'));
  primary.world.scheduler.run(4 * SECOND);
  t.notOk(primary.router.reaches('acme_1'));
  t.same(share(primary), { 'r1.two': 200 });
  primary.router.setBroken('acme_1', false);
  primary.world.scheduler.run(8 * SECOND);
  t.same(share(primary), { 'r1.one': 200 });
  t.end();
});

t.test('egress by ISP: the first that is up, one own address by its own', (t) => {
  const lab = routerLab(BOTH, { tunnels: TWO_TUNNELS });
  t.same(share(lab), { 'r1.one': 200 });
  lab.ways[1]!.up = false;
  t.same(share(lab), { 'r1.two': 200 });
  lab.ways[1]!.up = true;
  const probe: FrameSpec = { ip: { source: '203.0.113.20', destination: ANYCAST }, icmp: { type: 0 } };
  lab.give('r1.one', { ip: OUTER_IN, gre: {}, inner: probe });
  t.same(
    lab.taken().map(({ port }) => port),
    ['r1.two'],
  );
  lab.ways[1]!.up = false;
  lab.ways[2]!.up = false;
  t.same(share(lab), {});
  t.equal(lab.drops('destination_unreachable'), 200);
  t.end();
});

t.test('a failed router drops everything', (t) => {
  const { router, give, taken, drops } = routerLab();
  router.up = false;
  give('lan', { ip: OUT, udp: {} });
  give('r1.isp', { ip: OUTER_IN, gre: {}, inner: { ip: IN, udp: {} } });
  t.equal(drops('router_down'), 2);
  t.same(taken(), []);
  t.notOk(router.reaches('acme_1'));
  t.end();
});

t.test('tunnels change with the network', (t) => {
  const { world, router, give, taken, drops } = routerLab();
  const spec = routerSpec({ tunnels: ['acme_1', 'acme_9'] });
  updateTunnels(world, router, spec, networkConfig({ tunnels: [tunnelConfig('acme_9', { key: 9 })] }));
  give('r1.isp', { ip: OUTER_IN, gre: {}, inner: { ip: IN, udp: {} } });
  t.equal(drops('tunnel_unknown'), 1);
  give('r1.isp', { ip: OUTER_IN, gre: { key: 9 }, inner: { ip: IN, udp: {} } });
  t.equal(taken().length, 1);
  t.end();
});

t.test('a tunnel in the tunnel', (t) => {
  const siteTunnel = {
    name: 'branch',
    local: '192.0.2.1',
    remote: '203.0.113.99',
    mtu: 1476,
    prefixes: ['10.9.0.0/16'],
  };
  const { give, taken, drops } = routerLab({ egress: 'tunnel', site_tunnels: [siteTunnel] });
  const data: FrameSpec = {
    ip: { source: WEB, destination: '10.9.1.1', dontFragment: true },
    udp: {},
    payload: 100,
  };
  give('lan', data);
  const middle = { source: '192.0.2.1', destination: '203.0.113.99', dontFragment: true };
  const outer = { ...OUTER_OUT, dontFragment: true };
  const nested: FrameSpec = { ip: outer, gre: {}, inner: { ip: middle, gre: {}, inner: hop(data) } };
  t.same(taken(), [{ port: 'r1.isp', bytes: buildPacket(nested) }]);
  const back: FrameSpec = { ip: { source: '10.9.1.1', destination: WEB }, udp: {}, payload: 100 };
  const reverse = { source: middle.destination, destination: middle.source };
  give('r1.isp', { ip: OUTER_IN, gre: {}, inner: { ip: reverse, gre: {}, inner: back } });
  t.same(taken(), [{ port: 'lan', bytes: buildPacket(hop(back)) }]);
  // 1476 + 24 is more than the tunnel of the edge takes: the branch's MTU has to be 24 lower.
  give('lan', { ...data, payload: 1448 });
  t.equal(drops('router_mtu_exceeded'), 1);
  t.same(taken(), []);
  t.end();
});

t.test('circuits', async (t) => {
  const interconnect: InterconnectConfig = {
    ...{ name: 'cni1', description: '', colo: 'fra', device: 'a', kind: 'direct', product: 'classic' },
    ...{ interface_address: '172.16.0.0/31', speed: 10e9, links: 1, vlan: null, mtu: 1500, gre_less: false },
    ...{ bfd: false, light_level_dbm: -5, health_check: tunnelConfig('x').health_check },
    dataplane: 2,
  };
  const circuits = [{ interconnect: 'cni1', vlan: null, path: path() }];

  t.test('dataplane 2: plain packets both ways', (t) => {
    const lab = routerLab(
      { circuits, egress: 'tunnel', tunnels: [] },
      { interconnects: [{ ...interconnect, dataplane: 2 }], tunnels: [] },
    );
    lab.give('cni1', { ip: IN, udp: {} });
    lab.give('lan', { ip: OUT, udp: {} });
    lab.give('cni1', { ip: { source: '172.16.0.0', destination: '172.16.0.1' }, icmp: { type: 8 } });
    t.same(
      lab.taken().map(({ port, bytes }) => [port, bytes.length]),
      [
        ['lan', 28],
        ['cni1', 28],
        ['cni1', 28],
      ],
    );
    t.end();
  });
  t.test('dataplane 1: GRE over the circuit; without GRE towards the customer only', (t) => {
    const lab = routerLab(
      { circuits, egress: 'tunnel' },
      {
        interconnects: [{ ...interconnect, dataplane: 1, gre_less: true }],
        tunnels: [tunnelConfig('acme_1', { interconnect: 'cni1' })],
      },
    );
    lab.give('cni1', { ip: IN, udp: {} });
    lab.give('cni1', { ip: OUTER_IN, gre: {}, inner: { ip: IN, udp: {} } });
    lab.give('lan', { ip: OUT, udp: {} });
    t.same(
      lab.taken().map(({ port, bytes }) => [port, bytes.length]),
      [
        ['lan', 28],
        ['lan', 28],
        ['cni1', 52],
      ],
    );
    lab.ways[2]!.up = false;
    t.notOk(lab.router.reaches('acme_1'));
    t.end();
  });
});

t.test('LAN_PORT is the LAN', (t) => {
  t.equal(routerLab().router.port('lan'), LAN_PORT);
  t.throws(() => routerLab().router.port('nowhere'), RangeError);
  t.end();
});
