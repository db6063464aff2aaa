import t from 'tap';
import type { NetworkConfig } from '../../../src/config/network.js';
import { checkDesign } from '../../../src/network/design/check-design.js';
import type { Design, DesignRouter } from '../../../src/network/design/design.js';
import { EMPTY_NETWORK } from '../../../src/network/change/network-state.js';
import { interconnectConfig, routeConfig, sessionConfig, tunnelConfig } from '../example-network.js';

const HOUR = 3600;
const HEALTHY = { ...tunnelConfig('x', 1).health_check, direction: 'bidirectional' as const };

const PREFIX = '192.0.2.0/24';

function router(name: string, more: Partial<DesignRouter> = {}): DesignRouter {
  return { name, uplinks: [], circuits: [], tunnels: [], egress: 'isp', bgp: [], ...more };
}

/** Two circuits of dataplane 2 on two devices and a tunnel over the Internet: nothing to be said of it. */
const SOUND: Design = {
  network: {
    ...EMPTY_NETWORK,
    tunnels: [tunnelConfig('isp', 1)],
    interconnects: [interconnectConfig('cni1', 0), interconnectConfig('cni2', 2, { device: 'edge2' })],
    prefixes: [{ prefix: PREFIX }],
    routes: [
      routeConfig(PREFIX, 'cni1'),
      routeConfig(PREFIX, 'cni2'),
      routeConfig(PREFIX, 'isp', { priority: 200 }),
    ],
  },
  edge: {
    asn: 13335,
    endpoints: ['198.51.100.1'],
    pops: [
      { name: 'fra', region: 'WEUR' },
      { name: 'iad', region: 'ENAM' },
    ],
  },
  // A Monday.
  start: Date.parse('2026-01-05T00:00:00Z'),
  routers: [
    router('r1', { circuits: [{ interconnect: 'cni1', vlan: null }] }),
    router('r2', {
      circuits: [{ interconnect: 'cni2', vlan: null }],
      tunnels: ['isp'],
      uplinks: [{ provider: 'net', address: '203.0.113.1' }],
    }),
  ],
};

/** `severity code path` of the design with these parts of the network and these routers. */
function findings(
  network: Partial<NetworkConfig>,
  routers: readonly DesignRouter[] = SOUND.routers,
): string[] {
  return all(network, routers).map(({ severity, code, path }) => `${severity} ${code} ${path}`);
}

function all(
  network: Partial<NetworkConfig>,
  routers: readonly DesignRouter[] = SOUND.routers,
): ReturnType<typeof checkDesign> {
  return checkDesign({ ...SOUND, network: { ...SOUND.network, ...network }, routers }, () => null);
}

function messageOf(code: string, network: Partial<NetworkConfig>, routers = SOUND.routers): string {
  return all(network, routers).find((finding) => finding.code === code)?.message ?? '';
}

t.test('a sound design', async (t) => {
  t.strictSame(findings({}), []);
});

t.test('findings have their place in the file', async (t) => {
  const network = { ...SOUND.network, prefixes: [{ prefix: PREFIX }, { prefix: '203.0.114.0/24' }] };
  const [finding] = checkDesign({ ...SOUND, network }, (path) => ({
    file: 's.yaml',
    line: Number(path[1]),
    column: 3,
  }));
  t.match(finding, { code: 'prefix_without_route', path: 'prefixes[1]', file: 's.yaml', line: 1, column: 3 });
});

t.test('circuits: place, other end, tags, light', async (t) => {
  const [cni1, cni2] = [interconnectConfig('cni1', 0), interconnectConfig('cni2', 2, { device: 'edge2' })];
  t.strictSame(findings({ interconnects: [{ ...cni1, colo: 'lhr' }, cni2] }), [
    'error colo_unknown interconnects[0].colo',
  ]);
  t.strictSame(findings({}, [SOUND.routers[1]!]), ['warning circuit_without_router interconnects[0]']);
  t.strictSame(findings({}, [...SOUND.routers, { ...SOUND.routers[0]!, name: 'r3' }]), [
    'error circuit_shared interconnects[0]',
  ]);
  const tagged = router('r1', { circuits: [{ interconnect: 'cni1', vlan: 100 }] });
  t.strictSame(findings({}, [tagged, SOUND.routers[1]!]), ['warning vlan_mismatch interconnects[0].vlan']);
  t.match(
    messageOf('vlan_mismatch', {}, [tagged, SOUND.routers[1]!]),
    /router r1 uses 802\.1Q tag 100, the edge no tag/,
  );
  t.strictSame(findings({ interconnects: [{ ...cni1, light_level_dbm: -21 }, cni2] }), [
    'warning light_level_low interconnects[0].light_level_dbm',
  ]);
  t.strictSame(findings({ interconnects: [{ ...cni1, light_level_dbm: -20 }, cni2] }), []);
});

/** Without what follows from r2 being the only router of some routes. */
function carrying(network: Partial<NetworkConfig>): string[] {
  return findings(network).filter((line) => !line.includes('single_point_of_failure'));
}

t.test('what circuits carry', async (t) => {
  const cni2 = interconnectConfig('cni2', 2, { device: 'edge2' });
  const v1 = interconnectConfig('cni1', 0, { dataplane: 1 });
  const routes = [routeConfig(PREFIX, 'cni2'), routeConfig(PREFIX, 'isp')];
  t.strictSame(carrying({ interconnects: [v1, cni2], routes }), [
    'warning circuit_without_tunnel interconnects[0]',
  ]);
  t.strictSame(carrying({ interconnects: [{ ...v1, gre_less: true }, cni2] }), [
    'info circuit_one_way interconnects[0]',
  ]);
  t.strictSame(carrying({ interconnects: [interconnectConfig('cni1', 0, { mtu: 1400 }), cni2] }), [
    'info circuit_mtu_low interconnects[0].mtu',
  ]);
  const over = tunnelConfig('over', 2, { interconnect: 'cni1', mtu: 1500 });
  const tunnels = [tunnelConfig('isp', 1), over];
  t.strictSame(carrying({ tunnels, routes, interconnects: [v1, cni2] }), [
    'warning tunnel_too_large_for_circuit tunnels[1].mtu',
  ]);
  t.match(
    messageOf('tunnel_too_large_for_circuit', { tunnels, routes, interconnects: [v1, cni2] }),
    /1524 bytes .* set mtu: 1476/,
  );
  t.strictSame(
    carrying({
      tunnels: [tunnels[0]!, { ...over, mtu: 1476 }],
      routes,
      interconnects: [{ ...v1, links: 2 }, cni2],
    }),
    ['info bundle_few_flows interconnects[0].links'],
  );
  const express = interconnectConfig('cni1', 0, { dataplane: 1, product: 'express' });
  t.strictSame(carrying({ interconnects: [express, cni2] }), [
    'warning express_dataplane interconnects[0].dataplane',
  ]);
  t.strictSame(
    carrying({ interconnects: [express, cni2], routes, tunnels: [tunnels[0]!, { ...over, mtu: 1476 }] }),
    [
      'error tunnel_over_plain_circuit interconnects[0]',
      'warning express_dataplane interconnects[0].dataplane',
    ],
  );
});

t.test('cloud interconnects have the older bidirectional health checks', async (t) => {
  const cni2 = interconnectConfig('cni2', 2, { device: 'edge2' });
  const cloud = interconnectConfig('cni1', 0, { kind: 'cloud' });
  t.strictSame(findings({ interconnects: [cloud, cni2] }), [
    'warning cloud_health_check interconnects[0].health_check',
  ]);
  t.strictSame(findings({ interconnects: [{ ...cloud, health_check: HEALTHY }, cni2] }), []);
});

t.test('1 Gbit/s towards the edge is told where packets leave by the circuit', async (t) => {
  const routers = SOUND.routers.map((one) => ({ ...one, egress: 'tunnel' as const }));
  t.strictSame(findings({}, routers), [
    'info ingress_policed interconnects[0]',
    'info ingress_policed interconnects[1]',
  ]);
  t.match(
    messageOf('ingress_policed', {}, routers),
    /router r1 the edge takes 1 Gbit\/s over it, .* 10 Gbit\/s/,
  );
});

t.test('circuits of different rates with equal weights', async (t) => {
  const interconnects = [
    interconnectConfig('cni1', 0),
    interconnectConfig('cni2', 2, { device: 'edge2', speed: 100e9 }),
  ];
  t.strictSame(findings({ interconnects }), ['warning uneven_circuits routes[0].weight']);
  const routes = [
    routeConfig(PREFIX, 'cni1'),
    routeConfig(PREFIX, 'cni2', { weight: 10 }),
    routeConfig(PREFIX, 'isp', { priority: 200 }),
  ];
  t.strictSame(findings({ interconnects, routes }), []);
});

t.test('BGP: sides that do not fit', async (t) => {
  const peer = { asn: 65_001, md5_key: null, hold_time: 30, graceful_restart: true, announces: [] };
  const ofSession = (session: object, bgp: object): string[] =>
    findings({ bgp_sessions: [sessionConfig('s', 'cni1', session)] }, [
      { ...SOUND.routers[0]!, bgp: [{ ...peer, ...bgp, session: 's' }] },
      SOUND.routers[1]!,
    ]);
  t.strictSame(ofSession({}, {}), []);
  t.strictSame(ofSession({}, { asn: 65_002 }), ['warning bgp_wrong_asn bgp_sessions[0].customer_asn']);
  t.strictSame(ofSession({ customer_asn: 13335 }, { asn: 13335 }), [
    'warning bgp_ibgp bgp_sessions[0].customer_asn',
  ]);
  t.strictSame(ofSession({ md5_key: 'a' }, { md5_key: 'b' }), [
    'warning bgp_md5_mismatch bgp_sessions[0].md5_key',
  ]);
  t.strictSame(ofSession({ md5_key: 'a' }, { md5_key: 'a' }), []);
  t.strictSame(ofSession({}, { hold_time: 2 }), ['warning bgp_hold_time_refused bgp_sessions[0].hold_time']);
  t.strictSame(ofSession({}, { hold_time: 0 }), ['info bgp_no_hold_timer bgp_sessions[0].hold_time']);
  t.strictSame(ofSession({ hold_time: 240 }, { hold_time: 240 }), [
    'info bgp_hold_time bgp_sessions[0].hold_time',
  ]);
  t.strictSame(findings({ bgp_sessions: [sessionConfig('s', 'cni1')] }), [
    'warning bgp_no_peer bgp_sessions[0]',
  ]);
  const deaf = tunnelConfig('isp', 1, { health_check: { ...HEALTHY, enabled: false } });
  t.strictSame(
    findings({ tunnels: [deaf], bgp_sessions: [sessionConfig('s', 'isp')] }, [
      { ...SOUND.routers[0]!, bgp: [{ ...peer, session: 's' }] },
      SOUND.routers[1]!,
    ]),
    ['warning bgp_without_health_check bgp_sessions[0].nexthop'],
  );
});

t.test('BGP: announcements without effect', async (t) => {
  const ofAnnouncement = (prefix: string, communities: string[] = []): string[] =>
    findings({ bgp_sessions: [sessionConfig('s', 'cni1')] }, [
      {
        ...SOUND.routers[0]!,
        bgp: [
          {
            session: 's',
            asn: 65_001,
            md5_key: null,
            hold_time: 30,
            graceful_restart: true,
            announces: [{ prefix, communities, prepend: 0 }],
          },
        ],
      },
      SOUND.routers[1]!,
    ]);
  t.strictSame(ofAnnouncement('203.0.114.0/24'), ['warning bgp_refused bgp_sessions[0]']);
  t.strictSame(ofAnnouncement(PREFIX), ['info bgp_static_wins bgp_sessions[0]']);
  t.strictSame(ofAnnouncement(PREFIX, ['13335:60050']), []);
  t.strictSame(ofAnnouncement(PREFIX, ['13335:60050', '13335:60150']), [
    'warning bgp_communities_ambiguous bgp_sessions[0]',
  ]);
});

t.test('places without a route', async (t) => {
  const scope = { colo_regions: ['WEUR' as const], colo_names: [] };
  const routes = SOUND.network.routes.map((route) => ({ ...route, scope }));
  t.strictSame(findings({ routes }), ['warning no_route_in_colo routes[0]']);
  t.match(messageOf('no_route_in_colo', { routes }), /192\.0\.2\.0\/24 exists in iad: /);
  t.strictSame(findings({ prefixes: [{ prefix: PREFIX }, { prefix: '203.0.114.0/24' }] }), [
    'warning prefix_without_route prefixes[1]',
  ]);
  const summary = [{ prefix: PREFIX }, { prefix: '192.0.3.0/24' }];
  t.strictSame(
    findings({
      prefixes: summary,
      routes: [
        ...SOUND.network.routes,
        routeConfig('192.0.2.0/23', 'isp'),
        routeConfig('192.0.2.0/23', 'cni1'),
      ],
    }),
    [],
  );
});

t.test('what must not fail', async (t) => {
  const onlyOne = { routes: [routeConfig(PREFIX, 'cni1')] };
  t.strictSame(findings(onlyOne), ['warning single_point_of_failure routes[0]', 'info no_backup routes[0]']);
  t.equal(
    messageOf('single_point_of_failure', onlyOne),
    'the loss of circuit cni1, or of device fra/edge1, or of PoP fra, or of router r1 alone leaves no working path to 192.0.2.0/24',
  );
  const bothCircuits = { routes: SOUND.network.routes.slice(0, 2) };
  t.strictSame(findings(bothCircuits), [
    'info single_point_of_failure routes[0]',
    'info no_backup routes[0]',
  ]);
  t.match(messageOf('single_point_of_failure', bothCircuits), /^the loss of PoP fra alone/);
  const tunnelOnly = { routes: SOUND.network.routes.slice(2) };
  t.match(
    messageOf('single_point_of_failure', tunnelOnly),
    /^the loss of router r2, or of provider net alone/,
  );
});

t.test('maintenance: rules, and what windows interrupt', async (t) => {
  const window = {
    name: 'm1',
    colo: 'fra',
    device: 'edge1',
    starts: 72 * HOUR,
    duration: 6 * HOUR,
    announced: 0,
    emergency: false,
  };
  t.strictSame(findings({ maintenance: [window] }), []);
  t.strictSame(findings({ maintenance: [{ ...window, announced: 25 * HOUR }] }), [
    'warning maintenance_notice_short maintenance[0].announced',
  ]);
  const routes = SOUND.network.routes.slice(0, 2);
  const interrupting = (second: object): string[] =>
    findings({ routes, maintenance: [window, { ...window, name: 'm2', device: 'edge2', ...second }] }).filter(
      (line) => line.includes('maintenance'),
    );
  t.strictSame(interrupting({ starts: 94 * HOUR }), []);
  t.strictSame(interrupting({ starts: 78 * HOUR }), ['warning maintenance_too_close maintenance[1].starts']);
  t.strictSame(interrupting({ starts: 77 * HOUR }), [
    'warning maintenance_too_close maintenance[1].starts',
    'warning maintenance_interrupts maintenance[1]',
  ]);
  const single = { ...window, device: null };
  t.strictSame(
    findings({ routes, maintenance: [single] }).filter((line) => line.includes('maintenance')),
    ['warning maintenance_interrupts maintenance[0]'],
  );
  t.equal(
    messageOf('maintenance_interrupts', { routes, maintenance: [single] }),
    'm1 leaves no working path to 192.0.2.0/24',
  );
  t.strictSame(findings({ maintenance: [single] }), [], 'with the tunnel over the Internet as backup');
});
