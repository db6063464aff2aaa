/** Numbers of IP protocols, ethertypes and header fields, each named once. */

export const IpProtocol = {
  HOP_BY_HOP: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  ROUTING: 43,
  FRAGMENT: 44,
  GRE: 47,
  AUTHENTICATION: 51,
  ICMPV6: 58,
  DESTINATION_OPTIONS: 60,
} as const;

export const EtherType = {
  IPV4: 0x0800,
  VLAN: 0x8100,
  IPV6: 0x86dd,
  /** Transparent Ethernet bridging: an Ethernet frame in GRE (gretap). */
  TEB: 0x6558,
} as const;

/** The most that a length field can say: an IPv4 packet (RFC 791 §3.1), or what follows an IPv6 header (RFC 8200 §3). */
export const LONGEST_IP = 65_535;

export const ETHERNET_HEADER = 14;
export const VLAN_TAG = 4;
/** The VLAN's number in the tag control information, without priority and DEI (IEEE 802.1Q). */
export const VLAN_IDENTIFIER = 0x0fff;
export const IPV4_HEADER = 20;
export const IPV6_HEADER = 40;
export const GRE_HEADER = 4;
/** Without options. */
export const TCP_HEADER = 20;
export const UDP_HEADER = 8;
/** Of an echo or an error (RFC 792, RFC 4443), without what follows or is quoted. */
export const ICMP_HEADER = 8;
/** IPv6's (RFC 8200 §4.5). */
export const FRAGMENT_HEADER = 8;

/** Bits of byte 0 of a GRE header (RFC 2784 §2.1, RFC 2890 §2, RFC 1701 for routing). */
export const GreFlag = {
  CHECKSUM: 0x80,
  ROUTING: 0x40,
  KEY: 0x20,
  SEQUENCE: 0x10,
  RESERVED: 0x0c,
} as const;

export const GRE_VERSION_MASK = 0x07;

/** Bits of byte 6 of an IPv4 header. */
export const Ipv4Flag = { DONT_FRAGMENT: 0x40, MORE_FRAGMENTS: 0x20 } as const;
/** Bits of bytes 6 and 7 of an IPv4 header that are 0 in a packet that is whole: more fragments, and the offset. */
export const IPV4_FRAGMENT_BITS = 0x3fff;

/** Flags of byte 13 of a TCP header (RFC 9293 §3.1). */
export const TcpFlag = {
  FIN: 0x01,
  SYN: 0x02,
  RST: 0x04,
  PSH: 0x08,
  ACK: 0x10,
  URG: 0x20,
  ECE: 0x40,
  CWR: 0x80,
} as const;

/** Types of ICMP and ICMPv6 messages (RFC 792, RFC 4443 §4). */
export const EchoType = { REQUEST4: 8, REPLY4: 0, REQUEST6: 128, REPLY6: 129 } as const;
