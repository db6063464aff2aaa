import fc from 'fast-check';
import t from 'tap';
import { putLe16 } from '../../src/wire/bytes.js';
import { fold, sumBytes, updateChecksum } from '../../src/wire/checksum.js';

/** RFC 1071 as it is told: network order, carries added at the end. */
function naiveChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum % 0x10000) + Math.floor(sum / 0x10000);
  return 0xffff - sum;
}

void t.test('the example of RFC 1071 §3', (t) => {
  // Sum ddf2 in network order: f2dd as this machine stores it.
  t.equal(sumBytes(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7), 0, 8), 0xf2dd);
  t.end();
});

void t.test('native order gives the checksum of network order', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(7), (bytes, offset) => {
      const shifted = new Uint8Array(offset + bytes.length);
      shifted.set(bytes, offset);
      const stored = new Uint8Array(2);
      putLe16(stored, 0, ~sumBytes(shifted, offset, bytes.length) & 0xffff);
      return stored[0]! * 256 + stored[1]! === naiveChecksum(bytes);
    }),
  );
  t.end();
});

void t.test('fold keeps the value modulo 0xffff, and zero only for zero', (t) => {
  fc.assert(
    fc.property(fc.nat(0x7fffffff), (sum) => {
      const folded = fold(sum);
      return folded <= 0xffff && folded % 0xffff === sum % 0xffff && (folded === 0) === (sum === 0);
    }),
  );
  t.end();
});

void t.test('updateChecksum equals a checksum made anew', (t) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.nat(8),
      fc.nat(0xffff),
      (header, at, value) => {
        header[0] = 0x45; // a header is never all zero
        putLe16(header, 18, 0);
        const before = ~sumBytes(header, 0, 20) & 0xffff;
        const old = header[at * 2]! | (header[at * 2 + 1]! << 8);
        if (at === 0) return true;
        putLe16(header, at * 2, value);
        return updateChecksum(before, old, value) === (~sumBytes(header, 0, 20) & 0xffff);
      },
    ),
  );
  t.equal(updateChecksum(0xdd2f, 0x5555, 0x3285), 0x0000, 'the example of RFC 1624 §4');
  t.end();
});
