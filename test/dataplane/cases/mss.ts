/** docs/dataplane.md, section 9: the MSS clamp. Tunnel 8: 1436/1416 into it, 1400/1380 out of it. */
import { Side } from '../../../src/dataplane/packet-vector.js';
import {
  buildPacket,
  mssOption,
  type FrameSpec,
  type IpSpec,
  type TcpSpec,
} from '../../../src/wire/build.js';
import { changed, from, HOST, HOST6, NO_CLAMP, overlay, to, udp, underlay, type Case } from './case.js';

const NOP = 1;
const syn = (
  options: readonly number[],
  ip: Partial<IpSpec> = {},
  tcp: Partial<TcpSpec> = {},
): FrameSpec => ({
  ip: { source: HOST, destination: '10.8.0.5', ttl: 60, dontFragment: true, ...ip },
  tcp: { sourcePort: 40001, destinationPort: 443, sequence: 0x1234567, syn: true, options, ...tcp },
});
const six = { source: HOST6, destination: '2001:db8:8::5' };

/** A SYN with these options from the Internet into tunnel 8 has those options afterwards. */
function clamp(
  name: string,
  before: readonly number[],
  after: readonly number[],
  ip: Partial<IpSpec> = {},
  tcp: Partial<TcpSpec> = {},
): Case {
  const length = buildPacket(syn(before, ip, tcp)).length;
  return {
    name,
    packet: syn(before, ip, tcp),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(8), gre: {}, inner: syn(after, { ...ip, ttl: 59 }, tcp) })],
    counters: { mss_clamped: 1 },
    encapsulated: { clamped: [1, length] },
  };
}

/** As `clamp`, but nothing may change. */
function untouched(
  name: string,
  options: readonly number[],
  ip: Partial<IpSpec> = {},
  tcp: Partial<TcpSpec> = {},
): Case {
  return { ...clamp(name, options, options, ip, tcp), counters: {} };
}

/** As `clamp`, with an option list that ends badly: the checksum is updated only for what changed. */
function malformed(
  name: string,
  before: readonly number[],
  after: readonly number[] = before,
  tcp: Partial<TcpSpec> = {},
): Case {
  const clamped = before === after ? {} : { mss_clamped: 1 };
  return { ...clamp(name, before, after, {}, tcp), counters: { ...clamped, mss_malformed: 1 } };
}

const linux = (mss: number): number[] => [
  ...mssOption(mss),
  4,
  2,
  8,
  10,
  0,
  0,
  0,
  1,
  0,
  0,
  0,
  0,
  NOP,
  3,
  3,
  7,
];

/** A TCP header cut to `bytes` by the IP packet's length. */
const shortTcp = (bytes: number, ttl: number): FrameSpec => ({
  ip: { source: HOST, destination: '10.8.0.5', ttl, protocol: 6 },
  payload: buildPacket(syn(mssOption(1460))).slice(20, 20 + bytes),
});

export const mssCases: Case[] = [
  clamp('1460 becomes 1436', mssOption(1460), mssOption(1436)),
  untouched('1436 stays', mssOption(1436)),
  clamp('1437 becomes 1436', mssOption(1437), mssOption(1436)),
  untouched('1000 is not raised', mssOption(1000)),
  untouched('0 is not raised', mssOption(0)),
  clamp('65535 becomes 1436', mssOption(65535), mssOption(1436)),
  untouched('none is added', []),
  untouched('none is added to other options', [4, 2, NOP, NOP]),
  clamp('SYN-ACK', mssOption(1460), mssOption(1436), {}, { ack: true, acknowledgment: 77 }),
  untouched('no SYN, no clamp', mssOption(1460), {}, { syn: false, ack: true }),
  clamp('all options of Linux', linux(1460), linux(1436)),
  clamp('behind one NOP: odd offset', [NOP, ...mssOption(1460)], [NOP, ...mssOption(1436)]),
  clamp('behind two NOPs', [NOP, NOP, ...mssOption(1460)], [NOP, NOP, ...mssOption(1436)]),
  clamp('behind three NOPs', [NOP, NOP, NOP, ...mssOption(1460)], [NOP, NOP, NOP, ...mssOption(1436)]),
  clamp(
    'behind window scale (3 bytes): odd offset, low byte beyond a carry',
    [3, 3, 7, ...mssOption(0xff00)],
    [3, 3, 7, ...mssOption(1436)],
  ),
  clamp(
    'as the last of 40 bytes of options',
    [...Array<number>(36).fill(NOP), ...mssOption(1460)],
    [...Array<number>(36).fill(NOP), ...mssOption(1436)],
  ),
  clamp(
    'two MSS options: both are lowered, the packet counts once',
    [...mssOption(1460), ...mssOption(9000)],
    [...mssOption(1436), ...mssOption(1436)],
  ),
  clamp(
    'one high, one low: only the high one is lowered',
    [...mssOption(536), ...mssOption(1460)],
    [...mssOption(536), ...mssOption(1436)],
  ),
  untouched('behind end-of-list nothing is looked at', [0, NOP, NOP, NOP, ...mssOption(1460)]),
  clamp('with IPv4 options', mssOption(1460), mssOption(1436), { options: [148, 4, 0, 0] }),
  clamp('a first fragment', mssOption(1460), mssOption(1436), { dontFragment: false, moreFragments: true }),
  untouched('a later fragment that looks like a SYN', mssOption(1460), {
    dontFragment: false,
    fragmentOffset: 800,
  }),
  {
    ...clamp('a wrong TCP checksum is updated all the same (RFC 1624)', mssOption(1460), mssOption(1436)),
    // 1460 − 1436 = 24: the checksum goes up by what the word went down.
    packet: syn(mssOption(1460), {}, { checksum: 0x1000 }),
    out: [underlay({ ip: to(8), gre: {}, inner: syn(mssOption(1436), { ttl: 59 }, { checksum: 0x1018 }) })],
  },

  malformed('option length 0', [5, 0, ...mssOption(1460), NOP, NOP]),
  malformed('option length 1', [5, 1, ...mssOption(1460), NOP, NOP]),
  malformed('an option beyond the header', [8, 10, 0, 0]),
  malformed('a kind without its length', [NOP, NOP, NOP, 8]),
  malformed('an MSS option of length 3', [2, 3, 0xff, NOP]),
  malformed('an MSS option of length 6', [2, 6, 0xff, 0xff, 0, 0, NOP, NOP]),
  malformed('an MSS option cut by the data offset', [NOP, NOP, 2, 4]),
  malformed(
    'what was found before stays clamped',
    [...mssOption(1460), 5, 0, NOP, NOP],
    [...mssOption(1436), 5, 0, NOP, NOP],
  ),
  malformed('data offset 4', mssOption(1460), undefined, { dataOffset: 4 }),
  malformed('data offset beyond the packet', mssOption(1460), undefined, { dataOffset: 15 }),
  {
    name: '19 bytes of TCP are left alone',
    packet: shortTcp(19, 60),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(8), gre: {}, inner: shortTcp(19, 59) })],
    encapsulated: { clamped: [1, 39] },
  },
  {
    name: '20 bytes of TCP whose options are not there',
    packet: shortTcp(20, 60),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(8), gre: {}, inner: shortTcp(20, 59) })],
    counters: { mss_malformed: 1 },
    encapsulated: { clamped: [1, 40] },
  },

  clamp('IPv6: 1440 becomes 1416', mssOption(1440), mssOption(1416), six),
  clamp('IPv6: odd offset', [NOP, ...mssOption(1440)], [NOP, ...mssOption(1416)], six),
  ...(
    [
      ['hop-by-hop options', [{ header: 0 }]],
      ['a routing header', [{ header: 43, size: 16 }]],
      ['destination options', [{ header: 60, size: 24 }]],
      ['an authentication header', [{ header: 51 }]],
      ['an authentication header of 12 bytes', [{ header: 51, size: 12 }]],
      ['a first fragment', [{ header: 44, more: true, id: 9 }]],
      ['an atomic fragment', [{ header: 44, id: 9 }]],
      ['four headers', [{ header: 0 }, { header: 60 }, { header: 51 }, { header: 60 }]],
    ] as const
  ).map(([name, extensions]) =>
    clamp(`IPv6 with ${name}`, mssOption(1440), mssOption(1416), { ...six, extensions }),
  ),
  untouched('IPv6: a later fragment that looks like a SYN', mssOption(1440), {
    ...six,
    extensions: [{ header: 44, offset: 800, id: 9 }],
  }),
  untouched('IPv6: ESP is not walked', mssOption(1440), {
    ...six,
    extensions: [{ header: 50 }],
  }),

  {
    name: 'out of the tunnel to the overlay: its limit in that direction',
    packet: { ip: from(8), gre: {}, inner: syn(mssOption(1460), { source: '10.8.0.5', destination: HOST }) },
    verdict: 'delivered_overlay',
    out: [overlay(syn(mssOption(1400), { source: '10.8.0.5', destination: HOST }))],
    counters: { mss_clamped: 1 },
    decapsulated: { clamped: [1, 44] },
  },
  {
    name: 'from the overlay into the tunnel',
    side: Side.OVERLAY,
    packet: syn(mssOption(1460)),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(8), gre: {}, inner: syn(mssOption(1436)) })],
    counters: { mss_clamped: 1 },
    encapsulated: { clamped: [1, 44] },
  },
  {
    name: 'between tunnels the lower limit counts: that of arrival',
    config: changed('plain', { clampTo: { v4: 1430, v6: 1410 } }),
    packet: {
      ip: from(8),
      gre: {},
      inner: syn(mssOption(1460), { source: '10.8.0.5', destination: '10.1.0.5' }),
    },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(1),
        gre: {},
        inner: syn(mssOption(1400), { source: '10.8.0.5', destination: '10.1.0.5', ttl: 59 }),
      }),
    ],
    counters: { mss_clamped: 1 },
    decapsulated: { clamped: [1, 44] },
    encapsulated: { plain: [1, 44] },
  },
  {
    name: 'between tunnels the lower limit counts: that of departure',
    config: changed('plain', { clampTo: { v4: 1300, v6: 1280 } }),
    packet: {
      ip: from(8),
      gre: {},
      inner: syn(mssOption(1460), { source: '10.8.0.5', destination: '10.1.0.5' }),
    },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(1),
        gre: {},
        inner: syn(mssOption(1300), { source: '10.8.0.5', destination: '10.1.0.5', ttl: 59 }),
      }),
    ],
    counters: { mss_clamped: 1 },
    decapsulated: { clamped: [1, 44] },
    encapsulated: { plain: [1, 44] },
  },
  {
    name: 'a clamp in one direction only',
    config: changed('clamped', { clampTo: NO_CLAMP }),
    packet: syn(mssOption(1460)),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(8), gre: {}, inner: syn(mssOption(1460), { ttl: 59 }) })],
    encapsulated: { clamped: [1, 44] },
  },
  {
    name: 'no clamp, no count of malformed options',
    config: changed('clamped', { clampTo: NO_CLAMP, clampFrom: NO_CLAMP }),
    packet: syn([5, 0, ...mssOption(1460), NOP, NOP]),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(8), gre: {}, inner: syn([5, 0, ...mssOption(1460), NOP, NOP], { ttl: 59 }) })],
    encapsulated: { clamped: [1, 48] },
  },
  {
    name: 'UDP that looks like a SYN',
    packet: { ...udp(HOST, '10.8.0.5'), payload: buildPacket(syn(mssOption(1460))) },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(8),
        gre: {},
        inner: { ...udp(HOST, '10.8.0.5', { ttl: 59 }), payload: buildPacket(syn(mssOption(1460))) },
      }),
    ],
    encapsulated: { clamped: [1, 28 + 44] },
  },
  {
    name: 'gretap: the SYN in the frame is clamped',
    config: changed('tap', { clampFrom: { v4: 1422, v6: 1402 } }),
    packet: {
      ip: from(6),
      gre: {},
      inner: {
        link: 'ethernet',
        ...syn([NOP, ...mssOption(1460)], { source: '10.6.0.5', destination: HOST }),
      },
    },
    verdict: 'delivered_overlay',
    out: [
      overlay({
        link: 'ethernet',
        ...syn([NOP, ...mssOption(1422)], { source: '10.6.0.5', destination: HOST }),
      }),
    ],
    counters: { mss_clamped: 1 },
    decapsulated: { tap: [1, 14 + 48] },
  },
];
