/**
 * Hashes of the hot path: multiply-and-shift on 32-bit words (Math.imul; BigInt would cost a hundred
 * times as much). Words come as the machine reads them from the packet; the flat loops write these
 * expressions out in place, so a change here is a change there (test/dataplane/paths.test.ts compares).
 */

/** Hash of an IPv4 endpoint: outer source, outer destination, GRE key (0 when absent). */
export function hashEndpoint4(source: number, destination: number, key: number): number {
  let h =
    Math.imul(source ^ (source >>> 16), 0x9e3779b1) ^
    Math.imul(destination ^ (destination >>> 15), 0x85ebca6b) ^
    Math.imul(key ^ (key >>> 16), 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15), 0x27d4eb2f);
  return h ^ (h >>> 15);
}

/** Flow hash over IPv4 addresses and the word of the two ports (0 where there are none). */
export function hashFlow4(source: number, destination: number, ports: number): number {
  let h =
    Math.imul(source ^ (source >>> 16), 0x85ebca6b) ^
    Math.imul(destination ^ (destination >>> 15), 0x9e3779b1) ^
    Math.imul(ports ^ (ports >>> 16), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** One more word into a running hash. */
export function mix(h: number, word: number): number {
  const x = Math.imul(h ^ word, 0x9e3779b1);
  return x ^ (x >>> 15);
}

/** Hash of `count` words of an array, for tables with long keys. */
export function hashWords(words: Int32Array, at: number, count: number): number {
  let h = 0x2c1b3c6d;
  for (let i = 0; i < count; i++) h = mix(h, words[at + i]!);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  return h ^ (h >>> 13);
}
