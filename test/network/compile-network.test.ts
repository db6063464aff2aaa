import t from 'tap';
import { createCounters } from '../../src/dataplane/counters.js';
import { frameAlignment, LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { Tables } from '../../src/dataplane/tables.js';
import { verdictEntry } from '../../src/dataplane/verdicts.js';
import { compileNetwork } from '../../src/network/compile-network.js';
import { PENALTIES } from '../../src/network/routing/penalty.js';
import type { Place } from '../../src/network/routing/place.js';
import { PlaceRoutes } from '../../src/network/routing/place-routes.js';
import { putGroups } from '../../src/network/routing/put-groups.js';
import { buildPacket } from '../../src/wire/build.js';
import { ACME, routeConfig, tunnelConfig } from './example-network.js';

const PLACES: readonly Place[] = [
  { region: 'WEUR', colo: 'fra' },
  { region: 'APAC', colo: 'nrt' },
];

t.test('one set of tables, and what each PoP does with it', async (t) => {
  const network = {
    ...ACME,
    tunnels: [...ACME.tunnels, tunnelConfig('acme_3', 3)],
    routes: [
      ...ACME.routes,
      routeConfig('198.51.100.0/24', 'acme_3', { scope: { colo_regions: [], colo_names: ['NRT'] } }),
    ],
  };
  const later = [{ prefix: '192.0.2.128/25', nexthop: 'acme_2' }];
  const { nexthops, classes, spec } = compileNetwork(network, { views: 2, maxNestingDepth: 1, later });
  t.strictSame(nexthops, ['acme_1', 'acme_2', 'acme_3', 'cni_1']);
  t.strictSame(
    spec.tunnels.map(({ name, mode, mtu }) => [name, mode, mtu]),
    [
      ['acme_1', 'gre', 1476],
      ['acme_2', 'gre', 1476],
      ['acme_3', 'gre', 1476],
      ['cni_1', 'plain', 1500],
    ],
  );
  const tables = Tables.build(spec);
  const penalties = nexthops.map((): number => PENALTIES.healthy);
  const places = PLACES.map((place) => new PlaceRoutes(classes, place, (nexthop) => penalties[nexthop]!));
  places.forEach((routes, view) => putGroups(tables, view, routes, classes.list.keys()));

  const { slots, vectors, regions } = vectorRegions(1);
  const pool = PacketPool.create({ slots, vectors });
  const vector = PacketVector.create(pool, regions[0]!);
  const pipeline = new Pipeline(pool, tables, createCounters(tables.tunnelCount));
  const goesTo = (view: number, to: string): string => {
    const bytes = buildPacket({ ip: { source: '192.88.99.1', destination: to }, udp: {} });
    vector.count = 1;
    vector.view = view;
    vector.offset[0] = pool.frameOffset(regions[0]!.firstSlot, frameAlignment(LinkType.RAW));
    vector.length[0] = bytes.length;
    vector.link[0] = LinkType.RAW;
    vector.side[0] = Side.OVERLAY;
    pool.bytes.set(bytes, vector.offset[0]);
    pipeline.run(vector, 0);
    const verdict = verdictEntry(vector.verdict[0]!)?.name;
    return verdict === 'delivered_underlay' ? nexthops[vector.tunnelOut[0]!]! : (verdict ?? '');
  };
  const both = (to: string): string[] => PLACES.map((_, view) => goesTo(view, to));
  const change = (name: string, penalty: number): string[] => {
    const nexthop = nexthops.indexOf(name);
    penalties[nexthop] = penalty;
    const changed = new Set<string>();
    places.forEach((routes, view) => {
      const numbers = routes.penaltyChanged(nexthop);
      putGroups(tables, view, routes, numbers);
      for (const number of numbers) changed.add(classes.list[number]!.prefix);
    });
    return [...changed];
  };

  t.strictSame(both('192.0.2.200'), ['acme_1', 'acme_1']);
  t.strictSame(both('192.0.2.1'), ['cni_1', 'acme_1'], 'scoped to WEUR; elsewhere the shorter prefix');
  t.strictSame(both('198.51.100.7'), ['no_route', 'acme_3'], 'a hole');
  t.strictSame(both('203.0.113.200'), ['no_route', 'no_route'], 'no prefix at all');
  t.strictSame(both('10.100.0.3'), ['acme_1', 'acme_1'], 'the other end of a tunnel');
  t.strictSame(both('172.16.0.1'), ['cni_1', 'cni_1'], 'the other end of a circuit');

  t.strictSame(change('acme_1', PENALTIES.down).sort(), ['192.0.2.0/24', '192.0.2.0/28', '192.0.2.128/25']);
  t.strictSame(both('192.0.2.200'), ['acme_2', 'acme_2']);
  t.strictSame(both('192.0.2.1'), ['cni_1', 'acme_2']);
  t.strictSame(change('acme_2', PENALTIES.down).length, 3);
  t.strictSame(both('192.0.2.200'), ['acme_1', 'acme_1'], 'all are down: the best of them');

  const learned = classes.arrange([
    {
      prefix: '192.0.2.128/25',
      nexthop: 'acme_2',
      priority: 100,
      weight: 1,
      scope: null,
      origin: 'bgp',
      description: '',
    },
  ]);
  putGroups(tables, 1, places[1]!, places[1]!.setLearned(learned));
  t.strictSame(both('192.0.2.200'), ['acme_1', 'acme_2'], 'Tokyo has heard of it first');
  t.strictSame(both('192.0.2.100'), ['acme_1', 'acme_1']);
});

t.test('room for what may come', async (t) => {
  const options = { views: 1, maxNestingDepth: 1 };
  const mostOf = (later: { prefix: string; nexthop: string }[]): Record<string, number> => {
    const { classes } = compileNetwork(ACME, { ...options, later });
    return Object.fromEntries(classes.list.map(({ prefix, most }) => [prefix, most]));
  };
  t.match(mostOf([]), { '192.0.2.0/24': 2, '192.0.2.0/28': 2, '10.100.0.2/31': 1, '172.16.0.0/31': 1 });
  t.match(mostOf([{ prefix: '192.0.0.0/16', nexthop: 'cni_1' }]), { '192.0.0.0/16': 1, '192.0.2.0/24': 2 });
  t.match(mostOf([{ prefix: '192.0.2.0/24', nexthop: 'cni_1' }]), { '192.0.2.0/24': 3, '192.0.2.0/28': 3 });
});

t.test('300 PoPs that agree have the sets of one', async (t) => {
  const { classes } = compileNetwork(ACME, { views: 300, maxNestingDepth: 1, later: [] });
  const sets = new Set(
    Array.from({ length: 300 }, () => new PlaceRoutes(classes, PLACES[1]!, () => 0)).flatMap((routes) =>
      classes.list.map((_, i) => routes.groupOf(i)),
    ),
  );
  t.equal(sets.size, 3, 'each next hop alone');
});
