/** docs/dataplane.md, sections 5 and 6: routes, outer headers, counters. */
import { Side } from '../../../src/dataplane/packet-vector.js';
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { route, tables } from '../harness.js';
import { changed, flowLabel, HOST, HOST6, network, to, udp, underlay, type Case } from './case.js';

const out = (x: number, more: Parameters<typeof udp>[2] = {}): FrameSpec => udp(HOST, `10.${x}.0.5`, more);
const forwarded = (x: number, more: Parameters<typeof udp>[2] = {}): FrameSpec =>
  out(x, { ttl: 59, ...more });

export const encapCases: Case[] = [
  {
    name: 'no route, from the overlay',
    side: Side.OVERLAY,
    packet: udp('10.1.0.5', HOST),
    verdict: 'no_route',
  },
  { name: 'no route, plain from the underlay', packet: udp(HOST6, HOST6), verdict: 'not_for_us' },
  {
    name: 'the longest prefix decides',
    config: tables(
      [...network.tunnels],
      [route('10.0.0.0/8', 0), route('10.1.0.4/30', 1), route('0.0.0.0/0', 2)],
    ),
    packet: out(1),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(2), gre: { key: 42 }, inner: forwarded(1) })],
    encapsulated: { keyed: [1, 40] },
  },
  {
    name: 'the default route takes what nothing else matches',
    config: tables([...network.tunnels], [route('10.1.0.4/30', 1), route('0.0.0.0/0', 0)]),
    packet: out(2),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: forwarded(2) })],
    encapsulated: { plain: [1, 40] },
  },
  {
    name: 'an IPv4 default route is none for IPv6',
    config: tables([...network.tunnels], [route('0.0.0.0/0', 0)]),
    packet: udp(HOST6, HOST6),
    verdict: 'not_for_us',
  },
  {
    name: 'a host route of IPv6',
    config: tables([...network.tunnels], [route('2001:db8:1::/48', 1), route('2001:db8:1::5/128', 0)]),
    packet: udp(HOST6, '2001:db8:1::5'),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: udp(HOST6, '2001:db8:1::5', { ttl: 59 }) })],
    encapsulated: { plain: [1, 60] },
  },

  {
    name: 'encapsulation with key',
    packet: out(2),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(2), gre: { key: 42 }, inner: forwarded(2) })],
    encapsulated: { keyed: [1, 40] },
  },
  {
    name: 'encapsulation with checksum',
    packet: out(3),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(3), gre: { checksum: true }, inner: forwarded(3) })],
    encapsulated: { summed: [1, 40] },
  },
  {
    name: 'encapsulation with checksum over an odd number of bytes',
    packet: udp(HOST, '10.3.0.5', {}, 13),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(3), gre: { checksum: true }, inner: udp(HOST, '10.3.0.5', { ttl: 59 }, 13) })],
    encapsulated: { summed: [1, 41] },
  },
  {
    name: 'encapsulation with checksum, key and sequence number',
    packet: out(4),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(4), gre: { checksum: true, key: 7, sequence: 0 }, inner: forwarded(4) })],
    encapsulated: { all: [1, 40] },
  },
  {
    name: 'encapsulation of IPv6 with checksum, key and sequence number',
    packet: udp(HOST6, '2001:db8:4::5'),
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(4),
        gre: { checksum: true, key: 7, sequence: 0 },
        inner: udp(HOST6, '2001:db8:4::5', { ttl: 59 }),
      }),
    ],
    encapsulated: { all: [1, 60] },
  },
  {
    name: 'encapsulation in IPv6',
    packet: out(5),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(5), gre: {}, inner: forwarded(5) })],
    hashed: [flowLabel(0)],
    encapsulated: { six: [1, 40] },
  },
  {
    name: 'encapsulation of IPv6 in IPv6',
    packet: udp(HOST6, '2001:db8:5::5', { flowLabel: 0x12345 }),
    verdict: 'delivered_underlay',
    out: [
      underlay({ ip: to(5), gre: {}, inner: udp(HOST6, '2001:db8:5::5', { ttl: 59, flowLabel: 0x12345 }) }),
    ],
    hashed: [flowLabel(0)],
    encapsulated: { six: [1, 60] },
  },
  {
    name: 'encapsulation in gretap from the Internet: a made Ethernet header',
    packet: udp(HOST6, '2001:db8:6::5'),
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(6),
        gre: {},
        inner: {
          link: 'ethernet',
          destinationMac: '02:00:cb:00:71:06',
          sourceMac: '02:00:c6:33:64:01',
          ...udp(HOST6, '2001:db8:6::5', { ttl: 59 }),
        },
      }),
    ],
    encapsulated: { tap: [1, 74] },
  },
  {
    name: 'encapsulation in gretap from an Ethernet overlay: its own header',
    side: Side.OVERLAY,
    packet: {
      link: 'ethernet',
      sourceMac: '02:00:00:00:cc:cc',
      destinationMac: '02:00:00:00:dd:dd',
      ...out(6),
    },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(6),
        gre: {},
        inner: {
          link: 'ethernet',
          sourceMac: '02:00:00:00:cc:cc',
          destinationMac: '02:00:00:00:dd:dd',
          ...out(6),
        },
      }),
    ],
    encapsulated: { tap: [1, 54] },
  },
  {
    name: "the tunnel's TTL",
    config: changed('plain', { ttl: 255 }),
    packet: out(1),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1, { ttl: 255 }), gre: {}, inner: forwarded(1) })],
    encapsulated: { plain: [1, 40] },
  },
  ...[0, 1, 2, 3].map((ecn): Case => ({
    name: `DSCP is inherited and ECN ${ecn} copied`,
    packet: out(1, { tos: (46 << 2) | ecn }),
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(1, { tos: (46 << 2) | ecn }),
        gre: {},
        inner: forwarded(1, { tos: (46 << 2) | ecn }),
      }),
    ],
    encapsulated: { plain: [1, 40] },
  })),
  ...[0, 1, 2, 3].map((ecn): Case => ({
    name: `the tunnel's DSCP, and ECN ${ecn} copied, in IPv6`,
    config: changed('six', { dscp: 10 }),
    packet: udp(HOST6, '2001:db8:5::5', { tos: (46 << 2) | ecn }),
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(5, { tos: (10 << 2) | ecn }),
        gre: {},
        inner: udp(HOST6, '2001:db8:5::5', { ttl: 59, tos: (46 << 2) | ecn }),
      }),
    ],
    hashed: [flowLabel(0)],
    encapsulated: { six: [1, 60] },
  })),

  {
    name: 'IPv4 options stay in the inner header',
    packet: out(1, { options: [148, 4, 0, 0] }),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: forwarded(1, { options: [148, 4, 0, 0] }) })],
    encapsulated: { plain: [1, 44] },
  },
  {
    name: 'a wrong transport checksum is none of our business',
    packet: { ...out(1), udp: { checksum: 0x1234 } },
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: { ...forwarded(1), udp: { checksum: 0x1234 } } })],
    encapsulated: { plain: [1, 40] },
  },
  {
    name: 'a fragment of a plain packet is routed like any other',
    packet: out(1, { fragmentOffset: 800, moreFragments: true }),
    verdict: 'delivered_underlay',
    out: [
      underlay({ ip: to(1), gre: {}, inner: forwarded(1, { fragmentOffset: 800, moreFragments: true }) }),
    ],
    encapsulated: { plain: [1, 40] },
  },
  {
    name: 'the IPv4 header checksum that RFC 1624 gives where 0xffff and 0 meet',
    // Checksum 0xfeff becomes 0xffff or 0x0000 with TTL − 1: only 0x0000 is what RFC 791 computes.
    packet: ttlEdge(60),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: ttlEdge(59) })],
    encapsulated: { plain: [1, 40] },
  },
];

/** `out(1)` with an identification that makes the header checksum 0xfeff at TTL 60. */
function ttlEdge(ttl: number): FrameSpec {
  const checksum = buildPacket(out(1, { ttl: 60, id: 0 }));
  const at0 = (checksum[10]! << 8) | checksum[11]!;
  // The checksum goes down by what the identification goes up.
  const id = (at0 - 0xfeff + 0xffff) % 0xffff;
  return out(1, { ttl, id });
}
