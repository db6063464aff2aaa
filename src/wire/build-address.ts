/** Addresses for the packet builder, as text or as bytes. */
import { putBe16 } from './bytes.js';

/** An IP address: text, or its 4 or 16 bytes in network order. */
export type Address = string | Uint8Array;

/** Whether an address is IPv6. */
export function isIpv6(address: Address): boolean {
  return typeof address === 'string' ? address.includes(':') : address.length === 16;
}

/**
 * The 4 or 16 bytes of an address. Reads the usual text forms (RFC 4291 §2.2, forms 1 and 2).
 * @throws RangeError for text that is no address.
 */
export function addressBytes(address: Address): Uint8Array {
  if (typeof address !== 'string') return address;
  return isIpv6(address) ? ipv6Bytes(address) : ipv4Bytes(address);
}

function ipv4Bytes(text: string): Uint8Array {
  const parts = text.split('.').map((part) => (/^\d{1,3}$/.test(part) ? Number(part) : 256));
  if (parts.length !== 4 || parts.some((part) => part > 255)) {
    throw new RangeError(`not an IPv4 address: ${text}`);
  }
  return Uint8Array.from(parts);
}

function ipv6Bytes(text: string): Uint8Array {
  const halves = text.split('::');
  const [head = [], tail = []] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const missing = 8 - head.length - tail.length;
  const wellFormed = halves.length === 1 ? missing === 0 : halves.length === 2 && missing > 0;
  const groups = [...head, ...Array.from({ length: Math.max(missing, 0) }, () => '0'), ...tail];
  if (!wellFormed || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) {
    throw new RangeError(`not an IPv6 address: ${text}`);
  }
  const bytes = new Uint8Array(16);
  groups.forEach((group, i) => {
    putBe16(bytes, 2 * i, Number.parseInt(group, 16));
  });
  return bytes;
}

/** The 6 bytes of a MAC address, given as `02:00:5e:10:00:01` or as bytes. @throws RangeError for other text. */
export function macBytes(mac: string | Uint8Array): Uint8Array {
  if (typeof mac !== 'string') return mac;
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(mac)) throw new RangeError(`not a MAC address: ${mac}`);
  return Uint8Array.from(mac.split(':'), (byte) => Number.parseInt(byte, 16));
}
