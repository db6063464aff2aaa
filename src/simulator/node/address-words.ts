/**
 * IP addresses as keys of four words: IPv6 as it is, IPv4 in the place that RFC 4291 §2.5.5.2 gives it
 * (such an address never stands in a packet, so the two cannot meet).
 */
import { word } from '../../wire/bytes.js';

export const ADDRESS_WORDS = 4;
const MAPPED = -65_536;

/** Reads the address of a family at `at` into `key[to…]`. */
export function putAddressWords(
  key: Int32Array,
  to: number,
  bytes: Uint8Array,
  at: number,
  family: number,
): void {
  if (family === 4) {
    key[to] = 0;
    key[to + 1] = 0;
    key[to + 2] = MAPPED;
    key[to + 3] = word(bytes, at);
  } else {
    for (let i = 0; i < ADDRESS_WORDS; i++) key[to + i] = word(bytes, at + i * 4);
  }
}
