/**
 * Link headers as far as replay needs them: where the IP packet starts in a frame, and a made header for
 * a packet that has to be written to a pcap file of another link type (such a file has only one).
 */
import { linkHeaderLength } from '../dataplane/frame.js';
import { LinkType } from '../dataplane/link-type.js';
import { be16, putBe16 } from '../wire/bytes.js';
import { EtherType, VLAN_TAG } from '../wire/protocol.js';

/** Bytes of the longest header that `makeLinkHeader` makes. */
export const MAX_MADE_HEADER = 20;

/**
 * Bytes from the start of the frame `bytes[offset, offset + length)` to its IP header, −1 when the frame
 * ends before that or its link type is not one that grebe reads. Says nothing on what lies there.
 */
export function ipOffset(bytes: Uint8Array, offset: number, length: number, linkType: number): number {
  let header = linkHeaderLength(linkType);
  if (header < 0 || header > length) return -1;
  if (linkType === LinkType.ETHERNET && be16(bytes, offset + 12) === EtherType.VLAN) header += VLAN_TAG;
  return header > length ? -1 : header;
}

/**
 * Writes a link header for an IP packet of version 4 or 6 to `target[0…]` and returns its length in bytes.
 * Addresses are zero; the cooked kinds say "sent by us" (packet type 4) on a device without addresses
 * (ARPHRD_NONE). The BSD families are those of the BSDs' and Darwin's AF_INET (2) and AF_INET6 (30).
 */
export function makeLinkHeader(target: Uint8Array, linkType: number, version: 4 | 6): number {
  const etherType = version === 4 ? EtherType.IPV4 : EtherType.IPV6;
  const family = version === 4 ? 2 : 30;
  target.fill(0, 0, MAX_MADE_HEADER);
  switch (linkType) {
    case LinkType.ETHERNET:
      putBe16(target, 12, etherType);
      return 14;
    case LinkType.NULL:
      target[0] = family;
      return 4;
    case LinkType.LOOP:
      target[3] = family;
      return 4;
    case LinkType.LINUX_SLL:
      target[1] = 4;
      putBe16(target, 2, 0xfffe);
      putBe16(target, 14, etherType);
      return 16;
    case LinkType.LINUX_SLL2:
      putBe16(target, 0, etherType);
      putBe16(target, 8, 0xfffe);
      target[10] = 4;
      return 20;
    default:
      return 0;
  }
}
