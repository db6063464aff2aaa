/** The frame node: the link header's fields. */
import { LinkType, linkTypeName } from '../dataplane/link-type.js';
import { be16, be32 } from '../wire/bytes.js';
import { ETHERNET_HEADER, EtherType, VLAN_TAG } from '../wire/protocol.js';
import { etherTypeName, hex, macAt, type Fields } from './trace-fields.js';

/** What the link header says of the packet behind it. */
export interface LinkInfo {
  /** Offset of the packet. */
  readonly payload: number;
  /** 4 or 6; 0 when the header does not say (raw IP); −1 when it is neither. */
  readonly family: number;
}

/** Decodes the link header of `bytes`; null when it is cut off or of a kind that grebe does not read. */
export function decodeLink(f: Fields, bytes: Uint8Array, linkType: number): LinkInfo | null {
  switch (linkType) {
    case LinkType.ETHERNET:
      return decodeEthernet(f, bytes, 0, bytes.length);
    case LinkType.RAW:
      return { payload: 0, family: 0 };
    case LinkType.IPV4:
      return { payload: 0, family: 4 };
    case LinkType.IPV6:
      return { payload: 0, family: 6 };
    case LinkType.NULL:
    case LinkType.LOOP:
      return decodeLoopback(f, bytes, linkType);
    case LinkType.LINUX_SLL:
      return decodeCooked1(f, bytes);
    case LinkType.LINUX_SLL2:
      return decodeCooked2(f, bytes);
    default:
      f.wrongFact('link type', linkTypeName(linkType), 'not one that grebe reads');
      return null;
  }
}

/** Decodes the Ethernet header, with at most one tag, in `bytes[at, end)`. */
export function decodeEthernet(f: Fields, bytes: Uint8Array, at: number, end: number): LinkInfo | null {
  if (isCut(f, at, end, ETHERNET_HEADER)) return null;
  f.at(at, 6, 'destination', macAt(bytes, at));
  f.at(at + 6, 6, 'source', macAt(bytes, at + 6));
  let typeAt = at + 12;
  if (be16(bytes, typeAt) === EtherType.VLAN) {
    f.at(typeAt, 2, 'type', etherTypeName(EtherType.VLAN));
    if (isCut(f, at, end, ETHERNET_HEADER + VLAN_TAG)) return null;
    const tag = be16(bytes, typeAt + 2);
    f.at(typeAt + 2, 2, 'VLAN', tag & 0xfff, `priority ${tag >>> 13}`);
    typeAt += VLAN_TAG;
  }
  return { payload: typeAt + 2, family: decodeType(f, bytes, typeAt, 'type') };
}

function decodeLoopback(f: Fields, bytes: Uint8Array, linkType: number): LinkInfo | null {
  if (isCut(f, 0, bytes.length, 4)) return null;
  const big = be32(bytes, 0);
  const little = (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0;
  const value = linkType === LinkType.NULL && little < 0x10000 ? little : big;
  const family = value === 2 ? 4 : [10, 24, 28, 30].includes(value) ? 6 : -1;
  if (family < 0) f.wrongAt(0, 4, 'family', value, 'neither IPv4 (2) nor IPv6 (10, 24, 28, 30)');
  else f.at(0, 4, 'family', value, `IPv${family}`);
  return { payload: 4, family };
}

function decodeCooked1(f: Fields, bytes: Uint8Array): LinkInfo | null {
  if (isCut(f, 0, bytes.length, 16)) return null;
  f.at(0, 2, 'packet type', packetType(be16(bytes, 0)));
  f.at(2, 2, 'device type', be16(bytes, 2));
  f.at(4, 2, 'address length', be16(bytes, 4));
  if (be16(bytes, 4) === 6) f.at(6, 6, 'source', macAt(bytes, 6));
  return { payload: 16, family: decodeType(f, bytes, 14, 'protocol') };
}

function decodeCooked2(f: Fields, bytes: Uint8Array): LinkInfo | null {
  if (isCut(f, 0, bytes.length, 20)) return null;
  const family = decodeType(f, bytes, 0, 'protocol');
  f.at(4, 4, 'interface', be32(bytes, 4));
  f.at(8, 2, 'device type', be16(bytes, 8));
  f.at(10, 1, 'packet type', packetType(bytes[10]!));
  if (bytes[11] === 6) f.at(12, 6, 'source', macAt(bytes, 12));
  return { payload: 20, family };
}

const PACKET_TYPES = ['to us', 'broadcast', 'multicast', 'to another host', 'sent by us'];

function packetType(type: number): string {
  const name = PACKET_TYPES[type];
  return name === undefined ? hex(type, 4) : `${type} (${name})`;
}

function decodeType(f: Fields, bytes: Uint8Array, at: number, name: string): number {
  const type = be16(bytes, at);
  const family = type === EtherType.IPV4 ? 4 : type === EtherType.IPV6 ? 6 : -1;
  f.at(at, 2, name, etherTypeName(type), family < 0 ? 'neither IPv4 nor IPv6' : null);
  return family;
}

function isCut(f: Fields, at: number, end: number, needed: number): boolean {
  const there = end - at;
  if (there >= needed) return false;
  f.wrongAt(at, there, 'link header', `${there} bytes`, `cut off: ${needed} bytes are needed`);
  return true;
}
