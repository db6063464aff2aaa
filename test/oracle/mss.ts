/** docs/dataplane.md §9: the MSS clamp. */
import { read16, replaceWord } from './bytes.js';
import { transportOf, versionOf } from './ip.js';
import type { Tally } from './outcome.js';

const TCP = 6;
const SYN = 0x02;
const CHECKSUM_AT = 16;

/** The lower of two limits, of which 0 is none. */
export function lowerLimit(a: number, b: number): number {
  if (a === 0 || b === 0) return a + b;
  return Math.min(a, b);
}

/**
 * Lowers the two bytes at `at` of a TCP segment. At an odd offset they belong to two words of the
 * checksum, each of which is replaced by itself.
 */
function lower(segment: Uint8Array, at: number, limit: number): boolean {
  if (read16(segment, at) <= limit) return false;
  const high = Math.floor(limit / 256);
  const low = limit % 256;
  if (at % 2 === 0) {
    replaceWord(segment, at, limit, CHECKSUM_AT);
  } else {
    replaceWord(segment, at - 1, segment[at - 1]! * 256 + high, CHECKSUM_AT);
    replaceWord(segment, at + 1, low * 256 + segment[at + 2]!, CHECKSUM_AT);
  }
  return true;
}

function clampOptions(segment: Uint8Array, limit: number): { clamped: boolean; malformed: boolean } {
  const end = (segment[12]! >> 4) * 4;
  if (end < 20 || end > segment.length) return { clamped: false, malformed: true };
  let clamped = false;
  let at = 20;
  while (at < end && segment[at] !== 0) {
    if (segment[at] === 1) {
      at += 1;
      continue;
    }
    const length = at + 1 < end ? segment[at + 1]! : 0;
    if (length < 2 || at + length > end) return { clamped, malformed: true };
    if (segment[at] === 2) {
      if (length !== 4) return { clamped, malformed: true };
      if (lower(segment, at + 2, limit)) clamped = true;
    }
    at += length;
  }
  return { clamped, malformed: false };
}

/** Clamps the packet in place. */
export function clampMss(packet: Uint8Array, limits: { v4: number; v6: number }, tally: Tally): void {
  const limit = versionOf(packet) === 4 ? limits.v4 : limits.v6;
  if (limit === 0) return;
  const transport = transportOf(packet, { walkAuthentication: true });
  if (transport.protocol !== TCP || transport.fragment === 'later') return;
  const segment = packet.subarray(transport.at);
  if (segment.length < 20 || (segment[13]! & SYN) === 0) return;
  const { clamped, malformed } = clampOptions(segment, limit);
  if (clamped) tally.mss_clamped++;
  if (malformed) tally.mss_malformed++;
}
