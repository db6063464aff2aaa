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
  const lengths = new Int32Array(4);
  t.equal(native.tunRead(zero, memory, 100, 200, 50, lengths, 1000), 4);
  t.strictSame([...lengths], [50, 50, 50, 50]);
  t.strictSame(
    Array.from(memory.entries())
      .filter(([, byte]) => byte === 0)
      .map(([at]) => at),
    [100, 300, 500, 700].flatMap((at) => Array.from({ length: 50 }, (_, i) => at + i)),
  );
  t.equal(native.tunRead(zero, memory, 0, 250, 250, lengths, 400), 2, 'the budget');
  t.equal(native.tunRead(zero, memory, 0, 250, 250, lengths, 1000), 4, 'up to the last byte');
  for (const [offset, stride, size] of [
    [1, 250, 250],
    [-1, 100, 100],
    [0, 300, 250],
    [0, 100, 101],
    [0, 0, 0],
    [2_147_483_647, 2_147_483_647, 2_147_483_647],
  ] as const) {
    t.throws(() => native.tunRead(zero, memory, offset, stride, size, lengths, 1000), RangeError);
  }
  t.throws(() => native.tunRead(zero, memory, 0, 10, 10, new Int32Array(0), 10), RangeError);
  t.throws(
    () => native.tunRead(zero, memory, 0, 10, 10, new Uint8Array(4) as unknown as Int32Array, 10),
    TypeError,
  );
  t.equal(native.tunRead(-1, memory, 0, 10, 10, lengths, 10), -9, 'EBADF is an answer');
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
