/** docs/dataplane.md, section 1: link headers, in and out. */
import { Side } from '../../../src/dataplane/packet-vector.js';
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import {
  customer,
  flowLabel,
  from,
  HOST,
  HOST6,
  OURS,
  overlay,
  to,
  udp,
  underlay,
  type Case,
} from './case.js';

const inner = udp('10.1.0.5', HOST);
const fromTunnel: FrameSpec = { ip: from(1), gre: {}, inner };
const internet = udp(HOST, '10.1.0.5');
/** `internet` as it leaves in tunnel 1. */
const encapsulated: FrameSpec = { ip: to(1), gre: {}, inner: udp(HOST, '10.1.0.5', { ttl: 59 }) };
const taken = { decapsulated: { plain: [1, 40] } } satisfies Partial<Case>;
const sent = { encapsulated: { plain: [1, 40] } } satisfies Partial<Case>;
const A = '02:00:00:aa:aa:aa';
const B = '02:00:00:bb:bb:bb';

export const frameCases: Case[] = [
  {
    name: 'an unknown link type',
    packet: buildPacket(fromTunnel),
    linkType: 147,
    verdict: 'link_unsupported',
  },
  ...(
    [
      ['an Ethernet frame of 13 bytes', { link: 'ethernet' }, 13],
      ['an Ethernet frame that ends in its tag', { link: 'ethernet', vlan: 5 }, 17],
      ['a cooked v1 frame of 15 bytes', { link: 'sll' }, 15],
      ['a cooked v2 frame of 19 bytes', { link: 'sll2' }, 19],
      ['a BSD null frame of 3 bytes', { link: 'null' }, 3],
      ['an OpenBSD loop frame of 3 bytes', { link: 'loop' }, 3],
      ['an empty Ethernet frame', { link: 'ethernet' }, 0],
    ] as const
  ).map(([name, link, truncate]): Case => ({
    name,
    packet: { ...link, ...fromTunnel, truncate },
    verdict: 'frame_truncated',
  })),
  ...(
    [
      ['ARP on Ethernet', { link: 'ethernet', etherType: 0x0806 }],
      ['ARP behind a tag', { link: 'ethernet', vlan: 5, etherType: 0x0806 }],
      ['a second 802.1Q tag', { link: 'ethernet', vlan: 5, etherType: 0x8100 }],
      ['an 802.1ad tag', { link: 'ethernet', etherType: 0x88a8 }],
      ['ARP, cooked v1', { link: 'sll', etherType: 0x0806 }],
      ['ARP, cooked v2', { link: 'sll2', etherType: 0x0806 }],
      ['address family 7 on BSD null', { link: 'null', etherType: 7 }],
      ['address family 7 on OpenBSD loop', { link: 'loop', etherType: 7 }],
    ] as const
  ).map(([name, link]): Case => ({
    name,
    packet: { ...link, ...fromTunnel },
    verdict: 'ethertype_unsupported',
  })),
  {
    name: 'loop is in network order only: a little-endian family is another family',
    packet: buildPacket({ link: 'null', ...fromTunnel }),
    linkType: 108,
    verdict: 'ethertype_unsupported',
  },
  ...(
    [
      ['ethernet', {}],
      ['ethernet with a tag', { vlan: 0x2005 }],
      ['sll', {}],
      ['sll2', {}],
      ['null', {}],
      ['loop', {}],
      ['raw', {}],
    ] as const
  ).map(([link, more]): Case => ({
    name: `decapsulation from ${link} leaves raw IP`,
    packet: { link: link === 'ethernet with a tag' ? 'ethernet' : link, ...more, ...fromTunnel },
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    ...taken,
  })),
  {
    name: 'BSD null in network order is read as well',
    packet: buildPacket({ link: 'loop', ...fromTunnel }),
    linkType: 0,
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    ...taken,
  },
  ...[10, 24, 28, 30].map((family): Case => ({
    name: `BSD null with family ${family} is IPv6`,
    packet: { link: 'null', etherType: family, ip: from(5), gre: {}, inner },
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { six: [1, 40] },
  })),
  {
    name: 'raw IPv4 (228) is read without a look at the version nibble',
    packet: buildPacket(fromTunnel),
    linkType: 228,
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    ...taken,
  },
  {
    name: 'raw IPv6 (229)',
    packet: buildPacket({ ip: from(5), gre: {}, inner }),
    linkType: 229,
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { six: [1, 40] },
  },
  {
    name: 'an IPv4 packet announced as raw IPv6 (229)',
    packet: buildPacket(fromTunnel),
    linkType: 229,
    verdict: 'ip_bad_version',
  },
  {
    name: 'on the way to a tunnel Ethernet addresses are swapped and the tag is kept',
    packet: { link: 'ethernet', vlan: 0x6123, sourceMac: A, destinationMac: B, ...internet },
    verdict: 'delivered_underlay',
    out: [underlay({ link: 'ethernet', vlan: 0x6123, sourceMac: B, destinationMac: A, ...encapsulated })],
    ...sent,
  },
  {
    name: 'Ethernet without tag, to a tunnel',
    packet: { link: 'ethernet', sourceMac: A, destinationMac: B, ...internet },
    verdict: 'delivered_underlay',
    out: [underlay({ link: 'ethernet', sourceMac: B, destinationMac: A, ...encapsulated })],
    ...sent,
  },
  {
    name: 'cooked v1 becomes an outgoing packet',
    packet: { link: 'sll', packetType: 0, sourceMac: A, ...internet },
    verdict: 'delivered_underlay',
    out: [underlay({ link: 'sll', packetType: 4, sourceMac: A, ...encapsulated })],
    ...sent,
  },
  {
    name: 'cooked v2 becomes an outgoing packet',
    packet: { link: 'sll2', packetType: 0, sourceMac: A, ...internet },
    verdict: 'delivered_underlay',
    out: [underlay({ link: 'sll2', packetType: 4, sourceMac: A, ...encapsulated })],
    ...sent,
  },
  {
    name: 'BSD null, to a tunnel',
    packet: { link: 'null', ...internet },
    verdict: 'delivered_underlay',
    out: [underlay({ link: 'null', ...encapsulated })],
    ...sent,
  },
  {
    name: 'raw IP, to a tunnel',
    packet: internet,
    verdict: 'delivered_underlay',
    out: [underlay(encapsulated)],
    ...sent,
  },
  {
    name: 'the ethertype follows the outer family: IPv4 in, IPv6 endpoints out',
    packet: { link: 'ethernet', vlan: 9, sourceMac: A, destinationMac: B, ...udp(HOST, '10.5.0.1') },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        link: 'ethernet',
        vlan: 9,
        sourceMac: B,
        destinationMac: A,
        ip: to(5),
        gre: {},
        inner: udp(HOST, '10.5.0.1', { ttl: 59 }),
      }),
    ],
    hashed: [flowLabel(0, 18)],
    encapsulated: { six: [1, 40] },
  },
  {
    name: 'the ethertype follows the outer family: IPv6 in, IPv4 endpoints out (cooked v2)',
    packet: { link: 'sll2', sourceMac: A, ...udp(HOST6, '2001:db8:1::5') },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        link: 'sll2',
        packetType: 4,
        sourceMac: A,
        ip: to(1),
        gre: {},
        inner: udp(HOST6, '2001:db8:1::5', { ttl: 59 }),
      }),
    ],
    encapsulated: { plain: [1, 60] },
  },
  {
    name: 'a frame from the overlay leaves as raw IP, TTL untouched',
    side: Side.OVERLAY,
    packet: { link: 'ethernet', sourceMac: A, destinationMac: B, ...internet },
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: internet })],
    ...sent,
  },
  {
    name: 'padding behind the outer packet is cut off',
    packet: { link: 'ethernet', ...fromTunnel, padding: 9 },
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    ...taken,
  },
  {
    name: 'padding behind the inner packet is cut off',
    packet: { link: 'ethernet', ip: from(1), gre: {}, inner: { ...inner, padding: 6 } },
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    ...taken,
  },
  {
    name: 'padding behind a plain packet does not go into the tunnel',
    packet: { link: 'ethernet', sourceMac: A, destinationMac: B, ...internet, padding: 6 },
    verdict: 'delivered_underlay',
    out: [underlay({ link: 'ethernet', sourceMac: B, destinationMac: A, ...encapsulated })],
    ...sent,
  },
  {
    name: 'GRE from the overlay is a plain packet',
    side: Side.OVERLAY,
    packet: { ip: { source: customer(1), destination: OURS }, gre: {}, inner },
    verdict: 'no_route',
  },
];
