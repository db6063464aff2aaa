import t from 'tap';
import { parseConfig } from '../../src/config/load.js';
import { checkConfig, type CheckReport } from '../../src/network/check.js';
import { EXAMPLE, withTunnel } from '../config/example.js';

function check(text: string): CheckReport {
  return checkConfig(parseConfig(text, 'f'));
}

/** Findings as `severity code line path`. */
function findings(text: string): string[] {
  return check(text).findings.map((f) => `${f.severity} ${f.code} ${f.line ?? '-'} ${f.path}`);
}

function messageOf(text: string, code: string): string {
  return check(text).findings.find((finding) => finding.code === code)?.message ?? '';
}

const QUIET = '    allowed_sources: [192.0.2.0/24]\n';
const ROUTE = 'routes:\n  - { prefix: 192.0.2.0/24, nexthop: a }\n';

/** Findings of a tunnel with these keys beside a route and allowed sources, which give none. */
function ofTunnel(keys: string): string[] {
  return findings(withTunnel(`${QUIET}${keys}`, ROUTE));
}

/** Findings of tunnels `a` and `b` with these routes on a node in Frankfurt. */
function ofRoutes(...routes: string[]): string[] {
  return findings(routesText(routes));
}

function routesText(routes: string[], node = '{ name: n, colo: fra, region: WEUR }'): string {
  const tunnels = ['a', 'b'].map(
    (name, i) =>
      `  - { name: ${name}, local: 198.51.100.1, remote: 203.0.113.${i}, allowed_sources: [10.0.0.0/8] }\n`,
  );
  const lines = routes.map((route) => `  - { ${route} }\n`);
  return `node: ${node}\ntunnels:\n${tunnels.join('')}routes:\n${lines.join('')}`;
}

t.test('the smallest useful file: outer packets of 1504 bytes', async (t) => {
  const report = check(EXAMPLE);
  t.strictSame(report.counts, { error: 0, warning: 1, info: 0 });
  t.strictSame(report.findings, [
    {
      severity: 'warning',
      code: 'outer_packet_too_large',
      path: 'tunnels[0].mtu',
      file: 'f',
      line: 12,
      column: 10,
      message:
        'mtu 1476 and 28 bytes of overhead make outer packets of 1504 bytes; where the path takes 1500, large packets are lost (outer packets carry DF). Set mtu: 1472, or leave it out',
    },
  ]);
  t.match(report.tunnels, [
    {
      name: 'acme_fra_1',
      overhead: { outer_header: 20, gre: 8, ethernet: 0, total: 28 },
      mtu: 1476,
      outer_size: 1504,
      mss_clamp: { from_tunnel: { v4: 1436, v6: 1416 }, to_tunnel: { v4: 1436, v6: 1416 } },
      mss_advice: {
        v4: 1436,
        v6: 1416,
        dsr: /1436 \(IPv4\) and 1416 \(IPv6\) at the customer's physical egress interface, not on the tunnel/,
        with_egress: /1436 \(IPv4\) and 1416 \(IPv6\) on the tunnel interface; grebe does so$/,
      },
    },
  ]);
  t.strictSame(report.routes, [
    {
      prefix: '192.0.2.0/24',
      priority: 100,
      nexthops: [{ tunnel: 'acme_fra_1', weight: 64, percent: 100 }],
      backups: [],
    },
  ]);
  t.strictSame(JSON.parse(JSON.stringify(report)), report, 'plain data');
});

t.test('a tunnel as it should be has no findings', async (t) => {
  t.strictSame(ofTunnel(''), []);
  t.strictSame(check('node: { name: n }').findings[0]?.code, 'no_tunnels');
});

t.test('overhead of every kind', async (t) => {
  const overhead = (keys: string) => check(withTunnel(keys)).tunnels[0]?.overhead;
  const all = '    key: 1\n    checksum: true\n    sequence: true\n    mode: gretap\n';
  t.strictSame(overhead(all), { outer_header: 20, gre: 16, ethernet: 14, total: 50 });
  const six = 'node: {name: n}\ntunnels: [{name: a, local: "2001:db8::1", remote: "2001:db8::2"}]';
  t.match(check(six).tunnels[0], { overhead: { outer_header: 40, total: 44 }, mtu: 1456, outer_size: 1500 });
});

t.test('sizes', async (t) => {
  t.strictSame(ofTunnel('    mtu: 1477\n'), ['warning outer_packet_too_large 7 tunnels[0].mtu']);
  t.strictSame(ofTunnel('    mtu: 1476\n'), []);
  t.strictSame(ofTunnel('    mtu: 1279\n'), [], 'IPv4 only');
  t.strictSame(ofTunnel('    mtu: 1279\n    interface_address6: fd00::1/127\n'), [
    'warning mtu_below_ipv6_minimum 7 tunnels[0].mtu',
  ]);
  t.strictSame(findings(withTunnel('    mtu: 1279\n', ROUTE)), [
    'warning no_allowed_sources 3 tunnels[0]',
    'warning mtu_below_ipv6_minimum 6 tunnels[0].mtu',
  ]);
});

t.test('MSS', async (t) => {
  t.strictSame(ofTunnel('    mss_clamp: 1436\n'), []);
  t.strictSame(ofTunnel('    mss_clamp: 1437\n'), ['warning mss_clamp_too_large 7 tunnels[0].mss_clamp']);
  t.match(
    messageOf(withTunnel('    mss_clamp: 1476\n'), 'mss_clamp_too_large'),
    /1476 is the MTU, not the MSS/,
  );
  t.strictSame(ofTunnel('    mss_clamp: 1436\n    interface_address6: fd00::1/127\n'), [
    'warning mss_clamp_too_large 7 tunnels[0].mss_clamp',
  ]);
  t.strictSame(ofTunnel('    mss_clamp: off\n'), ['warning mss_clamp_off 7 tunnels[0].mss_clamp']);
  t.match(messageOf(withTunnel('    mss_clamp: off\n'), 'mss_clamp_off'), /ping works and TCP hangs/);
  t.strictSame(ofTunnel('    mss_clamp: { from_tunnel: off, to_tunnel: 1500 }\n'), [
    'warning mss_clamp_off 7 tunnels[0].mss_clamp.from_tunnel',
    'warning mss_clamp_too_large 7 tunnels[0].mss_clamp.to_tunnel',
  ]);
  t.match(check(withTunnel('    mss_clamp: off\n')).tunnels[0], {
    mss_clamp: { from_tunnel: { v4: 0, v6: 0 } },
    mss_advice: { v4: 1436, with_egress: /grebe does not \(from_tunnel: off, to_tunnel: off\)$/ },
  });
});

t.test('sources', async (t) => {
  t.strictSame(findings(withTunnel('', ROUTE)), ['warning no_allowed_sources 3 tunnels[0]']);
  t.strictSame(findings(withTunnel('    allowed_sources: []\n', ROUTE)), [
    'info allowed_sources_empty 6 tunnels[0].allowed_sources',
  ]);
});

t.test('sources of ICMP errors', async (t) => {
  const six = `${ROUTE}  - { prefix: 2001:db8::/32, nexthop: a }\n`;
  t.strictSame(findings(withTunnel(QUIET, six)), ['info no_icmpv6_source 3 tunnels[0]']);
  t.strictSame(findings(withTunnel(`${QUIET}    interface_address6: fd00::1/127\n`, six)), []);
  const outer6 = (keys: string) =>
    `node: { name: n }\ntunnels:\n  - { name: a, local: "2001:db8::1", remote: "2001:db8::2", allowed_sources: [192.0.2.0/24]${keys} }\n${ROUTE}`;
  t.strictSame(findings(outer6('')), ['info no_icmpv4_source 3 tunnels[0]']);
  t.strictSame(findings(outer6(', interface_address: 10.0.0.0/31')), []);
});

t.test('options that surprise', async (t) => {
  t.strictSame(ofTunnel('    sequence: true\n    clear_dont_fragment_bit: true\n'), [
    'info sequence_numbers 7 tunnels[0].sequence',
    'info dont_fragment_cleared 8 tunnels[0].clear_dont_fragment_bit',
  ]);
});

t.test('interface addresses', async (t) => {
  for (const good of [
    '10.255.255.254/31',
    '172.31.0.0/31',
    '192.168.1.1/30',
    '169.254.240.2/31',
    '169.254.255.254/31',
  ])
    t.strictSame(ofTunnel(`    interface_address: ${good}\n`), [], good);
  for (const odd of ['172.32.0.0/31', '169.254.239.254/31', '192.0.2.0/31'])
    t.strictSame(
      ofTunnel(`    interface_address: ${odd}\n`),
      ['warning interface_address_range 7 tunnels[0].interface_address'],
      odd,
    );
  const second = (address: string) =>
    findings(
      withTunnel(
        `${QUIET}    interface_address: 10.0.0.8/31\n`,
        `  - { name: b, local: 198.51.100.1, remote: 203.0.113.2, interface_address: ${address}, allowed_sources: [192.0.2.0/24] }\n${ROUTE}  - { prefix: 192.0.2.0/24, nexthop: b }\n`,
      ),
    ).filter((finding) => finding.includes('interface'));
  t.strictSame(second('10.0.0.10/31'), []);
  for (const same of ['10.0.0.8/31', '10.0.0.9/31', '10.0.0.10/30'])
    t.strictSame(second(same), ['warning interface_address_shared 8 tunnels[1].interface_address'], same);
  const both6 = (...addresses: [string, string]) =>
    findings(
      `node: { name: n }\ntunnels:\n${addresses
        .map(
          (address, i) =>
            `  - { name: t${i}, local: 192.0.2.1, remote: 192.0.2.${i + 2}, interface_address6: "${address}" }\n`,
        )
        .join('')}`,
    ).filter((finding) => finding.includes('interface'));
  t.strictSame(both6('fd00::1/127', 'fd00::3/127'), []);
  t.strictSame(both6('fe80::1/64', 'fe80::1/64'), [], 'link-local: every link has this network');
  t.strictSame(both6('fd00::1/64', 'fd00::3/64'), [
    'warning interface_address_shared 4 tunnels[1].interface_address6',
  ]);
});

t.test('routes and interface addresses', async (t) => {
  const of = (...routes: string[]) =>
    findings(
      withTunnel(
        `${QUIET}    interface_address: 10.0.0.8/31\n    interface_address6: "2001:db8::/127"\n`,
        `${ROUTE}${routes.map((prefix) => `  - { prefix: "${prefix}", nexthop: a }\n`).join('')}`,
      ),
    ).filter((finding) => !/prefix_|no_icmp/.test(finding));
  t.strictSame(of(), [], 'the routes that follow from them are nothing to tell of');
  t.strictSame(of('10.0.0.8/31', '10.0.0.9/32', '10.0.0.0/24', '2001:db8::1/128'), []);
  t.strictSame(of('10.0.0.8/32', '2001:db8::/128'), [
    'warning route_to_ourselves 11 routes[1]',
    'warning route_to_ourselves 12 routes[2]',
  ]);
});

t.test('tunnels with the same endpoints', async (t) => {
  const keys = (...all: (number | null)[]) =>
    findings(
      `node: { name: n }\ntunnels:\n${all
        .map(
          (key, i) =>
            `  - { name: t${i}, local: 192.0.2.1, remote: 192.0.2.2, allowed_sources: [10.0.0.0/8]${key === null ? '' : `, key: ${key}`} }\n`,
        )
        .join('')}`,
    ).filter((finding) => !finding.includes('tunnel_without_route'));
  t.strictSame(keys(1, 2), []);
  t.strictSame(keys(1, 1, 1), [
    'error tunnels_indistinguishable 4 tunnels[1]',
    'error tunnels_indistinguishable 5 tunnels[2]',
  ]);
  t.strictSame(keys(null, null), ['error tunnels_indistinguishable 4 tunnels[1]']);
  t.strictSame(keys(1, null, 2), [
    'info key_beside_no_key 3 tunnels[0]',
    'info key_beside_no_key 5 tunnels[2]',
  ]);
});

t.test('tunnels without route', async (t) => {
  t.strictSame(findings(withTunnel(QUIET)), ['info tunnel_without_route 3 tunnels[0]']);
  const elsewhere = withTunnel(
    QUIET,
    'routes: [{ prefix: 192.0.2.0/24, nexthop: a, scope: { colo_names: [lhr] } }]\n',
  );
  t.match(messageOf(elsewhere, 'tunnel_without_route'), /^no route to this tunnel is used on this node/);
});

const both = ['prefix: 192.0.2.0/24, nexthop: a', 'prefix: 198.18.0.0/24, nexthop: b'];

t.test('routes that are not used here', async (t) => {
  t.strictSame(ofRoutes(...both), []);
  const far =
    'prefix: 192.0.2.0/24, nexthop: b, priority: 1, scope: { colo_regions: [OC], colo_names: [syd] }';
  t.strictSame(ofRoutes(...both, far), ['info route_out_of_scope 8 routes[2].scope']);
  t.equal(
    messageOf(routesText([far]), 'route_out_of_scope'),
    'not used on n (WEUR, fra): exists only in OC, syd',
  );
  t.equal(
    messageOf(routesText([far], '{ name: n, colo: fra }'), 'scope_unknown'),
    'not used: exists only in OC, syd, and node.region of this node is not given',
  );
  t.strictSame(ofRoutes(...both, 'prefix: 192.0.2.0/24, nexthop: b, priority: 101'), [
    'info route_backup 8 routes[2]',
  ]);
  t.strictSame(
    check(routesText([...both, 'prefix: 192.0.2.0/24, nexthop: b, priority: 101'])).routes[0]?.backups,
    [{ nexthop: 'b', priority: 101, weight: 1 }],
  );
  t.strictSame(
    ofRoutes(...both, 'prefix: 198.18.0.0/25, nexthop: a', 'prefix: 198.18.0.128/25, nexthop: a').filter(
      (f) => f.startsWith('warning'),
    ),
    ['warning route_covered 7 routes[1]'],
  );
});

t.test('routes that share', async (t) => {
  const text = routesText([
    'prefix: 192.0.2.0/24, nexthop: a, weight: 1',
    'prefix: 192.0.2.0/24, nexthop: b, weight: 2',
  ]);
  t.strictSame(findings(text), ['info ecmp 6 routes[0]']);
  t.equal(messageOf(text, 'ecmp'), '192.0.2.0/24 is shared (ECMP): a 33.3 %, b 66.7 % of the flows');
  t.strictSame(check(text).routes[0]?.nexthops, [
    { tunnel: 'a', weight: 1, percent: 33.3 },
    { tunnel: 'b', weight: 2, percent: 66.7 },
  ]);
  t.strictSame(ofRoutes(...both, 'prefix: 192.0.2.0/24, nexthop: b, weight: 64'), [
    'warning weight_missing 6 routes[0]',
    'info ecmp 6 routes[0]',
  ]);
  t.strictSame(ofRoutes(...both, 'prefix: 192.0.2.0/24, nexthop: a'), ['warning route_repeated 8 routes[2]']);
});

t.test('prefixes inside each other', async (t) => {
  t.strictSame(ofRoutes(...both, 'prefix: 192.0.2.8/29, nexthop: b'), [
    'info prefix_inside_prefix 8 routes[2]',
  ]);
  t.match(
    messageOf(routesText([...both, 'prefix: 192.0.2.8/29, nexthop: a']), 'prefix_inside_prefix'),
    /^192\.0\.2\.8\/29 lies inside 192\.0\.2\.0\/24: the longer prefix wins for its addresses; both have the same/,
  );
  t.strictSame(ofRoutes(...both, 'prefix: 192.0.3.8/29, nexthop: b'), [
    'info prefix_not_advertised 8 routes[2]',
  ]);
  t.strictSame(
    ofRoutes(...both, 'prefix: 10.0.3.8/29, nexthop: b'),
    [],
    'private prefixes are not advertised',
  );
  t.strictSame(
    ofRoutes(...both, 'prefix: 0.0.0.0/0, nexthop: a', 'prefix: 192.0.3.8/29, nexthop: b').filter((f) =>
      f.includes('advertised'),
    ),
    ['info prefix_not_advertised 9 routes[3]'],
    'a default route is not advertised',
  );
});

t.test('a customer endpoint inside a routed prefix', async (t) => {
  t.strictSame(ofRoutes(...both, 'prefix: 203.0.113.0/24, nexthop: b').slice(0, 2), [
    'warning encapsulation_loop 3 tunnels[0].customer_gre_endpoint',
    'warning encapsulation_loop 4 tunnels[1].customer_gre_endpoint',
  ]);
  t.strictSame(
    ofRoutes(...both, 'prefix: 0.0.0.0/0, nexthop: b').filter((f) => f.includes('loop')),
    [],
  );
});

t.test('a customer endpoint inside what the kernel routes into the overlay', async (t) => {
  const text = (overlay: string) => `${routesText(both)}daemon:\n  overlay: ${overlay}\n`;
  const ofOverlay = (overlay: string): string[] =>
    findings(text(overlay)).filter((finding) => finding.includes('overlay'));
  t.strictSame(ofOverlay('{ routes: [192.0.2.0/24, 203.0.113.0/24, 203.0.0.0/16, 203.0.113.0/24] }'), [
    'warning overlay_covers_endpoint 9 daemon.overlay.routes[1]',
  ]);
  t.match(
    messageOf(text('{ routes: [203.0.113.0/24] }'), 'overlay_covers_endpoint'),
    /^found 203\.0\.113\.0\/24, expected a network without 203\.0\.113\.0, the customer endpoint of a and 1 more: .* into grebe0,/,
  );
  t.strictSame(ofOverlay('{ routes: [192.0.2.0/24, 203.0.113.1/32] }'), [
    'warning overlay_covers_endpoint 9 daemon.overlay.routes[1]',
  ]);
  t.strictSame(ofOverlay('{ addresses: [203.0.113.200/24] }'), [
    'warning overlay_covers_endpoint 9 daemon.overlay.addresses[0]',
  ]);
  t.strictSame(ofOverlay('{ type: discard, routes: [203.0.113.0/24] }'), [], 'no interface');
  t.strictSame(ofOverlay('{ routes: [0.0.0.0/0, "::/0"] }'), [], 'a default route');
  t.strictSame(
    ofTunnel('    interface_address: 203.0.113.0/31\n').filter((f) => f.includes('overlay')),
    ['warning overlay_covers_endpoint 7 tunnels[0].interface_address'],
  );
});

t.test('a Config without file', async (t) => {
  const report = checkConfig(structuredClone(parseConfig(EXAMPLE, 'f')));
  t.match(report.findings, [{ path: 'tunnels[0]', file: null, line: null, column: null }]);
});

t.test('what the door of the network refuses', async (t) => {
  const two = (direction: string, interconnect = ''): string[] =>
    findings(
      `node: { name: n }\ntunnels:\n` +
        `  - { name: a, local: 198.51.100.1, remote: 203.0.113.1, interface_address: 10.0.0.0/31, health_check: { direction: ${direction} } }\n` +
        `  - { name: b, local: 198.51.100.1, remote: 203.0.113.2, interface_address: 10.0.0.1/31${interconnect} }\n`,
    ).filter((finding) => finding.startsWith('error'));
  t.strictSame(two('unidirectional'), []);
  t.strictSame(two('bidirectional'), ['error refused 4 tunnels[1].interface_address']);
  t.strictSame(two('unidirectional', ', interconnect: cni'), [], 'a node looks for none');
});

t.test('what a node does not do', async (t) => {
  t.strictSame(ofTunnel('    automatic_return_routing: false\n'), ofTunnel(''));
  t.strictSame(
    ofTunnel('    automatic_return_routing: true\n    interconnect: cni_1\n').filter((f) =>
      f.includes('ignored'),
    ),
    [
      'warning return_routing_ignored 7 tunnels[0].automatic_return_routing',
      'warning interconnect_ignored 8 tunnels[0].interconnect',
    ],
  );
});

t.test('health checks', async (t) => {
  const of = (check: string, more = ''): string[] =>
    findings(
      `node: { name: n }\ntunnels:\n` +
        `  - { name: a, local: 198.51.100.1, remote: 203.0.113.1, interface_address: 10.0.0.0/31, health_check: { ${check} }${more} }\n`,
    ).filter((finding) => finding.includes('health_check'));
  t.strictSame(of('direction: bidirectional'), []);
  t.strictSame(of('type: request'), []);
  t.strictSame(of('', ', mode: gretap'), ['error health_check_impossible 3 tunnels[0].health_check']);
  t.strictSame(of('enabled: false', ', mode: gretap'), []);
  const sources = (prefix: string): string[] =>
    of('direction: bidirectional', `, allowed_sources: [192.0.2.0/24, ${prefix}]`);
  t.strictSame(sources('10.0.0.0/31'), []);
  t.strictSame(sources('10.0.0.0/32'), ['warning health_check_source_denied 3 tunnels[0].health_check']);
  t.strictSame(of('', ', allowed_sources: [192.0.2.0/24]'), [], 'outside of the tunnel nobody looks at it');
});
