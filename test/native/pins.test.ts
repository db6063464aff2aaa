/** Pins stand for arrays over shared memory, in the thread that made them and as long as that lasts. */
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { test } from 'tap';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { addonPaths, loadAddon, type Addon } from '../../src/device/native/addon.js';
import { sharedWords } from '../../src/device/native/pin-calls.js';
import { SPAN_WORDS } from '../../src/device/native/socket-calls.js';

const addon = loadAddon();
const untyped = addon as unknown as Record<keyof Addon, (...values: unknown[]) => unknown>;

function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

test('what a pin stands for is read, written, and checked', async (t) => {
  const [a, b] = addon.openSocketPair();
  const bytes = sharedBytes(40).fill(7, 4, 8);
  const spans = sharedWords(2 * SPAN_WORDS);
  spans.set([4, 2, 6, 2, 20, 10, 39, 2]);
  const memory = addon.pin(bytes);
  const list = addon.pin(spans);
  t.equal(addon.sendBatch(a, memory, list, 0, 1, 0, 0), 1);
  t.equal(addon.receiveBatch(b, memory, list, 2, 1), 1);
  t.strictSame([...bytes.subarray(20, 25)], [7, 7, 7, 7, 0]);
  t.equal(spans[5], 4, 'the length');
  t.throws(() => addon.sendBatch(a, memory, list, 1, 1, 0, 0), RangeError, 'outside of the memory');
  t.throws(() => addon.sendBatch(a, memory, list, 2, 1, 0, 0), RangeError, 'more than there are');
  const part = addon.pin(bytes.subarray(30));
  t.throws(() => addon.receiveBatch(b, part, list, 2, 1), RangeError, 'of a part only that part');
  t.equal(addon.poll(Int32Array.of(a), 0), 0, 'arrays are taken as ever');
  const words = addon.pin(spans) as unknown as Uint8Array;
  t.equal(addon.sendBatch(a, words, Int32Array.of(28, 4, 0, 0), 0, 1, 0, 0), 1, 'words as bytes: four each');
  t.throws(() => addon.sendBatch(a, words, Int32Array.of(29, 4, 0, 0), 0, 1, 0, 0), RangeError);
  addon.closeDescriptor(a);
  addon.closeDescriptor(b);
});

test('only shared memory is pinned', async (t) => {
  const own = [new Uint8Array(4), new Int32Array(0), new Int32Array(2).subarray(1)];
  for (const array of own) t.throws(() => addon.pin(array), /shared memory/);
  const others = [
    undefined,
    null,
    1,
    'x',
    {},
    new SharedArrayBuffer(4),
    new DataView(new SharedArrayBuffer(4)),
  ];
  for (const value of [...others, addon.pin(sharedWords(1))]) t.throws(() => untyped.pin(value), TypeError);
  t.throws(() => untyped.pin(), TypeError);
  t.ok(addon.pin(PacketPool.create({ slots: 1 }).bytes), 'that of WebAssembly is');
});

test('what is no pin of words is none', async (t) => {
  const bytes = addon.pin(sharedBytes(4));
  t.throws(() => untyped.poll(bytes, 0), TypeError);
  const last = Number(addon.pin(sharedWords(1).fill(-1)));
  t.equal(untyped.poll(last, 0), 0);
  for (const number of [
    last + 1,
    last - 0.5,
    -last,
    0,
    2 ** 30 - 1,
    2 ** 31,
    2 ** 53,
    NaN,
    Infinity,
    -Infinity,
  ])
    t.throws(() => untyped.poll(number, 0), TypeError, String(number));
  t.throws(() => untyped.receiveMessage(-1, last + 1), TypeError);
});

test('as many as anybody wants, which hold their arrays', async (t) => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const ended: string[] = [];
  const registry = new FinalizationRegistry<string>((which) => ended.push(which));
  const make = (which: string): Int32Array => {
    const array = sharedWords(2).fill(-1);
    registry.register(array, which);
    return array;
  };
  const pins = Array.from({ length: 1000 }, () => addon.pin(make('pinned')));
  make('other');
  for (let i = 0; i < 10 && ended.length === 0; i++) {
    collect();
    await setImmediate();
  }
  t.strictSame(ended, ['other']);
  for (const pin of pins) if (addon.poll(pin, 0) !== 0) t.fail('another array');
});

test('threads have their own, which end with them', async (t) => {
  const code = `
    const { workerData, parentPort } = require('node:worker_threads');
    const addon = require(workerData.path);
    globalThis.pins = Array.from({ length: 200 }, () => addon.pin(workerData.words));
    parentPort.postMessage(addon.poll(globalThis.pins[199], 0));
  `;
  const words = sharedWords(3).fill(-1);
  const path = process.env['GREBE_ADDON'] ?? addonPaths()[0];
  const pin = addon.pin(words);
  for (let i = 0; i < 3; i++) {
    const worker = new Worker(code, { eval: true, workerData: { path, words } });
    t.strictSame(await once(worker, 'message'), [0]);
    await worker.terminate();
    t.equal(addon.poll(pin, 0), 0);
  }
});
