import fc from 'fast-check';
import t from 'tap';
import { AllowedSources } from '../../src/dataplane/allowed-sources.js';
import { EndpointConflict, findEndpoint4, keyWord } from '../../src/dataplane/endpoint-table.js';
import { createKeySet, keySetGet, keySetPut } from '../../src/dataplane/key-set.js';
import { group4, group6 } from '../../src/dataplane/route.js';
import { Tables, type LocalAddress } from '../../src/dataplane/tables.js';
import { addressBytes } from '../../src/wire/build.js';
import { route, tables, tunnel } from './harness.js';

const wordOf = (bytes: number[]): number => new Int32Array(Uint8Array.from(bytes).buffer)[0]!;

void t.test('a key set finds what was put, and nothing else', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(20), fc.integer()), { maxLength: 60 }), (keys) => {
      const set = createKeySet(2, keys.length);
      const expected = new Map<string, number>();
      keys.forEach((key, value) => {
        const before = keySetPut(set, Int32Array.from(key), 0, value);
        if (before !== (expected.get(key.join()) ?? -1)) throw new Error('put answers the value before');
        expected.set(key.join(), value);
      });
      for (let a = 0; a < 21; a++) {
        for (const b of keys.map((key) => key[1])) {
          const found = keySetGet(set, Int32Array.of(a, b), 0);
          if (found !== (expected.get(`${a},${b}`) ?? -1)) return false;
        }
      }
      return true;
    }),
  );
  t.end();
});

const prefix4 = fc.record({ value: fc.nat(0xffffffff), length: fc.nat(32) }).map(({ value, length }) => {
  const network = length === 0 ? 0 : (value & (0xffffffff << (32 - length))) >>> 0;
  return { network, length };
});

void t.test('allowed sources are the union of their prefixes', (t) => {
  const near = fc.nat(300).map((n) => (0xc0000200 + n) >>> 0);
  fc.assert(
    fc.property(
      fc.array(fc.oneof(prefix4, fc.record({ network: near, length: fc.constantFrom(32, 32, 31) })), {
        maxLength: 12,
      }),
      fc.array(fc.oneof(fc.nat(0xffffffff), near), { minLength: 1, maxLength: 40 }),
      (prefixes, sources) => {
        const list = prefixes.map(({ network, length }) => ({
          address: Uint8Array.of(network >>> 24, network >>> 16, network >>> 8, network),
          length,
        }));
        const allowed = AllowedSources.build([null, list]);
        const first = allowed.first4(1);
        return sources.every((source) => {
          const expected = prefixes.some(
            ({ network, length }) =>
              length === 0 || (source >>> (32 - length)) >>> 0 === (network >>> (32 - length)) >>> 0,
          );
          const word = wordOf([source >>> 24, source >>> 16, source >>> 8, source]);
          const inFirst = ((word & first.mask) ^ first.address) === 0;
          return (
            allowed.allows4(1, source) === expected && (!inFirst || expected) && allowed.allows4(0, source)
          );
        });
      },
    ),
  );
  t.end();
});

void t.test('allowed sources of IPv6', (t) => {
  const address = (text: number[]): Uint8Array =>
    Uint8Array.from([...text, ...new Array<number>(16 - text.length).fill(0)]);
  const allowed = AllowedSources.build([
    [
      { address: address([0x20, 0x01, 0x0d, 0xb8]), length: 32 },
      { address: address([0xfd]), length: 8 },
    ],
  ]);
  const has = (bytes: number[]): boolean => allowed.allows6(0, address(bytes), 0);
  t.ok(has([0x20, 0x01, 0x0d, 0xb8, 1, 2, 3]));
  t.ok(has([0xfd, 0xff]));
  t.notOk(has([0x20, 0x01, 0x0d, 0xb9]));
  t.notOk(has([0xfe, 0x80]));
  t.notOk(allowed.allows4(0, 0x08080808), 'a family without a prefix is denied');
  t.end();
});

void t.test('endpoints are found by source, destination and key', (t) => {
  const { shared } = Tables.build(
    tables(
      [
        tunnel('none', '198.51.100.1', '203.0.113.10'),
        tunnel('zero', '198.51.100.1', '203.0.113.10', { key: 0 }),
        tunnel('other', '198.51.100.1', '203.0.113.10', { key: 0xfffefdfc }),
      ],
      [],
    ),
  );
  const find = (key: number | null): number =>
    findEndpoint4(
      shared.endpoints,
      wordOf([203, 0, 113, 10]),
      wordOf([198, 51, 100, 1]),
      key === null ? 0 : keyWord(key),
      key === null ? 0 : 1,
    );
  t.equal(find(null), 0);
  t.equal(find(0), 1, 'key 0 is not the absence of a key');
  t.equal(find(0xfffefdfc), 2);
  t.equal(find(1), -1);
  t.end();
});

void t.test('what cannot be built is refused', (t) => {
  const a = tunnel('a', '198.51.100.1', '203.0.113.10');
  t.throws(() => Tables.build(tables([a, { ...a, name: 'b' }], [])), EndpointConflict);
  const six = tunnel('six', '2001:db8::1', '2001:db8::2', { key: 5 });
  t.throws(() => Tables.build(tables([six, { ...six, name: 'b' }], [])), EndpointConflict);
  t.throws(() => Tables.build(tables([a], [route('192.0.2.0/24', 1)])), RangeError);
  t.throws(() => Tables.build(tables([a], [route('192.0.2.0/24')])), RangeError);
  t.throws(
    () => Tables.build(tables([{ ...a, mtu: 65512 }], [])),
    RangeError,
    'longer than an IP packet can be',
  );
  t.end();
});

void t.test('local addresses win over routes, and only they are ours', (t) => {
  const local = (text: string): LocalAddress => ({ address: addressBytes(text), tunnel: 0 });
  const spec = tables(
    [tunnel('a', '198.51.100.1', '203.0.113.10'), tunnel('b', '198.51.100.1', '203.0.113.11')],
    ['0.0.0.0/0', '10.0.0.8/31', '10.0.0.8/32', '::/0', 'fd00::8/127', 'fd00::8/128'].map((p) => route(p, 1)),
    1,
    [local('10.0.0.8'), local('fd00::8')],
  );
  const { fib4, fib6, groups, buckets } = Tables.build(spec).shared;
  const bucket = (group: number): number => buckets[groups[2 * group]!]!;
  const nexthop = (text: string): number => {
    const address = addressBytes(text);
    return bucket(
      address.length === 4
        ? group4(packet(address, 16), 0, fib4.table, fib4.tail)
        : group6(packet(address, 24), 0, fib6),
    );
  };
  /** An IP packet with this destination; nothing else of it is looked at. */
  const packet = (address: Uint8Array, at: number): Uint8Array => {
    const bytes = new Uint8Array(40);
    bytes.set(address, at);
    return bytes;
  };
  for (const ours of ['10.0.0.8', 'fd00::8'])
    t.equal(nexthop(ours), 2, `${ours}: the record behind the tunnels`);
  for (const other of ['10.0.0.9', '10.0.0.7', 'fd00::9', 'fd00::7']) t.equal(nexthop(other), 1, other);
  t.end();
});
