import fc from 'fast-check';
import t from 'tap';
import { REGIONS } from '../../../src/config/config.js';
import { CITIES } from '../../../src/simulator/scenario/cities.js';
import { cityOf, delayBetween, distanceOf, generatePops } from '../../../src/simulator/scenario/geography.js';
import type { Coordinates } from '../../../src/simulator/scenario/scenario.js';

function at(code: string): Coordinates {
  const city = cityOf(code);
  if (city === null) throw new Error(code);
  return [city[2], city[3]];
}

t.test('distances and delays are those of the globe', async (t) => {
  const near = (found: number, expected: number) => Math.abs(found - expected) < expected * 0.02;
  t.ok(near(distanceOf(at('fra'), at('cdg')), 479));
  t.ok(near(distanceOf(at('lhr'), at('ewr')), 5570));
  t.ok(near(distanceOf(at('syd'), at('gru')), 13_380));
  t.ok(near(distanceOf([0, 179.5], [0, -179.5]), 111), 'over the date line');
  t.equal(delayBetween(at('fra'), at('fra')), 250_000);
});

t.test('a metric', async () => {
  const place = fc.tuple(
    fc.double({ min: -90, max: 90, noNaN: true }),
    fc.double({ min: -180, max: 180, noNaN: true }),
  );
  // Nearly the same place as another one, or nearly the opposite one: where formulas lose their precision.
  const places = fc
    .tuple(
      place,
      place,
      place,
      fc.double({ min: -1e-6, max: 1e-6, noNaN: true }),
      fc.integer({ min: 0, max: 2 }),
    )
    .map(([a, b, c, more, way]): Coordinates[] => {
      const near = Math.max(-90, Math.min(90, a[0] + more));
      if (way === 0) return [a, b, c];
      return way === 1 ? [a, b, [near, a[1]]] : [a, [-near, a[1] + (a[1] > 0 ? -180 : 180)], c];
    });
  fc.assert(
    fc.property(places, ([a, b, c]) => {
      const [ab, bc, ac] = [distanceOf(a!, b!), distanceOf(b!, c!), distanceOf(a!, c!)];
      return (
        Math.abs(ab - distanceOf(b!, a!)) < 1e-6 &&
        ab >= 0 &&
        ab <= 20_016 &&
        ac <= ab + bc + 1e-6 &&
        Number.isInteger(delayBetween(a!, b!)) &&
        delayBetween(a!, b!) % 1000 === 0
      );
    }),
  );
});

t.test('the table of cities', async (t) => {
  t.ok(CITIES.length >= 150);
  t.equal(new Set(CITIES.map(([code]) => code)).size, CITIES.length, 'each code once');
  for (const [code, region, latitude, longitude] of CITIES) {
    t.match(code, /^[a-z]{3}$/);
    t.ok(REGIONS.includes(region) && Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180, code);
  }
  t.equal(cityOf('FRA'), cityOf('fra'));
  t.equal(cityOf('xxx'), null);
});

t.test('generated PoPs are many, everywhere, and always the same', async (t) => {
  const pops = generatePops(300, 10, null);
  t.equal(pops.length, 300);
  t.equal(new Set(pops.map(({ name }) => name)).size, 300);
  t.strictSame(new Set(generatePops(9, 1, null).map(({ region }) => region)), new Set(REGIONS));
  t.strictSame(pops, generatePops(300, 10, null));
  t.strictSame(generatePops(20, 10, null), pops.slice(0, 20), 'fewer are the first ones');
  t.equal(pops[CITIES.length]?.name, `${pops[0]?.name ?? ''}2`);
});
