import fc from 'fast-check';
import t from 'tap';
import {
  buildEcmpGroups,
  DEFAULT_BUCKETS,
  EcmpSets,
  hashName,
  type EcmpMember,
} from '../../src/dataplane/ecmp.js';

/** The owners of the buckets of one set. */
function deal(set: readonly EcmpMember[], buckets?: number): Int32Array {
  const built = buildEcmpGroups([set], buckets);
  t.equal(built.groups[0], 0);
  t.equal(built.groups[1], built.buckets.length);
  return built.buckets;
}

function named(names: readonly string[], weight = 1): EcmpMember[] {
  return names.map((name, member) => ({ member, identity: hashName(name), weight }));
}

function share(buckets: Int32Array, member: number): number {
  return buckets.filter((owner) => owner === member).length / buckets.length;
}

const someSet = fc
  .uniqueArray(
    fc.record({
      member: fc.nat(1_000_000),
      identity: fc.integer(),
      weight: fc.integer({ min: 1, max: 256 }),
    }),
    { minLength: 1, maxLength: 12, selector: (m) => m.identity },
  )
  .map((set) => set.map((m, i) => ({ ...m, member: m.member * 12 + i })));

t.test('sets of no and of one member take one bucket', async (t) => {
  const { groups, buckets } = buildEcmpGroups([
    [],
    [{ member: 7, identity: 1, weight: 9 }],
    named(['a', 'b']),
  ]);
  t.same([...groups], [0, 1, 1, 1, 2, DEFAULT_BUCKETS]);
  t.equal(buckets[0], -1);
  t.equal(buckets[1], 7);
  t.equal(buckets.length, 2 + DEFAULT_BUCKETS);
  t.ok(groups.buffer instanceof SharedArrayBuffer && buckets.buffer instanceof SharedArrayBuffer);
});

t.test('the expression of the hot path reaches every bucket, and no other', async (t) => {
  const { groups, buckets } = buildEcmpGroups([named(['x']), named(['a', 'b', 'c'])], 256);
  const seen = new Set<number>();
  for (let high = 0; high < 65_536; high++) {
    const hash = (high << 16) | 0x1234;
    seen.add(groups[2]! + (((hash >>> 16) * groups[3]!) >>> 16));
  }
  t.equal(seen.size, 256);
  t.equal(Math.min(...seen), 1);
  t.equal(Math.max(...seen), buckets.length - 1);
  t.equal((0xffff * 65_536) >>> 16, 65_535, 'nor is the product of 16 bits with the largest count too large');
  t.equal(buildEcmpGroups([named(['a', 'b'])], 65_536).groups[1], 65_536);
  const many = named(Array.from({ length: 65 }, (_, i) => `t${i}`));
  t.equal(buildEcmpGroups([many]).groups[1], 4096, 'a large set has more buckets');
});

t.test('a member that goes moves its own buckets only; one that comes takes its own only', async () => {
  fc.assert(
    fc.property(someSet, fc.nat(), fc.constantFrom(512, 2048), (set, pick, count) => {
      if (set.length < 3) return;
      const gone = set[pick % set.length]!.member;
      const before = deal(set, count);
      const after = deal(
        set.map((m): EcmpMember => (m.member === gone ? { ...m, isOut: true } : m)),
        count,
      );
      before.forEach((owner, bucket) => {
        if (owner !== gone && after[bucket] !== owner)
          throw new Error(`bucket ${bucket} moved from ${owner}`);
        if (after[bucket] === gone) throw new Error(`bucket ${bucket} stayed`);
      });
    }),
    { numRuns: 60 },
  );
});

t.test('neither order nor indexes matter, only identities', async () => {
  fc.assert(
    fc.property(someSet, (set) => {
      const owners = deal(set);
      const renumbered = deal([...set].reverse().map((m) => ({ ...m, member: m.member + 5 })));
      if (owners.some((owner, bucket) => owner + 5 !== renumbered[bucket])) throw new Error('another deal');
    }),
    { numRuns: 40 },
  );
});

t.test('shares follow the weights, within two percent of the whole', async (t) => {
  const cases = [
    [1, 1],
    [1, 3],
    [64, 192],
    [1, 256],
    [1, 1, 1],
    [10, 20, 30, 40],
    new Array<number>(16).fill(5),
  ];
  for (const weights of cases) {
    const total = weights.reduce((a, b) => a + b);
    let squares = 0;
    let draws = 0;
    for (let trial = 0; trial < 20; trial++) {
      const set = weights.map((weight, i) => ({
        member: i,
        identity: hashName(`acme_${trial}_${i}`),
        weight,
      }));
      const owners = deal(set);
      weights.forEach((weight, i) => {
        const off = share(owners, i) - weight / total;
        if (Math.abs(off) > 0.03) t.fail(`${weights.join(':')}: ${share(owners, i)} for ${weight}`);
        squares += off * off;
        draws++;
      });
    }
    t.ok(Math.sqrt(squares / draws) < 0.01, `${weights.join(':')}: ${Math.sqrt(squares / draws)}`);
  }
});

t.test('similar names and small identities are dealt as evenly as any', async (t) => {
  for (const identities of [
    [0, 1],
    [1, 2, 3, 4],
    [0, 0x80000000, -1, 0x7fffffff],
  ]) {
    const owners = deal(identities.map((identity, member) => ({ member, identity, weight: 1 })));
    identities.forEach((_, i) => t.ok(Math.abs(share(owners, i) - 1 / identities.length) < 0.03));
  }
});

t.test('members with the same identity share', async (t) => {
  const owners = deal([0, 1, 2].map((member) => ({ member, identity: 42, weight: 1 })));
  for (const member of [0, 1, 2]) t.ok(Math.abs(share(owners, member) - 1 / 3) < 0.03);
});

t.test('what cannot be dealt is refused', async (t) => {
  for (const buckets of [0, 1, 3, 1000, 131_072, NaN])
    t.throws(() => buildEcmpGroups([], buckets), RangeError);
  for (const weight of [0, -1, NaN]) t.throws(() => deal(named(['a', 'b'], weight)), RangeError);
});

t.test('names have well-spread identities', async (t) => {
  const hashes = new Set(Array.from({ length: 10_000 }, (_, i) => hashName(`tunnel_${i}`)));
  t.equal(hashes.size, 10_000);
  for (const hash of hashes) if (hash < 0 || hash > 0xffffffff || !Number.isInteger(hash)) t.fail(`${hash}`);
  const high = [...hashes].filter((hash) => hash >= 0x80000000).length;
  t.ok(Math.abs(high - 5000) < 250);
  t.equal(hashName('acme_fra_1'), hashName('acme_fra_1'));
  t.not(hashName('ab'), hashName('ba'));
});

t.test('equal sets are one group', async (t) => {
  const sets = new EcmpSets();
  const [a, b] = named(['a', 'b']);
  t.equal(sets.intern([]), 0);
  t.equal(sets.intern([a!, b!]), 1);
  t.equal(sets.intern([a!]), 2);
  t.equal(sets.intern([b!, a!]), 1);
  t.equal(sets.intern([{ ...b!, weight: 2 }, a!]), 3);
  t.equal(sets.intern([]), 0);
  t.equal(sets.intern([{ ...b!, isOut: true }, a!]), 4);
  t.equal(sets.sets.length, 5);
});
