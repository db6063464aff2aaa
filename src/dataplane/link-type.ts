/**
 * Link types of the frames that the dataplane reads and writes, by their LINKTYPE_ number
 * (https://www.tcpdump.org/linktypes.html), the same number that stands in a pcap header.
 */
export const LinkType = {
  /** BSD loopback: 4 bytes of address family in the byte order of the machine that captured. */
  NULL: 0,
  /** Ethernet II, with at most one 802.1Q tag. */
  ETHERNET: 1,
  /** Raw IP, version from the first nibble. */
  RAW: 101,
  /** OpenBSD loopback: as NULL, in network byte order. */
  LOOP: 108,
  /** Linux cooked capture v1 (16 bytes). */
  LINUX_SLL: 113,
  /** Raw IPv4. */
  IPV4: 228,
  /** Raw IPv6. */
  IPV6: 229,
  /** Linux cooked capture v2 (20 bytes). */
  LINUX_SLL2: 276,
} as const;

export type LinkTypeNumber = (typeof LinkType)[keyof typeof LinkType];

const names = new Map<number, string>([
  [LinkType.NULL, 'BSD loopback'],
  [LinkType.ETHERNET, 'Ethernet'],
  [LinkType.RAW, 'raw IP'],
  [LinkType.LOOP, 'OpenBSD loopback'],
  [LinkType.LINUX_SLL, 'Linux cooked v1'],
  [LinkType.IPV4, 'raw IPv4'],
  [LinkType.IPV6, 'raw IPv6'],
  [LinkType.LINUX_SLL2, 'Linux cooked v2'],
]);

/** A name for people, such as "Ethernet"; `link type 147` for one that the dataplane does not read. */
export function linkTypeName(linkType: number): string {
  return names.get(linkType) ?? `link type ${linkType}`;
}

/** Whether the dataplane reads frames of this link type. */
export function isSupportedLinkType(linkType: number): linkType is LinkTypeNumber {
  return names.has(linkType);
}

/** DLT_RAW is 12 or 14 in some captures that carry a DLT_ instead of a LINKTYPE_ number. */
export function canonicalLinkType(linkType: number): number {
  return linkType === 12 || linkType === 14 ? LinkType.RAW : linkType;
}

/**
 * Where a frame should start, in bytes modulo 4, so that the IP header behind its link header is
 * 4-aligned and the flat loops of the hot path can read it in words.
 */
export function frameAlignment(linkType: number): number {
  return linkType === LinkType.ETHERNET ? 2 : 0;
}
