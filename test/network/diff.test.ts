import t from 'tap';
import { parseConfig } from '../../src/config/load.js';
import type { NetworkConfig } from '../../src/config/network.js';
import { diff, diffNode } from '../../src/network/change/diff.js';
import { countDiff, formatCounts, formatDiff } from '../../src/network/change/format-diff.js';
import { EXAMPLE } from '../config/example.js';
import { ACME, interconnectConfig, routeConfig, sessionConfig, tunnelConfig } from './example-network.js';

function text(after: Partial<NetworkConfig>, before: Partial<NetworkConfig> = {}): string {
  return formatDiff(diff({ ...ACME, ...before }, { ...ACME, ...after }));
}

t.test('nothing that a terminal would act upon', async (t) => {
  const tunnels = [
    tunnelConfig('acme_1', 1, { description: '\u001b[31mred\u0007' }),
    ...ACME.tunnels.slice(1),
  ];
  t.match(text({ tunnels }), /description: .*"\\u001b\[31mred\\u0007"/);
  t.notMatch(text({ tunnels }), '\u001b');
});

t.test('entries are data', async (t) => {
  const after: NetworkConfig = {
    ...ACME,
    tunnels: [
      ACME.tunnels[0]!,
      tunnelConfig('acme_2', 2, { mtu: 1400, mss_clamp: { from_tunnel: 'off', to_tunnel: 'auto' } }),
    ],
    interconnects: [],
    routes: [...ACME.routes.slice(0, 2), routeConfig('192.0.2.0/25', 'acme_2')],
  };
  t.strictSame(diff(ACME, ACME), []);
  const entries = diff(ACME, after);
  t.match(entries, [
    { op: 'change', kind: 'tunnels', name: 'acme_2', field: 'mtu', from: 1476, to: 1400 },
    {
      op: 'change',
      kind: 'tunnels',
      name: 'acme_2',
      field: 'mss_clamp.from_tunnel',
      from: 'auto',
      to: 'off',
    },
    {
      op: 'remove',
      kind: 'interconnects',
      name: 'cni_1',
      field: null,
      from: { colo: 'fra', 'health_check.rate': 'mid' },
      to: null,
    },
    { op: 'remove', kind: 'routes', name: '192.0.2.0/28 via cni_1' },
    {
      op: 'add',
      kind: 'routes',
      name: '192.0.2.0/25 via acme_2',
      field: null,
      from: null,
      to: { priority: 100 },
    },
  ]);
  t.equal(entries.length, 5);
  t.strictSame(JSON.parse(JSON.stringify(entries)), entries, 'plain');
  t.strictSame(countDiff(entries), { added: 1, changed: 1, removed: 2 });
  t.equal(formatCounts(countDiff(entries)), '1 added, 1 changed, 2 removed');
  t.equal(formatCounts(countDiff([])), 'nothing changed');
});

t.test('as people read it', async (t) => {
  t.equal(
    text({
      tunnels: [
        tunnelConfig('acme_1', 1, { allowed_sources: ['192.0.2.0/24', '10.0.0.0/8'] }),
        ACME.tunnels[1]!,
      ],
      routes: [
        ...ACME.routes.slice(1),
        routeConfig('192.0.2.0/25', 'acme_2', {
          weight: 70,
          scope: { colo_regions: ['WEUR'], colo_names: [] },
        }),
      ],
    }),
    `~ tunnel acme_1
    allowed_sources: none -> [192.0.2.0/24, 10.0.0.0/8]
- route 192.0.2.0/24 via acme_1
+ route 192.0.2.0/25 via acme_2
    priority: 100
    weight: 70
    scope.colo_regions: [WEUR]`,
  );
});

t.test('routes of one name are told apart by their scope', async (t) => {
  const route = (region: 'WEUR' | 'ENAM' | null, priority: number) =>
    routeConfig('192.0.2.0/24', 'acme_1', {
      priority,
      scope: region === null ? null : { colo_regions: [region], colo_names: [] },
    });
  t.equal(
    text(
      { routes: [route('WEUR', 100), route('ENAM', 300)] },
      { routes: [route('ENAM', 200), route('WEUR', 100)] },
    ),
    '~ route 192.0.2.0/24 via acme_1 in ENAM\n    priority: 200 -> 300',
  );
  t.equal(
    text({ routes: [route(null, 100), route('ENAM', 200)] }, { routes: [route(null, 100)] }).split('\n')[0],
    '+ route 192.0.2.0/24 via acme_1 in ENAM',
  );
  t.equal(
    text({ routes: [route('WEUR', 100)] }, { routes: [route(null, 100)] }),
    '~ route 192.0.2.0/24 via acme_1\n    scope.colo_regions: none -> [WEUR]',
  );
  const twice = route('WEUR', 100);
  t.equal(
    text({ routes: [twice, twice] }, { routes: [twice, twice, twice] }),
    '- route 192.0.2.0/24 via acme_1 in WEUR',
  );
  t.equal(
    text({ routes: [route('ENAM', 1), twice] }, { routes: [twice, route('ENAM', 1)] }),
    '',
    'in another order',
  );
});

t.test('keys stay secret', async (t) => {
  const session = (md5_key: string | null) => ({
    bgp_sessions: [sessionConfig('bgp', 'acme_1', { md5_key })],
  });
  t.equal(text(session('hush'), session(null)), '~ bgp session bgp\n    md5_key: none -> (secret)');
  t.equal(
    text(session('hush'), session('hash')),
    '~ bgp session bgp\n    md5_key: (secret) -> (another secret)',
  );
  t.equal(text(session(null), session('hash')), '~ bgp session bgp\n    md5_key: (secret) -> none');
  t.equal(text(session('hush'), session('hush')), '');
  for (const [before, after] of [
    [ACME, { ...ACME, ...session('hush') }],
    [{ ...ACME, ...session('hush') }, ACME],
  ] as const) {
    t.notMatch(JSON.stringify(diff(before, after)), /hush/);
  }
});

t.test('what comes and goes, of each kind', async (t) => {
  const more: Partial<NetworkConfig> = {
    interconnects: [...ACME.interconnects, interconnectConfig('cni_2', 2)],
    prefixes: [...ACME.prefixes, { prefix: '2001:db8::/32' }],
    bgp_sessions: [sessionConfig('bgp', 'cni_2')],
    maintenance: [
      { name: 'm1', colo: 'fra', device: null, starts: 10, duration: 10, announced: 0, emergency: true },
    ],
    alerts: [{ name: 'health', type: 'tunnel_health', slo: 0.99, tunnels: null }],
  };
  const heads = (lines: string): string[] => lines.split('\n').filter((line) => !line.startsWith(' '));
  const names = [
    'interconnect cni_2',
    'prefix 2001:db8::/32',
    'bgp session bgp',
    'maintenance m1',
    'alert health',
  ];
  t.strictSame(
    heads(text(more)),
    names.map((name) => `+ ${name}`),
  );
  t.strictSame(
    heads(text({}, more)),
    names.map((name) => `- ${name}`),
  );
});

t.test("settings of a node's configuration", async (t) => {
  const of = (before: string, after: string): string =>
    formatDiff(diffNode(parseConfig(before, 'f'), parseConfig(after, 'f')));
  t.equal(of(EXAMPLE, EXAMPLE), '');
  const after = EXAMPLE.replace('fra-1', 'fra-2').replace('ttl: 64', 'ttl: 63');
  t.equal(
    of(EXAMPLE, `${after}daemon: { workers: 7, log: { level: warn } }\n`),
    `~ tunnel acme_fra_1
    ttl: 64 -> 63
~ node
    name: fra-1 -> fra-2
~ daemon
    workers: ${parseConfig(EXAMPLE, 'f').daemon.workers} -> 7
    log.level: info -> warn`,
  );
});
