import { le16, putLe16, swap16 } from './bytes.js';
import { updateChecksum } from './checksum.js';

/** Gives the IPv4 packet at `ip` another total length, in bytes up to 65,535, and its header the checksum for it. */
export function putIpv4Length(bytes: Uint8Array, ip: number, total: number): void {
  const before = le16(bytes, ip + 2);
  const after = swap16(total);
  putLe16(bytes, ip + 2, after);
  putLe16(bytes, ip + 10, updateChecksum(le16(bytes, ip + 10), before, after));
}
