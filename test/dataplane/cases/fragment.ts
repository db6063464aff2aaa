/** docs/dataplane.md, sections 6.3 and 8: fragments, and clear_dont_fragment_bit. */
import { Side } from '../../../src/dataplane/packet-vector.js';
import { buildPacket, type FrameSpec, type IpSpec } from '../../../src/wire/build.js';
import {
  changed,
  customer,
  from,
  HOST,
  HOST6,
  OURS,
  quote,
  to,
  udp,
  underlay,
  overlay,
  type Case,
} from './case.js';

/** A UDP packet of `size` bytes in all from the Internet to customer 1. */
const big = (size: number, more: Partial<IpSpec> = {}): FrameSpec =>
  udp(HOST, '10.1.0.5', more, size - 28 - (((more.options?.length ?? 0) + 3) & ~3));
const DF = { dontFragment: true };
const more = { moreFragments: true };

const tooBig6 = (about: FrameSpec, mtu = 1476, destination = HOST6): FrameSpec => ({
  ip: { source: 'fd00::8', destination },
  icmp: { type: 2, mtu },
  payload: quote(about, 1232),
});

/** Bytes `begin` to `end` of a packet's IP payload as a fragment, in tunnel 1. */
function fragment(whole: FrameSpec, begin: number, end: number, header: Partial<IpSpec>): FrameSpec {
  const bytes = buildPacket(whole);
  const content = bytes.slice((bytes[0]! & 15) * 4);
  const ip = { source: HOST, destination: '10.1.0.5', protocol: 17, ttl: 59, id: 0x1111 };
  return {
    ip: to(1),
    gre: {},
    inner: { ip: { ...ip, fragmentOffset: begin, ...header }, payload: content.slice(begin, end) },
  };
}

export const fragmentCases: Case[] = [
  {
    name: 'two fragments, DF clear',
    packet: big(2000),
    verdict: 'delivered_underlay',
    out: [underlay(fragment(big(2000), 0, 1456, more)), underlay(fragment(big(2000), 1456, 1980, {}))],
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { plain: [2, 1476 + 544] },
  },
  {
    name: 'one byte too long: the second fragment has the rest',
    packet: big(1477),
    verdict: 'delivered_underlay',
    out: [underlay(fragment(big(1477), 0, 1456, more)), underlay(fragment(big(1477), 1456, 1457, {}))],
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { plain: [2, 1476 + 21] },
  },
  {
    name: 'the payload of a fragment is a multiple of 8',
    config: changed('plain', { mtu: 103 }),
    packet: big(200),
    verdict: 'delivered_underlay',
    // 103 − 20 = 83: 80 bytes each.
    out: [
      underlay(fragment(big(200), 0, 80, more)),
      underlay(fragment(big(200), 80, 160, more)),
      underlay(fragment(big(200), 160, 180, {})),
    ],
    counters: { fragmented: 1, fragments_created: 3 },
    encapsulated: { plain: [3, 100 + 100 + 40] },
  },
  {
    name: 'a fragment of a fragment: offsets add up, the last keeps MF',
    packet: big(1600, { fragmentOffset: 4096, moreFragments: true }),
    verdict: 'delivered_underlay',
    out: [
      underlay(fragment(big(1600), 0, 1456, { fragmentOffset: 4096, ...more })),
      underlay(fragment(big(1600), 1456, 1580, { fragmentOffset: 4096 + 1456, ...more })),
    ],
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { plain: [2, 1476 + 144] },
  },
  {
    name: 'a fragment of a fragment up to byte 65,535',
    packet: big(1555, { fragmentOffset: 64_000 }),
    verdict: 'delivered_underlay',
    out: [
      underlay(fragment(big(1555), 0, 1456, { fragmentOffset: 64_000, ...more })),
      underlay(fragment(big(1555), 1456, 1535, { fragmentOffset: 65_456 })),
    ],
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { plain: [2, 1476 + 99] },
  },
  {
    name: 'a fragment that ends one byte beyond has pieces without an offset',
    packet: big(1556, { fragmentOffset: 64_000 }),
    verdict: 'fragment_invalid',
  },
  {
    name: 'a fragment that ends beyond and fits into the tunnel goes as it is',
    packet: udp(HOST, '10.1.0.5', { fragmentOffset: 65_528 }),
    verdict: 'delivered_underlay',
    out: [
      underlay({ ip: to(1), gre: {}, inner: udp(HOST, '10.1.0.5', { fragmentOffset: 65_528, ttl: 59 }) }),
    ],
    encapsulated: { plain: [1, 40] },
  },
  {
    name: 'the reserved flag is not copied into fragments',
    packet: big(2000, { reservedFlag: true }),
    verdict: 'delivered_underlay',
    out: [underlay(fragment(big(2000), 0, 1456, more)), underlay(fragment(big(2000), 1456, 1980, {}))],
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { plain: [2, 1476 + 544] },
  },
  {
    name: 'options: all in the first fragment, the copied ones in the others (RFC 791)',
    config: changed('plain', { mtu: 124 }),
    // Router alert (copied), record route (not copied), loose source route of no address (copied).
    packet: big(240, { options: [148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 131, 3, 4, 0, 0] }),
    verdict: 'delivered_underlay',
    // First: 124 − 36 = 88. Others: options 148 4 0 0 131 3 4 + padding, header 28: 124 − 28 = 96.
    out: [
      underlay(
        fragment(big(240, { options: [148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 131, 3, 4, 0, 0] }), 0, 88, {
          ...more,
          options: [148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 131, 3, 4, 0, 0],
        }),
      ),
      underlay(
        fragment(big(240, { options: [148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 131, 3, 4, 0, 0] }), 88, 184, {
          ...more,
          options: [148, 4, 0, 0, 131, 3, 4, 0],
        }),
      ),
      underlay(
        fragment(big(240, { options: [148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 131, 3, 4, 0, 0] }), 184, 204, {
          options: [148, 4, 0, 0, 131, 3, 4, 0],
        }),
      ),
    ],
    counters: { fragmented: 1, fragments_created: 3 },
    encapsulated: { plain: [3, 124 + 124 + 48] },
  },
  {
    name: 'fragments carry key and checksum each',
    config: changed('all', { mtu: 100, sequence: false }),
    packet: udp(HOST, '10.4.0.5', {}, 100),
    verdict: 'delivered_underlay',
    out: [
      [0, 80],
      [80, 108],
    ].map(([begin, end], i) => {
      const { inner } = fragment(udp(HOST, '10.4.0.5', {}, 100), begin!, end!, {
        destination: '10.4.0.5',
        moreFragments: i === 0,
      });
      return underlay({ ip: to(4), gre: { key: 7, checksum: true }, inner });
    }),
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { all: [2, 100 + 48] },
  },
  {
    name: 'fragments from the overlay keep the TTL',
    side: Side.OVERLAY,
    packet: big(2000),
    verdict: 'delivered_underlay',
    out: [
      underlay(fragment(big(2000), 0, 1456, { ...more, ttl: 60 })),
      underlay(fragment(big(2000), 1456, 1980, { ttl: 60 })),
    ],
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { plain: [2, 1476 + 544] },
  },
  {
    name: 'fragments between tunnels, on Ethernet with a tag',
    packet: {
      link: 'ethernet',
      vlan: 8,
      ip: from(2),
      gre: { key: 42 },
      inner: udp('10.2.0.5', '10.1.0.5', {}, 1472),
    },
    verdict: 'delivered_underlay',
    out: [
      [0, 1456],
      [1456, 1480],
    ].map(([begin, end], i) =>
      underlay({
        link: 'ethernet',
        vlan: 8,
        sourceMac: '02:00:00:00:00:02',
        destinationMac: '02:00:00:00:00:01',
        ...fragment(udp('10.2.0.5', '10.1.0.5', {}, 1472), begin!, end!, {
          source: '10.2.0.5',
          moreFragments: i === 0,
        }),
      }),
    ),
    counters: { fragmented: 1, fragments_created: 2 },
    decapsulated: { keyed: [1, 1500] },
    encapsulated: { plain: [2, 1476 + 44] },
  },
  {
    name: 'a packet of many fragments',
    packet: big(9000),
    verdict: 'delivered_underlay',
    out: Array.from({ length: 7 }, (_, i) =>
      underlay(fragment(big(9000), i * 1456, Math.min((i + 1) * 1456, 8980), { moreFragments: i < 6 })),
    ),
    counters: { fragmented: 1, fragments_created: 7 },
    encapsulated: { plain: [7, 8980 + 7 * 20] },
  },
  {
    name: 'more fragments than a vector has room for: all or nothing',
    config: changed('plain', { mtu: 28 }),
    packet: big(20_000),
    verdict: 'no_buffer',
  },

  {
    name: 'clear_dont_fragment_bit: DF is cleared on every packet, also one that fits',
    packet: udp(HOST, '10.9.0.5', DF),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(9), gre: {}, inner: udp(HOST, '10.9.0.5', { ttl: 59 }) })],
    encapsulated: { cleared: [1, 40] },
  },
  {
    name: 'clear_dont_fragment_bit: a long packet is fragmented, its ID kept',
    packet: udp(HOST, '10.9.0.5', DF, 1972),
    verdict: 'delivered_underlay',
    out: [
      [0, 1456],
      [1456, 1980],
    ].map(([begin, end], i) =>
      underlay({
        ip: to(9),
        gre: {},
        inner: fragment(udp(HOST, '10.9.0.5', DF, 1972), begin!, end!, {
          destination: '10.9.0.5',
          moreFragments: i === 0,
        }).inner!,
      }),
    ),
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { cleared: [2, 1476 + 544] },
  },
  {
    name: 'clear_dont_fragment_bit: ID 0 is replaced in all fragments',
    packet: udp(HOST, '10.9.0.5', { ...DF, id: 0 }, 1972),
    verdict: 'delivered_underlay',
    out: [
      [0, 1456],
      [1456, 1980],
    ].map(([begin, end], i) =>
      underlay({
        ip: to(9),
        gre: {},
        inner: fragment(udp(HOST, '10.9.0.5', DF, 1972), begin!, end!, {
          destination: '10.9.0.5',
          moreFragments: i === 0,
        }).inner!,
      }),
    ),
    // Inner identification and header checksum of each fragment.
    hashed: [
      [0, 56, 4],
      [0, 68, 4],
      [1, 56, 4],
      [1, 68, 4],
    ],
    counters: { fragmented: 1, fragments_created: 2 },
    encapsulated: { cleared: [2, 1476 + 544] },
  },
  {
    name: 'clear_dont_fragment_bit does nothing for IPv6',
    packet: udp(HOST6, '2001:db8:9::5', {}, 1452),
    verdict: 'mtu_exceeded',
    out: [underlay(tooBig6(udp(HOST6, '2001:db8:9::5', {}, 1452)))],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'clear_dont_fragment_bit is about packets that enter the tunnel, not those that come out',
    packet: { ip: from(9), gre: {}, inner: udp('10.9.0.5', HOST, DF) },
    verdict: 'delivered_overlay',
    out: [overlay(udp('10.9.0.5', HOST, DF))],
    decapsulated: { cleared: [1, 40] },
  },
  {
    name: 'longer than the MTU of its own tunnel, to the overlay: delivered',
    packet: {
      ip: { source: customer(1), destination: OURS },
      gre: {},
      inner: udp('10.1.0.5', HOST, DF, 1972),
    },
    verdict: 'delivered_overlay',
    out: [overlay(udp('10.1.0.5', HOST, DF, 1972))],
    decapsulated: { plain: [1, 2000] },
  },
];
