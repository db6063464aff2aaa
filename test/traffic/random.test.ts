import fc from 'fast-check';
import t from 'tap';
import { Random } from '../../src/traffic/random.js';
import { IMIX, parseSizes, weightedSizes } from '../../src/traffic/sizes.js';

t.test('sfc32, as its author has it', (t) => {
  // The reference code in C (PractRand), with this state and no rounds thrown away, in BigInt.
  const mask = 0xffff_ffffn;
  let [a, b, c, counter] = [7n, 3n, 0x9e3779b9n, 1n];
  const reference = (): number => {
    const result = (a + b + counter++) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = (((c << 21n) | (c >> 11n)) + result) & mask;
    return Number(result);
  };
  for (let i = 0; i < 12; i++) reference();
  const random = new Random(7, 3);
  for (let i = 0; i < 1000; i++) t.equal(random.uint32(), reference());
  t.end();
});

const FIRST_OF_SEED_1 = [573_063_952, 3_268_221_502, 703_077_755];

t.test('the same seed gives the same numbers, on every machine', (t) => {
  const random = new Random(1);
  t.same([random.uint32(), random.uint32(), random.uint32()], FIRST_OF_SEED_1);
  random.reseed(1, 0);
  t.equal(random.uint32(), FIRST_OF_SEED_1[0]);
  t.not(new Random(1, 1).uint32(), FIRST_OF_SEED_1[0], 'another stream is another sequence');
  t.not(new Random(2).uint32(), FIRST_OF_SEED_1[0]);
  t.end();
});

t.test('bounds hold', (t) => {
  fc.assert(
    fc.property(
      fc.nat(0xffffffff),
      fc.integer({ min: 1, max: 2 ** 32 }),
      fc.integer({ min: -50, max: 50 }),
      (seed, limit, low) => {
        const random = new Random(seed);
        for (let i = 0; i < 20; i++) {
          const below = random.below(limit);
          if (below < 0 || below >= limit || !Number.isInteger(below))
            throw new Error(`below(${limit}) is ${below}`);
          const between = random.between(low, low + 3);
          if (between < low || between > low + 3) throw new Error(`between gave ${between}`);
          if (random.chance(0) || !random.chance(1)) throw new Error('chance of 0 or 1');
        }
      },
    ),
  );
  t.end();
});

t.test('sizes', (t) => {
  const random = new Random(5);
  t.equal(parseSizes('1476').draw(random), 1476);
  const uniform = parseSizes('uniform:100-103');
  t.same(new Set(Array.from({ length: 200 }, () => uniform.draw(random))), new Set([100, 101, 102, 103]));
  const imix = parseSizes('imix');
  const seen = new Map<number, number>();
  const draws = 120_000;
  for (let i = 0; i < draws; i++) {
    const size = imix.draw(random);
    seen.set(size, (seen.get(size) ?? 0) + 1);
  }
  t.equal(seen.size, 3);
  for (const { size, weight } of IMIX) {
    const share = (seen.get(size) ?? 0) / draws;
    t.ok(Math.abs(share - weight / 12) < 0.01, `${size}: ${share}`);
  }
  t.equal(weightedSizes('one', [{ size: 9, weight: 1 }]).draw(random), 9);
  for (const wrong of [
    '',
    '0',
    '19',
    '65001',
    'uniform:',
    'uniform:100',
    'uniform:9-30',
    'uniform:200-100',
    'IMIX',
    '1e3',
    '-64',
  ]) {
    t.throws(() => parseSizes(wrong), RangeError, wrong);
  }
  t.end();
});
