/** The other thread of adjacency.test.ts: reads until told to stop and counts headers that do not agree in themselves. */
import { parentPort, workerData } from 'node:worker_threads';
import {
  Adjacencies,
  AdjacencyField,
  AdjacencyState,
  type SharedAdjacencies,
} from '../../src/device/underlay/adjacency.js';

const { shared, stop, count } = workerData as { shared: SharedAdjacencies; stop: Int32Array; count: number };
const table = Adjacencies.open(shared);
const { words } = table;
let reads = 0;
let usable = 0;
let torn = 0;
while (Atomics.load(stop, 0) === 0) {
  // It has begun: there is something to look at.
  if (usable > 0) Atomics.store(stop, 1, 1);
  for (let n = 0; n < count; n++) {
    const record = table.find4(10 | ((n >> 8) << 16) | ((n & 0xff) << 24));
    reads++;
    if (words[record + AdjacencyField.STATE] !== AdjacencyState.USABLE) continue;
    usable++;
    const number = words[record + AdjacencyField.INTERFACE]!;
    const all = Math.imul(number, 0x01010101);
    const header = record + AdjacencyField.HEADER;
    const whole =
      words[header] === (all & 0xffff0000) &&
      words[header + 1] === all &&
      words[header + 2] === all &&
      words[header + 3] === ((all & 0xffff) | 0x00080000);
    if (!whole) torn++;
  }
}
parentPort?.postMessage({ reads, usable, torn });
