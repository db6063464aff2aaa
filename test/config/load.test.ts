import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { isGiven, loadConfig, parseConfig, positionOf } from '../../src/config/load.js';
import { DAEMON_DEFAULTS } from '../../src/config/daemon-config.js';
import { ConfigError } from '../../src/config/problem.js';
import { EXAMPLE, withTunnel } from './example.js';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return '';
}

t.test('the smallest useful file works as written', async (t) => {
  t.strictSame(parseConfig(EXAMPLE, 'grebe.yaml'), {
    node: { name: 'fra-1', colo: 'fra', region: 'WEUR' },
    dataplane: { max_nesting_depth: 1 },
    tunnels: [
      {
        name: 'acme_fra_1',
        description: '',
        cloudflare_gre_endpoint: '198.51.100.1',
        customer_gre_endpoint: '203.0.113.10',
        interface_address: '10.100.0.8/31',
        interface_address6: null,
        key: 42,
        checksum: false,
        sequence: false,
        mode: 'gre',
        ttl: 64,
        mtu: 1476,
        mss_clamp: { from_tunnel: 'auto', to_tunnel: 'auto' },
        clear_dont_fragment_bit: false,
        allowed_sources: ['192.0.2.0/24'],
        dscp: 'inherit',
        health_check: {
          enabled: false,
          type: 'reply',
          direction: 'unidirectional',
          rate: 'mid',
          target: null,
        },
        automatic_return_routing: false,
        interconnect: null,
      },
    ],
    routes: [
      {
        prefix: '192.0.2.0/24',
        nexthop: 'acme_fra_1',
        priority: 100,
        weight: 64,
        description: '',
        scope: { colo_regions: ['WEUR'], colo_names: [] },
      },
    ],
    daemon: DAEMON_DEFAULTS,
  });
});

t.test('defaults, and names from iproute2 habit', async (t) => {
  const config = parseConfig(withTunnel('', 'routes:\n  - { prefix: 10.0.0.0/8, nexthop: a }\n'), 'x');
  t.match(config.node, { name: 'n', colo: null, region: null });
  t.match(config.tunnels[0], {
    cloudflare_gre_endpoint: '198.51.100.1',
    customer_gre_endpoint: '203.0.113.1',
    interface_address: null,
    key: null,
    mode: 'gre',
    ttl: 64,
    mtu: 1476,
    allowed_sources: null,
    dscp: 'inherit',
  });
  t.match(config.routes[0], { priority: 100, weight: 1, scope: null });
  t.strictSame(parseConfig('node: {name: n}', 'x').tunnels, []);
});

t.test('the default MTU is 1500 less everything in use', async (t) => {
  const mtu = (keys: string) => parseConfig(withTunnel(keys), 'x').tunnels[0]?.mtu;
  t.equal(mtu(''), 1476);
  t.equal(mtu('    key: 0\n'), 1472, 'key 0 is a key');
  t.equal(mtu('    key: 1\n    checksum: true\n    sequence: true\n'), 1464);
  t.equal(mtu('    mode: gretap\n'), 1462);
  const six = 'node: {name: n}\ntunnels: [{name: a, local: "2001:db8::1", remote: "2001:db8::2"}]';
  t.equal(parseConfig(six, 'x').tunnels[0]?.mtu, 1456);
});

t.test('values in all their spellings', async (t) => {
  const tunnel = (keys: string) => parseConfig(withTunnel(keys), 'x').tunnels[0];
  t.equal(tunnel('    key: 0x2a\n')?.key, 42);
  t.equal(tunnel('    key: 0.0.1.2\n')?.key, 258);
  t.equal(tunnel('    key: 255.255.255.255\n')?.key, 4294967295);
  t.equal(tunnel('    dscp: 46\n')?.dscp, 46);
  const clamp = (value: string) => tunnel(`    mss_clamp: ${value}\n`)?.mss_clamp;
  for (const off of ['off', 'false', '"off"'])
    t.strictSame(clamp(off), { from_tunnel: 'off', to_tunnel: 'off' });
  t.strictSame(clamp('1400'), { from_tunnel: 1400, to_tunnel: 1400 });
  t.strictSame(clamp('{ to_tunnel: 1300 }'), { from_tunnel: 'auto', to_tunnel: 1300 });
  t.strictSame(clamp('{ from_tunnel: false, to_tunnel: auto }'), { from_tunnel: 'off', to_tunnel: 'auto' });
  t.strictSame(
    tunnel('    allowed_sources: [2001:DB8:0::/32, "::ffff:192.0.2.0/120", 192.0.2.0/24, 0.0.0.0/0]\n')
      ?.allowed_sources,
    ['2001:db8::/32', '192.0.2.0/24', '0.0.0.0/0'],
    'canonical, once each',
  );
  t.strictSame(tunnel('    allowed_sources: []\n')?.allowed_sources, []);
  t.equal(tunnel('    interface_address6: 2001:DB8::1/127\n')?.interface_address6, '2001:db8::1/127');
  t.equal(tunnel('    interface_address: 10.0.0.2/30\n')?.interface_address, '10.0.0.2/30');
});

t.test('next hops by name and by address', async (t) => {
  const resolve = (nexthop: string, more = '') =>
    parseConfig(
      withTunnel(
        '    interface_address: 10.0.0.9/31\n    interface_address6: 2001:db8::1/64\n',
        `${more}routes: [{ prefix: 192.0.2.0/24, nexthop: "${nexthop}" }]\n`,
      ),
      'x',
    ).routes[0]?.nexthop;
  for (const nexthop of ['a', '10.0.0.8', '10.0.0.9', '2001:db8::2', '2001:db8:0:0::ffff'])
    t.equal(resolve(nexthop), 'a', nexthop);
  t.throws(() => resolve('10.0.0.10'), /expected an address of the interface_address/);
  t.throws(() => resolve('2001:db8:0:1::'), ConfigError);
  const twin = '  - { name: b, local: 198.51.100.1, remote: 203.0.113.2, interface_address: 10.0.0.8/31 }\n';
  t.throws(() => resolve('10.0.0.8', twin), /of one tunnel, not of several \(a, b\): give the tunnel's name/);
});

t.test('a scope without entries is everywhere', async (t) => {
  for (const scope of ['{}', '{ colo_regions: [] }', '{ colo_regions: [], colo_names: [] }']) {
    const text = withTunnel('', `routes: [{ prefix: 192.0.2.0/24, nexthop: a, scope: ${scope} }]`);
    t.equal(parseConfig(text, 'x').routes[0]?.scope, null, scope);
  }
});

t.test('places of values, under the names of the Config', async (t) => {
  const config = parseConfig(withTunnel('    ttl: 9\n'), 'f.yaml');
  const at = (line: number, column: number) => ({ file: 'f.yaml', line, column });
  t.strictSame(positionOf(config, ['tunnels', 0, 'ttl']), at(6, 10));
  t.strictSame(positionOf(config, ['tunnels', 0, 'ttl'], 'key'), at(6, 5));
  t.strictSame(positionOf(config, ['tunnels', 0, 'cloudflare_gre_endpoint']), at(4, 12));
  t.strictSame(positionOf(config, ['tunnels', 0, 'customer_gre_endpoint'], 'key'), at(5, 5));
  t.strictSame(positionOf(config, ['tunnels', 0, 'mtu']), at(3, 5), 'a default: the tunnel');
  t.strictSame(positionOf(config, ['tunnels', 7, 'mtu']), at(3, 3), 'not there: the list');
  t.strictSame(positionOf(config, []), at(1, 1));
  t.equal(isGiven(config, ['tunnels', 0, 'ttl']), true);
  t.equal(isGiven(config, ['tunnels', 0, 'mtu']), false);
  t.equal(isGiven(config, ['tunnels', 0, 'cloudflare_gre_endpoint']), true);
  const copy = structuredClone(config);
  t.strictSame(copy, config, 'a Config is plain data');
  t.equal(positionOf(copy, ['tunnels']), null);
  t.equal(isGiven(copy, ['tunnels']), false);
});

t.test('anchors, aliases and merge keys', async (t) => {
  const text = `node: { name: n }
tunnels:
  - &base
    name: a
    local: 198.51.100.1
    remote: 203.0.113.1
    ttl: 9
    allowed_sources: &sources [192.0.2.0/24]
  - <<: *base
    name: b
    remote: 203.0.113.2
  - <<: [{ name: c, ttl: 7 }, *base]
    remote: 203.0.113.3
  - { name: d, local: 198.51.100.1, remote: 203.0.113.4, allowed_sources: *sources }
`;
  const config = parseConfig(text, 'x');
  t.strictSame(
    config.tunnels.map((tunnel) => [tunnel.name, tunnel.ttl, tunnel.customer_gre_endpoint]),
    [
      ['a', 9, '203.0.113.1'],
      ['b', 9, '203.0.113.2'],
      ['c', 7, '203.0.113.3'],
      ['d', 64, '203.0.113.4'],
    ],
  );
  t.strictSame(config.tunnels[3]?.allowed_sources, ['192.0.2.0/24']);
  t.match(positionOf(config, ['tunnels', 1, 'ttl']), { line: 7, column: 10 }, 'where it is written');
  t.match(positionOf(config, ['tunnels', 2, 'ttl']), { line: 12, column: 26 });
});

t.test('an alias means the anchor in front of it', async (t) => {
  const text = `node: { name: n }
tunnels:
  - { name: a, local: 198.51.100.1, remote: 203.0.113.1, ttl: &x 9 }
  - &b { name: b, local: 198.51.100.1, remote: 203.0.113.2, ttl: *x, mtu: &x 1000 }
  - { name: c, <<: *b, remote: 203.0.113.3, mtu: *x }
`;
  t.strictSame(
    parseConfig(text, 'x').tunnels.map((tunnel) => [tunnel.ttl, tunnel.mtu]),
    [
      [9, 1476],
      [9, 1000],
      [9, 1000],
    ],
  );
});

t.test('files', async (t) => {
  const dir = t.testdir({ 'good.yaml': EXAMPLE });
  t.equal(loadConfig(join(dir, 'good.yaml')).node.name, 'fra-1');

  const file = (name: string, bytes: Uint8Array | string) => {
    const path = join(dir, name);
    writeFileSync(path, bytes);
    return path;
  };
  const bom = Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(EXAMPLE)]);
  t.equal(loadConfig(file('bom.yaml', bom)).node.name, 'fra-1');
  t.equal(parseConfig(`\ufeff${EXAMPLE}`, 'x').node.name, 'fra-1');
  t.equal(loadConfig(file('crlf.yaml', EXAMPLE.replaceAll('\n', '\r\n'))).routes.length, 1);
  t.equal(loadConfig(file('c.json', '{"node": {"name": "json"}}')).node.name, 'json', 'JSON is YAML');

  const missing = join(dir, 'none.yaml');
  t.equal(
    messageOf(() => loadConfig(missing)),
    `${missing}: cannot be read: there is no such file`,
  );
  mkdirSync(join(dir, 'folder'));
  t.match(
    messageOf(() => loadConfig(join(dir, 'folder'))),
    /folder: cannot be read: it is a directory, expected a YAML file$/,
  );
  t.match(
    messageOf(() => loadConfig('a\0b')),
    /cannot be read: /,
  );
  const latin = file('latin.yaml', Buffer.from('node:\n  name: f\xfcr\n', 'latin1'));
  t.equal(
    messageOf(() => loadConfig(latin)),
    `${latin}:2:10: is not UTF-8 text`,
  );
  const wide = file('wide.yaml', Buffer.from(`\ufeff${EXAMPLE}`, 'utf16le'));
  t.equal(
    messageOf(() => loadConfig(wide)),
    `${wide}:1:1: is not UTF-8 text`,
  );
});

t.test('ten thousand tunnels and routes', async (t) => {
  const numbers = Array.from({ length: 10_000 }, (_, i) => `${i >> 8}.${i & 255}`);
  const tunnels = numbers.map(
    (n, i) =>
      `  - { name: t${i}, local: 198.51.100.1, remote: 20.${n}.1, key: ${i}, allowed_sources: [30.${n}.0/24] }\n`,
  );
  const routes = numbers.map((n, i) => `  - { prefix: 30.${n}.0/24, nexthop: t${i}, weight: 64 }\n`);
  const text = `node: { name: n }\ntunnels:\n${tunnels.join('')}routes:\n${routes.join('')}`;
  const config = parseConfig(text, 'large.yaml');
  t.equal(config.routes.length, 10_000);
  t.strictSame(positionOf(config, ['tunnels', 9_999, 'key'])?.line, 10_002);
});

t.test('health checks, return routing and interconnects', async (t) => {
  const tunnel = (keys: string) => parseConfig(withTunnel(keys), 'f').tunnels[0];
  const given = tunnel(
    '    interface_address: 10.0.0.0/31\n    interconnect: cni_1\n    automatic_return_routing: true\n    health_check: { type: request, direction: bidirectional, rate: high, target: "2001:DB8::1" }\n',
  );
  t.equal(given?.interconnect, 'cni_1');
  t.equal(given?.automatic_return_routing, true);
  t.strictSame(given?.health_check, {
    enabled: true,
    type: 'request',
    direction: 'bidirectional',
    rate: 'high',
    target: '2001:db8::1',
  });
  const off = tunnel('    health_check: { enabled: false, direction: bidirectional }\n');
  t.equal(off?.health_check.enabled, false, 'what is off needs no address');
  t.equal(tunnel('')?.health_check.enabled, false, 'a node does not probe without being asked to');
  t.equal(tunnel('    health_check: {}\n')?.health_check.enabled, true, 'an empty one asks');
});
