import { readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { test } from 'tap';
import { loadAddon } from '../../src/device/native/addon.js';
import { BATCH_PACKETS } from '../../src/device/native/socket-calls.js';
import type { Addon } from '../../src/device/native/addon.js';

const addon = loadAddon();

function pair(t: { teardown: (f: () => void) => void }): [number, number] {
  const fds = addon.openSocketPair();
  t.teardown(() => {
    for (const fd of fds) addon.closeDescriptor(fd);
  });
  return fds;
}

/** Spans for `count` packets of `length` bytes, one behind the other. */
function spansOf(count: number, length: number): Int32Array {
  return Int32Array.from({ length: count * 2 }, (_, i) => (i % 2 === 0 ? (i / 2) * length : length));
}

/** Spans of packets to be sent, in one piece each. */
function whole(...pairs: number[]): Int32Array {
  return Int32Array.from({ length: pairs.length * 2 }, (_, i) =>
    (i & 2) === 0 ? pairs[(i >> 2) * 2 + (i & 1)]! : 0,
  );
}

test('packets keep their bounds and their order', async (t) => {
  const [a, b] = pair(t);
  const memory = new Uint8Array(new SharedArrayBuffer(100 * 64));
  memory.forEach((_, i) => (memory[i] = i % 251));
  const spans = spansOf(100, 64);
  t.equal(addon.sendBatch(a, memory, whole(...spans), 0, 100, 0, 0), BATCH_PACKETS, 'a batch at a time');
  t.equal(addon.sendBatch(a, memory, whole(...spans), 64, 36, 0, 0), 36);
  const received = new Uint8Array(100 * 64);
  t.equal(addon.receiveBatch(b, received, spans, 0, 100), 64);
  t.equal(addon.receiveBatch(b, received, spans, 64, 36), 36);
  t.strictSame([...received], [...memory]);
  t.equal(addon.receiveBatch(b, received, spans, 0, 100), 0, 'nothing there: no waiting');
  t.equal(addon.sendBatch(a, memory, spans, 0, 0, 0, 0), 0);
  t.equal(addon.receiveBatch(b, memory, spans, 0, 0), 0);
});

test('a packet in two pieces arrives as one', async (t) => {
  const [a, b] = pair(t);
  const memory = Uint8Array.from({ length: 200 }, (_, i) => i);
  const spans = Int32Array.of(100, 3, 7, 2, 0, 1, 0x7fffffff, 0, 50, 0, 60, 4);
  t.equal(addon.sendBatch(a, memory, spans, 0, 3, 0, 0), 3);
  const received = new Uint8Array(30);
  const rooms = spansOf(3, 10);
  t.equal(addon.receiveBatch(b, received, rooms, 0, 3), 3);
  t.strictSame([...rooms], [0, 5, 10, 1, 20, 4]);
  t.strictSame([...received.subarray(0, 5)], [100, 101, 102, 7, 8]);
  t.equal(received[10], 0);
  t.strictSame([...received.subarray(20, 24)], [60, 61, 62, 63]);
});

test('a packet longer than its room is cut, and says so', async (t) => {
  const [a, b] = pair(t);
  const memory = new Uint8Array(300).fill(7);
  addon.sendBatch(a, memory, whole(0, 200, 0, 10), 0, 2, 0, 0);
  const received = new Uint8Array(100);
  const spans = Int32Array.of(0, 50, 50, 50);
  t.equal(addon.receiveBatch(b, received, spans, 0, 2), 2);
  t.strictSame([...spans], [0, 200, 50, 10]);
  t.equal(received[49], 7);
  t.equal(received[60], 0);
});

test('errors are numbers, where a packet or the network can cause them', async (t) => {
  const [a] = pair(t);
  const memory = new Uint8Array(1000);
  let result = 1;
  for (let i = 0; i < 100_000 && result > 0; i++) {
    result = addon.sendBatch(a, memory, whole(0, 1000), 0, 1, 0, 0);
  }
  t.equal(result, -constants.errno.EAGAIN);
  t.equal(addon.waitWritable(a, 5), 0);
  t.equal(addon.sendBatch(-1, memory, whole(0, 1), 0, 1, 0, 0), -constants.errno.EBADF);
  t.equal(addon.receiveBatch(-1, memory, Int32Array.of(0, 1), 0, 1), -constants.errno.EBADF);
  t.throws(() => addon.openSocket(2, 99, 1), {
    code: 'EINVAL',
    syscall: 'socket',
    errno: constants.errno.EINVAL,
  });
  t.throws(() => addon.closeDescriptor(-1), { code: 'EBADF' });
  t.throws(() => addon.bindSocket(a, new Uint8Array(2)), { code: 'EINVAL', syscall: 'bind' });
  t.throws(() => addon.setSocketOption(a, 1, 9999, new Int32Array(1)), { code: 'ENOPROTOOPT' });
  t.throws(() => addon.getSocketOption(a, 1, 9999, new Int32Array(1)), { code: 'ENOPROTOOPT' });
});

test('nothing outside of the memory is read or written', async (t) => {
  const [a] = pair(t);
  const memory = new Uint8Array(100);
  const wrong: [number[], number, number][] = [
    [[0, 101], 0, 1],
    [[100, 1], 0, 1],
    [[-1, 1], 0, 1],
    [[0, -1], 0, 1],
    [[0x7fffffff, 0x7fffffff], 0, 1],
    [[0, 1], 0, 2],
    [[0, 1], 1, 1],
    [[0, 1], -1, 1],
    [[0, 1], 0, -1],
    [[0, 1, 99, 2], 0, 2],
  ];
  for (const [pairs, first, count] of wrong) {
    const spans = Int32Array.from(pairs);
    const name = `${pairs.join(' ')}, ${count} from ${first}`;
    t.throws(() => addon.receiveBatch(a, memory, spans, first, count), RangeError, name);
    t.throws(() => addon.sendBatch(a, memory, whole(...pairs), first, count, 0, 0), RangeError, name);
    t.throws(
      () => addon.receiveBatch6(a, memory, spans, first, count, new Int32Array(640)),
      RangeError,
      name,
    );
  }
  const wrongBodies = [
    [0, 10, 100, 1],
    [0, 10, -1, 1],
    [0, 10, 0, 101],
    [0, 10, 0, -1],
    [0, 10, 0x7fffffff, 0x7fffffff],
  ];
  for (const body of wrongBodies)
    t.throws(() => addon.sendBatch(a, memory, Int32Array.from(body), 0, 1, 0, 0), RangeError, body.join(' '));
  t.throws(() => addon.sendBatch(a, memory, new Int32Array(3), 0, 1, 0, 0), RangeError);
  const spans = Int32Array.of(0, 20);
  t.throws(() => addon.sendBatch(a, memory, whole(0, 20), 0, 1, 17, 4), /addressAt/);
  t.throws(() => addon.sendBatch(a, memory, Int32Array.of(0, 20, 20, 20), 0, 1, 17, 4), /addressAt/);
  t.throws(() => addon.sendBatch(a, memory, whole(0, 20), 0, 1, -1, 4), /addressAt/);
  t.throws(() => addon.sendBatch(a, memory, whole(0, 20), 0, 1, 0, 5), /addressBytes/);
  t.throws(() => addon.receiveBatch6(a, memory, spans, 0, 1, new Int32Array(9)), /headers/);
  t.throws(() => addon.setSocketProgram(a, 1, 26, new Int32Array(0)), /program/);
  t.throws(() => addon.setSocketProgram(a, 1, 26, new Int32Array(5)), /program/);
  t.throws(() => addon.setSocketProgram(a, 1, 26, new Int32Array(4097 * 4)), /program/);
  t.throws(() => addon.bindSocket(a, new Uint8Array(129)), RangeError);
  t.throws(() => addon.poll(new Int32Array(65), 0), RangeError);
});

test('pollReady says which descriptors are readable', async (t) => {
  const [a, b] = pair(t);
  const [c, d] = pair(t);
  const fds = Int32Array.of(b, -1, d, a);
  const ready = Int32Array.of(7, 7, 7, 7);
  t.equal(addon.pollReady(fds, ready, 0), 0);
  t.strictSame([...ready], [0, 0, 0, 0]);
  t.equal(addon.sendBatch(c, Uint8Array.of(1), whole(0, 1), 0, 1, 0, 0), 1);
  t.equal(addon.pollReady(fds, ready, -1), 1);
  t.strictSame([...ready], [0, 0, 1, 0]);
  t.throws(() => addon.pollReady(fds, new Int32Array(3), 0), RangeError);
  t.throws(() => addon.pollReady(new Int32Array(65), new Int32Array(65), 0), RangeError);
});

test('arguments of another kind are refused', async (t) => {
  const untyped = addon as unknown as Record<keyof Addon, (...values: unknown[]) => unknown>;
  const memory = new Uint8Array(10);
  const spans = new Int32Array(2);
  t.throws(() => untyped.receiveBatch(1, memory, spans, 0), TypeError);
  t.throws(() => untyped.receiveBatch('1', memory, spans, 0, 1), TypeError);
  t.throws(() => untyped.receiveBatch(1, [], spans, 0, 1), TypeError);
  t.throws(() => untyped.receiveBatch(1, memory, new Uint32Array(2), 0, 1), TypeError);
  t.throws(() => untyped.receiveBatch(1, memory, spans, 0.5, 1), TypeError);
  t.throws(() => untyped.receiveBatch(1, memory, spans, 0, 2 ** 40), TypeError);
  t.throws(() => untyped.poll(new Uint8Array(4), 1), TypeError);
  for (const time of ['1', Infinity, NaN]) t.throws(() => untyped.poll(spans, time), TypeError);
  t.throws(() => untyped.waitWritable(0, 1e12), TypeError);
});

test('poll', async (t) => {
  const [a, b] = pair(t);
  const time = (work: () => number): [number, number] => {
    const start = performance.now();
    return [work(), performance.now() - start];
  };
  const fds = Int32Array.of(a, -1, b);
  t.equal(addon.poll(fds, 0), 0);
  const [ready, took] = time(() => addon.poll(fds, 10.5));
  t.equal(ready, 0);
  t.ok(took >= 10.5, `${took} ms`);
  addon.sendBatch(a, new Uint8Array(1), whole(0, 1), 0, 1, 0, 0);
  t.equal(addon.poll(fds, -1), 1);
  addon.sendBatch(b, new Uint8Array(1), whole(0, 1), 0, 1, 0, 0);
  t.equal(addon.poll(fds, 60_000), 2);
  t.equal(addon.poll(new Int32Array(0), 1), 0);
  t.equal(addon.poll(Int32Array.of(9999), 60_000), 1, 'an error is something to be done, too');
  t.equal(addon.waitWritable(a, 60_000), 1);
});

test('descriptors are not left to programs that are started', async (t) => {
  const before = readdirSync('/proc/self/fd').length;
  const [a, b] = addon.openSocketPair();
  const { spawnSync } = await import('node:child_process');
  const { stdout } = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
  t.notOk(stdout.split('\n').includes(String(a)));
  addon.closeDescriptor(a);
  addon.closeDescriptor(b);
  t.equal(readdirSync('/proc/self/fd').length, before);
});
