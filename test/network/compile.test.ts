import fc from 'fast-check';
import t from 'tap';
import { formatAddress } from '../../src/config/address.js';
import { parseConfig } from '../../src/config/load.js';
import { ConfigError } from '../../src/config/problem.js';
import { Tables, type TablesSpec } from '../../src/dataplane/tables.js';
import { compile } from '../../src/network/compile.js';
import { EXAMPLE, withTunnel } from '../config/example.js';

function compiled(text: string): TablesSpec {
  return compile(parseConfig(text, 'f'));
}

function tunnel(keys: string): TablesSpec['tunnels'][number] {
  return compiled(withTunnel(keys)).tunnels[0]!;
}

/** Tables for tunnels `a`, `b`, `c` and these routes on a node in Frankfurt. */
function routed(routes: string[], node = '{ name: n, colo: fra, region: WEUR }'): Record<string, string> {
  const tunnels = ['a', 'b', 'c'].map(
    (name, i) => `  - { name: ${name}, local: 192.0.2.1, remote: 192.0.2.${i + 2} }\n`,
  );
  const lines = routes.map((route) => `  - { ${route} }\n`);
  const spec = compiled(
    `node: ${node}\ntunnels:\n${tunnels.join('')}routes:${lines.length === 0 ? ' []' : ''}\n${lines.join('')}`,
  );
  return Object.fromEntries(
    spec.routes.map(({ address, length, nexthops }) => [
      `${formatAddress(address)}/${length}`,
      nexthops.map((n) => `${spec.tunnels[n.tunnel]!.name}*${n.weight}`).join(' '),
    ]),
  );
}

t.test('the smallest useful file', async (t) => {
  const spec = compiled(EXAMPLE);
  t.strictSame(spec, {
    tunnels: [
      {
        name: 'acme_fra_1',
        mode: 'gre',
        local: Uint8Array.of(198, 51, 100, 1),
        remote: Uint8Array.of(203, 0, 113, 10),
        key: 42,
        checksum: false,
        sequence: false,
        ttl: 64,
        mtu: 1476,
        dscp: null,
        clampFrom: { v4: 1436, v6: 1416 },
        clampTo: { v4: 1436, v6: 1416 },
        clearDontFragment: false,
        allowedSources: [{ address: Uint8Array.of(192, 0, 2, 0), length: 24 }],
        icmpSource4: Uint8Array.of(10, 100, 0, 8),
        icmpSource6: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe, 198, 51, 100, 1),
        icmpSourceToOverlay4: Uint8Array.of(10, 100, 0, 9),
      },
    ],
    routes: [
      { address: Uint8Array.of(192, 0, 2, 0), length: 24, nexthops: [{ tunnel: 0, weight: 64 }] },
      {
        address: Uint8Array.of(10, 100, 0, 8),
        length: 31,
        nexthops: [{ tunnel: 0, weight: 1 }],
        connected: true,
      },
    ],
    locals: [{ address: Uint8Array.of(10, 100, 0, 8), tunnel: 0 }],
    maxNestingDepth: 1,
  });
  t.equal(Tables.build(spec).tunnelCount, 1, 'the dataplane takes it');
});

t.test('options of a tunnel', async (t) => {
  t.match(tunnel(''), { key: null, mtu: 1476, allowedSources: null, clampTo: { v4: 1436, v6: 1416 } });
  t.strictSame(tunnel('    mss_clamp: 1400\n').clampFrom, { v4: 1400, v6: 1400 });
  t.strictSame(tunnel('    mss_clamp: off\n').clampTo, { v4: 0, v6: 0 });
  const both = tunnel('    mtu: 1300\n    mss_clamp: { from_tunnel: off, to_tunnel: auto }\n');
  t.match(both, { clampFrom: { v4: 0, v6: 0 }, clampTo: { v4: 1260, v6: 1240 } });
  t.match(tunnel('    mtu: 576\n'), { clampTo: { v4: 536, v6: 516 } });
  t.match(tunnel('    mode: gretap\n    dscp: 46\n    clear_dont_fragment_bit: true\n    checksum: true\n'), {
    mode: 'gretap',
    mtu: 1458,
    dscp: 46,
    clearDontFragment: true,
    checksum: true,
  });
  t.strictSame(tunnel('    allowed_sources: []\n').allowedSources, []);
  t.equal(compiled('node: {name: n}\ndataplane: {max_nesting_depth: 3}').maxNestingDepth, 3);
});

t.test('sources of ICMP errors', async (t) => {
  const sources = (keys: string) => {
    const { icmpSource4, icmpSource6, icmpSourceToOverlay4 } = compiled(
      `node: {name: n}\ntunnels: [{name: a, ${keys}}]`,
    ).tunnels[0]!;
    return [icmpSource4, icmpSource6, icmpSourceToOverlay4].map(formatAddress);
  };
  const four = 'local: 192.0.2.1, remote: 192.0.2.2';
  const six = 'local: "2001:db8::1", remote: "2001:db8::2"';
  t.strictSame(sources(four), ['192.0.2.1', 'fe80::200:5efe:c000:201', '192.0.0.8']);
  t.strictSame(sources(six), ['192.0.0.8', '2001:db8::1', '192.0.0.8']);
  const inner = 'interface_address: 10.0.0.9/31, interface_address6: "fd00::1/127"';
  t.strictSame(sources(`${four}, ${inner}`), ['10.0.0.9', 'fd00::1', '10.0.0.8']);
  t.strictSame(sources(`${six}, ${inner}`), ['10.0.0.9', 'fd00::1', '10.0.0.8']);
});

t.test('priority: the lowest number alone, per prefix', async (t) => {
  t.strictSame(
    routed([
      'prefix: 10.0.0.0/8, nexthop: a, priority: 200',
      'prefix: 10.0.0.0/8, nexthop: b, priority: 50',
      'prefix: 10.0.0.0/9, nexthop: c, priority: 300',
      'prefix: 2001:db8::/32, nexthop: c',
      'prefix: 0.0.0.0/0, nexthop: a, priority: 0',
    ]),
    { '10.0.0.0/8': 'b*1', '10.0.0.0/9': 'c*1', '2001:db8::/32': 'c*1', '0.0.0.0/0': 'a*1' },
  );
});

t.test('equal priority: all of them, by weight', async (t) => {
  t.strictSame(
    routed([
      'prefix: 10.0.0.0/8, nexthop: c, weight: 64',
      'prefix: 10.0.0.0/8, nexthop: a, weight: 192',
      'prefix: 10.0.0.0/8, nexthop: b, priority: 101',
    ]),
    { '10.0.0.0/8': 'a*192 c*64' },
  );
  t.strictSame(
    routed([
      'prefix: 10.0.0.0/8, nexthop: a, weight: 64',
      'prefix: 10.0.0.0/8, nexthop: a, weight: 6',
      'prefix: 10.0.0.0/8, nexthop: b, weight: 200',
      'prefix: 10.0.0.0/8, nexthop: b, weight: 200',
    ]),
    { '10.0.0.0/8': 'a*70 b*256' },
    'a next hop given twice counts once, with both weights, 256 at most',
  );
});

t.test('scope: region or PoP', async (t) => {
  const routes = [
    'prefix: 10.0.0.0/16, nexthop: a, scope: { colo_regions: [WEUR, ENAM] }',
    'prefix: 10.1.0.0/16, nexthop: a, scope: { colo_regions: [ENAM] }',
    'prefix: 10.2.0.0/16, nexthop: a, scope: { colo_names: [FRA] }',
    'prefix: 10.3.0.0/16, nexthop: a, scope: { colo_regions: [ENAM], colo_names: [fra] }',
    'prefix: 10.4.0.0/16, nexthop: a, scope: { colo_names: [lhr] }',
    'prefix: 10.5.0.0/16, nexthop: a, scope: {}',
    // The better route is not there on this node.
    'prefix: 10.6.0.0/16, nexthop: b, priority: 1, scope: { colo_regions: [ENAM] }',
    'prefix: 10.6.0.0/16, nexthop: c, priority: 2',
  ];
  t.strictSame(routed(routes), {
    '10.0.0.0/16': 'a*1',
    '10.2.0.0/16': 'a*1',
    '10.3.0.0/16': 'a*1',
    '10.5.0.0/16': 'a*1',
    '10.6.0.0/16': 'c*1',
  });
  t.strictSame(
    Object.keys(routed(routes, '{ name: n }')),
    ['10.5.0.0/16', '10.6.0.0/16'],
    'a node without region and PoP has the unscoped routes',
  );
});

t.test('interface addresses: ours, and the way to the other end', async (t) => {
  const interfaces = (keys: readonly string[], routes: readonly string[] = []) => {
    const tunnels = keys.map(
      (key, i) => `  - { name: ${'abc'[i] ?? ''}, local: 192.0.2.1, remote: 192.0.2.${i + 2}, ${key} }\n`,
    );
    const lines = routes.map((route) => `  - { ${route} }\n`);
    const head = `node: { name: n }\ntunnels:\n${tunnels.join('')}routes:${lines.length === 0 ? ' []' : ''}\n`;
    const spec = compiled(head + lines.join(''));
    const nameOf = (tunnel: number): string => spec.tunnels[tunnel]!.name;
    t.equal(Tables.build(spec).tunnelCount, keys.length, 'the dataplane takes it');
    return {
      locals: spec.locals.map(({ address, tunnel }) => `${formatAddress(address)} ${nameOf(tunnel)}`),
      routes: spec.routes.map(
        ({ address, length, nexthops, connected }) =>
          `${formatAddress(address)}/${length} ${nexthops.map((n) => nameOf(n.tunnel)).join('+')}${connected === true ? ' connected' : ''}`,
      ),
    };
  };
  t.same(
    interfaces([
      'interface_address: 10.0.0.9/31, interface_address6: "fd00::1/64"',
      'interface_address: 10.0.0.14/30',
    ]),
    {
      locals: ['10.0.0.9 a', 'fd00::1 a', '10.0.0.14 b'],
      routes: ['10.0.0.8/31 a connected', 'fd00::/64 a connected', '10.0.0.12/30 b connected'],
    },
  );
  t.same(
    interfaces(
      ['interface_address: 10.0.0.8/31', 'interface_address: 10.0.0.10/31'],
      [
        'prefix: 10.0.0.8/31, nexthop: b',
        'prefix: 10.0.0.0/8, nexthop: a',
        'prefix: 10.0.0.8/32, nexthop: b',
      ],
    ),
    {
      locals: ['10.0.0.8 a', '10.0.0.10 b'],
      routes: ['10.0.0.8/31 b', '10.0.0.0/8 a', '10.0.0.8/32 b', '10.0.0.10/31 b connected'],
    },
    'a configured route for the same prefix wins',
  );
  t.same(
    interfaces([
      'interface_address6: "fe80::1/64"',
      'interface_address6: "fe80::1/64"',
      'interface_address6: "fd00::1/128"',
    ]),
    { locals: ['fe80::1 a', 'fd00::1 c'], routes: [] },
    'nobody is behind a link-local or a lonely address',
  );
  t.same(
    interfaces([
      'interface_address: 10.0.0.8/31',
      'interface_address: 10.0.0.9/31',
      'interface_address: 10.0.0.8/31',
    ]),
    { locals: ['10.0.0.8 a', '10.0.0.9 b'], routes: ['10.0.0.8/31 a connected'] },
    'the first tunnel of several',
  );
});

t.test('tunnels that no packet can tell apart', async (t) => {
  const twins = (more: string) =>
    `node: { name: n }\ntunnels:\n  - { name: a, local: 192.0.2.1, remote: 192.0.2.2, key: 5 }\n  - { name: b, ${more} }\n`;
  const same = 'local: 192.0.2.1, remote: "::ffff:192.0.2.2", key: 0.0.0.5, mode: gretap';
  try {
    compiled(twins(same));
    t.fail('no error');
  } catch (error) {
    t.type(error, ConfigError);
    t.equal(
      String(error),
      'ConfigError: f:4:5: tunnels[1]: no packet can tell b from a: both take GRE from 192.0.2.2 to 192.0.2.1 with key 5; give one of them another key',
    );
  }
  t.equal(compiled(twins('local: 192.0.2.1, remote: 192.0.2.2, key: 6')).tunnels.length, 2);
  t.equal(compiled(twins('local: 192.0.2.1, remote: 192.0.2.2')).tunnels.length, 2, 'one without key');
});

t.test('as worked out one prefix at a time, for any routes', async () => {
  const prefix = fc.constantFrom('10.0.0.0/8', '10.0.0.0/16', '10.1.0.0/16', '2001:db8::/32', '0.0.0.0/0');
  const route = fc.record({
    prefix,
    nexthop: fc.constantFrom('a', 'b', 'c'),
    priority: fc.constantFrom(10, 20, 30),
    weight: fc.integer({ min: 1, max: 256 }),
    region: fc.constantFrom('', 'WEUR', 'OC'),
  });
  fc.assert(
    fc.property(fc.array(route, { maxLength: 12 }), (routes) => {
      const lines = routes.map(
        (r) =>
          `prefix: ${r.prefix}, nexthop: ${r.nexthop}, priority: ${r.priority}, weight: ${r.weight}` +
          (r.region === '' ? '' : `, scope: { colo_regions: [${r.region}] }`),
      );
      const expected: Record<string, string> = {};
      const here = routes.filter((r) => r.region !== 'OC');
      for (const { prefix } of here) {
        const same = here.filter((r) => r.prefix === prefix);
        const best = same.filter((r) => same.every((other) => other.priority >= r.priority));
        const weights = ['a', 'b', 'c'].map((name) => {
          const weight = best.filter((r) => r.nexthop === name).reduce((sum, r) => sum + r.weight, 0);
          return weight === 0 ? '' : `${name}*${Math.min(256, weight)}`;
        });
        expected[prefix] = weights.filter((w) => w !== '').join(' ');
      }
      const actual = routed(lines);
      return (
        JSON.stringify(Object.entries(actual).sort()) === JSON.stringify(Object.entries(expected).sort())
      );
    }),
    { numRuns: 200 },
  );
});
