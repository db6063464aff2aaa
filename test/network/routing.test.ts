import fc from 'fast-check';
import t from 'tap';
import { isInside } from '../../src/config/address.js';
import { REGIONS } from '../../src/config/config.js';
import { BGP_PRIORITY, priorityOf } from '../../src/network/routing/bgp-priority.js';
import { learnedEntry } from '../../src/network/routing/learned-entry.js';
import { NO_MEMBERS, type MemberSet } from '../../src/network/routing/member-sets.js';
import { PENALTIES } from '../../src/network/routing/penalty.js';
import type { Place } from '../../src/network/routing/place.js';
import { PlaceRoutes, type PenaltyOf } from '../../src/network/routing/place-routes.js';
import { Advertised, advertisingProblem, networkIn } from '../../src/network/routing/prefix-rules.js';
import { RouteClasses } from '../../src/network/routing/route-classes.js';
import type { RouteEntry } from '../../src/network/routing/route-entry.js';

const NEXTHOPS = ['a', 'b', 'c', 'cni'];
const FRANKFURT: Place = { region: 'WEUR', colo: 'fra' };
const TOKYO: Place = { region: 'APAC', colo: 'nrt' };

function entry(prefix: string, nexthop: string, more: Partial<RouteEntry> = {}): RouteEntry {
  return {
    prefix,
    nexthop,
    priority: 100,
    weight: 1,
    scope: null,
    origin: 'static',
    description: '',
    ...more,
  };
}

/** What each class leads to in a place. */
function groupsFor(table: RouteClasses, place: Place, penaltyOf: PenaltyOf): MemberSet[] {
  const routes = new PlaceRoutes(table, place, penaltyOf);
  return table.list.map((_, i) => routes.groupOf(i));
}

function classes(entries: readonly RouteEntry[], later: readonly RouteEntry[] = []): RouteClasses {
  return new RouteClasses({ nexthops: NEXTHOPS, entries, later, connected: [] });
}

/** `a*1 b*3`, or `drop`: without those that are out. */
function words(set: MemberSet): string {
  const present = set.filter(({ isOut }) => isOut !== true);
  return present.map(({ member, weight }) => `${NEXTHOPS[member]!}*${weight}`).join(' ') || 'drop';
}

/** What a prefix leads to in a place, with these penalties by name. */
function select(
  entries: readonly RouteEntry[],
  prefix: string,
  place = FRANKFURT,
  penalties: Readonly<Record<string, number>> = {},
): string {
  const table = classes(entries);
  const groups = groupsFor(table, place, (nexthop) => penalties[NEXTHOPS[nexthop]!] ?? 0);
  return words(groups[table.numberOf(prefix)]!);
}

t.test('priority and health (behaviour §3)', async (t) => {
  const { degraded, down } = PENALTIES;
  t.strictSame(PENALTIES, { healthy: 0, degraded: 500_000, down: 1_000_000 });
  const both = [entry('192.0.2.0/24', 'a'), entry('192.0.2.0/24', 'b', { priority: 200 })];
  const of = (penalties: Record<string, number>, entries = both): string =>
    select(entries, '192.0.2.0/24', FRANKFURT, penalties);
  t.equal(of({}), 'a*1', 'the lower number wins');
  t.equal(of({ a: degraded }), 'b*1');
  t.equal(of({ a: degraded, b: degraded }), 'a*1');
  t.equal(of({ a: down, b: degraded }), 'b*1', 'degraded before down');
  t.equal(of({ a: down, b: down }), 'a*1', 'with all of them down the best penalised one is used');
  const shared = [entry('192.0.2.0/24', 'a', { weight: 70 }), entry('192.0.2.0/24', 'b', { weight: 30 })];
  t.equal(of({}, shared), 'a*70 b*30');
  t.equal(of({ b: down }, shared), 'a*70');
  t.equal(of({ a: down, b: down }, shared), 'a*70 b*30');
  const farApart = [entry('192.0.2.0/24', 'a'), entry('192.0.2.0/24', 'b', { priority: 600_000 })];
  t.equal(
    of({ a: degraded }, farApart),
    'a*1',
    'a penalty is a number like any other: 500100 is below 600000',
  );
  t.equal(of({ a: down }, farApart), 'b*1');
  const met = [entry('192.0.2.0/24', 'a'), entry('192.0.2.0/24', 'b', { priority: 500_100 })];
  t.equal(of({ a: degraded }, met), 'a*1 b*1', 'equal sums share');
});

t.test('static beats BGP at equal priority', async (t) => {
  const bgp = (nexthop: string, priority = 100): RouteEntry =>
    entry('192.0.2.0/24', nexthop, { origin: 'bgp', session: `s-${nexthop}`, priority });
  t.equal(select([bgp('a'), entry('192.0.2.0/24', 'b')], '192.0.2.0/24'), 'b*1');
  t.equal(select([entry('192.0.2.0/24', 'b'), bgp('a')], '192.0.2.0/24'), 'b*1');
  t.equal(
    select([bgp('a', 50), entry('192.0.2.0/24', 'b')], '192.0.2.0/24'),
    'a*1',
    'only at equal priority',
  );
  t.equal(select([bgp('a'), bgp('b')], '192.0.2.0/24'), 'a*1 b*1', 'BGP routes share among themselves');
  t.equal(
    select([bgp('a'), entry('192.0.2.0/24', 'b')], '192.0.2.0/24', FRANKFURT, { b: PENALTIES.down }),
    'a*1',
    'and health comes first',
  );
  t.equal(select([bgp('a'), bgp('a')], '192.0.2.0/24'), 'a*1', 'two sessions over one next hop count once');
});

t.test('scope: no route here, a shorter prefix, or none at all', async (t) => {
  const asia = { colo_regions: ['APAC'], colo_names: [] } as const;
  const frankfurt = { colo_regions: [], colo_names: ['FRA'] };
  const entries = [
    entry('192.0.2.0/24', 'a', { scope: asia }),
    entry('192.0.0.0/16', 'b', { scope: frankfurt }),
    entry('198.51.100.0/24', 'c', { scope: asia }),
    entry('2001:db8::/32', 'c'),
  ];
  t.equal(select(entries, '192.0.2.0/24', TOKYO), 'a*1');
  t.equal(select(entries, '192.0.2.0/24', FRANKFURT), 'b*1', 'the shorter prefix takes over');
  t.equal(select(entries, '198.51.100.0/24', FRANKFURT), 'drop');
  t.equal(select(entries, '192.0.0.0/16', TOKYO), 'drop');
  t.equal(select(entries, '192.0.0.0/16', { region: 'WEUR', colo: null }), 'drop', 'a PoP that is not known');
  t.equal(select([...entries, entry('0.0.0.0/0', 'c')], '198.51.100.0/24', FRANKFURT), 'c*1');
  t.equal(
    select([...entries, entry('::/0', 'c')], '198.51.100.0/24', FRANKFURT),
    'drop',
    'of the other family',
  );
});

t.test('BGP priority (behaviour §3)', async (t) => {
  const of = (communities: string[], prepend = 0): number => priorityOf({ communities, prepend });
  t.equal(of([]), BGP_PRIORITY);
  t.equal(BGP_PRIORITY, 100);
  const expected = { 60010: 10, 60050: 50, 60150: 150, 60200: 200, 60901: 501_000, 60902: 1_001_000 };
  for (const [community, priority] of Object.entries(expected)) {
    t.equal(of([`13335:${community}`]), priority, community);
    t.equal(of(['65000:1', `13335:${community}`], 3), priority + 30, 'each prepend adds 10');
  }
  t.equal(of(['13335:60200', '13335:60050', '13335:60901']), 50, 'the lowest number of several');
  t.equal(of(['13335:60011', '13336:60010']), 100, 'others say nothing');
  t.equal(of([], 2), 120);
  t.strictSame(
    learnedEntry({
      prefix: '192.0.2.0/24',
      nexthop: 'a',
      session: 's',
      communities: ['13335:60150'],
      prepend: 1,
    }),
    entry('192.0.2.0/24', 'a', { priority: 160, origin: 'bgp', session: 's' }),
  );
});

t.test('prefix rules (behaviour §3)', async (t) => {
  for (const prefix of ['203.0.113.0/24', '198.18.0.0/15', '2001:db8::/48', '2001:db8::/32']) {
    t.equal(advertisingProblem(prefix), null, prefix);
  }
  t.match(
    advertisingProblem('203.0.113.0/25'),
    /longer than \/24, the longest IPv4 prefix that the Internet takes/,
  );
  t.match(advertisingProblem('2001:db8::/49'), /longer than \/48/);
  t.match(advertisingProblem('10.0.0.0/8'), /private/);
  t.match(advertisingProblem('nonsense'), /no prefix/);
  const advertised = new Advertised(['198.51.100.0/24', '203.0.112.0/24', '2001:db8::/32']);
  const meets = (prefix: string): boolean => advertised.meets(networkIn(prefix));
  t.ok(meets('198.51.100.0/29') && meets('198.51.100.8/29'), 'one /29 to one site, the next to another');
  t.ok(meets('198.51.100.0/24'));
  t.ok(meets('203.0.112.0/23') && meets('203.0.112.0/22') && meets('0.0.0.0/0'), 'a summary route');
  t.notOk(meets('198.51.101.0/24'));
  t.notOk(meets('203.0.113.0/24'), 'beside it');
  t.ok(meets('2001:db8:1::/56'));
  t.notOk(meets('2001:db9::/48'));
});

const PREFIXES = [
  '0.0.0.0/0',
  '10.0.0.0/8',
  '10.0.0.0/16',
  '10.0.4.0/24',
  '10.0.4.128/25',
  '10.9.0.0/16',
  '::/0',
  '2001:db8::/32',
  '2001:db8:1::/48',
];

const anyScope = fc.option(
  fc.record({
    colo_regions: fc.subarray([...REGIONS.slice(0, 3)]),
    colo_names: fc.subarray(['fra', 'NRT']),
  }),
);
const anyEntry = fc.record({
  prefix: fc.constantFrom(...PREFIXES),
  nexthop: fc.constantFrom(...NEXTHOPS),
  priority: fc.constantFrom(10, 100, 500_010, 500_100),
  weight: fc.integer({ min: 1, max: 256 }),
  scope: anyScope,
  origin: fc.constantFrom('static', 'bgp'),
  description: fc.constant(''),
});
const anyPlace = fc.record({
  region: fc.constantFrom(null, ...REGIONS.slice(0, 4)),
  colo: fc.constantFrom(null, 'FRA', 'nrt', 'lhr'),
});
const anyPenalties = fc.tuple(...NEXTHOPS.map(() => fc.constantFrom(...Object.values(PENALTIES))));

/** Word by word from behaviour §3, for one address. */
function oracle(
  entries: readonly RouteEntry[],
  address: Uint8Array,
  { region, colo }: Place,
  penalties: readonly number[],
): string {
  const here = entries.filter(({ prefix, scope }) => {
    const network = networkIn(prefix);
    if (!isInside(address, network.address, network.length)) return false;
    if (scope === null) return true;
    const names = scope.colo_names.map((name) => name.toLowerCase());
    return (
      (scope.colo_regions as readonly (string | null)[]).includes(region) ||
      (colo !== null && names.includes(colo.toLowerCase()))
    );
  });
  const longest = Math.max(...here.map(({ prefix }) => networkIn(prefix).length));
  const rank = ({ nexthop, priority, origin }: RouteEntry): number =>
    2 * (priority + penalties[NEXTHOPS.indexOf(nexthop)]!) + (origin === 'static' ? 0 : 1);
  const candidates = here.filter(({ prefix }) => networkIn(prefix).length === longest);
  const best = candidates.filter((one) => rank(one) === Math.min(...candidates.map(rank)));
  return (
    NEXTHOPS.flatMap((name) => {
      const weights = best.flatMap((one) => (one.nexthop === name ? [one.weight] : []));
      if (weights.length === 0) return [];
      const sum = weights.reduce((a, b) => a + b);
      return [`${name}*${best[0]!.origin === 'static' ? Math.min(256, sum) : Math.max(...weights)}`];
    }).join(' ') || 'drop'
  );
}

t.test('selection agrees with a naive one, for any table, place and health', async () => {
  fc.assert(
    fc.property(
      fc.array(anyEntry, { maxLength: 20 }),
      anyPlace,
      anyPenalties,
      (entries, place, penalties) => {
        const table = classes(entries);
        const groups = groupsFor(table, place, (nexthop) => penalties[nexthop]!);
        table.list.forEach(({ prefix, address }, i) => {
          // The first address of a prefix may lie in a longer one: these routes are not for it.
          const outer = entries.filter((one) => networkIn(one.prefix).length <= networkIn(prefix).length);
          const expected = oracle(outer, address, place, penalties);
          if (words(groups[i]!) !== expected)
            throw new Error(`${prefix}: ${words(groups[i]!)}, not ${expected}`);
        });
      },
    ),
    { numRuns: 500 },
  );
});

t.test('kept up to date step by step, it is as if made anew', async () => {
  const step = fc.oneof(
    fc.record({
      nexthop: fc.nat(NEXTHOPS.length - 1),
      penalty: fc.constantFrom(...Object.values(PENALTIES)),
    }),
    fc.record({ learned: fc.array(anyEntry, { maxLength: 6 }) }),
    fc.record({ configured: fc.array(anyEntry, { maxLength: 12 }) }),
  );
  fc.assert(
    fc.property(
      fc.array(anyEntry, { maxLength: 12 }),
      anyPlace,
      fc.array(step, { maxLength: 8 }),
      (entries, place, steps) => {
        const everything = PREFIXES.flatMap((prefix) => NEXTHOPS.map((name) => entry(prefix, name)));
        const table = classes(entries, everything);
        const penalties = NEXTHOPS.map((): number => 0);
        const routes = new PlaceRoutes(table, place, (nexthop) => penalties[nexthop]!);
        let configured: readonly RouteEntry[] = entries;
        let learned: readonly RouteEntry[] = [];
        const kept = table.list.map((_, i) => routes.groupOf(i));
        for (const change of steps) {
          let changed: readonly number[];
          if ('penalty' in change) {
            penalties[change.nexthop] = change.penalty;
            changed = routes.penaltyChanged(change.nexthop);
          } else if ('learned' in change) {
            learned = change.learned;
            changed = routes.setLearned(table.arrange(learned));
          } else {
            configured = change.configured;
            changed = routes.setConfigured(table.arrange(configured));
          }
          for (const i of changed) {
            if (kept[i] === routes.groupOf(i)) throw new Error(`${table.list[i]!.prefix} did not change`);
            kept[i] = routes.groupOf(i);
          }
          const anew = classes([...configured, ...learned], everything);
          const groups = groupsFor(anew, place, (nexthop) => penalties[nexthop]!);
          table.list.forEach(({ prefix, most }, i) => {
            const expected = words(groups[anew.numberOf(prefix)]!);
            if (words(routes.groupOf(i)) !== expected) throw new Error(`${prefix} should be ${expected}`);
            if (routes.groupOf(i) !== kept[i]) throw new Error(`${prefix} changed, and nobody was told`);
            if (routes.groupOf(i).length > most) throw new Error(`${prefix} has no room for ${expected}`);
          });
        }
      },
    ),
    { numRuns: 300 },
  );
});

t.test(
  'a change of health touches the classes that name the next hop, and what lies bare inside of them',
  async (t) => {
    const table = classes(
      [entry('10.0.0.0/8', 'a'), entry('10.0.0.0/8', 'b', { priority: 200 }), entry('10.0.4.0/24', 'c')],
      [entry('10.0.4.128/25', 'a'), entry('10.9.0.0/16', 'b'), entry('2001:db8::/32', 'a')],
    );
    const penalties = [0, 0, 0, 0];
    const routes = new PlaceRoutes(table, FRANKFURT, (nexthop) => penalties[nexthop]!);
    const prefixes = (changed: readonly number[]): string[] =>
      changed.map((i) => table.list[i]!.prefix).sort();
    t.strictSame(prefixes(routes.penaltyChanged(0)), [], 'nothing has changed');
    penalties[0] = PENALTIES.down;
    t.strictSame(prefixes(routes.penaltyChanged(0)), ['10.0.0.0/8', '10.9.0.0/16']);
    t.equal(words(routes.groupOf(table.numberOf('10.9.0.0/16'))), 'b*1');
    penalties[2] = PENALTIES.down;
    t.strictSame(prefixes(routes.penaltyChanged(2)), [], 'the only one goes on');
    t.equal(words(routes.groupOf(table.numberOf('10.0.4.128/25'))), 'c*1');
    t.strictSame(
      routes
        .entriesOf(table.numberOf('10.9.0.0/16'))
        .map(({ prefix, nexthop, priority }) => [prefix, nexthop, priority]),
      [
        ['10.0.0.0/8', 0, 100],
        ['10.0.0.0/8', 1, 200],
      ],
    );
    t.equal(routes.groupOf(table.numberOf('2001:db8::/32')), NO_MEMBERS);
    const other = new PlaceRoutes(table, TOKYO, () => 0);
    const fresh = new PlaceRoutes(table, FRANKFURT, () => 0);
    t.equal(other.groupOf(0), fresh.groupOf(0), 'places that agree have the same object');
    t.throws(() => table.arrange([entry('10.0.0.0/8', 'nobody')]), /unknown next hop nobody/);
    t.throws(() => table.arrange([entry('192.0.2.0/24', 'a')]), /192\.0\.2\.0\/24 is none of the prefixes/);
    t.ok(table.has('10.0.0.0/8') && !table.has('192.0.2.0/24'));
  },
);
