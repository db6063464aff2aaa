/**
 * The Internet checksum (RFC 1071) in native order: 16-bit words are read little-endian, as the machine
 * reads them. A one's complement sum does not mind the order, as long as the result is stored in it too.
 */

/** Adds the carries back in until 16 bits are left. `sum` up to 2^31 − 1. */
export function fold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return (once + (once >>> 16)) & 0xffff;
}

/**
 * One's complement sum of `length` bytes at `offset`, folded to 16 bits; 0xffff over data whose checksum
 * is right. For headers: `length` up to 60,000. An odd last byte is padded with zero (RFC 1071 §4.1).
 */
export function sumBytes(bytes: Uint8Array, offset: number, length: number): number {
  let sum = 0;
  const even = offset + (length & ~1);
  for (let i = offset; i < even; i += 2) sum += bytes[i]! | (bytes[i + 1]! << 8);
  if ((length & 1) !== 0) sum += bytes[even]!;
  return fold(sum);
}

/**
 * RFC 1624 equation 3: the checksum after one 16-bit word of the data changed from `before` to `after`.
 * All three in the same byte order, 0 to 0xffff.
 */
export function updateChecksum(checksum: number, before: number, after: number): number {
  return ~fold((~checksum & 0xffff) + (~before & 0xffff) + after) & 0xffff;
}
