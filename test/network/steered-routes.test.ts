import t from 'tap';
import { parseConfig } from '../../src/config/load.js';
import { Tables } from '../../src/dataplane/tables.js';
import { compile } from '../../src/network/compile.js';
import { steeredRoutes } from '../../src/network/steered-routes.js';

const CONFIG = parseConfig(
  [
    'node: { name: n, region: WEUR }',
    'tunnels:',
    ...['a', 'b', 'c'].map(
      (name, i) =>
        `  - { name: ${name}, local: 198.51.100.1, remote: 203.0.113.${i + 1}, interface_address: 10.0.${i}.0/31 }`,
    ),
    'routes:',
    '  - { prefix: 192.0.2.0/24, nexthop: a }',
    '  - { prefix: 192.0.2.0/24, nexthop: b, priority: 200 }',
    '  - { prefix: 198.18.0.0/24, nexthop: a }',
    '  - { prefix: 198.18.0.0/24, nexthop: b, priority: 200 }',
    '  - { prefix: 0.0.0.0/0, nexthop: b }',
    '  - { prefix: 0.0.0.0/0, nexthop: c }',
    '  - { prefix: 198.18.1.0/24, nexthop: a }',
    '  - { prefix: 198.18.2.0/24, nexthop: a }',
    '  - { prefix: 198.18.2.0/24, nexthop: b, scope: { colo_regions: [ENAM] } }',
    '',
  ].join('\n'),
  'f',
);
const SPEC = compile(CONFIG);

t.test('where nothing is probed, nothing is steered', async (t) => {
  const { spec, entries } = steeredRoutes(CONFIG, SPEC, () => false);
  t.equal(spec, SPEC, 'the tables are those of before');
  t.strictSame(entries, []);
});

t.test('prefixes that fare alike share a group', async (t) => {
  const { spec, entries } = steeredRoutes(CONFIG, SPEC, (tunnel) => tunnel === 0);
  t.strictSame(
    spec.routes.map(({ group }) => group),
    [0, 0, ...new Array<undefined>(spec.routes.length - 2).fill(undefined)],
    'only those with a choice, in which health has a say',
  );
  t.strictSame(
    spec.groups?.map(({ nexthops, most }) => [nexthops.map(({ tunnel }) => tunnel), most]),
    [[[0], 2]],
    'they begin as they were',
  );
  t.strictSame(
    entries.map(({ prefix, nexthop, priority }) => [prefix, nexthop, priority]),
    [
      ['192.0.2.0/24', 'a', 100],
      ['192.0.2.0/24', 'b', 200],
    ],
  );
  t.strictSame(
    spec.routes.map((route) => ({ ...route, group: undefined })),
    SPEC.routes.map((route) => ({ ...route, group: undefined })),
    'all else is the same',
  );
});

t.test('also a default route, and tables take it', async (t) => {
  const { spec } = steeredRoutes(CONFIG, SPEC, () => true);
  t.strictSame(
    spec.routes.flatMap(({ group }) => group ?? []),
    [0, 0, 1],
  );
  t.doesNotThrow(() => Tables.build(spec));
});
