/** Heap growth and garbage collections over many packets: the hot path allocates nothing. */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arena } from './arena.js';

export interface HeapGrowth {
  readonly packets: number;
  /** Bytes of V8 heap in use afterwards less before, without a collection in between. */
  readonly growthBytes: number;
  readonly collections: number;
}

/** Packets of a round before the count begins. */
const WARM_UP_PACKETS = 2_000_000;

/** V8's own work (feedback, compiled code, what the set-up left) collects until it is done. */
const MOST_ROUNDS = 20;

/** Long enough for compilers in the background to finish and for observers to be told. */
const SETTLE_MS = 100;

export async function watchHeap(arena: Arena, packets: number): Promise<HeapGrowth> {
  const starts: number[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) starts.push(entry.startTime);
  });
  observer.observe({ entryTypes: ['gc'] });
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const begin = performance.now();
    send(arena, WARM_UP_PACKETS);
    await sleep(SETTLE_MS);
    if (round > 0 && !starts.some((start) => start >= begin)) break;
  }
  const begin = performance.now();
  const before = process.memoryUsage().heapUsed;
  const sent = send(arena, packets);
  const growthBytes = process.memoryUsage().heapUsed - before;
  const end = performance.now();
  // What V8 does on its own once the thread is idle does not count.
  await sleep(SETTLE_MS);
  observer.disconnect();
  const collections = starts.filter((start) => start >= begin && start <= end).length;
  return { packets: sent, growthBytes, collections };
}

function send(arena: Arena, packets: number): number {
  let sent = 0;
  for (; sent < packets; sent += arena.packets) {
    arena.load();
    arena.run();
  }
  return sent;
}
