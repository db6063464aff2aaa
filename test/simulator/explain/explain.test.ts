/** One packet explained: its way, where it ends and why, and flows that make no sense. */
import { join } from 'node:path';
import t from 'tap';
import { explain, type ExplainOptions, type Explanation } from '../../../src/simulator/explain/explain.js';
import { FlowError, parseFlow } from '../../../src/simulator/explain/flow.js';
import { causeOf } from '../../../src/simulator/explain/cause.js';
import { explanationText } from '../../../src/simulator/explain/text.js';
import { loadScenario, parseScenario } from '../../../src/simulator/scenario/load.js';
import { root } from '../../house/tree.js';
import { circuits, oneTunnel } from '../run/scenarios.js';

function explained(text: string, options: Partial<ExplainOptions> = {}): Explanation {
  const scenario = parseScenario(text, 'test.yaml');
  return explain(scenario, {
    ...{ flow: 'client->web', protocol: null, size: null, dontFragment: false, at: 5e9 },
    ...options,
  });
}

/** Places of a way, in order, each once in a row. */
function places({ ways }: Explanation, way = 0): string[] {
  const all = ways[way]!.hops.map(({ place }) => place);
  return all.filter((place, i) => place !== all[i - 1]);
}

t.test('a SYN through the tunnel, and the answer by the ISP', (t) => {
  const explanation = explained(oneTunnel([]));
  t.ok(explanation.arrived);
  t.equal(explanation.protocol, 'tcp');
  t.equal(explanation.port, 443);
  t.same(
    places(explanation).filter((place) => !place.startsWith('fra')),
    ['client', 'client.up', 'internet', 'internet', 'r1.isp.down', 'r1', 'web.down', 'web'],
  );
  const [syn, answer] = explanation.ways;
  const inTunnel = syn!.hops.find(({ action }) => action.includes('one'));
  t.same(
    inTunnel!.headers.map(({ name }) => name),
    ['IPv4', 'GRE', 'IPv4', 'TCP'],
  );
  t.equal(inTunnel!.mtu, 1476);
  t.equal(answer!.kind, 'answer');
  t.equal(answer!.parent, 1);
  t.notOk(
    answer!.hops.some(({ headers }) => headers.some(({ name }) => name === 'GRE')),
    'direct server return',
  );
  const text = explanationText(explanation);
  t.match(text, /TCP to port 443, sent at 5 s/);
  t.match(text, /198\.51\.100\.1 > 203\.0\.113\.10/);
  t.match(text, /\n\nIt arrives, and so does its answer\.$/);
  t.end();
});

t.test('a packet that is too long dies at the edge, and why', (t) => {
  const explanation = explained(oneTunnel([]), { protocol: 'icmp', size: 1500, dontFragment: true });
  t.notOk(explanation.arrived);
  t.equal(explanation.ways[0]!.end!.reason, 'mtu_exceeded');
  t.not(explanation.ways[0]!.end!.explanation, '');
  const error = explanation.ways[1]!;
  t.equal(error.kind, 'icmp_error');
  t.equal(error.end!.place, 'client');
  const text = explanationText(explanation);
  t.match(text, /fragmentation needed, MTU 1476/);
  t.match(text, /It does not arrive: dropped at fra, mtu_exceeded\./);
  t.match(text, /1500 bytes do not fit into an MTU of 1476, and DF forbids/);
  t.match(text, /client is told by an ICMP error \(fragmentation needed, MTU 1476\)/);
  t.match(text, /packets of 1476 bytes at most, so TCP with an MSS of 1436 or less\.$/);
  t.end();
});

/** What the last paragraph says. */
function cause(name: string, flow: string, options: Partial<ExplainOptions> = {}): string {
  const scenario = loadScenario(join(root, 'scenarios', `${name}.yaml`));
  const explanation = explain(scenario, {
    ...{ flow, protocol: 'icmp', size: null, dontFragment: true, at: 30e9 },
    ...options,
  });
  return causeOf(explanation).join(' ');
}

t.test('the cause is told: what is too narrow, who hears of it, and what would fit', (t) => {
  t.equal(
    cause('df-black-hole', 'web->client', { size: 1500 }),
    'It does not arrive: dropped at r1, router_mtu_exceeded. ' +
      '1500 bytes do not fit into an MTU of 1476, and DF forbids to cut them. ' +
      'Nobody tells web: no ICMP error is sent. To it, this is a black hole. ' +
      'What fits: packets of 1476 bytes at most, so TCP with an MSS of 1436 or less.',
  );
  const wrong = cause('too-big-to-the-wrong-pop', 'america->web', { size: 1476 });
  t.match(wrong, /1500 bytes do not fit into an MTU of 1400/, 'the outer packet');
  t.match(wrong, /iad\/\d is not told: an ICMP error .* comes to fra\/\d instead\..* black hole/);
  t.match(wrong, /packets of 1376 bytes at most, so TCP with an MSS of 1336/, 'the inner one');
  const spread = cause('too-big-spread', 'america->web', { size: 1476 });
  t.match(spread, /fra\/\d is told by .* and tells all servers of the edge: iad\/\d sends less/);
  // A ping's answer is the same packet on its way back.
  const back = cause('df-black-hole', 'client->web', { size: 1476 });
  t.equal(back, 'It arrives, and so does its answer.');
  t.match(cause('df-black-hole', 'web->client', { size: 1600 }), /web knows: it is its own interface/);
  t.end();
});

t.test('without DF it goes on in fragments, and is whole again at the host', (t) => {
  const explanation = explained(oneTunnel([]), { protocol: 'icmp', size: 1500 });
  t.ok(explanation.arrived);
  const kinds = explanation.ways.map(({ kind }) => kind);
  t.ok(kinds.includes('fragment') && kinds.includes('reassembled'), kinds.join());
  t.ok(
    explanation.ways.every(({ end }) => end?.reason === null),
    'all parts have an end',
  );
  t.end();
});

t.test('every header is told: GRE options, and fragments of IPv6', (t) => {
  const text = oneTunnel([])
    .replaceAll('[192.0.2.0/24]', "[192.0.2.0/24, '2001:db8:a::/48']")
    .replace('- { prefix: 192', "- { prefix: '2001:db8:a::/48', nexthop: one }\n  - { prefix: 192")
    .replace('{ name: one,', '{ name: one, key: 7, sequence: true, checksum: true,')
    .replace('address: 192.0.2.10', "address: [192.0.2.10, '2001:db8:a::10']")
    .replace('address: 198.18.1.10', "address: [198.18.1.10, '2001:db8:1::10']");
  const flow = '2001:db8:1::10->2001:db8:a::10';
  const ping = explanationText(explained(text, { flow, protocol: 'icmp' }));
  t.match(ping, /GRE +16 bytes, key 7, sequence number \d+, checksum\n/);
  t.match(ping, /MTU of the tunnel 1464/);
  const cut = explanationText(explained(text, { flow, protocol: 'udp', size: 3000 }));
  t.match(cut, /2001:db8:a::10, 1496 bytes, hop limit 64, first fragment\n +UDP/);
  t.match(cut, /1496 bytes, hop limit 64, fragment from byte 1448\n/);
  t.match(cut, /ICMPv6 +packet too big, MTU 1464/);
  t.match(cut, /fra +has it whole \(3000 bytes\)/);
  t.match(cut, /3000 bytes do not fit into an MTU of 1464, and DF forbids to cut them\.\nclient is told by/);
  t.match(cut, /packets of 1464 bytes at most, so TCP with an MSS of 1404/);
  t.end();
});

t.test('a part of it is not enough: fragments that wait in vain', (t) => {
  const narrow = oneTunnel([]).replace(
    'r1: { uplinks: { isp: 203.0.113.10 }',
    'r1: { uplinks: { isp: { address: 203.0.113.10, mtu: 1400 } }',
  );
  const explanation = explained(narrow, { protocol: 'udp', size: 1500 });
  t.equal(explanation.arrived, false);
  t.same(
    explanation.ways.flatMap(({ kind, end }) => (kind === 'fragment' ? [[end!.place, end!.reason]] : [])),
    [
      ['r1.isp.down', 'path_mtu_exceeded'],
      ['web', 'reassembly_failed'],
    ],
  );
  t.match(
    explanationText(explanation),
    /It does not arrive: dropped at r1\.isp\.down, path_mtu_exceeded\.\n[^]*packets of 1376 bytes at most/,
  );
  t.end();
});

t.test('time matters: after the failure the packet takes another way, or none', (t) => {
  const timeline = ['{ at: 10s, fail: cni_1 }', '{ at: 30s, fail: cni_2 }', '{ at: 31s, fail: r1 }'];
  const at = (seconds: number): Explanation =>
    explained(circuits([], timeline), { at: seconds * 1e9, protocol: 'icmp' });
  t.ok(places(at(9)).includes('cni_1.down'));
  const later = at(25);
  t.ok(later.arrived && places(later).includes('cni_2.down'));
  const never = at(50);
  t.notOk(never.arrived);
  t.not(never.ways[0]!.end!.reason, null);
  t.end();
});

t.test('a port where nobody listens, an address that no host has', (t) => {
  const closed = explained(oneTunnel([]), { flow: 'client→web:9', protocol: 'udp' });
  t.equal(closed.ways[0]!.end!.reason, 'port_closed');
  t.ok(closed.arrived, 'it came to the host');
  const nobody = explained(oneTunnel([]), { flow: 'client->203.0.113.99' });
  t.notOk(nobody.arrived);
  t.equal(nobody.to, null);
  t.equal(nobody.ways[0]!.end!.reason, 'destination_unreachable');
  t.end();
});

t.test('flows that make no sense', (t) => {
  const scenario = parseScenario(oneTunnel([]), 'test.yaml');
  for (const [flow, message] of [
    ['client', /expected FROM/],
    ['client->', /expected FROM/],
    ['klient->web', /did you mean "client"/],
    ['client->wed', /did you mean "web"/],
    ['client->web:0', /port 0/],
    ['client->web:70000', /port 70000/],
    ['client->2001:db8::1', /no family/],
  ] as const) {
    t.throws(() => parseFlow(flow, null, scenario), message, flow);
  }
  t.throws(() => explained(oneTunnel([]), { protocol: 'icmp', size: 20 }), FlowError);
  const six = parseScenario(
    oneTunnel([])
      .replaceAll('192.0.2.0/24]', "192.0.2.0/24, '2001:db8:a::/48']")
      .replace('address: 192.0.2.10', "address: [192.0.2.10, '2001:db8:a::10']")
      .replace('address: 198.18.1.10', "address: [198.18.1.10, '2001:db8:1::10']"),
    'test.yaml',
  );
  t.match(parseFlow('[2001:DB8:1:0::10] -> [2001:db8:a:0:0::10]:80', null, six), {
    ...{ source: '2001:db8:1::10', to: 'web', destination: '2001:db8:a::10', port: 80 },
  });
  t.same(parseFlow('198.18.1.10 -> 192.0.2.10:80', null, scenario), {
    from: scenario.hosts[0],
    ...{ source: '198.18.1.10', to: 'web', destination: '192.0.2.10', protocol: 'tcp', port: 80 },
  });
  t.end();
});
