/** The addon's calls for TUN check what they are handed. No privileges needed: /dev/zero and /dev/null stand in. */
import { closeSync, openSync } from 'node:fs';
import { test } from 'tap';
import { AddonMissing, loadAddon, type Addon } from '../../src/device/native/addon.js';

function addonOr(): Addon | string {
  try {
    return loadAddon();
  } catch (error) {
    if (error instanceof AddonMissing) return error.message;
    throw error;
  }
}

const addon = addonOr();

test('tunOpen: what cannot be opened', { skip: typeof addon === 'string' && addon }, async (t) => {
  const native = addon as Addon;
  t.throws(() => native.tunOpen('/dev/net/nothing', 'x', 1), { code: 'ENOENT', syscall: 'open' });
  t.throws(() => native.tunOpen('/dev/null', 'x', 1), { code: 'ENOTTY', syscall: 'TUNSETIFF' });
  t.throws(() => native.tunOpen('/dev/net/tun', 'sixteen-letters-', 1), TypeError);
  t.throws(() => native.tunOpen('/dev/net/tun', 'x', -1), TypeError);
  t.throws(() => native.tunOpen('x'.repeat(100), 'x', 1), TypeError);
  t.throws(() => native.tunOpen(7 as unknown as string, 'x', 1), TypeError);
  t.throws(() => (native as unknown as { tunOpen(path: string): void }).tunOpen('/dev/null'), TypeError);
});

test('calls on what is no TUN', { skip: typeof addon === 'string' && addon }, async (t) => {
  const native = addon as Addon;
  const fd = openSync('/dev/null', 'r+');
  t.teardown(() => closeSync(fd));
  t.throws(() => native.tunSetHeader(fd, 12), { code: 'ENOTTY' });
  t.throws(() => native.tunSetOffload(fd, 1), { code: 'ENOTTY' });
  t.throws(() => native.tunSetOffload(-1, 1), { code: 'EBADF' });
  t.throws(() => native.tunSetHeader('3' as unknown as number, 12), TypeError);
});

test('tunRead: nothing outside of the memory', { skip: typeof addon === 'string' && addon }, async (t) => {
  const native = addon as Addon;
  const zero = openSync('/dev/zero', 'r+');
  t.teardown(() => closeSync(zero));
  const memory = new Uint8Array(new SharedArrayBuffer(1000)).fill(0xa5);
  const offsets = new Int32Array(4);
  const lengths = new Int32Array(4);
  const read = (offset: number, room: number, size: number, gap: number): number =>
    native.tunRead(zero, memory, offset, room, size, gap, offsets, lengths);
  t.equal(read(100, 500, 50, 100), 3, 'as many as there is room for');
  t.strictSame([...offsets.subarray(0, 3)], [100, 292, 484], 'behind each other, by whole cache lines');
  t.strictSame([...lengths.subarray(0, 3)], [50, 50, 50]);
  t.strictSame(
    Array.from(memory.entries())
      .filter(([, byte]) => byte === 0)
      .map(([at]) => at),
    [100, 292, 484].flatMap((at) => Array.from({ length: 50 }, (_, i) => at + i)),
  );
  t.equal(read(0, 1000, 64, 0), 4, 'as many as the arrays take');
  t.strictSame([...offsets], [0, 64, 128, 192]);
  t.equal(read(0, 1000, 1000, 0), 1, 'up to the last byte');
  t.equal(read(0, 999, 1000, 0), 0, 'no room');
  for (const [offset, room, size, gap] of [
    [1, 1000, 250, 0],
    [-1, 100, 100, 0],
    [0, 1001, 10, 0],
    [0, -1, 10, 0],
    [0, 100, 0, 0],
    [0, 100, 10, -1],
    [2_147_483_647, 2_147_483_647, 1, 0],
  ] as const) {
    t.throws(() => read(offset, room, size, gap), RangeError);
  }
  t.equal(read(0, 1000, 10, 2_147_483_647), 1, 'a gap beyond the memory');
  const none = new Int32Array(0);
  t.throws(() => native.tunRead(zero, memory, 0, 10, 10, 0, none, none), RangeError);
  t.throws(() => native.tunRead(zero, memory, 0, 10, 10, 0, none, lengths), RangeError);
  const bytes = new Uint8Array(4) as unknown as Int32Array;
  t.throws(() => native.tunRead(zero, memory, 0, 10, 10, 0, offsets, bytes), TypeError);
  t.equal(native.tunRead(-1, memory, 0, 10, 10, 0, offsets, lengths), -9, 'EBADF is an answer');
});

test(
  'tunWrite: nothing from outside of the memory',
  { skip: typeof addon === 'string' && addon },
  async (t) => {
    const native = addon as Addon;
    const sink = openSync('/dev/null', 'r+');
    t.teardown(() => closeSync(sink));
    const memory = new Uint8Array(new SharedArrayBuffer(1000));
    const results = new Int32Array(4);
    const write = (frames: number, ...gather: number[]): number[] => {
      results.fill(7);
      native.tunWrite(sink, memory, Int32Array.from(gather), frames, results, 0);
      return [...results];
    };
    t.strictSame(write(2, 1, 0, 100, 3, 0, 10, 990, 10, 500, 20), [100, 40, 7, 7]);
    t.strictSame(write(0), [7, 7, 7, 7]);
    t.strictSame(
      write(4, 1, 991, 10, 2, 0, 10, -1, 5, 1, 5, -5, 1, 0, 1000),
      [-14, -14, -14, 1000],
      'EFAULT for a frame outside, the others go on',
    );
    t.throws(() => write(1), RangeError, 'no list');
    t.throws(() => write(1, 0), RangeError, 'no pieces');
    t.throws(() => write(1, -1, 0, 1), RangeError);
    t.throws(() => write(1, 2, 0, 1), RangeError, 'the list ends early');
    t.throws(
      () => write(1, 1025, ...Array<number>(2050).fill(0)),
      RangeError,
      'more pieces than the kernel takes',
    );
    t.throws(() => write(2, 1, 0, 1), RangeError, 'fewer frames than were announced');
    t.throws(() => write(5, 1, 0, 1), RangeError, 'more frames than results');
    t.throws(() => write(-1, 1, 0, 1), RangeError);
  },
);
