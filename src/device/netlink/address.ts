/** Addresses of interfaces, and addresses as text. */
import ipaddr from 'ipaddr.js';
import {
  parseAttributes,
  readBytes,
  readUint32,
  viewOf,
  type Message,
  type MessageWriter,
} from './message.js';
import { AddressAttribute, AddressFlag, AF_INET, AF_INET6 } from './protocol.js';

/** An address of an interface. */
export interface InterfaceAddress {
  /** The kernel's index of the interface. */
  readonly interface: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Bits of its network. */
  readonly length: number;
  /** Duplicate address detection is still under way: not yet in use. */
  readonly tentative: boolean;
}

/** An address or prefix with the length of its network. */
export interface Cidr {
  readonly address: Uint8Array;
  readonly length: number;
}

/**
 * `192.0.2.1/31`; an address alone is one with all its bits.
 *
 * @throws RangeError when it is not that
 */
export function parseCidr(text: string): Cidr {
  try {
    if (!text.includes('/')) {
      const address = Uint8Array.from(ipaddr.parse(text).toByteArray());
      return { address, length: address.length * 8 };
    }
    const [address, length] = ipaddr.parseCIDR(text);
    return { address: Uint8Array.from(address.toByteArray()), length };
  } catch {
    throw new RangeError(`${text} is no address with the length of its network`);
  }
}

/** Canonical text (IPv6 by RFC 5952). */
export function addressText(bytes: Uint8Array): string {
  const address = ipaddr.fromByteArray([...bytes]);
  return address instanceof ipaddr.IPv6 ? address.toRFC5952String() : address.toString();
}

/** Link address as people write it: `02:00:5e:00:53:01`. */
export function linkAddressText(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** The kernel's number for the family of an address of 4 or 16 bytes. */
export function familyOf(address: Uint8Array): number {
  return address.length === 4 ? AF_INET : AF_INET6;
}

/** struct ifaddrmsg */
const HEADER = 8;

/** @returns null when the message is no IPv4 or IPv6 address of an interface */
export function parseInterfaceAddress({ payload }: Message): InterfaceAddress | null {
  if (payload.length < HEADER) return null;
  const family = payload[0];
  if (family !== AF_INET && family !== AF_INET6) return null;
  const bytes = family === AF_INET ? 4 : 16;
  const attributes = parseAttributes(payload, HEADER);
  // On a point-to-point link ADDRESS is the other side's.
  const address =
    readBytes(attributes, AddressAttribute.LOCAL, bytes) ??
    readBytes(attributes, AddressAttribute.ADDRESS, bytes);
  if (address === null) return null;
  const flags = readUint32(attributes, AddressAttribute.FLAGS) ?? payload[2]!;
  return {
    interface: viewOf(payload).getUint32(4, true),
    address,
    length: payload[1]!,
    tentative: (flags & AddressFlag.TENTATIVE) !== 0,
  };
}

export function writeInterfaceAddress(writer: MessageWriter, index: number, { address, length }: Cidr): void {
  writer.uint8(familyOf(address), length, AddressFlag.NO_DUPLICATE_DETECTION, 0).uint32(index);
  writer.attribute(AddressAttribute.LOCAL, address).attribute(AddressAttribute.ADDRESS, address);
}

export function writeAddressQuery(writer: MessageWriter): void {
  writer.uint8(0, 0, 0, 0).uint32(0);
}
