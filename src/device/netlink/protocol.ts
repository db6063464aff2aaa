/** Numbers of rtnetlink (linux/netlink.h, rtnetlink.h, if_link.h, if_addr.h, neighbour.h), as far as used. */

/** Message types below 16 belong to netlink itself. */
export const MessageType = {
  ERROR: 2,
  DONE: 3,
  NEW_LINK: 16,
  DELETE_LINK: 17,
  GET_LINK: 18,
  NEW_ADDRESS: 20,
  DELETE_ADDRESS: 21,
  GET_ADDRESS: 22,
  NEW_ROUTE: 24,
  DELETE_ROUTE: 25,
  GET_ROUTE: 26,
  NEW_NEIGHBOUR: 28,
  DELETE_NEIGHBOUR: 29,
  GET_NEIGHBOUR: 30,
  NEW_RULE: 32,
  DELETE_RULE: 33,
  NEW_NEXTHOP: 104,
  DELETE_NEXTHOP: 105,
} as const;

/** Flags of a message (NLM_F_). */
export const MessageFlag = {
  REQUEST: 0x01,
  ACK: 0x04,
  /** In an answer: the table changed while it was being dumped. */
  DUMP_INTERRUPTED: 0x10,
  REPLACE: 0x100,
  EXCLUSIVE: 0x200,
  CREATE: 0x400,
  DUMP: 0x300,
  /** In an error: the request is not quoted but for its header. */
  CAPPED: 0x100,
  /** In an error: attributes follow. */
  ACK_ATTRIBUTES: 0x200,
} as const;

/** Multicast groups (RTNLGRP_). */
export const Group = {
  LINK: 1,
  NEIGHBOUR: 3,
  IPV4_ADDRESS: 5,
  IPV4_ROUTE: 7,
  IPV4_RULE: 8,
  IPV6_ADDRESS: 9,
  IPV6_ROUTE: 11,
  IPV6_RULE: 19,
  NEXTHOP: 32,
} as const;

/** Address families. */
export const AF_INET = 2;
export const AF_INET6 = 10;
/** In messages about interfaces: what a bridge has to say about its ports. */
export const AF_BRIDGE = 7;

export const LinkAttribute = {
  ADDRESS: 1,
  NAME: 3,
  MTU: 4,
  QUEUE_LENGTH: 13,
  LINK_INFO: 18,
  STATISTICS: 23,
  FAMILIES: 26,
  EXTENDED_MASK: 29,
} as const;
/** In LinkAttribute.FAMILIES, of AF_INET6 (IFLA_INET6_). */
export const LinkIpv6 = { ADDRESS_MODE: 8 } as const;
/** IN6_ADDR_GEN_MODE_: how an interface comes by its link-local address. */
export const AddressMode = { BY_MAC: 0, NONE: 1 } as const;
export const LinkInfo = { KIND: 1 } as const;
/** IFF_ */
export const LinkFlag = {
  UP: 0x1,
  LOOPBACK: 0x8,
  POINT_TO_POINT: 0x10,
  NO_ARP: 0x80,
  LOWER_UP: 0x10000,
} as const;
/** In LinkAttribute.EXTENDED_MASK of a request: without the statistics (RTEXT_FILTER_SKIP_STATS). */
export const SKIP_STATISTICS = 8;
/** ARPHRD_ETHER */
export const ARP_ETHERNET = 1;

export const AddressAttribute = { ADDRESS: 1, LOCAL: 2, FLAGS: 8 } as const;
/** IFA_F_ */
export const AddressFlag = { NO_DUPLICATE_DETECTION: 0x02, TENTATIVE: 0x40 } as const;

export const RouteAttribute = {
  DESTINATION: 1,
  SOURCE: 2,
  INTERFACE: 4,
  GATEWAY: 5,
  PRIORITY: 6,
  PREFERRED_SOURCE: 7,
  METRICS: 8,
  TABLE: 15,
  VIA: 18,
  ENCAPSULATION: 22,
} as const;
export const RouteMetric = { MTU: 2 } as const;
/** RTN_ */
export const RouteType = { UNICAST: 1, LOCAL: 2 } as const;
export const ROUTE_TABLE_MAIN = 254;
/** RTPROT_STATIC */
export const ROUTE_PROTOCOL_STATIC = 4;
/** RT_SCOPE_; ANY (NOWHERE) is for removal. */
export const RouteScope = { UNIVERSE: 0, LINK: 253, ANY: 255 } as const;

export const NeighbourAttribute = { DESTINATION: 1, LINK_ADDRESS: 2 } as const;
/** NTF_USE: look the neighbour up as if a packet went there. */
export const NEIGHBOUR_USE = 1;
/** NUD_ */
export const NeighbourState = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NO_ARP: 0x40,
  PERMANENT: 0x80,
} as const;
