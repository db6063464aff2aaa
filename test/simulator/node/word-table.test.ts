import fc from 'fast-check';
import t from 'tap';
import { AddressTable } from '../../../src/simulator/node/address-table.js';
import { AddressSet } from '../../../src/simulator/node/address-set.js';
import { WordTable } from '../../../src/simulator/node/word-table.js';
import { addressBytes } from '../../../src/wire/build.js';

t.test('it does what a Map does', (t) => {
  const operation = fc.record({
    kind: fc.constantFrom('put', 'put', 'get', 'delete'),
    a: fc.integer({ min: -6, max: 6 }),
    b: fc.integer({ min: -6, max: 6 }),
    value: fc.nat(2 ** 31 - 2),
  });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 400 }), (operations) => {
      const table = new WordTable(2, 2);
      const map = new Map<string, number>();
      for (const { kind, a, b, value } of operations) {
        const key = Int32Array.of(a, b);
        const name = `${a} ${b}`;
        const before = map.get(name) ?? -1;
        if (kind === 'put') {
          table.put(key, value);
          map.set(name, value);
        } else if (kind === 'delete') {
          if (table.delete(key) !== before) throw new Error(`delete(${name})`);
          map.delete(name);
        } else if (table.get(key) !== before) {
          throw new Error(`get(${name})`);
        }
        if (table.size !== map.size) throw new Error('size');
      }
      for (const [name, value] of map) {
        if (table.get(Int32Array.from(name.split(' '), Number)) !== value) throw new Error(name);
      }
    }),
  );
  t.end();
});

t.test('addresses of both families', (t) => {
  const set = new AddressSet(['192.0.2.1', '2001:db8::1', '192.0.2.2'].map((text) => addressBytes(text)));
  t.equal(set.find(addressBytes('192.0.2.2'), 0, 4), 2);
  t.equal(set.find(addressBytes('192.0.2.3'), 0, 4), -1);
  t.equal(set.find(addressBytes('2001:db8::1'), 0, 6), 1);
  t.equal(set.find(addressBytes('2001:db8::2'), 0, 6), -1);
  t.same(set.ofFamily(6), addressBytes('2001:db8::1'));
  t.end();
});

t.test('a table of addresses is a map, however few or many there are', (t) => {
  const step = fc.record({ last: fc.integer({ min: 0, max: 40 }), value: fc.nat(1000) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const table = new AddressTable();
      const map = new Map<number, number>();
      for (const { last, value } of steps) {
        table.put(Uint8Array.of(192, 0, 2, last), value);
        map.set(last, value);
        for (let one = 0; one <= 40; one++) {
          if (table.find(Uint8Array.of(192, 0, 2, one), 0, 4) !== (map.get(one) ?? -1)) return false;
        }
      }
      return true;
    }),
  );
  t.end();
});
