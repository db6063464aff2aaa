import t from 'tap';
import { PENALTIES } from '../../../src/network/routing/penalty.js';
import { HealthLab } from './health-lab.js';

interface Options {
  check?: string;
  router?: string;
  tunnel?: string;
  pops?: string;
  endpoints?: string;
  more?: string;
}

/** One tunnel to a router in Frankfurt, with health checks at rate high. */
function scenario({
  check = '',
  router = '',
  tunnel = '',
  pops = 'fra, iad, sin',
  endpoints = '',
  more = '',
}: Options = {}): string {
  return `
name: health
duration: 1h
edge:
  endpoints: [198.51.100.1, '2001:db8::1'${endpoints}]
  pops: [${pops}]
prefixes: [192.0.2.0/24]
tunnels:
  - name: acme
    local: 198.51.100.1
    remote: 203.0.113.10
    interface_address: 10.100.0.0/31
    health_check: { rate: high${check} }
    ${tunnel}
routes:
  - { prefix: 192.0.2.0/24, nexthop: acme }
providers: [isp]
sites:
  acme:
    at: fra
    prefixes: [192.0.2.0/24]
    routers:
      r1:
        uplinks: { isp: 203.0.113.10 }
        ${router}
    hosts:
      web: { address: 192.0.2.10 }
${more}`;
}

for (const type of ['reply', 'request']) {
  for (const direction of ['unidirectional', 'bidirectional']) {
    t.test(`${direction} probes of type ${type} come back to whoever sent them`, async (t) => {
      const lab = new HealthLab(scenario({ check: `, type: ${type}, direction: ${direction}` }));
      lab.run(60.3);
      t.same(lab.told, []);
      t.equal(lab.sent, 3 * 61 - 2, 'the first PoP has its place at 0 s');
      t.equal(lab.outcomes('answered'), lab.sent);
      t.equal(lab.checks.good, lab.sent);
      t.ok(lab.outcomes('for_other') >= 2 * 60, 'answers land in the PoP nearest to the customer');
      t.equal(lab.world.lost, 0);
      t.equal(lab.world.dropped, 0);
    });
  }
}

t.test('a tunnel that is cut off goes down in every PoP, and comes back', async (t) => {
  const lab = new HealthLab(scenario());
  lab.run(10);
  lab.setUplink(false);
  lab.run(60);
  t.same(
    lab.told.map(({ pop, from, to }) => [pop, from, to]).sort(),
    [
      ['fra', 'healthy', 'down'],
      ['iad', 'healthy', 'down'],
      ['sin', 'healthy', 'down'],
    ],
    'each by itself',
  );
  for (const { at, pop } of lab.told) t.ok(at > 11.6 - 0.3 && at <= 12.6, `${pop} at ${at} s`);
  lab.setUplink(true);
  lab.run(300);
  t.same(new Set(lab.told.slice(3).map(({ to }) => to)), new Set(['degraded']));
  t.ok(lab.told.slice(3).every(({ at }) => at > 60 && at < 62));
  lab.run(362);
  t.same(
    lab.told
      .slice(6)
      .map(({ pop, from, to }) => [pop, from, to])
      .sort(),
    [
      ['fra', 'degraded', 'healthy'],
      ['iad', 'degraded', 'healthy'],
      ['sin', 'degraded', 'healthy'],
    ],
    'five minutes later',
  );
  t.equal(lab.world.lost, 0);
});

t.test('health steers: routes of a tunnel that is down are penalised, and used all the same', async (t) => {
  const lab = new HealthLab(scenario());
  const penalties: number[] = [];
  const setHealth = lab.routing.setHealth.bind(lab.routing);
  lab.routing.setHealth = (pop, nexthop, state) => {
    penalties.push(PENALTIES[state]);
    setHealth(pop, nexthop, state);
  };
  lab.run(5);
  lab.setUplink(false);
  lab.run(10);
  t.same(penalties, [1_000_000, 1_000_000, 1_000_000]);
});

t.test('a stateful firewall shows a tunnel down that works, and type request cures it', async (t) => {
  const router = 'firewall: stateful';
  const reply = new HealthLab(scenario({ router }));
  reply.run(10);
  t.same(new Set(reply.told.map(({ to }) => to)), new Set(['down']));
  t.ok(reply.recorder.dropsOf('firewall_denied', 'r1') > 0);
  const request = new HealthLab(scenario({ router, check: ', type: request' }));
  request.run(10);
  t.same(request.told, []);
  const inside = new HealthLab(scenario({ router, check: ', type: request, direction: bidirectional' }));
  inside.run(10);
  t.same(inside.told, []);
});

t.test('PoPs may see a tunnel differently', async (t) => {
  const lab = new HealthLab(scenario());
  lab.run(5);
  // What leaves Singapore is lost.
  const sin = lab.edge.pops[2]!.attachment;
  const send = sin.send.bind(sin);
  sin.send = (packet) => {
    lab.world.drop(packet, lab.edge.pops[2]!.node, lab.world.reasons.link_loss);
  };
  lab.run(20);
  t.same(
    lab.told.map(({ pop, to }) => [pop, to]),
    [['sin', 'down']],
  );
  sin.send = send;
  lab.run(30);
  t.equal(lab.told.at(-1)!.to, 'degraded');
});

t.test('a PoP that is down probes nothing, and tells nothing of tunnels', async (t) => {
  const lab = new HealthLab(scenario());
  lab.run(5.5);
  lab.edge.pops[1]!.setUp(false);
  const { sent } = lab.health.proberOf(1);
  lab.run(30);
  t.equal(lab.health.proberOf(1).sent, sent);
  lab.edge.pops[1]!.setUp(true);
  lab.run(60);
  t.ok(lab.health.proberOf(1).sent >= sent + 28, 'it goes on');
  t.same(lab.told, []);
});

t.test('answers for a PoP that is down in the meantime end there', async (t) => {
  const lab = new HealthLab(scenario({ pops: 'fra, sin' }));
  lab.run(lab.health.proberOf(1).next / 1e9 + 0.05);
  lab.edge.pops[1]!.setUp(false);
  lab.run(3);
  t.equal(lab.world.lost, 0);
});

t.test('a change of the network keeps what is known', async (t) => {
  const lab = new HealthLab(scenario());
  lab.run(5);
  lab.setUplink(false);
  lab.run(10);
  t.equal(lab.told.length, 3);
  const { network } = lab.scenario;
  const [acme] = network.tunnels;
  const other = {
    ...acme!,
    name: 'other',
    interface_address: '10.100.0.2/31',
    cloudflare_gre_endpoint: '198.51.100.2',
  };
  lab.setNetwork({ ...network, tunnels: [other, acme!] });
  t.same(lab.health.probed, ['other', 'acme']);
  lab.run(15);
  t.same(new Set(lab.told.slice(3).map(({ nexthop }) => nexthop)), new Set(['other']));
  t.equal(lab.health.proberOf(0).stateOf(1), 2, 'still down, at another place');
  lab.setNetwork({
    ...network,
    tunnels: [{ ...acme!, health_check: { ...acme!.health_check, enabled: false } }],
  });
  t.same(lab.health.probed, []);
  const { sent } = lab;
  lab.run(30);
  t.equal(lab.sent, sent, 'a health check that is off');
});

t.test('an endpoint behind the router informs and does not steer', async (t) => {
  const checks = '{ name: web, endpoint: 192.0.2.10 }, { name: nobody, endpoint: 192.0.2.99 }';
  const lab = new HealthLab(scenario({ more: `endpoint_health_checks: [${checks}]` }));
  t.same(lab.health.probed, ['acme']);
  lab.run(620);
  t.same(lab.told, [], 'no tunnel has changed');
  t.same(
    lab.endpoints.map(({ nexthop, to }) => [nexthop, to]).sort(),
    ['fra', 'iad', 'sin'].map(() => ['nobody', 'down']),
  );
});

t.test('a circuit that takes only GRE is not probed by itself: its tunnels are', async (t) => {
  const circuit = (more: string): string => `
interconnects:
  - { name: cni, colo: fra, dataplane: 1, interface_address: 10.200.0.0/31${more} }
`;
  const router = 'circuits: [cni]';
  const gre = new HealthLab(scenario({ router, more: circuit('') }));
  t.same(gre.health.probed, ['acme']);
  const plain = new HealthLab(scenario({ router, more: circuit(', gre_less: true') }));
  t.same(plain.health.probed, ['acme', 'cni']);
});

t.test('a health check that cannot be is refused with its reason', async (t) => {
  const lab = new HealthLab(scenario());
  const { network } = lab.scenario;
  const [acme] = network.tunnels;
  const without = {
    ...acme!,
    interface_address: null,
    health_check: { ...acme!.health_check, direction: 'bidirectional' as const },
  };
  t.throws(
    () => lab.health.setNetwork({ ...network, tunnels: [without] }),
    /health check of acme: a bidirectional health check needs an interface address/,
  );
  t.throws(
    () => lab.health.setNetwork({ ...network, endpoint_health_checks: [{ name: 'x', endpoint: 'nowhere' }] }),
    /health check of x: no address to ask nowhere from/,
  );
});

t.test('the same seed gives the same probes', async (t) => {
  const trace = (seed: number): string => {
    const lab = new HealthLab(`${scenario()}seed: ${seed}\n`);
    const seen: string[] = [];
    const { down } = [...lab.places.uplinks.values()][0]!;
    const send = down.send.bind(down);
    down.send = (packet) => {
      const { bytes, start, length } = lab.world.packets;
      seen.push(Buffer.from(bytes.slice(start[packet], start[packet]! + length[packet]!)).toString('hex'));
      send(packet);
    };
    lab.run(5);
    t.ok(seen.length >= 14);
    return seen.join();
  };
  t.equal(trace(1), trace(1));
  t.not(trace(1), trace(2), 'and another one another key');
});
