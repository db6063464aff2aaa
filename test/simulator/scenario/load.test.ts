import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ConfigError } from '../../../src/config/problem.js';
import { linkNames } from '../../../src/simulator/scenario/links.js';
import { loadScenario, parseScenario, positionOf, warningsOf } from '../../../src/simulator/scenario/load.js';
import { EVERYTHING } from './example.js';

const SECOND = 1e9;
const SMALLEST = 'name: smallest\nedge: { pops: [fra] }\n';

t.test('the smallest scenario, and its defaults', async (t) => {
  t.strictSame(parseScenario(SMALLEST, 'x'), {
    name: 'smallest',
    description: '',
    seed: 1,
    duration: 60 * SECOND,
    start: Date.UTC(2026, 0, 1),
    edge: {
      asn: 13335,
      endpoints: ['198.51.100.1', '198.51.100.2'],
      pops: [{ name: 'fra', region: 'WEUR', location: [50.11, 8.68], servers: 2, capacity: null }],
      spread_too_big: true,
      reassembly: true,
      convergence: 20 * SECOND,
      turn: 100_000,
    },
    network: {
      tunnels: [],
      interconnects: [],
      routes: [],
      bgp_sessions: [],
      prefixes: [],
      maintenance: [],
      alerts: [],
      endpoint_health_checks: [],
    },
    providers: [],
    sites: [],
    hosts: [],
    traffic: [],
    timeline: [],
    expect: [],
  });
});

t.test('every scenario of the library loads', async (t) => {
  const folder = fileURLToPath(new URL('../../../../scenarios/', import.meta.url));
  const files = readdirSync(folder).filter((name) => name.endsWith('.yaml'));
  t.ok(files.length >= 2);
  for (const name of files) {
    const scenario = loadScenario(join(folder, name));
    t.equal(`${scenario.name}.yaml`, name);
    t.ok(scenario.expect.length > 0, `${name} asserts something`);
    t.strictSame(parseScenario(readFileSync(join(folder, name), 'utf8'), name), scenario, 'twice the same');
  }
});

t.test('everything', async (t) => {
  const scenario = parseScenario(EVERYTHING, 'all.yaml');
  t.strictSame(warningsOf(scenario), []);
  t.equal(JSON.stringify(scenario), JSON.stringify(structuredClone(scenario)), 'plain data');
  const { edge, network, sites, timeline, expect, traffic, providers } = scenario;

  t.strictSame(
    edge.pops.map(({ name, servers, capacity, region }) => [name, servers, capacity, region]),
    [
      ['jnb', 4, 1e11, 'AFR'],
      ['sin', 4, 1e11, 'APAC'],
      ['waw', 4, 1e11, 'EEUR'],
      ['fra', 2, 1e11, 'WEUR'],
      ['lab', 4, 1e10, 'WEUR'],
    ],
    'the region of the nearest city',
  );
  t.equal(network.interconnects[1]?.colo, 'lab', 'as the PoP is called');
  t.equal(network.interconnects[1]?.health_check.direction, 'bidirectional');
  t.equal(network.tunnels[2]?.interconnect, 'cni_1', 'the circuit that leads to the endpoint');
  t.equal(network.routes[1]?.nexthop, 'two', 'by the address of its other end');
  t.strictSame(
    network.bgp_sessions.map(({ hold_time }) => hold_time),
    [30, 90],
  );
  t.strictSame(network.maintenance[0], {
    ...{ name: 'window', colo: 'fra', device: 'edge2', starts: 120, duration: 60 },
    ...{ announced: -3 * 86_400, emergency: false },
  });
  t.strictSame(providers[1], { name: 'isp_two', location: [50.11, 8.68] }, 'where its first site is');

  const r1 = sites[0]!.routers[0]!;
  const six = r1.uplinks[1]!;
  t.strictSame(r1.tunnels, ['one', 'two', 'over_cni', 'six']);
  t.strictSame(sites[1]?.routers[0]?.tunnels, ['late'], 'also what comes later');
  t.equal(six.name, 'r1.six');
  t.strictSame(
    [six.down, six.up].map(({ delay, loss, mtu, too_big, rate, queue }) => [
      ...[delay, loss, mtu, too_big, rate, queue],
    ]),
    [
      [1e6, 0.01, 1400, 'send', 1e9, 6_250_000],
      [9e6, 0, 1500, 'filter', 1e9, 6_250_000],
    ],
  );
  t.match(r1.circuits, [{ interconnect: 'cni_1', vlan: 200, path: { rate: 2e11, delay: 2e6 } }]);
  t.strictSame(
    r1.bgp.map(({ session, asn, announces }) => [session, asn, announces.length]),
    [
      ['acme_bgp', 65011, 2],
      ['tunnel_bgp', 65010, 1],
    ],
  );
  t.strictSame(r1.bgp[1]?.announces, [{ prefix: '192.0.2.0/25', communities: [], prepend: 0 }]);
  t.equal(sites[0]?.routers[1]?.egress, 'tunnel', 'nothing else leads out');
  t.strictSame(traffic[1], {
    ...{ name: 'voice', at: 0, until: null, type: 'udp', from: 'bots', to: 'web' },
    ...{ port: 5060, flows: 2, rate: 50, size: 200, echo: true },
  });

  t.strictSame(
    timeline.map(({ at, note }) => [at / SECOND, note]),
    [
      [5, 'fail fra/2'],
      [6, 'restore fra/2'],
      [7, 'fail cni_1/2'],
      [8, 'degrade cni_1'],
      [9, 'degrade cni_1 (over)'],
      [9, 'light_level cni_1'],
      [10, 'the first ISP fails'],
      [10, 'bgp_withdraw 192.0.2.0/25 on acme_bgp'],
      [11, 'bgp_announce 192.0.2.0/25 on acme_bgp'],
      [12, 'bgp_restart acme_bgp'],
      [13, 'relay lost'],
      [14, 'change'],
      [15, 'fail late'],
      [30, 'the first ISP fails (over)'],
    ],
    'in the order of time, with what `for` ends',
  );
  const change = timeline.find(({ action }) => action === 'change');
  t.match(change, {
    change: {
      put: {
        tunnels: [
          { name: 'one', mtu: 1400, customer_gre_endpoint: '203.0.113.10', automatic_return_routing: true },
          { name: 'late', mtu: 1476 },
        ],
        routes: [{ nexthop: 'one', priority: 50, weight: 70, scope: { colo_regions: ['WEUR'] } }],
        prefixes: [{ prefix: '203.0.114.0/24' }],
      },
      remove: { routes: ['203.0.112.0/24 via cni_1'], alerts: ['windows'] },
    },
  });

  t.strictSame(expect.map(({ name }) => name).slice(0, 4), [
    'reach pages to 30s',
    'share one of one+two is 70% within 5% from 1s to 5s',
    'gap pings max 2s',
    'failover the first ISP fails traffic pings max 1.5s',
  ]);
  t.match(expect[1], { nexthops: ['one'], of: ['one', 'two'], share: { min: 0.65, max: 0.75 } });
  t.match(expect[6], { name: 'down in Frankfurt', colo: 'fra', span: { from: 0, to: 20 * SECOND } });
  t.ok(linkNames(scenario).includes('cni_1.down'));
});

t.test('where things stand', async (t) => {
  const scenario = parseScenario(`${SMALLEST}hosts:\n  a: { at: fra, address: 198.18.0.1 }\n`, 'x.yaml');
  t.strictSame(positionOf(scenario, ['hosts', 'a', 'address']), { file: 'x.yaml', line: 4, column: 26 });
  t.strictSame(positionOf(scenario, ['hosts', 'a'], 'key'), { file: 'x.yaml', line: 4, column: 3 });
  t.equal(positionOf({ ...scenario }, ['hosts']), null, 'no file gave it');
  t.strictSame(warningsOf({ ...scenario }), []);
});

t.test('warnings do not refuse', async (t) => {
  const warnings = warningsOf(
    parseScenario(
      EVERYTHING.replace('weight: 30 }', 'weight: 30, scope: { colo_regions: [WEUR, SAM] } }'),
      'x',
    ),
  );
  t.strictSame(
    warnings.map(({ path, line, message }) => [path, line, message]),
    [['routes[1].scope.colo_regions[1]', 47, 'no PoP is in SAM: the route exists nowhere there']],
  );
});

t.test('files', async (t) => {
  const folder = t.testdir({ latin1: Buffer.from('name: \xe4', 'latin1') });
  const complaint = (path: string): string => {
    try {
      loadScenario(path);
    } catch (error) {
      if (error instanceof ConfigError) return error.message;
    }
    return '';
  };
  t.match(complaint(join(folder, 'none.yaml')), /none\.yaml: cannot be read: there is no such file$/);
  t.match(complaint(join(folder, 'latin1')), /latin1:1:7: is not UTF-8 text$/);
  mkdirSync(join(folder, 'd'));
  writeFileSync(join(folder, 'd', 'bom.yaml'), `\ufeff${SMALLEST}`);
  t.equal(loadScenario(join(folder, 'd', 'bom.yaml')).name, 'smallest');
});
