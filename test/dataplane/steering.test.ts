/** Views, and groups whose next hops change while pipelines run. */
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import t from 'tap';
import { bucketCount, hashName, type EcmpMember } from '../../src/dataplane/ecmp.js';
import { createCounters } from '../../src/dataplane/counters.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Pipeline } from '../../src/dataplane/pipeline.js';
import { NO_ROUTE, Tables, type TablesSpec } from '../../src/dataplane/tables.js';
import { buildPacket } from '../../src/wire/build.js';
import { plainHop, route, tables, tunnel } from './harness.js';
import { ParkedWord, type ParkedWorker } from './parked-word.js';
import type { SteeredWorker } from './steering-child.js';

const NAMES = ['a', 'b', 'c', 'd'];
const tunnels = NAMES.map((name, i) => tunnel(name, '198.51.100.1', `203.0.113.${i + 1}`));

const members = (...list: number[]): EcmpMember[] =>
  list.map((member) => ({ member, identity: hashName(NAMES[member]!), weight: 1 }));

const hops = (...list: number[]) => list.map((tunnel) => ({ tunnel, weight: 1 }));

/** Group 0 for 192.0.2.0/24 and the IPv4 default, group 1 (one next hop) for 10.0.0.0/8, group 2 for IPv6. */
function spec(views: number): TablesSpec {
  const bare = { nexthops: [] };
  return {
    ...tables(tunnels, [
      { ...route('192.0.2.0/24'), ...bare, group: 0 },
      { ...route('0.0.0.0/0'), ...bare, group: 0 },
      { ...route('10.0.0.0/8'), ...bare, group: 1 },
      { ...route('::/0'), ...bare, group: 2 },
      route('172.16.0.0/12', 3),
    ]),
    groups: [{ nexthops: hops(0, 1), most: 4 }, { nexthops: hops(2) }, { nexthops: [], most: 2 }],
    views,
  };
}

const { slots, vectors, regions } = vectorRegions(1);
const pool = PacketPool.create({ slots, vectors });
const vector = PacketVector.create(pool, regions[0]!);

/** Where flows to these addresses go in a view: 64 flows each. */
function nexthops(built: Tables, view: number, destination: string): number[] {
  const pipeline = new Pipeline(pool, built, createCounters(built.tunnelCount));
  const six = destination.includes(':');
  vector.count = 64;
  vector.view = view;
  for (let i = 0; i < 64; i++) {
    const bytes = buildPacket({
      ip: { source: six ? `2001:db8:1::${i + 1}` : `8.8.8.${i + 1}`, destination },
      udp: { sourcePort: 1000 + i },
    });
    vector.offset[i] = pool.frameOffset(i, 0);
    pool.bytes.set(bytes, vector.offset[i]);
    vector.length[i] = bytes.length;
    vector.link[i] = LinkType.RAW;
    vector.side[i] = Side.OVERLAY;
  }
  pipeline.run(vector, 0);
  vector.view = 0;
  return Array.from(vector.tunnelOut.subarray(0, 64));
}

const kinds = (list: readonly number[]): number[] => [...new Set(list)].sort((a, b) => a - b);

t.test('each view has its own next hops over one table of routes', (t) => {
  const built = Tables.build(spec(3));
  t.equal(built.views, 3);
  built.setGroup(1, 0, members(2, 3));
  built.setGroup(2, 0, []);
  built.setGroup(2, 1, []);
  built.setGroup(1, 2, members(1));
  const want: [string, number[], number[], number[]][] = [
    ['192.0.2.1', [0, 1], [2, 3], [NO_ROUTE]],
    ['1.1.1.1', [0, 1], [2, 3], [NO_ROUTE]],
    ['10.1.1.1', [2], [2], [NO_ROUTE]],
    ['2001:db8::1', [NO_ROUTE], [1], [NO_ROUTE]],
    ['172.16.0.1', [3], [3], [3]],
  ];
  for (const [destination, ...byView] of want) {
    byView.forEach((wanted, view) => {
      t.same(kinds(nexthops(built, view, destination)), wanted, `${destination} in view ${view}`);
    });
  }
  t.same(nexthops(built, 0, '192.0.2.1'), nexthops(Tables.open(built.share()), 0, '192.0.2.1'));
  t.end();
});

t.test('a flow moves only when its next hop goes, and comes back with it', (t) => {
  const built = Tables.build(spec(1));
  const before = nexthops(built, 0, '192.0.2.1');
  built.setGroup(0, 0, members(0));
  t.same(kinds(nexthops(built, 0, '192.0.2.1')), [0]);
  built.setGroup(0, 0, members(0, 1, 2));
  const three = nexthops(built, 0, '192.0.2.1');
  t.ok(three.every((now, i) => now === before[i] || now === 2));
  const out = members(0, 1, 2).map((one) => (one.member === 1 ? { ...one, isOut: true as const } : one));
  built.setGroup(0, 0, out);
  t.ok(nexthops(built, 0, '192.0.2.1').every((now, i) => (three[i] === 1 ? now !== 1 : now === three[i])));
  built.setGroup(0, 0, members(0, 1, 2));
  t.same(nexthops(built, 0, '192.0.2.1'), three);
  built.setGroup(0, 0, members(1, 0));
  t.same(nexthops(built, 0, '192.0.2.1'), before, 'in any order');
  t.end();
});

t.test('any steps leave what setting up anew gives', (t) => {
  const set = fc.subarray([0, 1, 2, 3], { maxLength: 4 }).map((list) => members(...list));
  const step = fc.tuple(fc.nat(2), fc.constantFrom(0, 2), set);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const built = Tables.build(spec(3));
      const state = [0, 1, 2].map(() => [members(0, 1), members(2), []]);
      for (const [view, group, list] of steps) {
        const chosen = group === 2 ? list.slice(0, 2) : list;
        built.setGroup(view, group, chosen);
        state[view]![group] = chosen;
      }
      const fresh = Tables.build(spec(3));
      state.forEach((row, view) => {
        row.forEach((list, group) => {
          fresh.setGroup(view, group, list);
        });
      });
      return [0, 1, 2].every((view) =>
        ['192.0.2.1', '1.1.1.1', '10.0.0.1', '2001:db8::1'].every(
          (to) => nexthops(built, view, to).join() === nexthops(fresh, view, to).join(),
        ),
      );
    }),
    { numRuns: 25 },
  );
  t.end();
});

/** Pages of the shared memory in use: words behind the last that is not 0 were never touched. */
function touched(buckets: Int32Array): number {
  let end = buckets.length;
  while (end > 0 && buckets[end - 1] === 0) end--;
  return end;
}

t.test('views and groups with equal next hops share their buckets', (t) => {
  const VIEWS = 300;
  const GROUPS = 1000;
  const built = Tables.build({
    ...tables(tunnels, []),
    groups: Array.from({ length: GROUPS }, () => ({ nexthops: [], most: 4 })),
    views: VIEWS,
  });
  const { buckets, groups } = built.shared;
  // Tunnel 0 is no bucket's, so that buckets that were written are not 0.
  const sets = [members(1, 2, 3), members(1, 2), members(2, 3), members(3)];
  for (let view = 0; view < VIEWS; view++) {
    for (let group = 0; group < GROUPS; group++) built.setGroup(view, group, sets[(view + group) % 4]!);
  }
  t.equal(groups.length, VIEWS * (GROUPS + 3) * 2);
  const runs = touched(buckets) / bucketCount(4);
  t.ok(runs < 6, `${runs} runs of buckets for ${VIEWS * GROUPS} groups`);
  t.end();
});

const FIRST_GROUP = 2 * 3;

/** Puts a set of group 0 in effect that was never there before, and answers where its buckets begin. */
function putAnother(built: Tables, i: number): number {
  built.setGroup(0, 0, [
    { member: 1, identity: i, weight: 1 },
    { member: 2, identity: i + 1, weight: 1 },
  ]);
  return built.shared.groups[FIRST_GROUP]!;
}

t.test('buckets are used again when nobody reads them any more', (t) => {
  const built = Tables.build(spec(1));
  const words = new Int32Array(2);
  const [busy, other] = [
    { words, at: 0 },
    { words, at: 1 },
  ];
  built.addReader(busy);
  built.addReader(other);
  const [reader, another] = [built.reader(busy), built.reader(other)];
  let i = 0;
  const put = (): number => putAnother(built, i++);
  const starts = (count: number): number => new Set(Array.from({ length: count }, put)).size;
  put();
  t.equal(starts(100), 2, 'nobody reads: two take turns');
  reader.begin();
  another.begin();
  const read = put();
  t.equal(starts(50), 50, 'a reader stands still');
  another.begin();
  t.equal(starts(50), 50, 'another one does not help');
  another.end();
  reader.begin();
  t.equal(starts(50), 50, 'it has begun again: what was free before is dealt, and held from then on');
  reader.end();
  const after = Array.from({ length: 300 }, put);
  t.ok(after.includes(read), 'it has ended');
  t.ok(new Set(after).size < 120);
  reader.begin();
  put();
  t.equal(starts(20), 20);
  built.removeReader(busy);
  t.ok(starts(300) < 150, 'it is gone, in the middle of a vector');
  t.end();
});

t.test('a route that is not steered keeps its next hops when a group that had the same goes on', (t) => {
  const all = spec(2);
  const built = Tables.build({ ...all, routes: [...all.routes, route('203.0.113.0/24', 0, 1)] });
  const before = nexthops(built, 0, '203.0.113.1');
  t.same(kinds(before), [0, 1]);
  for (let i = 0; i < 10; i++) {
    putAnother(built, i);
    built.setGroup(1, 0, members(3));
    built.setGroup(1, 0, members(2, 3));
  }
  t.same(nexthops(built, 0, '203.0.113.1'), before);
  t.end();
});

t.test('when a reader stands still for ever, the reserve ends, and nothing changes', (t) => {
  const built = Tables.build(spec(1));
  const word = { words: new Int32Array(1), at: 0 };
  built.addReader(word);
  const reader = built.reader(word);
  reader.begin();
  const seen = new Set<number>();
  let last = 0;
  t.throws(() => {
    for (let i = 0; i < 3000; i++) seen.add((last = putAnother(built, i)));
  }, /no buckets are left/);
  t.ok(seen.size > 1000, `${seen.size} runs`);
  t.equal(built.shared.groups[FIRST_GROUP], last);
  reader.end();
  putAnother(built, 5000);
  t.not(built.shared.groups[FIRST_GROUP], last);
  t.end();
});

t.test('a worker that stands still in the middle of a vector reads what it has begun with', async (t) => {
  const built = Tables.build(spec(1));
  built.setGroup(0, 0, members(0, 1));
  const words = new Int32Array(new SharedArrayBuffer(8));
  const data: ParkedWorker = { tables: built.share(), words, group: FIRST_GROUP };
  const reader = { words, at: ParkedWord.READER };
  built.addReader(reader);
  const worker = new Worker(new URL('./parked-child.js', import.meta.url), { workerData: data });
  const [{ start }] = (await once(worker, 'message')) as [{ start: number }];
  const others = Array.from({ length: 400 }, (_, i) => putAnother(built, i));
  t.notOk(others.includes(start), 'its buckets are nobody else’s');
  const answer = once(worker, 'message');
  Atomics.store(words, ParkedWord.GATE, 1);
  Atomics.notify(words, ParkedWord.GATE);
  const [{ owners }] = (await answer) as [{ owners: readonly number[] }];
  t.same([...owners].sort(), [0, 1]);
  t.ok(
    Array.from({ length: 600 }, (_, i) => putAnother(built, 1000 + i)).includes(start),
    'and are dealt again when it has passed on',
  );
  await worker.terminate();
});

t.test('a worker meets next hops of the right group, whatever is steered meanwhile', async (t) => {
  const GROUPS = 16;
  const EACH = 4;
  const VIEWS = 2;
  const names = Array.from({ length: GROUPS * EACH }, (_, i) => `t${i}`);
  const built = Tables.build({
    ...tables(
      names.map((name, i) => tunnel(name, '198.51.100.1', `203.0.113.${i + 1}`)),
      Array.from({ length: GROUPS }, (_, group) => ({ ...route(`10.${group}.0.0/16`), group })),
    ),
    groups: Array.from({ length: GROUPS }, () => ({ nexthops: [], most: EACH })),
    views: VIEWS,
  });
  const words = new Int32Array(new SharedArrayBuffer(4));
  built.addReader({ words, at: 0 });
  const data: SteeredWorker = { tables: built.share(), words, groups: GROUPS, each: EACH, runs: 600 };
  const worker = new Worker(new URL('./steering-child.js', import.meta.url), { workerData: data });
  const answer = once(worker, 'message');
  let isDone = false;
  void answer.then(() => {
    isDone = true;
  });
  let steps = 0;
  for (; !isDone; steps++) {
    const group = steps % GROUPS;
    const set = [0, 1, 2, 3].filter((i) => ((steps * 7) >> i) % 2 === 0).map((i) => group * EACH + i);
    built.setGroup(
      steps % VIEWS,
      group,
      set.map((member) => ({ member, identity: hashName(names[member]!), weight: 1 + (steps % 5) })),
    );
    if (steps % 20 === 0) await setImmediate();
  }
  const [{ strays, seen }] = (await answer) as [{ strays: number; seen: number }];
  t.equal(strays, 0);
  t.ok(seen > EACH, `${seen} next hops in ${steps} steps`);
  await worker.terminate();
});

t.test('what cannot be steered is refused, and changes nothing', (t) => {
  const built = Tables.build(spec(2));
  const before = Array.from(built.shared.groups);
  const refuse = (view: number, group: number, list: EcmpMember[]): void => {
    t.throws(() => {
      built.setGroup(view, group, list);
    }, RangeError);
  };
  refuse(2, 0, []);
  refuse(-1, 0, []);
  refuse(0, 3, []);
  refuse(0, 0.5, []);
  refuse(0, 1, members(0, 1));
  refuse(0, 0, [{ member: 4, identity: 1, weight: 1 }]);
  refuse(0, 0, [
    { member: 0, identity: 1, weight: 1 },
    { member: 1, identity: 2, weight: 0 },
  ]);
  t.same(Array.from(built.shared.groups), before);
  t.throws(() => {
    Tables.open(built.share()).setGroup(0, 0, []);
  }, /another/);
  built.setGroup(0, 0, members(3));
  t.same(kinds(nexthops(built, 0, '192.0.2.1')), [3]);
  t.throws(() => Tables.build({ ...spec(1), groups: [] }), RangeError);
  t.throws(() => Tables.build({ ...spec(1), groups: [{ nexthops: hops(9) }] }), RangeError);
  t.end();
});

t.test('pins: one run, over routes and over none, over ourselves from the overlay only', (t) => {
  const built = Tables.build({
    ...tables([...tunnels, plainHop('circuit')], [route('192.0.2.0/24', 0)]),
    locals: [{ address: Uint8Array.of(10, 0, 0, 8), tunnel: 0 }],
  });
  const pipeline = new Pipeline(pool, built, createCounters(built.tunnelCount));
  const to = ['192.0.2.1', '9.9.9.9', '10.0.0.8', '192.0.2.2', '192.0.2.3'];
  const run = (side: number = Side.OVERLAY): number[] => {
    vector.count = to.length;
    to.forEach((destination, i) => {
      const bytes = buildPacket({ ip: { source: '8.8.8.8', destination, ttl: 9 }, udp: {} });
      vector.offset[i] = pool.frameOffset(i, 0);
      pool.bytes.set(bytes, vector.offset[i]);
      vector.length[i] = bytes.length;
      vector.link[i] = LinkType.RAW;
      vector.side[i] = side;
    });
    pipeline.run(vector, 0);
    return Array.from(vector.tunnelOut.subarray(0, to.length));
  };
  t.same(run(), [0, -1, -1, 0, 0]);
  for (const i of [0, 1, 2]) vector.pinTo(i, 2);
  vector.pinTo(3, 4);
  vector.pinTo(4, 99);
  t.ok(vector.isPinned);
  t.same(run(), [2, 2, 2, 4, 0], 'an index that is none is no pin');
  t.equal(pool.bytes[vector.outOffset[3]! + 8], 9, 'what comes from the overlay keeps its TTL');
  t.equal(vector.outLength[3], 28, 'no outer header');
  t.notOk(vector.isPinned);
  t.same(run(), [0, -1, -1, 0, 0], 'for one run');
  for (const i of [0, 1, 2]) vector.pinTo(i, 2);
  t.same(run(Side.UNDERLAY), [2, 2, -1, 0, 0], 'what comes for us from elsewhere stays');
  t.end();
});
