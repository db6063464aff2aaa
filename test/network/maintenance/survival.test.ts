import fc from 'fast-check';
import t from 'tap';
import type { RouteConfig } from '../../../src/config/config.js';
import { edgeLosses, type Loss } from '../../../src/network/maintenance/losses.js';
import { Survival, type Pop } from '../../../src/network/maintenance/survival.js';
import { EMPTY_NETWORK } from '../../../src/network/change/network-state.js';
import { isInScope } from '../../../src/network/routing/place.js';
import { staticEntry, type RouteEntry } from '../../../src/network/routing/route-entry.js';
import { interconnectConfig, routeConfig, tunnelConfig } from '../example-network.js';

const POPS: Pop[] = [
  { colo: 'fra', region: 'WEUR' },
  { colo: 'ams', region: 'WEUR' },
  { colo: 'iad', region: 'ENAM' },
];

const NETWORK = {
  ...EMPTY_NETWORK,
  tunnels: [tunnelConfig('isp', 1), tunnelConfig('over', 2, { interconnect: 'cni1' })],
  interconnects: [
    interconnectConfig('cni1', 0, { dataplane: 1 }),
    interconnectConfig('cni2', 2, { device: 'edge2' }),
    interconnectConfig('cni3', 4, { colo: 'ams' }),
  ],
};

function loss(what: string): Loss {
  const found = edgeLosses(
    NETWORK,
    POPS.map(({ colo }) => colo),
  ).find((candidate) => candidate.what === what);
  if (found === undefined) throw new RangeError(what);
  return found;
}

function stranded(routes: readonly (RouteConfig | RouteEntry)[], ...whats: string[]): string[] {
  const entries = routes.map((route) => ('origin' in route ? route : staticEntry(route)));
  return new Survival(entries, POPS)
    .without(...whats.map(loss))
    .map(({ prefix, colos, everywhere }) => `${prefix} ${everywhere ? 'everywhere' : colos.join()}`);
}

const regional = { scope: { colo_regions: ['WEUR' as const], colo_names: [] } };

t.test('what goes with what', async (t) => {
  t.strictSame(loss('circuit cni1').nexthops, ['cni1', 'over']);
  t.strictSame(loss('device fra/edge2').nexthops, ['cni2']);
  t.strictSame(loss('PoP fra').nexthops, ['cni1', 'cni2', 'over']);
  t.strictSame(loss('PoP iad').nexthops, []);
});

t.test('two circuits on two devices: either may go, the PoP may not', async (t) => {
  const routes = [
    routeConfig('192.0.2.0/24', 'over'),
    routeConfig('192.0.2.0/24', 'cni2', { priority: 200 }),
  ];
  t.strictSame(stranded(routes, 'circuit cni1'), []);
  t.strictSame(stranded(routes, 'device fra/edge2'), []);
  t.strictSame(stranded(routes, 'PoP fra'), ['192.0.2.0/24 everywhere']);
  t.strictSame(stranded(routes, 'circuit cni1', 'circuit cni2'), ['192.0.2.0/24 everywhere']);
});

t.test('a tunnel over the Internet is no circuit’s', async (t) => {
  const routes = [
    routeConfig('192.0.2.0/24', 'cni2'),
    routeConfig('192.0.2.0/24', 'isp', { priority: 1000 }),
  ];
  t.strictSame(stranded(routes, 'PoP fra'), []);
});

t.test('scope: a backup that exists elsewhere does not help here', async (t) => {
  const routes = [
    routeConfig('192.0.2.0/24', 'cni2', regional),
    routeConfig('192.0.2.0/24', 'isp', { scope: { colo_regions: [], colo_names: ['iad', 'AMS'] } }),
  ];
  t.strictSame(stranded(routes, 'circuit cni2'), ['192.0.2.0/24 fra']);
  t.strictSame(stranded(routes, 'PoP fra'), [], 'nothing enters fra any more, ams has the other');
});

t.test(
  'a longer configured route keeps packets from a shorter one that works; a learned one goes',
  async (t) => {
    const around = routeConfig('192.0.2.0/24', 'isp');
    const inside = routeConfig('192.0.2.0/28', 'cni2');
    t.strictSame(stranded([around, inside], 'circuit cni2'), ['192.0.2.0/28 everywhere']);
    t.strictSame(stranded([around, { ...staticEntry(inside), origin: 'bgp' }], 'circuit cni2'), []);
  },
);

t.test('prefixes without a path before are no loss; holes are told apart', async (t) => {
  const routes = [routeConfig('192.0.2.0/24', 'cni2', regional)];
  t.strictSame(stranded(routes, 'circuit cni2'), ['192.0.2.0/24 fra,ams']);
  const holes = new Survival(routes.map(staticEntry), POPS).holes();
  t.strictSame(holes, [{ prefix: '192.0.2.0/24', colos: ['iad'], everywhere: false }]);
});

t.test('the last PoP', async (t) => {
  const survival = new Survival([staticEntry(routeConfig('192.0.2.0/24', 'isp'))], [POPS[0]!]);
  t.strictSame(survival.without({ what: 'PoP fra', nexthops: [], colo: 'fra' }), [
    { prefix: '192.0.2.0/24', colos: [], everywhere: true },
  ]);
});

t.test('agrees with looking at every PoP by itself', async () => {
  const route = fc.record({
    prefix: fc.constantFrom('10.0.0.0/8', '10.1.0.0/16', '10.1.2.0/24', '10.2.0.0/16'),
    nexthop: fc.constantFrom('isp', 'over', 'cni1', 'cni2', 'cni3'),
    scope: fc.constantFrom(null, regional.scope, { colo_regions: [], colo_names: ['iad', 'fra'] }),
    origin: fc.constantFrom('static' as const, 'bgp' as const),
  });
  fc.assert(
    fc.property(
      fc.array(route, { maxLength: 8 }),
      fc.constantFrom('circuit cni1', 'device fra/edge2', 'PoP fra', 'PoP ams', 'PoP iad'),
      (routes, what) => {
        const entries = routes.map((r): RouteEntry => ({ ...r, priority: 100, weight: 1, description: '' }));
        const lost = loss(what);
        const around: Record<string, string[]> = {
          '10.0.0.0/8': ['10.0.0.0/8'],
          '10.1.0.0/16': ['10.1.0.0/16', '10.0.0.0/8'],
          '10.1.2.0/24': ['10.1.2.0/24', '10.1.0.0/16', '10.0.0.0/8'],
          '10.2.0.0/16': ['10.2.0.0/16', '10.0.0.0/8'],
        };
        const works = (prefix: string, pop: Pop, gone: readonly string[]): boolean => {
          for (const one of around[prefix]!) {
            const here = entries.filter((e) => e.prefix === one && isInScope(e.scope, pop));
            const left = here.filter((e) => e.origin === 'static' || !gone.includes(e.nexthop));
            if (left.length > 0) return left.some((e) => !gone.includes(e.nexthop));
          }
          return false;
        };
        const expected = [...new Set(entries.map(({ prefix }) => prefix))].flatMap((prefix) => {
          const colos = POPS.filter(({ colo }) => colo !== lost.colo)
            .filter((pop) => works(prefix, pop, []) && !works(prefix, pop, lost.nexthops))
            .map(({ colo }) => colo);
          return colos.length === 0 ? [] : [`${prefix} ${colos.join()}`];
        });
        const found = new Survival(entries, POPS)
          .without(lost)
          .map(({ prefix, colos }) => `${prefix} ${colos.join()}`);
        return expected.join(' ') === found.join(' ');
      },
    ),
    { numRuns: 500 },
  );
});
