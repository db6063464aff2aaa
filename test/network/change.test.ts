import fc from 'fast-check';
import t from 'tap';
import type { NetworkConfig } from '../../src/config/network.js';
import { apply, validate } from '../../src/network/change/apply.js';
import { changeBetween } from '../../src/network/change/change-between.js';
import { NO_CHANGE, RESOURCE_KINDS, type NetworkChange } from '../../src/network/change/change-set.js';
import { diff } from '../../src/network/change/diff.js';
import { EMPTY_NETWORK, EMPTY_STATE, type NetworkState } from '../../src/network/change/network-state.js';
import { ChangeError, formatNetworkProblem } from '../../src/network/change/problem.js';
import { ACME, interconnectConfig, routeConfig, sessionConfig, tunnelConfig } from './example-network.js';

const STATE: NetworkState = { version: 7, network: ACME };

function put(put: NetworkChange['put'], remove: NetworkChange['remove'] = {}): NetworkChange {
  return { put, remove };
}

/** Problems as lines, warnings marked. */
function problems(change: NetworkChange, state = STATE): string[] {
  return validate(state, change).map(
    (problem) => `${problem.severity === 'warning' ? 'warning: ' : ''}${formatNetworkProblem(problem)}`,
  );
}

/** Problems of a network as a whole. */
function problemsOf(network: Partial<NetworkConfig>): string[] {
  return problems(changeBetween(EMPTY_NETWORK, { ...EMPTY_NETWORK, ...network }), EMPTY_STATE);
}

t.test('a change is put in effect whole', async (t) => {
  t.strictSame(problemsOf(ACME), []);
  const wider = tunnelConfig('acme_2', 2, { mtu: 1400 });
  const change = put(
    { tunnels: [tunnelConfig('acme_3', 3), wider], routes: [routeConfig('192.0.2.0/24', 'acme_3')] },
    { routes: ['192.0.2.0/28 via cni_1'], interconnects: ['cni_1'] },
  );
  const before = structuredClone(STATE);
  const { version, network } = apply(STATE, change);
  t.equal(version, 8);
  t.strictSame(
    network.tunnels.map(({ name, mtu }) => [name, mtu]),
    [
      ['acme_1', 1476],
      ['acme_2', 1400],
      ['acme_3', 1476],
    ],
    'what replaces something has its place',
  );
  t.strictSame(
    network.routes.map(({ nexthop }) => nexthop),
    ['acme_1', 'acme_2', 'acme_3'],
  );
  t.strictSame(network.interconnects, []);
  t.strictSame(STATE, before, 'the state before is left as it was');
  t.strictSame(apply(STATE, NO_CHANGE), { version: 8, network: ACME });
});

t.test('a change is refused whole, with all that is wrong', async (t) => {
  const change = put(
    { tunnels: [tunnelConfig('acme_3', 3)], routes: [routeConfig('192.0.2.0/24', 'acme_4')] },
    { tunnels: ['acme_1', 'acme_9'] },
  );
  t.throws(() => apply(STATE, change), ChangeError);
  t.strictSame(problems(change), [
    'tunnel acme_9: cannot be removed: there is no such tunnel, did you mean "acme_1"?',
    'route 192.0.2.0/24 via acme_4: nexthop: there is no tunnel or interconnect acme_4, did you mean "acme_2"?',
    'tunnel acme_1: cannot be removed: still named by route 192.0.2.0/24 via acme_1',
  ]);
  const many = Array.from({ length: 8 }, (_, i) => routeConfig(`192.0.2.${i * 8}/29`, 'acme_1'));
  t.match(problems(put({ routes: many }, { tunnels: ['acme_1'] })), [
    /still named by route 192\.0\.2\.0\/24 via acme_1, .*, route 192\.0\.2\.24\/29 via acme_1 and 4 more$/,
  ]);
  t.strictSame(problems(put({}, { tunnels: ['acme_1'], routes: ['192.0.2.0/24 via acme_1'] })), []);
  t.match(problems(put({ tunnels: [tunnelConfig('acme_1', 1)] }, { tunnels: ['acme_1'] })), [
    /both puts it in and removes it/,
  ]);
});

t.test('a name of routes stands for all of them', async (t) => {
  const west = routeConfig('192.0.2.0/24', 'acme_1', { scope: { colo_regions: ['WEUR'], colo_names: [] } });
  const east = routeConfig('192.0.2.0/24', 'acme_1', {
    scope: { colo_regions: ['ENAM'], colo_names: [] },
    priority: 300,
  });
  const both = apply(STATE, put({ routes: [west, east] })).network;
  t.strictSame(both.routes.slice(0, 3), [west, east, ACME.routes[1]]);
  const one = apply({ version: 1, network: both }, put({ routes: [east] })).network;
  t.strictSame(one.routes.slice(0, 2), [east, ACME.routes[1]]);
  const none = apply({ version: 1, network: both }, put({}, { routes: ['192.0.2.0/24 via acme_1'] })).network;
  t.strictSame(none.routes, ACME.routes.slice(1));
});

t.test('names', async (t) => {
  t.match(problems(put({ interconnects: [interconnectConfig('acme_1', 2)] })), [
    'interconnect acme_1: there is another tunnel of this name; expected a name of its own',
  ]);
  t.match(problems(put({ tunnels: [tunnelConfig('x', 8), tunnelConfig('x', 9)] })), [
    /tunnel x: there is another/,
  ]);
  t.match(problems(put({ tunnels: [tunnelConfig('a name of 17 char', 8)] })), [
    /name: expected 1 to 15 letters/,
  ]);
  for (const name of ['sixteen_letters_', 'a b', 'é', '']) {
    t.match(problems(put({ tunnels: [tunnelConfig(name, 8)] })), [/name: expected 1 to 15 letters/], name);
  }
  t.strictSame(problems(put({ tunnels: [tunnelConfig('fifteen_letters', 8)] })), []);
  t.match(
    problems(put({ alerts: [{ name: 'slo', type: 'tunnel_health', slo: 99.9, tunnels: ['acme_5'] }] })),
    [
      /alert slo: tunnels: there is no tunnel or interconnect acme_5/,
      /alert slo: slo: found 99.9, expected a share/,
    ],
  );
});

t.test('endpoints', async (t) => {
  const of = (more: Parameters<typeof tunnelConfig>[2]): string[] =>
    problems(put({ tunnels: [tunnelConfig('new', 9, more)] }));
  t.strictSame(of({}), []);
  t.strictSame(of({ customer_gre_endpoint: '203.0.113.1' }), [
    'tunnel new: no packet can tell new from acme_1: both take GRE from 203.0.113.1 to 198.51.100.1 without key; give one of them another key',
  ]);
  t.strictSame(of({ customer_gre_endpoint: '203.0.113.1', key: 5 }), []);
  t.match(of({ customer_gre_endpoint: '192.0.2.1' }), [/192\.0\.2\.1 lies inside an advertised prefix/]);
  t.match(of({ customer_gre_endpoint: '2001:db8::1' }), [/expected another IPv4 address/]);
  t.match(of({ cloudflare_gre_endpoint: 'home' }), [
    /cloudflare_gre_endpoint: found home, expected an IPv4 or/,
  ]);
});

t.test('interface addresses', async (t) => {
  const of = (more: Parameters<typeof tunnelConfig>[2]): string[] =>
    problems(put({ tunnels: [tunnelConfig('new', 9, more)] }));
  const bidirectional = { ...tunnelConfig('x', 1).health_check, direction: 'bidirectional' } as const;
  t.match(of({ interface_address: '10.100.0.3/31' }), [
    /^warning: .*10\.100\.0\.3\/31 is in use: acme_1 has/,
  ]);
  t.match(of({ interface_address: '10.100.0.2/31', health_check: bidirectional }), [
    /^tunnel new: .*is in use/,
  ]);
  t.match(of({ interface_address: '172.16.0.0/31' }), [
    /^interconnect cni_1: .*: new has an address of this/,
  ]);
  t.match(of({ interface_address: '10.0.0.1/24' }), [/expected an IPv4 address with \/31 or \/30/]);
  t.strictSame(of({ interface_address: '10.0.0.1/30' }), []);
  t.match(
    problems(put({ interconnects: [interconnectConfig('cni_2', 4, { interface_address: '10.0.0.1/30' })] })),
    [/expected an IPv4 address with \/31$/],
  );
});

t.test('prefixes', async (t) => {
  t.match(problems(put({ prefixes: [{ prefix: '203.0.113.0/25' }] })), [
    /203\.0\.113\.0\/25 is longer than \/24/,
  ]);
  t.match(problems(put({ routes: [routeConfig('198.18.0.0/24', 'acme_1')] })), [
    /^warning: route 198\.18\.0\.0\/24 via acme_1: prefix: .* outside of the advertised prefixes/,
  ]);
  t.strictSame(
    problems(put({ routes: [routeConfig('10.0.0.0/8', 'acme_1')] })),
    [],
    'private ones never are',
  );
  t.strictSame(problems(put({ routes: [routeConfig('192.0.0.0/16', 'acme_1')] })), [], 'a summary');
  t.match(problems(put({ routes: [routeConfig('192.0.2.1/24', 'acme_1')] })), [/without host bits/]);
});

t.test('values', async (t) => {
  const of = (more: Parameters<typeof routeConfig>[2]): string[] =>
    problems(put({ routes: [routeConfig('192.0.2.0/24', 'acme_1', more)] }));
  t.match(of({ weight: 0 }), [/weight: found 0, expected a whole number from 1 to 256/]);
  t.match(of({ weight: 257 }), [/weight/]);
  t.match(of({ priority: 1.5 }), [/priority: found 1.5/]);
  t.match(problems(put({ tunnels: [tunnelConfig('acme_1', 1, { mtu: 575, ttl: 0 })] })), [
    /ttl/,
    /mtu: found 575/,
  ]);
  t.strictSame(problems(put({ tunnels: [tunnelConfig('acme_1', 1, { mtu: 576 })] })), []);
});

t.test('health checks', async (t) => {
  const of = (more: object): string[] => {
    const { health_check } = tunnelConfig('x', 1);
    const tunnel = { interface_address: null, health_check: { ...health_check, ...more } };
    return problems(put({ tunnels: [tunnelConfig('new', 9, tunnel)] }));
  };
  t.strictSame(of({}), []);
  t.strictSame(of({ direction: 'bidirectional' }), [
    'tunnel new: health_check: a bidirectional health check needs an interface address',
  ]);
  t.strictSame(
    of({ direction: 'bidirectional', enabled: false }),
    [],
    'without probes nothing is asked of it',
  );
  t.match(of({ target: '2001:db8::1' }), [/^tunnel new: health_check: .* of different families$/]);
  t.strictSame(of({ target: '203.0.113.77' }), []);

  const check = (name: string, endpoint: string): NetworkChange['put'] => ({
    endpoint_health_checks: [{ name, endpoint }],
  });
  t.strictSame(problems(put(check('web', '192.0.2.10'))), []);
  t.strictSame(problems(put(check('web', '2001:db8::10'))), []);
  t.strictSame(problems(put(check('web', '224.0.0.1'))), [
    'endpoint health check web: endpoint: found 224.0.0.1, expected a unicast IPv4 or IPv6 address',
  ]);
  const twice = [...(check('web', '192.0.2.1').endpoint_health_checks ?? [])];
  t.match(problems(put({ endpoint_health_checks: [...twice, ...twice] })), [
    /there is another endpoint health check of this name/,
  ]);
});

t.test('interconnects (behaviour §5)', async (t) => {
  const of = (more: Parameters<typeof interconnectConfig>[2], change: NetworkChange['put'] = {}): string[] =>
    problems(put({ interconnects: [interconnectConfig('cni_2', 4, more)], ...change }));
  t.strictSame(of({}), []);
  t.match(of({ vlan: 100, links: 2, bfd: true, gre_less: true }), [
    /no 802.1Q tag/,
    /no LACP/,
    /no BFD/,
    /never has GRE/,
  ]);
  for (const speed of [10e9, 100e9]) t.strictSame(of({ speed }), []);
  for (const speed of [25e9, 40e9, 400e9]) t.match(of({ speed }), [/speed: .*expected 10 or 100 Gbit/]);
  t.match(of({ speed: 1e9, mtu: 9000 }), [
    /expected 10 or 100 Gbit\/s/,
    /mtu: found 9000, expected 576 to 1500 bytes/,
  ]);
  const session = (name: string, nexthop: string): NetworkChange['put'] => ({
    bgp_sessions: [sessionConfig(name, nexthop)],
  });
  const v1 = { dataplane: 1, vlan: 100, links: 2, bfd: true } as const;
  t.match(of(v1), [/^warning: interconnect cni_2: no BGP session over it/]);
  t.strictSame(of(v1, session('bgp', 'cni_2')), []);
  const over = tunnelConfig('over', 9, { interconnect: 'cni_2' });
  t.strictSame(of(v1, { tunnels: [over], ...session('bgp', 'over') }), [], 'over the tunnel over it');
  t.match(of({ ...v1, product: 'express' }, session('bgp', 'cni_2')), [
    /bfd: found true, expected false: express has no BGP/,
    /express interconnect, which has no BGP/,
  ]);
  t.match(of({ ...v1, kind: 'cloud' }, session('bgp', 'cni_2')), [
    /^warning: .*leads to a cloud, whose routes are/,
  ]);
  t.match(of({ ...v1, kind: 'cloud' }, { routes: [routeConfig('192.0.2.0/25', 'cni_2')] }), [
    /cni_2 \(dataplane 1\) takes packets in GRE only/,
  ]);
  t.strictSame(
    of({ ...v1, kind: 'cloud', gre_less: true }, { routes: [routeConfig('192.0.2.0/25', 'cni_2')] }),
    [],
  );
  t.match(of({}, { tunnels: [over] }), [/tunnel over: interconnect: cni_2 has dataplane 2/]);
  const express = { dataplane: 1, product: 'express' } as const;
  t.strictSame(of(express, { routes: [routeConfig('192.0.2.0/25', 'cni_2')] }), [], 'plain, as dataplane 2');
  t.match(of(express, { tunnels: [over] }), [
    /tunnel over: interconnect: cni_2 is an express interconnect, which carries packets without GRE/,
  ]);
  t.match(problems(put({ tunnels: [over] })), [/there is no interconnect cni_2, did you mean "cni_1"\?/]);
});

t.test('BGP sessions', async (t) => {
  const of = (...sessions: NetworkConfig['bgp_sessions']): string[] =>
    problems(put({ bgp_sessions: sessions }));
  t.strictSame(of(sessionConfig('one', 'acme_1'), sessionConfig('two', 'cni_1')), []);
  t.match(of(sessionConfig('one', 'acme_1'), sessionConfig('two', 'acme_1')), [
    /one is a session over acme_1 already/,
  ]);
  t.match(of(sessionConfig('one', 'acme_7')), [
    /bgp session one: nexthop: there is no tunnel or interconnect acme_7/,
  ]);
  t.match(of(sessionConfig('one', 'acme_1', { hold_time: 2 })), [/expected 0 or at least 3 s/]);
  t.match(of(sessionConfig('one', 'acme_1', { customer_asn: 0 })), [/customer_asn: found 0/]);
});

t.test('maintenance', async (t) => {
  const window = {
    name: 'm',
    colo: 'fra',
    device: null,
    starts: 100,
    duration: 0,
    announced: 200,
    emergency: false,
  };
  t.match(problems(put({ maintenance: [window] })), [
    /duration: found 0/,
    /announced at 200 s, after it starts/,
  ]);
});

/** Networks that the door lets in: tunnels a to e, and whatever names them. */
const anyNetwork = fc
  .record({
    tunnels: fc.uniqueArray(
      fc.record({ i: fc.nat(4), mtu: fc.constantFrom(1400, 1476), key: fc.constantFrom(null, 1, 2) }),
      { selector: ({ i }) => i, minLength: 1 },
    ),
    routes: fc.array(
      fc.record({
        prefix: fc.constantFrom('192.0.2.0/24', '192.0.2.0/28', '192.0.0.0/16'),
        at: fc.nat(),
        priority: fc.constantFrom(100, 200),
        weight: fc.constantFrom(1, 2),
        region: fc.constantFrom(null, 'WEUR', 'APAC'),
      }),
      { maxLength: 8 },
    ),
    session: fc.option(fc.record({ at: fc.nat(), md5_key: fc.constantFrom(null, 'x', 'y') })),
    interconnect: fc.boolean(),
    advertised: fc.boolean(),
    endpoint: fc.constantFrom(null, '192.0.2.1', '192.0.2.2'),
  })
  .map(({ tunnels, routes, session, interconnect, advertised, endpoint }): NetworkConfig => {
    const names = tunnels.map(({ i }) => `tunnel_${'abcde'[i]!}`);
    const nameAt = (at: number): string => names[at % names.length]!;
    return {
      ...EMPTY_NETWORK,
      tunnels: tunnels.map(({ i, mtu, key }) => tunnelConfig(`tunnel_${'abcde'[i]!}`, i + 1, { mtu, key })),
      interconnects: interconnect ? [interconnectConfig('cni', 0)] : [],
      endpoint_health_checks: endpoint === null ? [] : [{ name: 'web', endpoint }],
      prefixes: advertised ? [{ prefix: '192.0.2.0/24' }] : [],
      routes: routes.map(({ prefix, at, priority, weight, region }) =>
        routeConfig(prefix, nameAt(at), {
          priority,
          weight,
          scope: region === null ? null : { colo_regions: [region as 'WEUR'], colo_names: [] },
        }),
      ),
      bgp_sessions:
        session === null ? [] : [sessionConfig('bgp', nameAt(session.at), { md5_key: session.md5_key })],
    };
  });

/** Without the order of resources, which is no part of a network. */
function canonical(network: NetworkConfig): unknown {
  return RESOURCE_KINDS.map((kind) => network[kind].map((resource) => JSON.stringify(resource)).sort());
}

t.test('the change between two networks makes one of the other, and back', async () => {
  fc.assert(
    fc.property(anyNetwork, anyNetwork, (before, after) => {
      const from: NetworkState = { version: 1, network: before };
      const change = changeBetween(before, after);
      const to = apply(from, change);
      if (JSON.stringify(canonical(to.network)) !== JSON.stringify(canonical(after)))
        throw new Error('another one');
      const back = apply(to, changeBetween(to.network, before));
      if (JSON.stringify(canonical(back.network)) !== JSON.stringify(canonical(before)))
        throw new Error('no way back');
      const same = JSON.stringify(canonical(before)) === JSON.stringify(canonical(after));
      if ((diff(before, after).length === 0) !== same)
        throw new Error('the diff does not say what is different');
      if (diff(to.network, after).length > 0) throw new Error('a diff of what is the same');
      const again = changeBetween(to.network, after);
      if (JSON.stringify(again) !== JSON.stringify(NO_CHANGE)) throw new Error('something is left to do');
    }),
    { numRuns: 300 },
  );
});

t.test('a refused change leaves the state as it was; one that is let in never harms', async () => {
  const names = ['tunnel_a', 'tunnel_b', 'tunnel_c', 'tunnel_z', 'cni'];
  const removals = fc.record({
    tunnels: fc.subarray(names, { maxLength: 1 }),
    routes: fc.subarray(['192.0.2.0/24 via tunnel_a', '192.0.2.0/28 via tunnel_b', 'x'], { maxLength: 1 }),
    interconnects: fc.subarray(['cni']),
    bgp_sessions: fc.subarray(['bgp']),
  });
  const counts = { refused: 0, taken: 0 };
  fc.assert(
    fc.property(
      anyNetwork,
      anyNetwork,
      fc.subarray([...RESOURCE_KINDS]),
      removals,
      fc.boolean(),
      (network, other, kinds, remove, sound) => {
        const state: NetworkState = { version: 3, network };
        const before = JSON.stringify(state);
        const random = { put: Object.fromEntries(kinds.map((kind) => [kind, other[kind]])), remove };
        const change: NetworkChange = sound ? changeBetween(network, other) : random;
        try {
          const { network: after, version } = apply(state, change);
          counts.taken++;
          if (version !== 4) throw new Error(`version ${version}`);
          const nexthops = new Set([...after.tunnels, ...after.interconnects].map(({ name }) => name));
          if (![...after.routes, ...after.bgp_sessions].every(({ nexthop }) => nexthops.has(nexthop))) {
            throw new Error('a next hop that is not there');
          }
          apply(EMPTY_STATE, changeBetween(EMPTY_NETWORK, after));
        } catch (error) {
          if (!(error instanceof ChangeError) || error.problems.length === 0) throw error;
          counts.refused++;
        }
        if (JSON.stringify(state) !== before) throw new Error('the state has changed');
      },
    ),
    { numRuns: 500 },
  );
  t.ok(counts.taken > 20 && counts.refused > 20, `${counts.taken} taken, ${counts.refused} refused`);
});
