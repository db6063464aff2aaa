/** What resources are like when a file says nothing, as behaviour.md has it. */
import t from 'tap';
import { REGIONS } from '../../src/config/config.js';
import { CONVERGENCE } from '../../src/network/bgp/relay.js';
import { parseScenario } from '../../src/simulator/scenario/load.js';

const { network, edge } = parseScenario(
  `name: defaults
edge: { asn: 13335, endpoints: [198.51.100.1], pops: [fra] }
tunnels:
  - { name: acme_1, local: 198.51.100.1, remote: 203.0.113.10, interface_address: 10.100.0.0/31 }
interconnects:
  - { name: v1, colo: fra, dataplane: 1, interface_address: 10.200.0.0/31 }
  - { name: v2, colo: fra, dataplane: 2, interface_address: 10.200.0.2/31 }
routes:
  - { prefix: 192.0.2.0/24, nexthop: acme_1 }
bgp_sessions:
  - { name: over_circuit, nexthop: v2, customer_asn: 65010 }
  - { name: over_tunnel, nexthop: acme_1, customer_asn: 65010 }
maintenance:
  - { name: planned, colo: fra, starts: 7d }
  - { name: urgent, colo: fra, starts: 1d, emergency: true }
alerts:
  - { name: slo, type: tunnel_health }
  - { name: windows, type: maintenance }
providers: [isp]
sites:
  acme:
    at: fra
    prefixes: [192.0.2.0/24]
    routers: { r1: { uplinks: { isp: 203.0.113.10 }, circuits: [v1, v2] } }
`,
  'defaults.yaml',
);
const DAY = 86_400;

t.test('tunnels and their health checks (behaviour §§1, 4)', async (t) => {
  t.match(network.tunnels[0], { ttl: 64, mtu: 1476, clear_dont_fragment_bit: false });
  t.strictSame(network.tunnels[0]?.health_check, {
    enabled: true,
    type: 'reply',
    direction: 'unidirectional',
    rate: 'mid',
    target: null,
  });
  t.equal(network.tunnels[0]?.automatic_return_routing, false);
});

t.test('routes: priority 100, weight 1, everywhere; nine regions (behaviour §3)', async (t) => {
  t.match(network.routes[0], { priority: 100, weight: 1, scope: null });
  t.strictSame([...REGIONS], ['AFR', 'APAC', 'EEUR', 'ENAM', 'ME', 'OC', 'SAM', 'WEUR', 'WNAM']);
});

t.test('hold timers: 240 s over an interconnect, 90 s over a tunnel (behaviour §3)', async (t) => {
  t.strictSame(
    network.bgp_sessions.map(({ hold_time, md5_key }) => [hold_time, md5_key]),
    [
      [240, null],
      [90, null],
    ],
  );
});

t.test('convergence: 20 s (behaviour §3)', async (t) => {
  t.equal(edge.convergence, CONVERGENCE);
  t.equal(CONVERGENCE, 20e9);
});

t.test('interconnects: 10G, direct, classic; answers to probes outside on v1, inside on v2', async (t) => {
  for (const circuit of network.interconnects) {
    t.match(circuit, { speed: 10e9, links: 1, kind: 'direct', product: 'classic', mtu: 1500, vlan: null });
  }
  t.strictSame(
    network.interconnects.map(({ health_check }) => health_check.direction),
    ['unidirectional', 'bidirectional'],
  );
});

t.test('maintenance: six hours, told two business days ahead at least (behaviour §5)', async (t) => {
  t.match(network.maintenance, [
    { starts: 7 * DAY, duration: 6 * 3600, announced: 3 * DAY, emergency: false },
    { starts: DAY, announced: DAY },
  ]);
});

t.test('alerts: all tunnels, all PoPs, all events', async (t) => {
  t.match(network.alerts, [
    { slo: 0.99, tunnels: null },
    { colo_names: null, events: null },
  ]);
});
