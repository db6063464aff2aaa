import fc from 'fast-check';
import t from 'tap';
import { AgedTable } from '../../src/network/aged-table.js';

void t.test('a table is a map in the order of age', (t) => {
  const step = fc.tuple(fc.constantFrom('put', 'touch', 'remove', 'oldest'), fc.nat(12), fc.nat(2));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 9 }), (steps, capacity) => {
      const table = new AgedTable(capacity, 2);
      // Insertion order of a Map, with keys put in again when they are heard of, is the order of age.
      const model = new Map<string, number>();
      for (const [what, a, b] of steps) {
        const key = Int32Array.of(a, -b);
        const entry = table.find(key);
        const name = key.join();
        if (entry !== (model.get(name) ?? -1)) return false;
        if (what === 'put' && entry < 0 && table.size < capacity) model.set(name, table.add(key));
        if (entry >= 0 && what !== 'put') model.delete(name);
        if (entry >= 0 && what === 'touch') {
          table.touch(entry);
          model.set(name, entry);
        } else if (entry >= 0 && what === 'remove') {
          table.remove(entry);
        } else if (entry >= 0 && what === 'oldest') {
          table.remove(entry);
          model.set(name, table.add(key));
        }
        const order: number[] = [];
        for (let at = table.oldest; at >= 0; at = table.newerThan(at)) order.push(at);
        if (order.join() !== [...model.values()].join() || table.size !== model.size) return false;
        if (new Set(order).size !== order.length || order.some((number) => number >= capacity)) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.throws(() => new AgedTable(0, 1), RangeError);
  t.end();
});
