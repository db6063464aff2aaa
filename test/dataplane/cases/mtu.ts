/** docs/dataplane.md, sections 6.4 and 10: tunnel MTU, ICMP errors. */
import { Side } from '../../../src/dataplane/packet-vector.js';
import { addressBytes, type FrameSpec, type IpSpec } from '../../../src/wire/build.js';
import {
  changed,
  from,
  HOST,
  HOST6,
  network,
  OURS,
  quote,
  to,
  udp,
  underlay,
  overlay,
  type Case,
} from './case.js';
import { route, tables } from '../harness.js';

/** A UDP packet of `size` bytes in all from the Internet to customer 1. */
const big = (size: number, more: Partial<IpSpec> = {}): FrameSpec =>
  udp(HOST, '10.1.0.5', more, size - 28 - (((more.options?.length ?? 0) + 3) & ~3));
const big6 = (size: number, more: Partial<IpSpec> = {}): FrameSpec =>
  udp(HOST6, '2001:db8:1::5', more, size - 48);
const DF = { dontFragment: true };

/** ICMP 3/4 from tunnel 1's interface address. */
const tooBig = (about: FrameSpec, mtu = 1476, destination = HOST): FrameSpec => ({
  ip: { source: '10.100.0.2', destination, tos: 0xc0, ...DF },
  icmp: { type: 3, code: 4, mtu },
  payload: quote(about, 548),
});
const tooBig6 = (about: FrameSpec, mtu = 1476, destination = HOST6): FrameSpec => ({
  ip: { source: 'fd00::8', destination },
  icmp: { type: 2, mtu },
  payload: quote(about, 1232),
});

const more = { moreFragments: true };
const suppressed: Partial<Case> = { counters: { icmp_suppressed: 1 } };

export const mtuCases: Case[] = [
  {
    name: 'exactly the tunnel MTU',
    packet: big(1476, DF),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: big(1476, { ...DF, ttl: 59 }) })],
    encapsulated: { plain: [1, 1476] },
  },
  {
    name: 'one byte more with DF: fragmentation needed, quoting the packet as it arrived',
    packet: { link: 'ethernet', ...big(1477, DF) },
    verdict: 'mtu_exceeded',
    out: [
      underlay({
        link: 'ethernet',
        sourceMac: '02:00:00:00:00:02',
        destinationMac: '02:00:00:00:00:01',
        ...tooBig(big(1477, DF)),
      }),
    ],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'IPv6, one byte more: packet too big of 1280 bytes',
    packet: { link: 'sll', sourceMac: '02:00:00:00:00:01', ...big6(1477) },
    verdict: 'mtu_exceeded',
    out: [underlay({ link: 'sll', packetType: 4, sourceMac: '02:00:00:00:00:01', ...tooBig6(big6(1477)) })],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'a short quote when the packet is short',
    config: changed('plain', { mtu: 100 }),
    packet: big(101, DF),
    verdict: 'mtu_exceeded',
    out: [underlay(tooBig(big(101, DF), 100))],
    counters: { icmp_errors: 1 },
  },
  {
    name: "from the overlay: the error goes back there as raw IP, in the other side's name",
    side: Side.OVERLAY,
    packet: { link: 'ethernet', ...big(1477, DF) },
    verdict: 'mtu_exceeded',
    out: [
      overlay({
        ...tooBig(big(1477, DF)),
        ip: { source: '10.100.0.9', destination: HOST, tos: 0xc0, ...DF },
      }),
    ],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'from a tunnel: the error goes back through it',
    packet: {
      ip: from(4),
      gre: { checksum: true, key: 7, sequence: 9 },
      inner: udp('10.4.0.5', '10.1.0.5', DF, 1472),
    },
    verdict: 'mtu_exceeded',
    out: [
      underlay({
        ip: to(4, { tos: 0xc0 }),
        gre: { checksum: true, key: 7, sequence: 0 },
        inner: tooBig(udp('10.4.0.5', '10.1.0.5', DF, 1472), 1476, '10.4.0.5'),
      }),
    ],
    counters: { icmp_errors: 1 },
    decapsulated: { all: [1, 1500] },
    encapsulated: { all: [1, 576] },
  },
  {
    name: 'from a tunnel with ECN: the quote has the combined field',
    packet: {
      ip: from(2, { tos: 3 }),
      gre: { key: 42 },
      inner: udp('10.2.0.5', '10.1.0.5', { ...DF, tos: 2 }, 1472),
    },
    verdict: 'mtu_exceeded',
    out: [
      underlay({
        ip: to(2, { tos: 0xc0 }),
        gre: { key: 42 },
        inner: tooBig(udp('10.2.0.5', '10.1.0.5', { ...DF, tos: 3 }, 1472), 1476, '10.2.0.5'),
      }),
    ],
    counters: { icmp_errors: 1 },
    decapsulated: { keyed: [1, 1500] },
    encapsulated: { keyed: [1, 576] },
  },
  {
    name: 'IPv6 from a tunnel whose MTU is below 1280: the quote fits into it',
    config: changed('keyed', { mtu: 700 }),
    packet: { ip: from(2), gre: { key: 42 }, inner: udp('2001:db8:2::5', '2001:db8:1::5', {}, 1452) },
    verdict: 'mtu_exceeded',
    out: [
      underlay({
        ip: to(2),
        gre: { key: 42 },
        inner: {
          ip: { source: 'fd00::8', destination: '2001:db8:2::5' },
          icmp: { type: 2, mtu: 1476 },
          payload: quote(udp('2001:db8:2::5', '2001:db8:1::5', {}, 1452), 652),
        },
      }),
    ],
    counters: { icmp_errors: 1 },
    decapsulated: { keyed: [1, 1500] },
    encapsulated: { keyed: [1, 700] },
  },
  {
    name: 'without an interface address the source is the local endpoint',
    config: changed('plain', { icmpSource4: addressBytes(OURS) }),
    packet: big(1500, DF),
    verdict: 'mtu_exceeded',
    out: [underlay({ ...tooBig(big(1500, DF)), ip: { source: OURS, destination: HOST, tos: 0xc0, ...DF } })],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'the tunnel with gretap: the MTU is that of the IP packet',
    packet: udp(HOST, '10.6.0.5', DF, 1463 - 28),
    verdict: 'mtu_exceeded',
    out: [
      underlay({
        ip: { source: '10.100.0.8', destination: HOST, tos: 0xc0, ...DF },
        icmp: { type: 3, code: 4, mtu: 1462 },
        payload: quote(udp(HOST, '10.6.0.5', DF, 1463 - 28), 548),
      }),
    ],
    counters: { icmp_errors: 1 },
  },

  {
    name: 'no error about an ICMP error',
    packet: {
      ip: { source: HOST, destination: '10.1.0.5', ...DF },
      icmp: { type: 3, code: 1 },
      payload: 1472,
    },
    verdict: 'mtu_exceeded',
    ...suppressed,
  },
  {
    name: 'an error about an echo request',
    packet: { ip: { source: HOST, destination: '10.1.0.5', ...DF }, icmp: { type: 8 }, payload: 1472 },
    verdict: 'mtu_exceeded',
    out: [
      underlay(
        tooBig({ ip: { source: HOST, destination: '10.1.0.5', ...DF }, icmp: { type: 8 }, payload: 1472 }),
      ),
    ],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'no error about an ICMPv6 error',
    packet: { ip: { source: HOST6, destination: '2001:db8:1::5' }, icmp: { type: 1 }, payload: 1452 },
    verdict: 'mtu_exceeded',
    ...suppressed,
  },
  {
    name: 'no error about an ICMPv6 error behind an extension header',
    packet: {
      ip: { source: HOST6, destination: '2001:db8:1::5', extensions: [{ header: 60 }] },
      icmp: { type: 127 },
      payload: 1452,
    },
    verdict: 'mtu_exceeded',
    ...suppressed,
  },
  {
    name: 'no error about a fragment other than the first',
    packet: big(1500, { ...DF, fragmentOffset: 8 }),
    verdict: 'mtu_exceeded',
    ...suppressed,
  },
  {
    name: 'an error about a first fragment with DF',
    packet: big(1500, { ...DF, ...more }),
    verdict: 'mtu_exceeded',
    out: [underlay(tooBig(big(1500, { ...DF, ...more })))],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'no error about a later IPv6 fragment',
    packet: udp(HOST6, '2001:db8:1::5', { extensions: [{ header: 44, offset: 1448, id: 3 }] }, 1452),
    verdict: 'mtu_exceeded',
    ...suppressed,
  },
  ...['0.0.0.9', '127.0.0.1', '224.0.0.5', '255.255.255.255', '240.0.0.1'].map((source): Case => ({
    name: `no error to ${source}`,
    packet: udp(source, '10.1.0.5', DF, 1472),
    verdict: 'mtu_exceeded',
    ...suppressed,
  })),
  ...['::', '::1', 'ff02::1'].map((source): Case => ({
    name: `no error to ${source}`,
    packet: udp(source, '2001:db8:1::5', {}, 1452),
    verdict: 'mtu_exceeded',
    ...suppressed,
  })),
  {
    name: 'no error about a packet to a multicast group',
    config: tables([...network.tunnels], [route('224.0.0.0/4', 0)]),
    packet: udp(HOST, '239.1.2.3', DF, 1472),
    verdict: 'mtu_exceeded',
    ...suppressed,
  },
  {
    name: 'no error about an expired fragment other than the first',
    packet: big(100, { ttl: 1, fragmentOffset: 800 }),
    verdict: 'ttl_exceeded',
    ...suppressed,
  },
];
