/** What the header writers of the packet builder share: checksums in network order, padded options. */

/**
 * Sum of 16-bit words in network order from `from` up to `to`; an odd last byte counts as if a zero byte
 * followed (RFC 1071 §4.1). Not folded.
 */
export function sumWords(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0;
  const even = to - ((to - from) & 1);
  for (let i = from; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (even < to) sum += bytes[even]! << 8;
  return sum;
}

/** The Internet checksum (RFC 1071) of a sum of words: folded to 16 bits and complemented. */
export function checksumOf(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.floor(folded / 0x10000);
  return 0xffff - folded;
}

/** A length rounded up to a multiple of 4. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}

/** Options, padded with zeros (end of list) to a multiple of 4 bytes. */
export function writeOptions(bytes: Uint8Array, at: number, options: readonly number[] | undefined): void {
  if (options === undefined) return;
  for (let i = 0; i < padded(options.length); i++) bytes[at + i] = options[i] ?? 0;
}
