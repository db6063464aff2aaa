/** Mistakes, one by one: each is told once, with its place and what to do. */
import t from 'tap';
import { ConfigError } from '../../../src/config/problem.js';
import { parseScenario } from '../../../src/simulator/scenario/load.js';

const GOOD = `name: good
duration: 60s
edge: { pops: [fra, ams] }
prefixes: [192.0.2.0/24]
tunnels:
  - { name: one, local: 198.51.100.1, remote: 203.0.113.10, interface_address: 10.100.0.0/31 }
  - { name: two, local: 198.51.100.2, remote: 203.0.113.10 }
interconnects:
  - { name: cni, colo: fra, dataplane: 2, interface_address: 10.200.0.0/31 }
routes:
  - { prefix: 192.0.2.0/24, nexthop: one }
bgp_sessions:
  - { name: bgp, nexthop: one, customer_asn: 65010 }
maintenance:
  - { name: window, colo: fra, device: edge1, starts: 10s }
alerts:
  - { name: alert, type: tunnel_health }
providers: [isp]
sites:
  acme:
    at: fra
    prefixes: [192.0.2.0/24]
    routers:
      r1: { uplinks: { isp: 203.0.113.10 }, circuits: [cni] }
    hosts:
      web: { address: 192.0.2.10 }
hosts:
  client: { at: cdg, address: 198.18.0.10 }
traffic:
  pages: { tcp: client -> web:443 }
timeline:
  - { at: 10s, fail: one }
expect:
  - { reach: pages }
`;

/** All that is wrong when `from` is replaced by `to`, as `line:column: path: message`. */
function complaints(from: string, to: string): string[] {
  if (!GOOD.includes(from)) throw new Error(`not in the file: ${from}`);
  try {
    parseScenario(GOOD.replace(from, to), 'x');
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace(/^x:/, ''));
  }
}

t.test('a tunnel ends on a router also in front of the change that moves it', async (t) => {
  const text = GOOD.replace('remote: 203.0.113.10 }', 'remote: 203.0.113.11 }').replace(
    'fail: one }',
    'put: { tunnels: [{ name: two, remote: 203.0.113.10 }] } }',
  );
  t.throws(
    () => parseScenario(text, 'x'),
    /x:7:47: tunnels\[1\]\.remote: found 203\.0\.113\.11, expected an address of a router/,
  );
});

t.test('the file without mistakes', async (t) => {
  t.strictSame(complaints('name: good', 'name: good'), []);
});

/** What is replaced, by what, and all that is told of it. */
type Case = readonly [from: string, to: string, ...told: string[]];

const CASES: Record<string, readonly Case[]> = {
  quantities: [
    [
      'duration: 60s',
      'duration: 60',
      '2:11: duration: found 60, expected a duration with its unit, such as 20ms, 1.5s or 10m',
    ],
    ['duration: 60s', 'duration: 0s', '2:11: duration: found "0s", expected more than no time'],
    ['duration: 60s', 'duration: 200d', '2:11: duration: found "200d", expected at most 104 days'],
    [
      'web:443 }',
      'web:443, download: 5 }',
      '30:46: traffic.pages.download: found 5, expected a size with its unit, such as 200kB or 1.5MB',
    ],
    [
      '{ isp: 203.0.113.10 }',
      '{ isp: { address: 203.0.113.10, rate: 0bps } }',
      '24:60: sites.acme.routers.r1.uplinks.isp.rate: found "0bps", expected at least 1bps',
    ],
    [
      '{ isp: 203.0.113.10 }',
      '{ isp: { address: 203.0.113.10, loss: 5 } }',
      '24:60: sites.acme.routers.r1.uplinks.isp.loss: found 5, expected a percentage from 0% to 100%, such as 0.1%',
    ],
    [
      'name: good',
      'name: good\nstart: 2026-13-01T00:00:00Z',
      '2:8: start: found 2026-13-01T00:00:00Z, expected a day and time that there is, such as 2026-01-01T00:00:00Z',
    ],
  ],
  'the edge': [
    [
      '[fra, ams]',
      '[fra, amz]',
      '3:21: edge.pops[1]: found "amz", expected a city that the table has, or [degrees north, degrees east], did you mean "ams"?',
    ],
    [
      '[fra, ams]',
      '[]',
      '3:15: edge.pops: found a list, expected a list of one city or more, such as [fra, ams] or a mapping of PoPs by name, or { generate: 300 }',
    ],
    [
      '[fra, ams]',
      '{ fra: {}, lab: {} }',
      '3:31: edge.pops.lab.at: found nothing, expected `at`, with a city or [degrees north, degrees east], since lab is no city that the table has',
    ],
    ['[fra, ams]', '{ servers: 3 }', '3:15: edge.pops: found no PoP, expected one PoP at least'],
    [
      '[fra, ams]',
      '[fra, FRA]',
      '3:21: edge.pops[1]: found "FRA", expected a name of its own: a PoP on line 3 has this one',
    ],
    [
      'edge: { pops: [fra, ams] }',
      'edge: {}',
      '3:7: edge.pops: found nothing, expected a list of one city or more, such as [fra, ams] or a mapping of PoPs by name, or { generate: 300 }',
    ],
    [
      'edge: { pops',
      'edge: { endpoints: [198.51.100.1, 198.51.100.2, 198.51.100.1], pops',
      '3:49: edge.endpoints[2]: found 198.51.100.1, expected each endpoint once',
    ],
    [
      'edge: { pops',
      'edge: { endpoints: [198.51.100.1, 198.51.100.9], pops',
      '7:25: tunnels[1].local: found 198.51.100.2, expected an endpoint of the edge (edge.endpoints), did you mean "198.51.100.1"?',
    ],
    [
      'edge: { pops: [fra, ams] }',
      'edge: { pops: { fra: { at: [91, 0] } } }',
      '3:29: edge.pops.fra.at[0]: found 91, expected degrees north, from -90 to 90',
    ],
  ],
  'tunnels and routes': [
    [
      '10.100.0.0/31 }',
      '11.100.0.0/31 }',
      '6:80: tunnels[0].interface_address: found 11.100.0.0/31, expected an address from one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.240.0/20',
    ],
    [
      'remote: 203.0.113.10 }',
      'remote: 203.0.113.10, interface_address: 10.100.0.1/31 }',
      '7:80: tunnels[1].interface_address: found 10.100.0.1/31, expected a network of its own: one has an address of this one',
    ],
    [
      'remote: 203.0.113.10 }',
      'remote: 203.0.113.11 }',
      '7:47: tunnels[1].remote: found 203.0.113.11, expected an address of a router (of an uplink, or on a circuit), did you mean "203.0.113.10"?',
    ],
    [
      'fail: one }',
      'put: { tunnels: [{ name: two, remote: 203.0.113.11 }] } }',
      '32:54: timeline[0].put.tunnels[0].remote: found 203.0.113.11, expected an address of a router (of an uplink, or on a circuit), did you mean "203.0.113.10"?',
    ],
    [
      'remote: 203.0.113.10 }',
      'remote: 192.0.2.7 }',
      '7:47: tunnels[1].remote: 192.0.2.7 lies inside an advertised prefix: the outer packets for it would come to the edge, and be encapsulated again. Expected an address outside of the advertised prefixes',
    ],
    [
      'local: 198.51.100.2',
      'local: 198.51.100.1',
      '7:5: tunnels[1]: no packet can tell two from one: both take GRE from 203.0.113.10 to 198.51.100.1 without key; give one of them another key',
    ],
    [
      'name: two',
      'name: one',
      '7:13: tunnels[1].name: found "one", expected a name of its own: tunnels[0] on line 6 has this one',
    ],
    [
      'name: two',
      'name: cni',
      '9:13: interconnects[0].name: found "cni", expected a name of its own: tunnels[1] on line 7 has this one',
      '24:56: sites.acme.routers.r1.circuits[0]: found "cni", expected the name of an interconnect; that is a tunnel',
    ],
    [
      'remote: 203.0.113.10 }',
      'remote: 203.0.113.10, interconnect: cny }',
      '7:75: tunnels[1].interconnect: there is no interconnect cny, did you mean "cni"?',
    ],
    [
      'remote: 203.0.113.10 }',
      'remote: 203.0.113.10, interconnect: cni }',
      '7:75: tunnels[1].interconnect: cni has dataplane 2, which carries packets without GRE; expected a classic one with dataplane 1',
    ],
    [
      'remote: 203.0.113.10 }',
      'remote: 10.200.0.1 }',
      '7:5: tunnels[1].interconnect: cni has dataplane 2, which carries packets without GRE; expected a classic one with dataplane 1',
    ],
    [
      'nexthop: one }',
      'nexthop: on }',
      '11:38: routes[0].nexthop: found "on", expected the name of a tunnel or interconnect, did you mean "one"?',
    ],
    [
      'nexthop: one }',
      'nexthop: one, scope: { colo_names: [fro] } }',
      '11:65: routes[0].scope.colo_names[0]: found "fro", expected the name of a PoP, did you mean "fra"?',
    ],
    [
      'prefixes: [192.0.2.0/24]',
      'prefixes: [192.0.2.0/25]',
      '4:12: prefixes[0]: 192.0.2.0/25 is longer than /24, the longest IPv4 prefix that the Internet takes: advertise one that holds it, and route it inside of that',
    ],
    [
      'prefixes: [192.0.2.0/24]',
      'prefixes: [192.0.2.0/24, 192.0.2.0/24]',
      '4:26: prefixes[1]: found "192.0.2.0/24", expected each prefix once: it is on line 4 too',
    ],
    [
      'prefixes: [192.0.2.0/24]',
      'prefixes: [192.0.2.0/24, "2001:db8::/49"]',
      '4:26: prefixes[1]: 2001:db8::/49 is longer than /48, the longest IPv6 prefix that the Internet takes: advertise one that holds it, and route it inside of that',
    ],
  ],
  interconnects: [
    [
      'dataplane: 2',
      'dataplane: 3',
      '9:40: interconnects[0].dataplane: found 3, expected a dataplane version, 1 or 2',
    ],
    [
      'dataplane: 2',
      'dataplane: 2, vlan: 5',
      '9:49: interconnects[0].vlan: dataplane 2 takes no 802.1Q tag; expected none',
    ],
    [
      'dataplane: 2',
      'dataplane: 2, links: 2',
      '9:50: interconnects[0].links: dataplane 2 has no LACP; expected interconnects of their own, shared by ECMP',
    ],
    [
      'dataplane: 2',
      'dataplane: 2, bfd: true',
      '9:48: interconnects[0].bfd: dataplane 2 has no BFD; expected false',
    ],
    [
      'dataplane: 2',
      'dataplane: 2, gre_less: true',
      '9:53: interconnects[0].gre_less: dataplane 2 never has GRE; expected false (the choice is for dataplane 1)',
    ],
    [
      'dataplane: 2',
      'dataplane: 1, product: express, bfd: true',
      '9:66: interconnects[0].bfd: found true, expected false: express has no BGP, and BFD is for its session',
    ],
    [
      'dataplane: 2',
      'dataplane: 2, mtu: 9000',
      '9:48: interconnects[0].mtu: found 9000, expected 576 to 1500 bytes',
    ],
    [
      'dataplane: 2',
      'dataplane: 2, speed: 40Gbps',
      '9:50: interconnects[0].speed: found "40Gbps", expected one of 10Gbps, 100Gbps, did you mean "10Gbps"?',
    ],
    [
      '10.200.0.0/31',
      '10.100.0.0/31',
      '9:62: interconnects[0].interface_address: 10.100.0.0/31 is in use: one has an address of this network too',
    ],
    [
      '10.200.0.0/31',
      '10.200.0.0/30',
      '9:62: interconnects[0].interface_address: found "10.200.0.0/30", expected an IPv4 address with /31, such as 10.200.0.0/31',
    ],
    [
      'colo: fra, dataplane',
      'colo: fro, dataplane',
      '9:24: interconnects[0].colo: found "fro", expected the name of a PoP, did you mean "fra"?',
    ],
    [
      'dataplane: 2, interface_address: 10.200.0.0/31 }\nroutes:\n  - { prefix: 192.0.2.0/24, nexthop: one',
      'dataplane: 1, interface_address: 10.200.0.0/31 }\nroutes:\n  - { prefix: 192.0.2.0/24, nexthop: cni',
      '11:38: routes[0].nexthop: cni (dataplane 1) takes packets in GRE only: expected a tunnel over it, or gre_less: true there',
    ],
    [
      ', circuits: [cni]',
      '',
      '9:5: interconnects[0]: no router has the other end (10.200.0.1 of 10.200.0.0/31): expected cni in `circuits` of one',
    ],
    [
      'circuits: [cni]',
      'circuits: [cnu]',
      '24:56: sites.acme.routers.r1.circuits[0]: found "cnu", expected the name of an interconnect, did you mean "cni"?',
    ],
    [
      'circuits: [cni]',
      'circuits: { cni: { vlan: 7 } }',
      '24:70: sites.acme.routers.r1.circuits.cni.vlan: found 7, expected none: cni has dataplane 2, which has no VLAN',
    ],
    [
      'circuits: [cni] }',
      'circuits: [cni] }\n      r2: { circuits: [cni] }',
      '25:24: sites.acme.routers.r2.circuits[0]: found cni, expected a circuit of its own: cni ends on r1 already',
    ],
  ],
  'BGP, maintenance, alerts': [
    [
      'customer_asn: 65010',
      'customer_asn: 13335',
      '13:46: bgp_sessions[0].customer_asn: found 13335, expected another AS than that of the edge (edge.asn): there is no iBGP',
    ],
    [
      'nexthop: one, customer',
      'nexthop: oni, customer',
      '13:27: bgp_sessions[0].nexthop: there is no tunnel or interconnect oni, did you mean "one"?',
    ],
    [
      'customer_asn: 65010',
      'customer_asn: 65010, hold_time: 2s',
      '13:64: bgp_sessions[0].hold_time: found 2s, expected whole seconds from 3s to 65535s',
    ],
    [
      'dataplane: 2, interface_address: 10.200.0.0/31 }\nroutes:\n  - { prefix: 192.0.2.0/24, nexthop: one }\nbgp_sessions:\n  - { name: bgp, nexthop: one',
      'dataplane: 2, product: express, interface_address: 10.200.0.0/31 }\nroutes:\n  - { prefix: 192.0.2.0/24, nexthop: one }\nbgp_sessions:\n  - { name: bgp, nexthop: cni',
      '13:27: bgp_sessions[0].nexthop: cni is an express interconnect, which has no BGP; expected a classic one, or a tunnel',
    ],
    [
      'circuits: [cni] }',
      'circuits: [cni], bgp: { pgb: {} } }',
      '24:69: sites.acme.routers.r1.bgp.pgb: found key "pgb", expected the name of a BGP session, did you mean "bgp"?',
    ],
    [
      'device: edge1',
      'device: edge7',
      '15:40: maintenance[0].device: found "edge7", expected an edge device that an interconnect in fra ends on, did you mean "edge1"?',
    ],
    [
      'colo: fra, device: edge1',
      'colo: ams, device: edge1',
      '15:40: maintenance[0].device: found "edge1", expected an edge device that an interconnect in ams ends on; none ends there',
    ],
    [
      'starts: 10s',
      'starts: 10s, announced: 11s',
      '15:71: maintenance[0].announced: found 11s, expected at the latest when it starts (10s)',
    ],
    ['starts: 10s', 'starts: 1.5s', '15:55: maintenance[0].starts: found 1.5s, expected whole seconds'],
    [
      'type: tunnel_health',
      'type: tunnel_health, tunnels: [onne]',
      '17:50: alerts[0].tunnels: there is no tunnel or interconnect onne, did you mean "one"?',
    ],
    [
      'type: tunnel_health',
      'type: maintenance, slo: 99%',
      '17:39: alerts[0].slo: slo is for alerts of type tunnel_health, and this one is of type maintenance',
    ],
    [
      'type: tunnel_health',
      'type: tunnel_health, slo: 0.99',
      '17:46: alerts[0].slo: found 0.99, expected a percentage from 0% to 100%, such as 0.1%',
    ],
    [
      'providers: [isp]',
      'endpoint_health_checks: [{ name: a, endpoint: 224.0.0.1 }, { name: a, endpoint: 192.0.2.1 }]\nproviders: [isp]',
      '18:47: endpoint_health_checks[0].endpoint: found "224.0.0.1", expected a unicast IPv4 or IPv6 address',
      '18:68: endpoint_health_checks[1].name: found "a", expected a name of its own: endpoint_health_checks[0] on line 18 has this one',
    ],
    [
      'providers: [isp]',
      'endpoint_health_checks: [{ name: a, endpoint: "2001:db8::1" }, { name: b }]\nproviders: [isp]',
      '18:47: endpoint_health_checks[0].endpoint: found 2001:db8::1, expected an IPv4 address: the edge (edge.endpoints) has no IPv6 address to ask from',
      '18:64: endpoint_health_checks[1].endpoint: found nothing, expected an IPv4 or IPv6 address',
    ],
  ],
  'the topology': [
    [
      'providers: [isp]',
      'providers: [ips]',
      '24:24: sites.acme.routers.r1.uplinks.isp: found "isp", expected the name of a provider, did you mean "ips"?',
    ],
    [
      'uplinks: { isp: 203.0.113.10 }',
      'uplinks: { isp: { provider: x, address: 203.0.113.10 } }',
      '24:41: sites.acme.routers.r1.uplinks.isp.provider: found "x", expected the name of a provider; known here: isp',
    ],
    [
      'uplinks: { isp: 203.0.113.10 }',
      'uplinks: { isp: { rate: 1Gbps } }',
      '24:29: sites.acme.routers.r1.uplinks.isp.address: found nothing, expected an IPv4 or IPv6 address',
    ],
    [
      'uplinks: { isp: 203.0.113.10 }',
      'uplinks: { isp: 192.0.2.3 }',
      '24:29: sites.acme.routers.r1.uplinks.isp: found 192.0.2.3, expected an address of the provider: 192.0.2.0/24 is advertised by the edge',
    ],
    [
      'r1: { uplinks',
      'r2: {}\n      r1: { uplinks',
      '24:11: sites.acme.routers.r2: r2 leads nowhere: expected `uplinks` or `circuits`',
    ],
    [
      'r1: { uplinks',
      'r1: { egress: isp, prefixes: [10.0.0.0/8], uplinks',
      '24:37: sites.acme.routers.r1.prefixes[0]: found 10.0.0.0/8, expected a prefix inside of those of the site (192.0.2.0/24)',
    ],
    [
      '{ uplinks: { isp: 203.0.113.10 }, circuits',
      '{ egress: isp, circuits',
      '24:21: sites.acme.routers.r1.egress: found isp, expected tunnel: r1 has no uplink',
    ],
    [
      '      r1: {',
      '      client: {',
      '28:3: hosts.client: found "client", expected a name of its own: a router on line 24 has this one',
      '30:17: traffic.pages.tcp: found "client", expected the name of a host; that is a router',
    ],
    [
      '      r1: {',
      '      "r 1": {',
      '24:7: sites.acme.routers["r 1"]: found key "r 1", expected a name of 1 to 32 letters, digits, - and _',
    ],
    [
      'web: { address: 192.0.2.10 }',
      'web: { address: 192.0.3.10 }',
      '26:23: sites.acme.hosts.web.address: found 192.0.3.10, expected an address inside of the prefixes of its site (192.0.2.0/24)',
    ],
    [
      'web: { address: 192.0.2.10 }',
      'web: { address: [192.0.2.10, 192.0.2.10] }',
      '26:36: sites.acme.hosts.web.address[1]: found 192.0.2.10, expected an address of its own: the host web has this one',
    ],
    [
      'web: { address: 192.0.2.10 }',
      'web: { address: 192.0.2.10, listens: [udp/0] }',
      '26:45: sites.acme.hosts.web.listens[0]: found "udp/0", expected a port from 1 to 65535',
    ],
    [
      'web: { address: 192.0.2.10 }',
      'web: {}',
      '26:12: sites.acme.hosts.web.address: found nothing, expected an IPv4 or IPv6 address or a list of addresses',
    ],
    [
      'at: cdg',
      'at: Paris',
      '28:17: hosts.client.at: found "Paris", expected an IATA code of a city, such as fra or a list of degrees north and east, such as [50.1, 8.7]',
    ],
    [
      '198.18.0.10',
      '192.0.2.99',
      '28:31: hosts.client.address: found 192.0.2.99, expected an address outside of 192.0.2.0/24, which the edge advertises: answers would never reach the host',
    ],
    [
      '198.18.0.10',
      '203.0.113.10',
      '28:31: hosts.client.address: found 203.0.113.10, expected an address of its own: the router r1 has this one',
    ],
    [
      '198.18.0.10',
      '198.51.100.1',
      '28:31: hosts.client.address: found 198.51.100.1, expected an address of its own: the edge has this one',
    ],
    [
      '198.18.0.10',
      '2001:db8::1',
      '30:17: traffic.pages.tcp: found client (2001:db8::1) and web (192.0.2.10), expected hosts with addresses of one family',
    ],
    [
      'prefixes: [192.0.2.0/24]\n    routers',
      'routers',
      '25:23: sites.acme.hosts.web.address: found 192.0.2.10, expected an address inside of the prefixes of its site (it has none)',
    ],
    [
      '    routers:\n      r1: { uplinks: { isp: 203.0.113.10 }, circuits: [cni] }\n',
      '    routers: {}\n',
      '23:14: sites.acme.routers: found no router, expected one at least: nothing else leads to a site',
    ],
  ],
  traffic: [
    [
      'client -> web:443',
      'client -> webb:443',
      '30:17: traffic.pages.tcp: found "webb", expected the name of a host, did you mean "web"?',
    ],
    [
      'client -> web:443',
      'client -> one:443',
      '30:17: traffic.pages.tcp: found "one", expected the name of a host; that is a tunnel',
    ],
    [
      'client -> web:443',
      'client -> web',
      '30:17: traffic.pages.tcp: found "client -> web", expected a port behind the host, from 1 to 65535: "client -> web:443"',
    ],
    [
      'client -> web:443',
      'client -> web:70000',
      '30:17: traffic.pages.tcp: found "client -> web:70000", expected a port behind the host, from 1 to 65535: "client -> web:443"',
    ],
    [
      'client -> web:443',
      'client -> client:443',
      '30:17: traffic.pages.tcp: found "client -> client:443", expected two different hosts',
    ],
    [
      'client -> web:443',
      'client to web',
      '30:17: traffic.pages.tcp: found "client to web", expected a flow such as "client -> web", or "client -> web:443"',
    ],
    [
      'tcp: client -> web:443',
      'ping: client -> web:443',
      '30:18: traffic.pages.ping: found "client -> web:443", expected no port: "client -> web"',
    ],
    [
      'tcp: client -> web:443',
      'tcp: client -> web:443, ping: client -> web',
      '30:36: traffic.pages.ping: found tcp and ping, expected one of them',
    ],
    [
      'tcp: client -> web:443',
      'at: 5s',
      '30:10: traffic.pages: expected one of the keys tcp, udp, ping, traceroute, flood, capture',
    ],
    [
      'tcp: client -> web:443',
      'tcp: client -> web:443, interval: 5s',
      '30:36: traffic.pages.interval: interval does not belong to tcp, only to ping',
    ],
    [
      'tcp: client -> web:443',
      'tcp: client -> web:443, at: 60s',
      '30:40: traffic.pages.at: found 60s, expected a time before the end of the run (duration)',
    ],
    [
      'tcp: client -> web:443',
      'tcp: client -> web:443, at: 20s, until: 10s',
      '30:52: traffic.pages.until: found 10s, expected a time after `at`',
    ],
    [
      'tcp: client -> web:443',
      'flood: syn, to: 203.0.113.10, from: [client, nobody]',
      '30:28: traffic.pages.to: found 203.0.113.10, expected an endpoint of the edge (198.51.100.1, 198.51.100.2), or the name of a host',
      '30:57: traffic.pages.from[1]: found "nobody", expected the name of a host; known here: web, client',
    ],
    [
      'tcp: client -> web:443',
      'flood: syn',
      '30:10: traffic.pages.from: found nothing, expected the host or hosts that it comes from',
      '30:10: traffic.pages.to: found nothing, expected a host, or an endpoint of the edge',
    ],
    [
      'tcp: client -> web:443',
      'udp: client -> web:53, rate: 0pps',
      '30:41: traffic.pages.rate: found "0pps", expected more than 0pps, at most 1000Mpps',
    ],
    [
      'prefixes: [192.0.2.0/24]\ntunnels',
      'tunnels',
      '29:17: traffic.pages.tcp: nothing from the Internet can reach web: no advertised prefix (`prefixes`: there is none) holds 192.0.2.10',
    ],
  ],
  'the timeline': [
    [
      'fail: one }',
      'fail: one, note: "\\e[31mred" }',
      '32:33: timeline[0].note: found "\\u001b[31mred", expected a line of text without control characters',
    ],
    [
      'name: good',
      'name: good\ndescription: "two\\nlines, and a bell \\a"',
      '2:14: description: found "two\\nlines, and a bell \\u0007", expected a piece of text without control characters',
    ],
    ['name: good', 'name: good\ndescription: "two\\n\\tlines"'],
    ['fail: one }', 'put: { tunnels: [{ name: two, remote: 203.0.113.10 }] } }'],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, fail: onne }',
      '32:22: timeline[0].fail: found "onne", expected the name of something that can fail, did you mean "one"?',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, fail: web }',
      '32:22: timeline[0].fail: found "web", expected the name of something that can fail; that is a host',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, fail: fra/3 }',
      '32:22: timeline[0].fail: found "fra/3", expected a number from 1 to 2 behind the slash',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 61s, fail: one }',
      '32:11: timeline[0].at: found 61s, expected a time before the end of the run (duration)',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ fail: one }',
      '32:5: timeline[0].at: found nothing, expected a duration with its unit, such as 20ms, 1.5s or 10m',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s }',
      '32:5: timeline[0]: expected one of the keys fail, restore, degrade, light_level, bgp_announce, bgp_withdraw, bgp_restart, relay, put, remove',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, fail: one, restore: one }',
      '32:27: timeline[0].restore: found fail and restore, expected one of them',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, fail: one, loss: 5% }',
      '32:27: timeline[0].loss: loss does not belong to fail, only to degrade',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, degrade: one, loss: 5% }',
      '32:25: timeline[0].degrade: found "one", expected the name of an uplink or interconnect; that is a tunnel',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, degrade: r1.isp }',
      '32:5: timeline[0]: degrade to what? Expected one of the keys delay, jitter, loss, reorder, rate, queue, mtu, too_big',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, light_level: cni }',
      '32:5: timeline[0].dbm: found nothing, expected a power such as -25',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, bgp_withdraw: 192.0.2.0/24, session: bgq }',
      '32:53: timeline[0].session: found "bgq", expected the name of a BGP session, did you mean "bgp"?',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, bgp_withdraw: 192.0.2.1/24 }',
      '32:5: timeline[0].session: found nothing, expected the name of a BGP session',
      '32:30: timeline[0].bgp_withdraw: found "192.0.2.1/24", expected a prefix without host bits: 192.0.2.0/24 (or 192.0.2.1/32 for 192.0.2.1 alone)',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, bgp_restart: bgp }',
      '32:5: timeline[0].for: found nothing, expected how long it takes, such as 30s',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, remove: { tunnels: [one] } }',
      '32:36: timeline[0].remove.tunnels[0]: cannot be removed: still named by route 192.0.2.0/24 via one, bgp session bgp',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, remove: { tunnels: [three] } }',
      '32:36: timeline[0].remove.tunnels[0]: cannot be removed: there is no such tunnel',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, remove: { routes: ["192.0.2.0/24 via two"] } }',
      '32:35: timeline[0].remove.routes[0]: cannot be removed: there is no such route, did you mean "192.0.2.0/24 via one"?',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, put: { tunnels: [{ name: three }] } }',
      '32:33: timeline[0].put.tunnels[0].cloudflare_gre_endpoint: found nothing, expected an IPv4 or IPv6 address (as cloudflare_gre_endpoint, or local)',
      '32:33: timeline[0].put.tunnels[0].customer_gre_endpoint: found nothing, expected an IPv4 or IPv6 address (as customer_gre_endpoint, or remote)',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, put: { tunnels: [{ name: two, local: 198.51.100.1 }] } }',
      '32:33: timeline[0].put.tunnels[0]: no packet can tell two from one: both take GRE from 203.0.113.10 to 198.51.100.1 without key; give one of them another key',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, put: { interconnects: [{ name: new, colo: fra }] } }',
      '32:39: timeline[0].put.interconnects[0].dataplane: found nothing, expected a dataplane version, 1 or 2',
      '32:39: timeline[0].put.interconnects[0].interface_address: found nothing, expected an IPv4 address with /31, such as 10.200.0.0/31',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, put: { routes: [{ prefix: 192.0.2.0/24, nexthop: two, weight: 0 }] } }',
      '32:78: timeline[0].put.routes[0].weight: found 0, expected an integer from 1 to 256',
    ],
    [
      '{ at: 10s, fail: one }',
      '{ at: 10s, put: { prefixes: [203.0.113.0/24] } }',
      '24:29: sites.acme.routers.r1.uplinks.isp: found 203.0.113.10, expected an address of the provider: 203.0.113.0/24 is advertised by the edge',
      '32:5: timeline[0]: after this, tunnel one: 203.0.113.10 lies inside an advertised prefix: the outer packets for it would come to the edge, and be encapsulated again. Expected an address outside of the advertised prefixes',
    ],
  ],
  expectations: [
    [
      'reach: pages',
      'reach: page',
      '34:14: expect[0].reach: found "page", expected the name of traffic, did you mean "pages"?',
    ],
    [
      'reach: pages',
      'reach: pages, min: 5',
      '34:26: expect[0].min: found 5, expected a percentage from 0% to 100%, such as 0.1%',
    ],
    [
      'reach: pages',
      'reach: pages, is: 5%, min: 1%',
      '34:29: expect[0].min: min beside `is`: expected one of them',
    ],
    [
      'reach: pages',
      'reach: pages, within: 5%',
      '34:21: expect[0].within: within what? Expected `is` beside it',
    ],
    [
      'reach: pages',
      'reach: pages, min: 50%, max: 40%',
      '34:36: expect[0].max: found 40%, expected no less than min (50%)',
    ],
    [
      'reach: pages',
      'reach: pages, from: 50s, to: 40s',
      '34:36: expect[0].to: found 40s, expected an end behind the beginning',
    ],
    [
      'reach: pages',
      'reach: pages, to: 61s',
      '34:25: expect[0].to: found 61s, expected a time before the end of the run (duration)',
    ],
    [
      'reach: pages',
      'reach: pages, at: 5s',
      '34:21: expect[0].at: at does not belong to reach, only to health, status, bgp',
    ],
    ['reach: pages', 'mss: pages', '34:5: expect[0]: expected `is`, `min` or `max`'],
    [
      'reach: pages',
      'mss: pages, is: 1436B',
      '34:23: expect[0].is: found "1436B", expected a number of bytes, such as 1436',
    ],
    [
      'reach: pages',
      'health: one',
      '34:5: expect[0].is: found nothing, expected one of healthy, degraded, down',
    ],
    [
      'reach: pages',
      'health: one, is: up',
      '34:24: expect[0].is: found "up", expected one of healthy, degraded, down',
    ],
    [
      'reach: pages',
      'health: one, is: down, colo: lhr',
      '34:36: expect[0].colo: found "lhr", expected the name of a PoP; known here: fra, ams',
    ],
    [
      'reach: pages',
      'status: one, is: active',
      '34:15: expect[0].status: found "one", expected the name of an interconnect; that is a tunnel',
    ],
    [
      'reach: pages',
      'bgp: bpg, is: idle',
      '34:12: expect[0].bgp: found "bpg", expected the name of a BGP session, did you mean "bgp"?',
    ],
    [
      'reach: pages',
      'alert: alarm',
      '34:14: expect[0].alert: found "alarm", expected the name of an alert, did you mean "alert"?',
    ],
    [
      'reach: pages',
      'drops: mtu_exeeded, is: 0',
      '34:14: expect[0].drops: found "mtu_exeeded", expected a drop reason, did you mean "mtu_exceeded"?',
    ],
    [
      'reach: pages',
      'drops: link_loss, is: 0, node: r2',
      '34:38: expect[0].node: found "r2", expected the name of a PoP, router, host, site or link, internet or backbone, did you mean "r1"?',
    ],
    [
      'reach: pages',
      'largest_packet: r1.ips.down, max: 1500',
      '34:23: expect[0].largest_packet: found "r1.ips.down", expected the name of a link, did you mean "r1.isp.down"?',
    ],
    [
      'reach: pages',
      'failover: fail onne, traffic: pages, max: 3s',
      '34:17: expect[0].failover: found "fail onne", expected the note of an event, did you mean "fail one"?',
    ],
    [
      'reach: pages',
      'failover: fail one, max: 3s',
      '34:5: expect[0].traffic: found nothing, expected the name of traffic',
    ],
    [
      'reach: pages',
      'share: [one, three], of: [two], is: 50%',
      '34:14: expect[0].share: found "one", expected one of those that it is a share of (two)',
      '34:20: expect[0].share[1]: found "three", expected the name of a tunnel or an interconnect; known here: one, two, cni',
    ],
    [
      'reach: pages',
      'throughput: pages, min: 5',
      '34:31: expect[0].min: found 5, expected a rate with its unit, such as 200Mbps or 10Gbps',
    ],
    [
      'reach: pages',
      'min: 5%',
      '34:5: expect[0]: expected one of the keys reach, share, gap, failover, mss, largest_packet, health, status, bgp, alert, drops, throughput',
    ],
    [
      'reach: pages',
      'reach: pages, gap: pages',
      '34:21: expect[0].gap: found reach and gap, expected one of them',
    ],
  ],
};

for (const [about, cases] of Object.entries(CASES)) {
  t.test(about, async (t) => {
    for (const [from, to, ...told] of cases) t.strictSame(complaints(from, to), told, to);
  });
}
