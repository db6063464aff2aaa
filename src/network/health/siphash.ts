/**
 * SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash for short messages. Without the key no one can tell the
 * 64 bits of a message. Each 64-bit word of the algorithm is two 32-bit numbers here, low half first.
 */
import { word } from '../../wire/bytes.js';

/** v0 to v3. One for all: nothing is kept from call to call. */
const v = new Int32Array(8);

/** The key as four words, of 16 bytes in any order. @throws RangeError for another length */
export function sipKey(bytes: Uint8Array): Int32Array {
  if (bytes.length !== 16) throw new RangeError(`a key of 16 bytes is needed, not of ${bytes.length}`);
  return Int32Array.of(word(bytes, 0), word(bytes, 4), word(bytes, 8), word(bytes, 12));
}

/**
 * Hash of `length` bytes at `at`.
 *
 * @param out becomes the hash: low half, high half
 */
export function sipHash(
  key: Int32Array,
  bytes: Uint8Array,
  at: number,
  length: number,
  out: Int32Array,
): void {
  v[0] = key[0]! ^ 0x70736575;
  v[1] = key[1]! ^ 0x736f6d65;
  v[2] = key[2]! ^ 0x6e646f6d;
  v[3] = key[3]! ^ 0x646f7261;
  v[4] = key[0]! ^ 0x6e657261;
  v[5] = key[1]! ^ 0x6c796765;
  v[6] = key[2]! ^ 0x79746573;
  v[7] = key[3]! ^ 0x74656462;
  const whole = at + (length & ~7);
  for (let i = at; i < whole; i += 8) compress(word(bytes, i), word(bytes, i + 4));
  let low = 0;
  let high = length << 24;
  for (let k = 0; k < (length & 7); k++) {
    if (k < 4) low |= bytes[whole + k]! << (8 * k);
    else high |= bytes[whole + k]! << (8 * (k - 4));
  }
  compress(low, high);
  v[4] = v[4] ^ 0xff;
  for (let k = 0; k < 4; k++) round();
  out[0] = v[0] ^ v[2] ^ v[4] ^ v[6];
  out[1] = v[1] ^ v[3] ^ v[5] ^ v[7];
}

function compress(low: number, high: number): void {
  v[6] = v[6]! ^ low;
  v[7] = v[7]! ^ high;
  round();
  round();
  v[0] = v[0]! ^ low;
  v[1] = v[1]! ^ high;
}

function round(): void {
  add(0, 2);
  rotate(2, 13);
  xor(2, 0);
  swap(0);
  add(4, 6);
  rotate(6, 16);
  xor(6, 4);
  add(0, 6);
  rotate(6, 21);
  xor(6, 0);
  add(4, 2);
  rotate(2, 17);
  xor(2, 4);
  swap(4);
}

function add(to: number, from: number): void {
  const low = (v[to]! >>> 0) + (v[from]! >>> 0);
  v[to] = low;
  v[to + 1] = v[to + 1]! + v[from + 1]! + (low > 0xffff_ffff ? 1 : 0);
}

/** Left by 1 to 31 bits. */
function rotate(i: number, bits: number): void {
  const low = v[i]!;
  const high = v[i + 1]!;
  v[i] = (low << bits) | (high >>> (32 - bits));
  v[i + 1] = (high << bits) | (low >>> (32 - bits));
}

function xor(to: number, from: number): void {
  v[to] = v[to]! ^ v[from]!;
  v[to + 1] = v[to + 1]! ^ v[from + 1]!;
}

/** Left by 32 bits. */
function swap(i: number): void {
  const low = v[i]!;
  v[i] = v[i + 1]!;
  v[i + 1] = low;
}
