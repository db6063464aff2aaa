/** What a router changes in the header of a packet that it forwards. */
import { le16, putLe16 } from '../wire/bytes.js';
import { updateChecksum } from '../wire/checksum.js';

/** TTL or hop limit of the packet at `ip`. */
export function ttlOf(bytes: Uint8Array, ip: number, family: number): number {
  return family === 4 ? bytes[ip + 8]! : bytes[ip + 7]!;
}

/** TTL or hop limit less one; it must be above 0. The IPv4 checksum follows by RFC 1624. */
export function decrementTtl(bytes: Uint8Array, ip: number, family: number): void {
  if (family === 6) {
    bytes[ip + 7] = bytes[ip + 7]! - 1;
    return;
  }
  const before = le16(bytes, ip + 8);
  bytes[ip + 8] = bytes[ip + 8]! - 1;
  putLe16(bytes, ip + 10, updateChecksum(le16(bytes, ip + 10), before, le16(bytes, ip + 8)));
}
