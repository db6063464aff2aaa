import fc from 'fast-check';
import t from 'tap';
import { buildFib4, lookupFib4, type Fib4, type Route4 } from '../../src/dataplane/fib4.js';

function address(text: string): number {
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

function route(text: string, group: number): Route4 {
  const [prefix, length] = text.split('/');
  return { prefix: address(prefix!), length: Number(length), group };
}

function lookup(fib: Fib4, where: string | number): number {
  return lookupFib4(fib.table, fib.tail, typeof where === 'string' ? address(where) : where);
}

/** Longest prefix match as its name says; of equal ones the last. */
function naive(routes: readonly Route4[], where: number): number {
  let best: Route4 | undefined;
  for (const candidate of routes) {
    const same = (candidate.prefix ^ where) >>> (32 - candidate.length) === 0;
    if (same && candidate.length >= (best?.length ?? 0)) best = candidate;
  }
  return best?.group ?? 0;
}

/** Addresses at the edges of each prefix, inside and outside. */
function edges(routes: readonly Route4[]): number[] {
  return routes.flatMap(({ prefix, length }) => {
    const span = 2 ** (32 - length);
    const first = Math.floor((prefix >>> 0) / span) * span;
    return [first, first + span - 1, first - 1, first + span].map((edge) => edge >>> 0);
  });
}

t.test('nested, adjacent and longest prefixes', async (t) => {
  const fib = buildFib4([
    route('10.1.2.128/25', 5),
    route('10.0.0.0/8', 1),
    route('10.1.2.3/32', 6),
    route('10.1.0.0/16', 3),
    route('10.1.2.0/24', 4),
    route('11.0.0.0/8', 2),
    route('255.255.255.255/32', 7),
    route('128.0.0.0/1', 8),
    route('0.0.0.0/32', 9),
  ]);
  const expected: [string, number][] = [
    ['9.255.255.255', 0],
    ['10.0.0.0', 1],
    ['10.255.255.255', 1],
    ['11.0.0.0', 2],
    ['10.1.0.0', 3],
    ['10.1.2.0', 4],
    ['10.1.2.2', 4],
    ['10.1.2.3', 6],
    ['10.1.2.4', 4],
    ['10.1.2.127', 4],
    ['10.1.2.128', 5],
    ['10.1.2.255', 5],
    ['10.1.3.0', 3],
    ['12.0.0.0', 0],
    ['128.0.0.0', 8],
    ['255.255.255.254', 8],
    ['255.255.255.255', 7],
    ['0.0.0.0', 9],
    ['0.0.0.1', 0],
  ];
  for (const [where, group] of expected) {
    t.equal(lookup(fib, where), group, where);
    t.equal(lookup(fib, address(where) | 0), group, `${where} as a signed number`);
  }
  t.equal(fib.tail.length, 3 * 256, 'a block for each /24 that holds a longer prefix');
});

t.test('no routes, and holes', async (t) => {
  const empty = buildFib4([]);
  t.equal(lookup(empty, '10.0.0.1'), 0);
  t.equal(empty.tail.length, 0);
  const holes = buildFib4([route('10.0.0.0/8', 1), route('10.1.0.0/16', 0), route('10.2.0.1/32', 0)]);
  t.equal(lookup(holes, '10.1.2.3'), 0);
  t.equal(lookup(holes, '10.2.0.1'), 0);
  t.equal(lookup(holes, '10.2.0.2'), 1);
});

t.test('of two routes for one prefix the last one wins; host bits do not count', async (t) => {
  const fib = buildFib4([
    route('10.0.0.0/8', 1),
    route('10.9.9.9/8', 2),
    route('1.1.1.4/30', 3),
    route('1.1.1.7/30', 4),
  ]);
  t.equal(lookup(fib, '10.0.0.1'), 2);
  t.equal(lookup(fib, '1.1.1.5'), 4);
});

t.test('what cannot be a route is refused', async (t) => {
  for (const length of [0, 33, -1, 8.5, NaN])
    t.throws(() => buildFib4([{ prefix: 0, length, group: 1 }]), RangeError);
  for (const group of [-1, 2 ** 31, 1.5])
    t.throws(() => buildFib4([{ prefix: 0, length: 8, group }]), RangeError);
});

t.test('as a linear search, for any routes', async () => {
  // Few values in each byte, so that prefixes nest, touch and coincide.
  const byte = fc.oneof(fc.constantFrom(0, 1, 127, 128, 255), fc.nat(255));
  const someAddress = fc.tuple(fc.constantFrom(10, 11, 192), byte, byte, byte).map((b) => {
    return ((b[0] << 24) | (b[1] << 16) | (b[2] << 8) | b[3]) >>> 0;
  });
  const length = fc.oneof(fc.integer({ min: 6, max: 32 }), fc.constantFrom(23, 24, 25, 31, 32));
  const routes = fc.array(
    fc.record({ prefix: someAddress, length, group: fc.integer({ min: 0, max: 2 ** 31 - 1 }) }),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(routes, fc.array(someAddress, { maxLength: 20 }), (routes, others) => {
      const fib = buildFib4(routes);
      const longs = new Set(routes.filter((r) => r.length > 24).map((r) => r.prefix >>> 8));
      if (fib.tail.length !== 256 * longs.size) return false;
      return [...edges(routes), ...others].every((where) => lookup(fib, where) === naive(routes, where));
    }),
    { numRuns: 60 },
  );
});

t.test('a million prefixes', async (t) => {
  const count = 1_000_000;
  const lengths = [24, 24, 24, 24, 24, 24, 23, 22, 22, 21, 20, 19, 18, 17, 16, 24, 25, 28, 30, 32];
  const routes = Array.from({ length: count }, (_, i) => ({
    prefix: Math.imul(i + 1, 0x9e3779b1),
    length: lengths[i % lengths.length]!,
    group: 1 + (i % 1000),
  }));
  const fib = buildFib4(routes);
  t.ok(fib.table.buffer instanceof SharedArrayBuffer && fib.tail.buffer instanceof SharedArrayBuffer);

  const name = (prefix: number, length: number): number => (prefix >>> (32 - length)) * 64 + length;
  // Longest match by a map of prefixes, for some of the addresses.
  const byPrefix = new Map(routes.map((r) => [name(r.prefix, r.length), r.group]));
  for (let i = 0; i < 20_000; i++) {
    const where = Math.imul(i * 49 + 1, 0x9e3779b1) ^ (i & 0x3ff);
    let expected = 0;
    for (let length = 16; length <= 32; length++) {
      expected = byPrefix.get(name(where, length)) ?? expected;
    }
    if (lookup(fib, where) !== expected) t.equal(lookup(fib, where), expected, (where >>> 0).toString(16));
  }
});
