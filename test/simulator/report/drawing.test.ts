/** What of a network is drawn and how states over time become bands, with networks that no run is needed for. */
import fc from 'fast-check';
import t from 'tap';
import { tickStep, ticks, tickText } from '../../../src/simulator/report/axis.js';
import { bandsOf, endWords } from '../../../src/simulator/report/bands.js';
import { layout } from '../../../src/simulator/report/layout.js';
import type { Coordinates, HealthResult, Results, Topology } from '../../../src/simulator/run/results.js';

const AT: Coordinates = [0, 0];

/** Sites with a router and a tunnel each. */
function network(pops: number, sites: number): Topology {
  const all = Array.from({ length: sites }, (_, i) => i);
  return {
    pops: Array.from({ length: pops }, (_, i) => ({
      ...{
        name: `p${i}`,
        region: i % 2 === 0 ? ('WEUR' as const) : ('ENAM' as const),
        location: AT,
        servers: 1,
      },
    })),
    providers: [{ name: 'isp', location: AT }],
    sites: all.map((i) => ({
      ...{ name: `s${i}`, location: AT, prefixes: ['192.0.2.0/24'], routers: [`r${i}`], hosts: [`h${i}`] },
    })),
    hosts: all.map((i) => ({ name: `c${i}`, location: AT, addresses: ['198.18.0.1'] })),
    tunnels: all.map((i) => ({
      ...{ name: `t${i}`, edge: '198.51.100.1', customer: '203.0.113.1', router: `r${i}` },
      ...{ uplink: `r${i}.isp`, interconnect: null, mtu: 1476 },
    })),
    links: all.map((i) => ({
      ...{
        name: `r${i}.isp`,
        kind: 'uplink' as const,
        a: `r${i}`,
        b: 'isp',
        mtu: 1500,
        rate: null,
        delay: 0,
      },
    })),
  };
}

t.test('a small network is drawn whole', (t) => {
  const picture = layout(network(4, 3), new Set());
  t.same(picture.cut, []);
  t.equal(picture.sites.length, 3);
  t.equal(picture.tunnels.length, 3);
  t.equal(picture.regions.flatMap(({ pops }) => pops).length, 4);
  t.equal(picture.width, 960);
  t.end();
});

t.test('of a large one the sites that something happened to, and it is said so', (t) => {
  const picture = layout(network(300, 1000), new Set(['t500', 't7']));
  t.same(picture.cut, ['6 of 1,000 sites', '6 of 1,000 tunnels']);
  t.same(
    picture.sites.map(({ name }) => name),
    ['s0', 's1', 's2', 's3', 's7', 's500'],
  );
  t.same(
    picture.regions.map(({ note, pops }) => [note, pops.length]),
    [
      ['150 PoPs', 0],
      ['150 PoPs', 0],
    ],
  );
  t.equal(picture.hosts.at(-1)!.name, '992 more hosts');
  t.ok(picture.width < 2000);
  t.end();
});

t.test('no box lies outside of the drawing or on another of its row', (t) => {
  const sizes = fc.record({ pops: fc.integer({ min: 1, max: 40 }), sites: fc.integer({ min: 0, max: 12 }) });
  fc.assert(
    fc.property(sizes, ({ pops, sites }) => {
      const {
        width,
        height,
        regions,
        providers,
        sites: boxes,
        hosts,
        tunnels,
      } = layout(network(pops, sites), new Set());
      const rows = [hosts, providers, boxes.map(({ box }) => box), regions.flatMap((region) => region.pops)];
      for (const row of rows) {
        for (const [i, one] of row.entries()) {
          t.ok(one.x >= 0 && one.x + one.width <= width && one.y >= 0 && one.y + one.height <= height);
          for (const other of row.slice(0, i)) {
            t.ok(one.y !== other.y || one.x >= other.x + other.width || other.x >= one.x + one.width);
          }
        }
      }
      for (const { from, to } of tunnels) t.ok(from.y < to.y);
    }),
    { numRuns: 40 },
  );
  t.end();
});

const TRANSITIONS: HealthResult['transitions'] = [
  { at: 2, colo: 'a', from: 'healthy', to: 'down' },
  { at: 2.001, colo: 'a', from: 'down', to: 'degraded' },
  { at: 5, colo: 'b', from: 'healthy', to: 'down' },
];

function bands(places: number, transitions = TRANSITIONS): ReturnType<typeof bandsOf> {
  const health = { tunnel: 'one', colos: 2, transitions, end: { down: 1, degraded: 1, healthy: 0 } };
  const bgp = {
    ...{ session: 'bgp_1', nexthop: 'cni_1' },
    states: [
      { at: 0, state: 'idle', reason: '' },
      { at: 5, state: 'established', reason: '' },
    ],
  };
  const interconnect = {
    ...{ name: 'cni_1', colo: 'a' },
    statuses: [
      { at: 0, status: 'active' },
      { at: 5, status: 'pending' },
    ],
  };
  const results = { scenario: { duration: 10 }, health: [health], interconnects: [interconnect], bgp: [bgp] };
  return bandsOf(results as unknown as Results, places);
}

t.test('bands: shares of the PoPs, and the shortest failure is still seen', (t) => {
  const [one, circuit, session] = bands(10);
  t.same(
    one!.shares.map(({ down, degraded }) => [down, degraded]),
    [
      ...[0, 1].map(() => [0, 0]),
      // Down for a millisecond, which shares its place with what came after.
      [0.5, 0.5],
      ...[3, 4].map(() => [0, 0.5]),
      ...[5, 6, 7, 8, 9].map(() => [0.5, 0.5]),
    ],
  );
  t.equal(one!.end, 'down in 1 of 2');
  t.equal(one!.words, '3 changes, at the end down in 1, degraded in 1 of 2 PoPs');
  t.same(
    circuit!.shares.map(({ degraded }) => degraded),
    [0, 0, 0, 0, 0, 1, 1, 1, 1, 1],
  );
  t.equal(circuit!.end, 'pending');
  t.same(
    session!.shares.map(({ down }) => down),
    [1, 1, 1, 1, 1, 0, 0, 0, 0, 0],
  );
  t.equal(session!.words, 'idle, then established');
  t.equal(endWords({ down: 0, degraded: 0, healthy: 3 }), 'healthy');
  t.end();
});

t.test('the axis: round times in seconds, nine steps at most', (t) => {
  t.same(ticks(90), [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
  t.equal(tickText(3600), '3,600 s');
  t.equal(tickText(0.05), '0.05 s');
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1e7, noNaN: true }), (end) => {
      const all = ticks(end);
      t.ok(all.length >= 2 && all.length <= 10, `${all.length} of ${end}`);
      t.equal(all[0], 0);
      t.ok(all.at(-1)! <= end * 1.000001 && end - all.at(-1)! <= tickStep(end));
    }),
  );
  t.end();
});
