/**
 * Addresses and prefixes as text and as bytes in network order. Stricter than the parser below it: IPv4 is
 * four decimal numbers without leading zeros (RFC 6943, section 3.1.1, on what the loose forms lead to),
 * IPv6 has no zone. An IPv4-mapped IPv6 address (RFC 4291, section 2.5.5.2) never stands in a packet; it is
 * taken for the IPv4 address that it maps. IPv4 is done here and not by the parser, for a large configuration has
 * thousands of such addresses.
 */
import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

export interface Address {
  readonly family: 4 | 6;
  /** 4 or 16 bytes. */
  readonly bytes: Uint8Array;
}

/** An address with the length of its network; bits behind the length may be set. */
export interface AddressWithLength extends Address {
  /** 0 to 32 or 128. */
  readonly length: number;
}

/** What `text` means as an address; null when it is none. */
export function parseAddress(text: string): Address | null {
  if (isIPv4(text)) return { family: 4, bytes: Uint8Array.from(text.split('.'), Number) };
  // `::192.0.2.1` (IPv4-compatible, deprecated by RFC 4291) would be read as the IPv4-mapped address.
  if (!isIPv6(text) || text.includes('%') || /^::\d+\./.test(text)) return null;
  const parsed = ipaddr.process(text);
  return { family: parsed.kind() === 'ipv4' ? 4 : 6, bytes: Uint8Array.from(parsed.toByteArray()) };
}

/** `address/length`; null when it is not that. */
export function parseAddressWithLength(text: string): AddressWithLength | null {
  const slash = text.indexOf('/');
  const digits = text.slice(slash + 1);
  if (slash < 0 || !/^(0|[1-9]\d{0,2})$/.test(digits)) return null;
  const written = text.slice(0, slash);
  const address = parseAddress(written);
  if (address === null) return null;
  const mapped = address.family === 4 && written.includes(':');
  const length = Number(digits) - (mapped ? 96 : 0);
  return length < 0 || length > address.bytes.length * 8 ? null : { ...address, length };
}

/** Canonical text (IPv6 by RFC 5952). */
export function formatAddress(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  return new ipaddr.IPv6(Array.from(bytes)).toRFC5952String();
}

export function formatWithLength(bytes: Uint8Array, length: number): string {
  return `${formatAddress(bytes)}/${length}`;
}

/** A copy of the first `length` bits, the others zero. */
export function networkOf(bytes: Uint8Array, length: number): Uint8Array {
  return bytes.map((byte, i) => {
    const kept = Math.min(8, Math.max(0, length - i * 8));
    return byte & (0xff00 >> kept);
  });
}

export function isSameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Whether the address lies in the network given by `network` and `length`. */
export function isInside(bytes: Uint8Array, network: Uint8Array, length: number): boolean {
  return (
    bytes.length === network.length && isSameAddress(networkOf(bytes, length), networkOf(network, length))
  );
}

/** Whether a packet could have this address as its source: not unspecified, multicast or broadcast. */
export function isUnicast(bytes: Uint8Array): boolean {
  if (bytes.length === 4) {
    const first = bytes[0]!;
    return first !== 0 && first >> 4 !== 0xe && bytes.some((byte) => byte !== 0xff);
  }
  const range = ipaddr.fromByteArray(Array.from(bytes)).range();
  return range !== 'unspecified' && range !== 'multicast' && range !== 'broadcast';
}

/** Whether the Internet does not route the address: private, shared, unique local, link-local, loopback. */
export function isPrivate(bytes: Uint8Array): boolean {
  const range = ipaddr.fromByteArray(Array.from(bytes)).range();
  return ['private', 'carrierGradeNat', 'uniqueLocal', 'linkLocal', 'loopback'].includes(range);
}

/** The other address of a /31 (RFC 3021) or the other host of a /30; 4 bytes. */
export function peerOf(bytes: Uint8Array, length: 30 | 31): Uint8Array {
  const peer = Uint8Array.from(bytes);
  peer[3]! ^= length === 31 ? 1 : 3;
  return peer;
}
