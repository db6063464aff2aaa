/** docs/dataplane.md §8: cutting an IPv4 packet into fragments (RFC 791). */
import { checksum, concat, read16, write16 } from './bytes.js';
import { headerLengthOf } from './ip.js';

const MORE_FRAGMENTS = 0x2000;
const OFFSET = 0x1fff;

/** The options with the copied flag, padded with end-of-list to a multiple of 4. */
function copiedOptions(options: Uint8Array): Uint8Array {
  const copied: number[] = [];
  let at = 0;
  while (at < options.length && options[at] !== 0) {
    if (options[at] === 1) {
      at += 1;
      continue;
    }
    const length = options[at + 1] ?? 0;
    if (length < 2 || at + length > options.length) break;
    if ((options[at]! & 0x80) !== 0) copied.push(...options.slice(at, at + length));
    at += length;
  }
  while (copied.length % 4 !== 0) copied.push(0);
  return Uint8Array.from(copied);
}

/** Sets total length and header checksum. */
export function finishIpv4(header: Uint8Array, totalLength: number): void {
  write16(header, 2, totalLength);
  write16(header, 10, 0);
  write16(header, 10, checksum(header));
}

/** Cuts a packet with DF clear to `mtu` bytes a piece; `id` stands in all of them. */
export function fragment(packet: Uint8Array, mtu: number, id: number): Uint8Array[] {
  const length = headerLengthOf(packet);
  const own = read16(packet, 6);
  const firstHeader = packet.slice(0, length);
  const otherHeader = concat(packet.slice(0, 20), copiedOptions(packet.slice(20, length)));
  otherHeader[0] = 0x40 + otherHeader.length / 4;
  const payload = packet.slice(length);
  const fragments: Uint8Array[] = [];
  let done = 0;
  while (done < payload.length) {
    const header = (done === 0 ? firstHeader : otherHeader).slice();
    const room = mtu - header.length;
    const isLast = payload.length - done <= room;
    const size = isLast ? payload.length - done : Math.floor(room / 8) * 8;
    write16(header, 4, id);
    const flags = isLast ? own & MORE_FRAGMENTS : MORE_FRAGMENTS;
    write16(header, 6, flags + (own & OFFSET) + done / 8);
    finishIpv4(header, header.length + size);
    fragments.push(concat(header, payload.slice(done, done + size)));
    done += size;
  }
  return fragments;
}
