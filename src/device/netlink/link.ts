/** Interfaces. */
import {
  parseAttributes,
  readBytes,
  readText,
  readUint32,
  viewOf,
  type Message,
  type MessageWriter,
} from './message.js';
import {
  AF_INET6,
  ARP_ETHERNET,
  LinkAttribute,
  LinkFlag,
  LinkInfo,
  LinkIpv6,
  SKIP_STATISTICS,
} from './protocol.js';

/** An interface of the kernel. */
export interface Link {
  readonly index: number;
  readonly name: string;
  /** Largest IP packet in bytes. */
  readonly mtu: number;
  /** Link address, 6 bytes; null when it has none of that length. */
  readonly mac: Uint8Array | null;
  /** Set up by the administrator. */
  readonly up: boolean;
  /** Up, and with a carrier. */
  readonly running: boolean;
  /** What made it: `veth`, `tun`, `bridge` …; null for hardware. */
  readonly kind: string | null;
  /** ARPHRD_ number: 1 is Ethernet. */
  readonly arpType: number;
  /** Frames have an Ethernet header, and the kernel finds the next hop's link address by ARP or NDP. */
  readonly isEthernet: boolean;
}

/** struct ifinfomsg */
const HEADER = 16;

/** @returns null when the message is no description of an interface */
export function parseLink({ payload }: Message): Link | null {
  if (payload.length < HEADER) return null;
  const view = viewOf(payload);
  const attributes = parseAttributes(payload, HEADER);
  const name = readText(attributes, LinkAttribute.NAME);
  const mtu = readUint32(attributes, LinkAttribute.MTU);
  if (name === null || mtu === null) return null;
  const arpType = view.getUint16(2, true);
  const flags = view.getUint32(8, true);
  const mac = readBytes(attributes, LinkAttribute.ADDRESS, 6);
  const info = attributes.get(LinkAttribute.LINK_INFO);
  const up = (flags & LinkFlag.UP) !== 0;
  return {
    index: view.getInt32(4, true),
    name,
    mtu,
    mac,
    up,
    running: up && (flags & LinkFlag.LOWER_UP) !== 0,
    kind: info === undefined ? null : readText(parseAttributes(info), LinkInfo.KIND),
    arpType,
    isEthernet: arpType === ARP_ETHERNET && mac !== null && (flags & LinkFlag.NO_ARP) === 0,
  };
}

/** The header of a request about one interface, or with index 0 about all. */
export function writeLinkHeader(writer: MessageWriter, index: number, flags = 0, change = 0): MessageWriter {
  return writer.uint8(0, 0).uint16(0).uint32(index, flags, change);
}

/** Place of tx_dropped in struct rtnl_link_stats64, in bytes. */
const TRANSMIT_DROPPED = 7 * 8;

/** Packets that the kernel could not send out of the interface so far; null when the message does not say. */
export function parseTransmitDropped({ payload }: Message): number | null {
  const statistics = parseAttributes(payload, HEADER).get(LinkAttribute.STATISTICS);
  if (statistics === undefined || statistics.length < TRANSMIT_DROPPED + 8) return null;
  return Number(viewOf(statistics).getBigUint64(TRANSMIT_DROPPED, true));
}

/** Sets an AddressMode. */
export function writeAddressMode(writer: MessageWriter, index: number, mode: number): void {
  writeLinkHeader(writer, index).nested(LinkAttribute.FAMILIES, (families) =>
    families.nested(AF_INET6, (ipv6) => ipv6.attribute(LinkIpv6.ADDRESS_MODE, Uint8Array.of(mode))),
  );
}

export function writeLinkQuery(writer: MessageWriter, index: number, name: string | null): void {
  writeLinkHeader(writer, index);
  writer.attribute32(LinkAttribute.EXTENDED_MASK, SKIP_STATISTICS);
  if (name !== null) writer.text(LinkAttribute.NAME, name);
}
