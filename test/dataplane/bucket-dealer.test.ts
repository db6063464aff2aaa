/** Whose buckets are whose: even shares, and no more that moves than has to. */
import fc from 'fast-check';
import t from 'tap';
import { BucketDealer, hashName, type EcmpMember } from '../../src/dataplane/bucket-dealer.js';
import { DEFAULT_BUCKETS } from '../../src/dataplane/ecmp.js';

const dealer = new BucketDealer();

function deal(set: readonly EcmpMember[], count = DEFAULT_BUCKETS): Int32Array {
  const buckets = new Int32Array(count);
  dealer.deal(set, buckets);
  return buckets;
}

function without(set: readonly EcmpMember[], ...out: readonly number[]): EcmpMember[] {
  return set.map((one) => (out.includes(one.member) ? { ...one, isOut: true } : one));
}

function owned(buckets: Int32Array, member: number): number {
  return buckets.reduce((sum, owner) => sum + (owner === member ? 1 : 0), 0);
}

function moved(before: Int32Array, after: Int32Array): number {
  return before.reduce((sum, owner, bucket) => sum + (owner === after[bucket] ? 0 : 1), 0);
}

/** Equal members with names of their own, numbered from 0. */
function equals(count: number, site: string): EcmpMember[] {
  return Array.from({ length: count }, (_, member) => ({
    ...{ member, weight: 1 },
    identity: hashName(`${site}_${member}`),
  }));
}

/** What 5 % above a share is, in whole buckets. */
function bound(share: number): number {
  return Math.floor(1.05 * share);
}

const COUNTS = Array.from({ length: 31 }, (_, i) => i + 2);
const SITES = ['acme', 'berlin', 'isp', 'tunnel'];

t.test('one of N equal next hops that goes out moves its share plus 5 % of it at the most', async (t) => {
  for (const count of COUNTS) {
    for (const site of SITES) {
      const set = equals(count, site);
      const before = deal(set);
      for (let gone = 0; gone < count; gone += Math.ceil(count / 8)) {
        const after = deal(without(set, gone));
        const many = moved(before, after);
        if (many > bound(DEFAULT_BUCKETS / count)) t.fail(`${count} without ${gone}: ${many} buckets`);
        if (many !== owned(before, gone)) t.fail('a bucket of another moved');
      }
    }
  }
});

t.test('one that comes in beside N others moves its share plus 5 % of it at the most', async (t) => {
  for (const count of COUNTS) {
    for (const site of SITES) {
      const set = equals(count + 1, site);
      const after = deal(set);
      for (let come = 0; come <= count; come += Math.ceil(count / 8)) {
        const before = deal(without(set, come));
        const many = moved(before, after);
        if (many > bound(DEFAULT_BUCKETS / (count + 1))) t.fail(`${count} and ${come}: ${many} buckets`);
        if (many !== owned(after, come)) t.fail('a bucket of another moved');
      }
    }
  }
});

t.test('and so does each while one or two others are out', async (t) => {
  for (const count of [4, 5, 8, 12, 16]) {
    for (const site of SITES) {
      const set = equals(count, site);
      for (const out of [[0], [count - 1], [0, 1], [1, count - 1]]) {
        const before = deal(without(set, ...out));
        for (const gone of [2, count - 2]) {
          const after = deal(without(set, ...out, gone));
          const many = moved(before, after);
          const share = DEFAULT_BUCKETS / (count - out.length);
          if (many > bound(share)) t.fail(`${count} without ${out.join()} and ${gone}: ${many} of ${share}`);
        }
      }
    }
  }
});

const someSet = fc
  .uniqueArray(
    fc.record({
      member: fc.nat(1_000_000),
      identity: fc.integer(),
      weight: fc.integer({ min: 1, max: 256 }),
      isOut: fc.constantFrom(undefined, undefined, true),
    }),
    { minLength: 1, maxLength: 12, selector: (m) => m.identity },
  )
  .map((set) =>
    set.map(({ member, isOut, ...rest }, i): EcmpMember => ({
      ...rest,
      member: member * 12 + i,
      ...(isOut === true ? { isOut } : {}),
    })),
  );

t.test('nobody who is out owns a bucket, and all are owned while anybody is in', async () => {
  fc.assert(
    fc.property(someSet, fc.constantFrom(1, 256, 2048), (set, count) => {
      const isIn = new Set(set.filter(({ isOut }) => isOut !== true).map(({ member }) => member));
      return deal(set, count).every((owner) => (isIn.size === 0 ? owner === -1 : isIn.has(owner)));
    }),
    { numRuns: 100 },
  );
});

t.test('who goes out gives up its own buckets, and takes them back, whoever else is out', async () => {
  fc.assert(
    fc.property(someSet, fc.nat(), (set, pick) => {
      const present = set.filter(({ isOut }) => isOut !== true);
      if (present.length < 2) return;
      const gone = present[pick % present.length]!.member;
      const before = deal(set);
      const after = deal(without(set, gone));
      before.forEach((owner, bucket) => {
        if (owner !== gone && after[bucket] !== owner) throw new Error(`bucket ${bucket} moved`);
      });
    }),
    { numRuns: 100 },
  );
});

t.test('nobody has more than 3.5 % above its share, or a part of a bucket', async () => {
  fc.assert(
    fc.property(someSet, (set) => {
      const all = set.map(({ member, identity, weight }) => ({ member, identity, weight }));
      const total = all.reduce((sum, { weight }) => sum + weight, 0);
      const buckets = deal(all);
      for (const { member, weight } of all) {
        const share = (DEFAULT_BUCKETS * weight) / total;
        if (owned(buckets, member) > Math.max(Math.ceil(share), 1.035 * share)) {
          throw new Error(`${owned(buckets, member)} of ${share}`);
        }
      }
    }),
    { numRuns: 100 },
  );
});

t.test('neither order nor indexes matter, only identities', async () => {
  fc.assert(
    fc.property(someSet, (set) => {
      const owners = deal(set);
      const renumbered = deal([...set].reverse().map((m) => ({ ...m, member: m.member + 5 })));
      return owners.every((owner, bucket) => renumbered[bucket] === (owner < 0 ? owner : owner + 5));
    }),
    { numRuns: 60 },
  );
});

t.test('another weight moves what the share changes by, and little else', async (t) => {
  const shares = [
    [70, 30, 80],
    [1, 1, 2],
    [1, 3, 3],
    [10, 90, 90],
  ] as const;
  for (const [a, b, later] of shares) {
    for (const site of SITES) {
      const [one, two] = equals(2, site) as [EcmpMember, EcmpMember];
      const set = [
        { ...one, weight: a },
        { ...two, weight: b },
      ];
      const before = deal(set);
      const after = deal([{ ...one, weight: later }, set[1]!]);
      const ideal = DEFAULT_BUCKETS * (later / (later + b) - a / (a + b));
      // Each of the two shares may be 3.5 % off.
      const room = 0.035 * DEFAULT_BUCKETS;
      t.ok(moved(before, after) <= ideal + room, `${site}: ${a}:${b} to ${later}:${b}`);
      before.forEach((owner, bucket) => {
        if (owner === 0 && after[bucket] === 1) t.fail('more weight lost a bucket');
      });
    }
  }
});

t.test('a name that no configuration had before: near its share as well, if not so near', async (t) => {
  // Of its share, beyond it: the more members, the more of them are bounded otherwise than without it.
  const bounds = [
    [2, 0.05],
    [3, 0.05],
    [4, 0.08],
    [8, 0.12],
    [16, 0.25],
    [32, 0.6],
  ] as const;
  for (const [count, excess] of bounds) {
    let worst = 0;
    for (let trial = 0; trial < 10; trial++) {
      const set = equals(count, `site${trial}`);
      const many = moved(deal(set), deal(set.slice(1)));
      worst = Math.max(worst, (many * count) / DEFAULT_BUCKETS - 1);
    }
    t.ok(worst <= excess, `the ${count}th: ${(100 * worst).toFixed(1)} % above`);
    t.ok(worst / count <= 0.03, 'and at most 3 % of all flows');
  }
});

t.test('a set of many, most of them out', async (t) => {
  const set = equals(40, 'many');
  const buckets = deal(without(set, ...set.slice(3).map(({ member }) => member)));
  for (const member of [0, 1, 2]) t.ok(Math.abs(owned(buckets, member) / DEFAULT_BUCKETS - 1 / 3) < 0.06);
  t.same(new Set(deal(without(set, ...set.slice(1).map(({ member }) => member)))), new Set([0]));
});
