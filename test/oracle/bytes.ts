/** Plain reading and writing of network-order numbers, one byte at a time, and the Internet checksum. */

export function read16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

export function read32(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * 65_536 + read16(bytes, at + 2);
}

export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = Math.floor(value / 256) % 256;
  bytes[at + 1] = value % 256;
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, Math.floor(value / 65_536));
  write16(bytes, at + 2, value % 65_536);
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** One's complement sum of 16-bit words, 0 to 0xffff; an odd last byte counts as the high one (RFC 1071). */
export function onesSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! * 256 + (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = Math.floor(sum / 65_536) + (sum % 65_536);
  return sum;
}

/** The value of a checksum field that was zero while summing. */
export function checksum(...parts: Uint8Array[]): number {
  return 0xffff - onesSum(concat(...parts));
}

/**
 * Changes the 16-bit word at `at` and updates the checksum at `checksumAt` by RFC 1624 equation 3:
 * HC' = ~(~HC + ~m + m').
 */
export function replaceWord(bytes: Uint8Array, at: number, value: number, checksumAt: number): void {
  const old = read16(bytes, at);
  if (old === value) return;
  let sum = 0xffff - read16(bytes, checksumAt) + (0xffff - old) + value;
  while (sum > 0xffff) sum = Math.floor(sum / 65_536) + (sum % 65_536);
  write16(bytes, at, value);
  write16(bytes, checksumAt, 0xffff - sum);
}

/** Whether `address` lies in the prefix of `length` bits; false for another family. */
export function inPrefix(address: Uint8Array, prefix: Uint8Array, length: number): boolean {
  if (address.length !== prefix.length) return false;
  for (let bits = 0; bits < length; bits += 8) {
    const mask = (0xff00 >> Math.min(8, length - bits)) & 0xff;
    if ((address[bits / 8]! & mask) !== (prefix[bits / 8]! & mask)) return false;
  }
  return true;
}
