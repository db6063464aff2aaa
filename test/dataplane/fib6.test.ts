import fc from 'fast-check';
import t from 'tap';
import { buildFib6, lookupFib6, lookupFib6Words, type Fib6, type Route6 } from '../../src/dataplane/fib6.js';

/** Address from its eight groups; missing ones at the end are 0. */
function address(...groups: number[]): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, i) => ((groups[i >> 1] ?? 0) >>> (i & 1 ? 0 : 8)) & 0xff);
}

/** The group, looked up at every alignment and by words. */
function lookup(fib: Fib6, where: Uint8Array): number {
  const words = new Int32Array(where.slice().buffer);
  const group = lookupFib6Words(fib, words[0]!, words[1]!, words[2]!, words[3]!);
  for (let offset = 0; offset < 4; offset++) {
    const bytes = new Uint8Array(20).fill(0xff);
    bytes.set(where, offset);
    if (lookupFib6(fib, bytes, offset) !== group) throw new Error(`another group at offset ${offset}`);
  }
  return group;
}

function covers(route: Route6, where: Uint8Array): boolean {
  for (let bit = 0; bit < route.length; bit++) {
    if (((route.address[bit >> 3]! ^ where[bit >> 3]!) & (0x80 >> (bit & 7))) !== 0) return false;
  }
  return true;
}

/** Longest prefix match as its name says; of equal ones the last. */
function naive(routes: readonly Route6[], where: Uint8Array): number {
  let best: Route6 | undefined;
  for (const route of routes) if (covers(route, where) && route.length >= (best?.length ?? 0)) best = route;
  return best?.group ?? 0;
}

/** First and last address of each prefix, and both with the prefix's last bit turned. */
function edges(routes: readonly Route6[]): Uint8Array[] {
  return routes.flatMap(({ address, length }) => {
    const first = address.slice();
    const last = address.slice();
    for (let bit = length; bit < 128; bit++) {
      first[bit >> 3]! &= ~(0x80 >> (bit & 7));
      last[bit >> 3]! |= 0x80 >> (bit & 7);
    }
    const turned = [first, last].map((edge) => {
      const other = edge.slice();
      other[(length - 1) >> 3]! ^= 0x80 >> ((length - 1) & 7);
      return other;
    });
    return [first, last, ...turned];
  });
}

t.test('nested prefixes of all kinds', async (t) => {
  const fib = buildFib6([
    { address: address(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6), length: 128, group: 7 },
    { address: address(0x2000), length: 3, group: 1 },
    { address: address(0x2001, 0xdb8), length: 32, group: 3 },
    { address: address(0x2001), length: 16, group: 2 },
    { address: address(0x2001, 0xdb8, 1), length: 48, group: 4 },
    { address: address(0x2001, 0xdb8, 1, 2), length: 64, group: 5 },
    { address: address(0x2001, 0xdb8, 1, 2, 0x8000), length: 65, group: 6 },
    { address: address(0xfe80), length: 10, group: 8 },
  ]);
  const expected: [Uint8Array, number][] = [
    [address(0x1fff), 0],
    [address(0x4000), 0],
    [address(0x2000), 1],
    [address(0x3fff, 0xffff), 1],
    [address(0x2001), 2],
    [address(0x2001, 0xdb9), 2],
    [address(0x2001, 0xdb8), 3],
    [address(0x2001, 0xdb8, 1), 4],
    [address(0x2001, 0xdb8, 1, 2), 5],
    [address(0x2001, 0xdb8, 1, 2, 0x7fff), 5],
    [address(0x2001, 0xdb8, 1, 2, 0x8000), 6],
    [address(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6), 7],
    [address(0x2001, 0xdb8, 1, 2, 3, 4, 5, 7), 5],
    [address(0xfebf, 0xffff), 8],
    [address(0xfec0), 0],
  ];
  for (const [where, group] of expected) t.equal(lookup(fib, where), group, where.toString());
});

t.test('a marker that stands under no prefix leads nowhere', async (t) => {
  // The search for /64 passes /48 (more of them), where this address has a marker and no route.
  const others = Array.from({ length: 9 }, (_, i) => ({ address: address(0x2001, i), length: 48, group: 1 }));
  const fib = buildFib6([...others, { address: address(0x2001, 0x77, 1, 1), length: 64, group: 2 }]);
  t.equal(lookup(fib, address(0x2001, 0x77, 1, 1)), 2);
  t.equal(lookup(fib, address(0x2001, 0x77, 1, 2)), 0);
});

t.test('no routes, and holes', async (t) => {
  const empty = buildFib6([]);
  t.equal(lookup(empty, address(0x2001, 0xdb8)), 0);
  const holes = buildFib6([
    { address: address(0x2001), length: 16, group: 1 },
    { address: address(0x2001, 0xdb8), length: 32, group: 0 },
    { address: address(0x2001, 0xdb8, 1), length: 48, group: 2 },
  ]);
  t.equal(lookup(holes, address(0x2001, 0xdb7)), 1);
  t.equal(lookup(holes, address(0x2001, 0xdb8, 2)), 0);
  t.equal(lookup(holes, address(0x2001, 0xdb8, 1)), 2);
});

t.test('of two routes for one prefix the last one wins; host bits do not count', async (t) => {
  const fib = buildFib6([
    { address: address(0x2001, 0xdb8, 5), length: 32, group: 1 },
    { address: address(0x2001, 0xdb8), length: 32, group: 2 },
    { address: address(0x2001, 0xdb8, 3), length: 32, group: 3 },
    { address: address(0xfd00, 1), length: 8, group: 4 },
    { address: address(0xfd00), length: 8, group: 5 },
  ]);
  t.equal(lookup(fib, address(0x2001, 0xdb8, 5)), 3);
  t.equal(lookup(fib, address(0xfdff)), 5);
});

t.test('what cannot be a route is refused', async (t) => {
  const good = { address: address(0x2001), length: 32, group: 1 };
  for (const length of [0, 129, -1, 8.5, NaN]) t.throws(() => buildFib6([{ ...good, length }]), RangeError);
  for (const group of [-1, 2 ** 30, 1.5]) t.throws(() => buildFib6([{ ...good, group }]), RangeError);
  t.throws(() => buildFib6([{ ...good, address: new Uint8Array(4) }]), RangeError);
});

t.test('as a linear search, for any routes', async () => {
  // Few values in each byte, so that prefixes nest, touch and coincide.
  const byte = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(0, 1, 128) },
    { weight: 1, arbitrary: fc.nat(255) },
  );
  const someAddress = fc
    .tuple(fc.constantFrom(0x20, 0x2a), fc.array(byte, { minLength: 15, maxLength: 15 }))
    .map(([first, rest]) => Uint8Array.from([first, ...rest]));
  const length = fc.oneof(
    fc.integer({ min: 1, max: 128 }),
    fc.constantFrom(16, 17, 32, 48, 63, 64, 65, 127, 128),
  );
  const group = fc.integer({ min: 0, max: 2 ** 30 - 1 });
  const chain = fc
    .tuple(someAddress, fc.array(length, { minLength: 1, maxLength: 20 }))
    .chain(([address, lengths]) =>
      fc.tuple(...lengths.map((length) => group.map((g) => ({ address, length, group: g })))),
    );
  const routes = fc
    .tuple(
      fc.array(fc.record({ address: someAddress, length, group }), { maxLength: 40 }),
      fc.array(chain, { maxLength: 3 }),
    )
    .chain(([single, nested]) => fc.shuffledSubarray([...single, ...nested.flat()], { minLength: 0 }));
  fc.assert(
    fc.property(routes, fc.array(someAddress, { maxLength: 20 }), (routes, others) => {
      const fib = buildFib6(routes);
      return [...edges(routes), ...others].every((where) => lookup(fib, where) === naive(routes, where));
    }),
    { numRuns: 300 },
  );
});

t.test('two hundred thousand prefixes', async (t) => {
  const lengths = [48, 48, 48, 48, 32, 32, 44, 40, 36, 29, 46, 56, 64, 20, 33, 128];
  const routes = Array.from({ length: 200_000 }, (_, i) => {
    const a = Math.imul(i + 1, 0x9e3779b1) >>> 0;
    const b = Math.imul(i >> 3, 0x85ebca77) >>> 0;
    const groups = [
      0x2000 | (a & 0x3f),
      (a >>> 6) & 0xffff,
      b & 0xff,
      b >>> 24,
      a >>> 16,
      a & 0xffff,
      0,
      i & 0xff,
    ];
    return { address: address(...groups), length: lengths[i % lengths.length]!, group: 1 + (i % 1000) };
  });
  const fib = buildFib6(routes);
  for (const array of Object.values(fib) as Int32Array[]) t.ok(array.buffer instanceof SharedArrayBuffer);
  t.ok(fib.slots.byteLength < 64 << 20, 'in a few tens of megabytes');

  // Longest match by a map of prefixes, for some of the addresses.
  const prefix = (bytes: Uint8Array, length: number): string => {
    const network = bytes.slice(0, (length + 7) >> 3);
    if ((length & 7) !== 0) network[network.length - 1]! &= 0xff00 >> (length & 7);
    return `${network.toString()}/${length}`;
  };
  const byPrefix = new Map(routes.map((r) => [prefix(r.address, r.length), r.group]));
  const distinct = [...new Set(lengths)].sort((a, b) => a - b);
  for (let i = 0; i < routes.length; i += 17) {
    const where = routes[i]!.address.slice();
    where[i % 16]! ^= i % 3 === 0 ? 1 << (i & 7) : 0;
    let expected = 0;
    for (const length of distinct) expected = byPrefix.get(prefix(where, length)) ?? expected;
    if (lookup(fib, where) !== expected) t.equal(lookup(fib, where), expected, where.toString());
  }
});
