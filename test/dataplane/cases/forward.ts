/** docs/dataplane.md, section 6: between tunnels, and the TTL. */
import { Side } from '../../../src/dataplane/packet-vector.js';
import { type FrameSpec } from '../../../src/wire/build.js';
import {
  changed,
  flowLabel,
  from,
  HOST,
  HOST6,
  overlay,
  quote,
  to,
  udp,
  underlay,
  type Case,
} from './case.js';

const out = (x: number, more: Parameters<typeof udp>[2] = {}): FrameSpec => udp(HOST, `10.${x}.0.5`, more);
/** UDP from customer 1 to customer x. */
const hairpin = (x: number, more: Parameters<typeof udp>[2] = {}): FrameSpec => ({
  ip: from(1),
  gre: {},
  inner: udp('10.1.0.5', `10.${x}.0.5`, more),
});

/** ICMP time exceeded about a packet that was to enter tunnel 1 (interface address 10.100.0.2). */
const timeExceeded = (about: FrameSpec, destination = HOST): FrameSpec => ({
  ip: { source: '10.100.0.2', destination, tos: 0xc0, dontFragment: true },
  icmp: { type: 11 },
  payload: quote(about),
});

export const forwardCases: Case[] = [
  {
    name: 'from tunnel to tunnel: TTL goes down by one',
    packet: hairpin(2),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(2), gre: { key: 42 }, inner: udp('10.1.0.5', '10.2.0.5', { ttl: 59 }) })],
    decapsulated: { plain: [1, 40] },
    encapsulated: { keyed: [1, 40] },
  },
  {
    name: 'from tunnel to tunnel: IPv4 tunnel to IPv6 tunnel',
    packet: hairpin(5),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(5), gre: {}, inner: udp('10.1.0.5', '10.5.0.5', { ttl: 59 }) })],
    hashed: [flowLabel(0)],
    decapsulated: { plain: [1, 40] },
    encapsulated: { six: [1, 40] },
  },
  {
    name: 'from tunnel to tunnel: the combined ECN goes into the next outer header',
    packet: { ip: from(1, { tos: 3 }), gre: {}, inner: udp('10.1.0.5', '10.2.0.5', { tos: 0x29 }) },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(2, { tos: 0x2b }),
        gre: { key: 42 },
        inner: udp('10.1.0.5', '10.2.0.5', { ttl: 59, tos: 0x2b }),
      }),
    ],
    decapsulated: { plain: [1, 40] },
    encapsulated: { keyed: [1, 40] },
  },
  {
    name: 'back into the tunnel of arrival',
    packet: hairpin(1),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: udp('10.1.0.5', '10.1.0.5', { ttl: 59 }) })],
    decapsulated: { plain: [1, 40] },
    encapsulated: { plain: [1, 40] },
  },
  {
    name: 'from gretap to gretap: the frame keeps its header',
    config: changed('keyed', { mode: 'gretap', mtu: 1458 }),
    packet: {
      ip: from(6),
      gre: {},
      inner: {
        link: 'ethernet',
        vlan: 3,
        sourceMac: '02:00:00:00:cc:cc',
        destinationMac: '02:00:00:00:dd:dd',
        ...udp('10.6.0.5', '10.2.0.5'),
      },
    },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(2),
        gre: { key: 42 },
        inner: {
          link: 'ethernet',
          vlan: 3,
          sourceMac: '02:00:00:00:cc:cc',
          destinationMac: '02:00:00:00:dd:dd',
          ...udp('10.6.0.5', '10.2.0.5', { ttl: 59 }),
        },
      }),
    ],
    decapsulated: { tap: [1, 58] },
    encapsulated: { keyed: [1, 58] },
  },
  {
    name: 'TTL 2 is forwarded as 1',
    packet: out(1, { ttl: 2 }),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: out(1, { ttl: 1 }) })],
    encapsulated: { plain: [1, 40] },
  },
  ...[1, 0].map((ttl): Case => ({
    name: `TTL ${ttl} from the Internet: time exceeded, plain, to the underlay`,
    packet: { link: 'ethernet', vlan: 4, ...out(1, { ttl }) },
    verdict: 'ttl_exceeded',
    out: [
      underlay({
        link: 'ethernet',
        vlan: 4,
        sourceMac: '02:00:00:00:00:02',
        destinationMac: '02:00:00:00:00:01',
        ...timeExceeded(out(1, { ttl })),
      }),
    ],
    counters: { icmp_errors: 1 },
  })),
  {
    name: 'TTL 1 from a tunnel: time exceeded goes back through that tunnel',
    packet: { ip: from(2), gre: { key: 42 }, inner: udp('10.2.0.5', '10.1.0.5', { ttl: 1 }) },
    verdict: 'ttl_exceeded',
    out: [
      underlay({
        ip: to(2, { tos: 0xc0 }),
        gre: { key: 42 },
        inner: timeExceeded(udp('10.2.0.5', '10.1.0.5', { ttl: 1 }), '10.2.0.5'),
      }),
    ],
    counters: { icmp_errors: 1 },
    decapsulated: { keyed: [1, 40] },
    encapsulated: { keyed: [1, 68] },
  },
  {
    name: 'hop limit 1: ICMPv6 time exceeded',
    packet: udp(HOST6, '2001:db8:1::5', { ttl: 1, tos: 0x28 }),
    verdict: 'ttl_exceeded',
    out: [
      underlay({
        ip: { source: 'fd00::8', destination: HOST6 },
        icmp: { type: 3 },
        payload: quote(udp(HOST6, '2001:db8:1::5', { ttl: 1, tos: 0x28 })),
      }),
    ],
    counters: { icmp_errors: 1 },
  },
  {
    name: 'TTL 1 from the overlay: the kernel there has already forwarded',
    side: Side.OVERLAY,
    packet: out(1, { ttl: 1 }),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: out(1, { ttl: 1 }) })],
    encapsulated: { plain: [1, 40] },
  },
  {
    name: 'TTL 1 from a tunnel to the overlay: the kernel there will forward',
    packet: { ip: from(1), gre: {}, inner: udp('10.1.0.5', HOST, { ttl: 1 }) },
    verdict: 'delivered_overlay',
    out: [overlay(udp('10.1.0.5', HOST, { ttl: 1 }))],
    decapsulated: { plain: [1, 40] },
  },
  {
    name: 'TTL is looked at before the MTU',
    packet: udp(HOST, '10.1.0.5', { ttl: 1, dontFragment: true }, 1472),
    verdict: 'ttl_exceeded',
    out: [
      underlay({
        ip: { source: '10.100.0.2', destination: HOST, tos: 0xc0, dontFragment: true },
        icmp: { type: 11 },
        payload: quote(udp(HOST, '10.1.0.5', { ttl: 1, dontFragment: true }, 1472), 548),
      }),
    ],
    counters: { icmp_errors: 1 },
  },
];
