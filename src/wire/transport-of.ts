/** Where the TCP or UDP header of a packet begins, for src/wire/join.ts, and which packets keep their place. */
import { be16 } from './bytes.js';
import {
  ETHERNET_HEADER,
  EtherType,
  IpProtocol,
  IPV4_HEADER,
  IPV6_HEADER,
  TCP_HEADER,
  UDP_HEADER,
} from './protocol.js';

/** Instead of where a header begins: has no order with TCP and UDP. */
export const ALONE = 0;
/** Nothing may overtake it, as it may belong to any flow: a fragment, or what is not read so simply. */
export const BARRIER = -1;

/** `ethernet`: packets have a link header. The function takes offset and length; ALONE and BARRIER are answers too. */
export function createTransportOf(
  bytes: Uint8Array,
  ethernet: boolean,
): (offset: number, length: number) => number {
  const link = ethernet ? ETHERNET_HEADER : 0;

  /**
   * Where the TCP or UDP header begins; ALONE for what has no order with them; BARRIER for what nothing may
   * overtake, as it may belong to any flow: fragments, and what is not read so simply.
   */
  function transportOf(offset: number, length: number): number {
    const ip = offset + link;
    const room = length - link;
    if (room < IPV4_HEADER + UDP_HEADER) return ethernet ? notIp(offset, length) : BARRIER;
    let protocol: number;
    let header: number;
    if (bytes[ip] === 0x45) {
      if (ethernet && be16(bytes, offset + 12) !== EtherType.IPV4) return notIp(offset, length);
      if (be16(bytes, ip + 2) !== room || (be16(bytes, ip + 6) & 0x3fff) !== 0) return BARRIER;
      protocol = bytes[ip + 9]!;
      header = IPV4_HEADER;
    } else if (bytes[ip]! >>> 4 === 6 && room >= IPV6_HEADER + UDP_HEADER) {
      if (ethernet && be16(bytes, offset + 12) !== EtherType.IPV6) return notIp(offset, length);
      if (be16(bytes, ip + 4) + IPV6_HEADER !== room) return BARRIER;
      protocol = bytes[ip + 6]!;
      header = IPV6_HEADER;
    } else {
      return ethernet ? notIp(offset, length) : BARRIER;
    }
    if (protocol === IpProtocol.TCP) return room >= header + TCP_HEADER ? ip + header : BARRIER;
    if (protocol === IpProtocol.UDP) return ip + header;
    return header === IPV4_HEADER || protocol === IpProtocol.ICMPV6 ? ALONE : BARRIER;
  }

  /** Of a frame that may not hold IP at all, such as ARP. */
  function notIp(offset: number, length: number): number {
    if (length < ETHERNET_HEADER) return ALONE;
    const type = be16(bytes, offset + 12);
    return type === EtherType.IPV4 || type === EtherType.IPV6 || type === EtherType.VLAN ? BARRIER : ALONE;
  }

  return transportOf;
}
