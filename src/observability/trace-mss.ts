/** The MSS options of a packet, found as the clamp finds them (docs/dataplane.md §9). */
import { findTcp } from '../dataplane/mss-clamp.js';
import { be16 } from '../wire/bytes.js';
import { TCP_HEADER, TcpFlag } from '../wire/protocol.js';
import type { IpInfo } from './trace-ip.js';

export interface MssOptions {
  /** Each option's value, and the offset of its two bytes. */
  readonly options: readonly { readonly offset: number; readonly value: number }[];
  /** Whether the option list could not be read to its end. */
  readonly malformed: boolean;
}

/** Null for a packet that the clamp does not look at: no TCP header, no SYN. */
export function findMss(bytes: Uint8Array, ip: IpInfo): MssOptions | null {
  const tcp = findTcp(bytes, ip.at, ip.end - ip.at, ip.family);
  if (tcp < 0 || tcp + TCP_HEADER > ip.end || (bytes[tcp + 13]! & TcpFlag.SYN) === 0) return null;
  const end = tcp + (bytes[tcp + 12]! >>> 4) * 4;
  const options: { offset: number; value: number }[] = [];
  if (end < tcp + TCP_HEADER || end > ip.end) return { options, malformed: true };
  for (let at = tcp + TCP_HEADER; at < end;) {
    const kind = bytes[at]!;
    if (kind === 0) break;
    if (kind === 1) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > end || (kind === 2 && length !== 4)) return { options, malformed: true };
    if (kind === 2) options.push({ offset: at + 2, value: be16(bytes, at + 2) });
    at += length;
  }
  return { options, malformed: false };
}
