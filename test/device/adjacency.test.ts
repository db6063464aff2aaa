import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import t from 'tap';
import {
  Adjacencies,
  AdjacencyField,
  AdjacencyState,
  type LinkNextHop,
} from '../../src/device/underlay/adjacency.js';

const { STATE, INTERFACE, HEADER } = AdjacencyField;

function find(table: Adjacencies, destination: Uint8Array): number {
  if (destination.length === 16) return table.find6(destination, 0);
  return table.find4(new DataView(destination.buffer, destination.byteOffset).getInt32(0, true));
}

function hopOf(n: number): LinkNextHop {
  return {
    interface: n + 1,
    source: Uint8Array.of(2, 0, 0, 0, n >> 8, n),
    target: Uint8Array.of(4, 0, 0, 0, n >> 8, n),
  };
}

/** The Ethernet header of a record with the two bytes in front. */
function headerAt(table: Adjacencies, record: number): number[] {
  return [...new Uint8Array(table.words.slice(record + HEADER, record + HEADER + 4).buffer)];
}

const four = Uint8Array.of(192, 0, 2, 1);
const six = Uint8Array.from({ length: 16 }, (_, i) => i * 16);

t.test('a destination is unknown until its next hop is set, and again when it is cleared', async (t) => {
  const table = Adjacencies.create([four, six]);
  const reader = Adjacencies.open(structuredClone(table.share()));
  for (const [destination, type] of [
    [four, [8, 0]],
    [six, [0x86, 0xdd]],
  ] as const) {
    const before = find(reader, destination);
    t.ok(before > 0);
    t.equal(reader.words[before + STATE], AdjacencyState.UNKNOWN);
    t.ok(table.set(destination, hopOf(258)));
    const record = find(reader, destination);
    t.equal(reader.words[record + STATE], AdjacencyState.USABLE);
    t.equal(reader.words[record + INTERFACE], 259);
    t.same(headerAt(reader, record), [0, 0, 4, 0, 0, 0, 1, 2, 2, 0, 0, 0, 1, 2, ...type]);
    table.clear(destination);
    t.equal(reader.words[find(reader, destination) + STATE], AdjacencyState.UNKNOWN);
  }
  t.equal(find(table, Uint8Array.of(192, 0, 2, 2)), -1);
  t.equal(find(table, new Uint8Array(16)), -1);
});

t.test('records begin on a multiple of 16 words and find6 takes any offset', async (t) => {
  const table = Adjacencies.create([four, six]);
  t.equal(find(table, four) % 16, 0);
  t.equal(table.find6(Uint8Array.of(1, 2, 3, ...six), 3), find(table, six));
});

t.test('a record that a reader may hold is not written', async (t) => {
  const table = Adjacencies.create([four]);
  t.ok(table.set(four, hopOf(1), 1000));
  const held = find(table, four);
  const before = headerAt(table, held);
  t.notOk(table.set(four, hopOf(2), 1100), 'too soon');
  t.equal(table.words[find(table, four) + STATE], AdjacencyState.UNKNOWN);
  t.same(headerAt(table, held), before);
  t.ok(table.set(four, hopOf(1), 1101), 'the same header again is at once');
  t.equal(find(table, four), held);
  t.ok(table.set(four, hopOf(2), 1500));
  t.not(find(table, four), held);
  t.same(headerAt(table, held), before, 'the replaced one stays');
  table.remove(four, 1600);
  t.equal(find(table, four), -1);
  t.ok(table.add(four, 1601));
  t.not(find(table, four), held);
  t.same(headerAt(table, held), before);
  t.notOk(table.set(six, hopOf(1)), 'not there');
});

t.test('a table that is full says so', async (t) => {
  const address = (n: number): Uint8Array => Uint8Array.of(10, 0, n >> 8, n);
  const table = Adjacencies.create([], 4);
  for (let n = 0; n < 4; n++) t.ok(table.add(address(n), 0));
  t.notOk(table.add(address(4), 0));
  t.ok(table.add(address(3), 0), 'it is there');
  table.remove(address(1), 0);
  t.notOk(table.add(address(4), 1), 'a reader may still hold it');
  t.ok(table.add(address(4), 1000));
  t.equal(table.size, 4);
});

t.test('as a map, for any sequence of changes', async () => {
  // Few addresses and a small table, so that chains meet and removed words are met again.
  const destination = fc.oneof(
    fc.nat(40).map((n) => Uint8Array.of(10, 0, 0, n)),
    fc.nat(40).map((n) => Uint8Array.of(0x20, 1, ...new Array<number>(13).fill(0), n)),
  );
  const step = fc.record({
    destination,
    kind: fc.constantFrom('add', 'add', 'remove', 'set', 'set', 'clear'),
    hop: fc.nat(1000),
    wait: fc.constantFrom(0, 100, 600),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const table = Adjacencies.create([], 24);
      const model = new Map<string, { bytes: Uint8Array; hop: number | null }>();
      let now = 0;
      for (const { destination: bytes, kind, hop, wait } of steps) {
        now += wait;
        const key = bytes.join();
        if (kind === 'add') {
          if (table.add(bytes, now) && !model.has(key)) model.set(key, { bytes, hop: null });
        } else if (kind === 'remove') {
          table.remove(bytes, now);
          model.delete(key);
        } else if (kind === 'clear') {
          table.clear(bytes);
          if (model.has(key)) model.set(key, { bytes, hop: null });
        } else {
          const taken = table.set(bytes, hopOf(hop), now);
          if (taken !== model.has(key) && taken) return false;
          if (model.has(key)) model.set(key, { bytes, hop: taken ? hop : null });
        }
        if (!model.has(key) && find(table, bytes) !== -1) return false;
      }
      return (
        table.size === model.size &&
        [...model.values()].every(({ bytes, hop }) => {
          const record = find(table, bytes);
          if (record < 0) return false;
          if (hop === null) return table.words[record + STATE] === AdjacencyState.UNKNOWN;
          const type = bytes.length === 4 ? [8, 0] : [0x86, 0xdd];
          const expected = [0, 0, ...hopOf(hop).target, ...hopOf(hop).source, ...type];
          return (
            table.words[record + STATE] === AdjacencyState.USABLE &&
            table.words[record + INTERFACE] === hop + 1 &&
            headerAt(table, record).join() === expected.join()
          );
        })
      );
    }),
    { numRuns: 300 },
  );
});

t.test('another thread sees whole headers while they change', async (t) => {
  const addresses = Array.from({ length: 200 }, (_, n) => Uint8Array.of(10, 0, n >> 8, n));
  const table = Adjacencies.create(addresses);
  const stop = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(new URL('adjacency-reader.js', import.meta.url), {
    workerData: { shared: table.share(), stop, count: addresses.length },
  });
  const result = new Promise<{ reads: number; usable: number; torn: number }>((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
  await new Promise((resolve) => worker.once('online', resolve));
  for (let round = 0; round < 100 || Atomics.load(stop, 1) === 0; round++) {
    for (const [i, address] of addresses.entries()) {
      // All six bytes of both link addresses and the interface say the same number.
      const n = 1 + ((round * 7 + i) % 250);
      const link = new Uint8Array(6).fill(n);
      table.set(address, { interface: n, source: link, target: link });
      if (round % 5 === 4) table.clear(address);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  Atomics.store(stop, 0, 1);
  const { reads, usable, torn } = await result;
  t.equal(torn, 0);
  t.ok(usable > 0, `${reads} reads, ${usable} usable`);
});
