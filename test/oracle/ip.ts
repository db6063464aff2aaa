/** docs/dataplane.md §2 (check an IP header), and reading of IP packets that passed the check. */
import type { VerdictName } from '../../src/dataplane/verdicts.js';
import { onesSum, read16 } from './bytes.js';
import { Drop } from './outcome.js';

export interface HeaderReasons {
  truncated: VerdictName;
  badVersion: VerdictName;
  badHeaderLength: VerdictName;
  badChecksum: VerdictName;
}

export const OUTERMOST: HeaderReasons = {
  truncated: 'ip_truncated',
  badVersion: 'ip_bad_version',
  badHeaderLength: 'ip_bad_header_length',
  badChecksum: 'ip_bad_checksum',
};

export const INNER: HeaderReasons = {
  truncated: 'inner_truncated',
  badVersion: 'inner_bad_version',
  badHeaderLength: 'inner_bad_header_length',
  badChecksum: 'inner_bad_checksum',
};

/** The packet at the start of `bytes`, its padding cut off. */
export function checkIp(version: 4 | 6, bytes: Uint8Array, reasons: HeaderReasons): Uint8Array {
  return version === 4 ? checkIpv4(bytes, reasons) : checkIpv6(bytes, reasons);
}

function checkIpv4(bytes: Uint8Array, reasons: HeaderReasons): Uint8Array {
  if (bytes.length < 20) throw new Drop(reasons.truncated);
  if (bytes[0]! >> 4 !== 4) throw new Drop(reasons.badVersion);
  const headerLength = (bytes[0]! & 15) * 4;
  if (headerLength < 20) throw new Drop(reasons.badHeaderLength);
  if (headerLength > bytes.length) throw new Drop(reasons.truncated);
  const totalLength = read16(bytes, 2);
  if (totalLength < headerLength) throw new Drop(reasons.badHeaderLength);
  if (totalLength > bytes.length) throw new Drop(reasons.truncated);
  if (onesSum(bytes.slice(0, headerLength)) !== 0xffff) throw new Drop(reasons.badChecksum);
  return bytes.slice(0, totalLength);
}

function checkIpv6(bytes: Uint8Array, reasons: HeaderReasons): Uint8Array {
  if (bytes.length < 40) throw new Drop(reasons.truncated);
  if (bytes[0]! >> 4 !== 6) throw new Drop(reasons.badVersion);
  const length = 40 + read16(bytes, 4);
  if (length > bytes.length) throw new Drop(reasons.truncated);
  return bytes.slice(0, length);
}

export function versionOf(packet: Uint8Array): 4 | 6 {
  return packet[0]! >> 4 === 4 ? 4 : 6;
}

export function sourceOf(packet: Uint8Array): Uint8Array {
  return versionOf(packet) === 4 ? packet.slice(12, 16) : packet.slice(8, 24);
}

export function destinationOf(packet: Uint8Array): Uint8Array {
  return versionOf(packet) === 4 ? packet.slice(16, 20) : packet.slice(24, 40);
}

/** TOS or traffic class: DSCP in the upper six bits, ECN in the lower two. */
export function trafficClassOf(packet: Uint8Array): number {
  return versionOf(packet) === 4 ? packet[1]! : Math.floor(read16(packet, 0) / 16) % 256;
}

export function headerLengthOf(packet: Uint8Array): number {
  return versionOf(packet) === 4 ? (packet[0]! & 15) * 4 : 40;
}

/** 'whole' for a packet that is none, 'atomic' for an IPv6 fragment header with offset 0 and M 0. */
export type FragmentKind = 'whole' | 'atomic' | 'first' | 'later';

/** What the headers of a packet lead to. */
export interface Transport {
  /** Protocol number, or null when the chain runs out of the packet or is too long. */
  protocol: number | null;
  /** Where that protocol's header starts. */
  at: number;
  fragment: FragmentKind;
  /** Protocol number that stands in the IPv6 fragment header, if there is one. */
  behindFragment: number | null;
}

const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const AUTHENTICATION = 51;
const DESTINATION_OPTIONS = 60;
const MOST_HEADERS = 8;

function fragmentKind(offset: number, more: boolean, otherwise: FragmentKind): FragmentKind {
  if (offset > 0) return 'later';
  return more ? 'first' : otherwise;
}

export function transportOf(packet: Uint8Array, options: { walkAuthentication: boolean }): Transport {
  if (versionOf(packet) === 4) {
    const word = read16(packet, 6);
    const fragment = fragmentKind(word & 0x1fff, (word & 0x2000) !== 0, 'whole');
    return { protocol: packet[9]!, at: headerLengthOf(packet), fragment, behindFragment: null };
  }
  let protocol = packet[6]!;
  let at = 40;
  let fragment: FragmentKind = 'whole';
  let behindFragment: number | null = null;
  const nowhere = (): Transport => ({ protocol: null, at, fragment, behindFragment });
  for (let headers = 0; ; headers++) {
    const walked =
      [HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION_OPTIONS].includes(protocol) ||
      (protocol === AUTHENTICATION && options.walkAuthentication);
    if (!walked) return { protocol, at, fragment, behindFragment };
    if (at + 8 > packet.length) return nowhere();
    let length = (packet[at + 1]! + 1) * 8;
    if (protocol === AUTHENTICATION) length = (packet[at + 1]! + 2) * 4;
    if (protocol === FRAGMENT) {
      length = 8;
      const word = read16(packet, at + 2);
      const kind = fragmentKind(word >> 3, (word & 1) !== 0, 'atomic');
      // With several fragment headers (nobody sends that), the first one that is not atomic decides.
      if (fragment !== 'first') behindFragment = packet[at]!;
      if (fragment !== 'first' || kind === 'later') fragment = kind;
      // Behind a fragment header that is not the first one's lies no header at all.
      if (kind === 'later') return { protocol: packet[at]!, at: at + 8, fragment, behindFragment };
    }
    if (headers === MOST_HEADERS || at + length > packet.length) return nowhere();
    protocol = packet[at]!;
    at += length;
  }
}
