/** Bounds and numbers in words. */
import fc from 'fast-check';
import t from 'tap';
import {
  bitRate,
  boundsText,
  bytes,
  counted,
  group,
  listed,
  percent,
  seconds,
  time,
  within,
} from '../../../src/simulator/expect/words.js';

t.test('bounds include their ends', (t) => {
  t.ok(within({ min: 1, max: 2 }, 1));
  t.ok(within({ min: 1, max: 2 }, 2));
  t.notOk(within({ min: 1, max: 2 }, 2.001));
  t.ok(within({ min: null, max: null }, -5));
  t.equal(boundsText({ min: 3, max: 3 }, String), 'exactly 3');
  t.equal(boundsText({ min: 3, max: 7 }, String), '3 to 7');
  t.equal(boundsText({ min: 3, max: null }, String), 'at least 3');
  t.equal(boundsText({ min: null, max: 7 }, String), 'at most 7');
  t.equal(boundsText({ min: null, max: null }, String), 'any');
  t.end();
});

t.test('what is not all is never called 100 %, and what is something never 0', (t) => {
  t.equal(percent(0.70314), '70.31 %');
  t.equal(percent(1), '100 %');
  t.equal(percent(0), '0 %');
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) => {
      const text = percent(share);
      return (share === 1) === (text === '100 %') && (share === 0) === (text === '0 %');
    }),
  );
  t.end();
});

t.test('numbers have their units', (t) => {
  t.equal(time(0), '0 s');
  t.equal(time(1_250_000_000), '1.25 s');
  t.equal(time(12_345_678), '12.346 ms');
  t.equal(time(800_000), '800 µs');
  t.equal(seconds(0.5), '500 ms');
  t.equal(bytes(1500), '1,500 bytes');
  t.equal(bitRate(999), '999 bit/s');
  t.equal(bitRate(1_500_000_000), '1.5 Gbit/s');
  t.equal(group(1234567), '1,234,567');
  t.equal(counted(1, 'packet'), '1 packet');
  t.equal(counted(2000, 'packet'), '2,000 packets');
  t.equal(listed([]), 'none');
  t.equal(listed(['a']), 'a');
  t.equal(listed(['a', 'b', 'c']), 'a, b and c');
  t.equal(listed(['a', 'b', 'c', 'd'], 2), 'a, b and 2 more');
  t.end();
});
