/** docs/dataplane.md, section 4: the payload: inner headers, allowed sources, ECN, gretap, nesting. */
import { addressBytes, buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { route, tables, tunnel } from '../harness.js';
import { changed, from, HOST, HOST6, NO_CLAMP, OURS, overlay, to, udp, underlay, type Case } from './case.js';

const inner = (more: Parameters<typeof udp>[2]): FrameSpec => udp('10.1.0.5', HOST, more);
const inner6 = (more: Parameters<typeof udp>[2]): FrameSpec => udp('2001:db8:1::5', HOST6, more);
const carried = (content: FrameSpec, more: Parameters<typeof from>[1] = {}): FrameSpec => ({
  link: 'ethernet',
  ip: from(1, more),
  gre: {},
  inner: content,
});
const tapped = (content: FrameSpec, more: Parameters<typeof from>[1] = {}): FrameSpec => ({
  link: 'ethernet',
  ip: from(6, more),
  gre: {},
  inner: {
    link: 'ethernet',
    sourceMac: '02:00:00:00:cc:cc',
    destinationMac: '02:00:00:00:dd:dd',
    ...content,
  },
});
const guarded = (source: string): FrameSpec => ({ ip: from(7), gre: {}, inner: udp(source, HOST) });

/** RFC 6040, figure 4: the inner ECN field (row) after decapsulation, by the outer one (column). */
const ECN_NAMES = ['Not-ECT', 'ECT(1)', 'ECT(0)', 'CE'] as const;
const DROP = -1;
const ECN_TABLE: Record<number, readonly [number, number, number, number]> = {
  // outer:  Not-ECT ECT(1) ECT(0) CE
  0: [0, 0, 0, DROP],
  1: [1, 1, 1, 3],
  2: [2, 1, 2, 3],
  3: [3, 3, 3, 3],
};

const ecnCases = Object.entries(ECN_TABLE).flatMap(([row, columns]) =>
  columns.flatMap((result, outer): Case[] => {
    const arriving = Number(row);
    return ([inner, inner6] as const).map((make, i): Case => {
      const bytes = i === 0 ? 40 : 60;
      return {
        name: `ECN, IPv${i === 0 ? 4 : 6}: outer ${ECN_NAMES[outer]!}, inner ${ECN_NAMES[arriving]!}`,
        packet: carried(make({ tos: 0x48 | arriving }), { tos: 0xb8 | outer }),
        ...(result === DROP
          ? { verdict: 'inner_ecn_invalid' }
          : {
              verdict: 'delivered_overlay',
              out: [overlay(make({ tos: 0x48 | result }))],
              decapsulated: { plain: [1, bytes] },
            }),
      };
    });
  }),
);

/** Tunnel `hidden` is reached through tunnel `outside`. */
const nestedNetwork = (depth: number): NonNullable<Case['config']> =>
  tables(
    [
      tunnel('outside', OURS, '203.0.113.1', { clampFrom: NO_CLAMP, clampTo: NO_CLAMP }),
      tunnel('hidden', OURS, '10.1.0.99', { clampFrom: NO_CLAMP, clampTo: NO_CLAMP, key: 5 }),
    ],
    [route('10.9.0.0/16', 0)],
    depth,
  );
const nested = (more: Parameters<typeof from>[1] = {}, content = inner({})): FrameSpec => ({
  link: 'ethernet',
  ip: from(1),
  gre: {},
  inner: { ip: { source: '10.1.0.99', destination: OURS, ttl: 9, ...more }, gre: { key: 5 }, inner: content },
});

export const innerCases: Case[] = [
  {
    name: 'inner version 6 behind protocol type IPv4',
    packet: carried(inner({ version: 6 })),
    verdict: 'inner_bad_version',
  },
  {
    name: 'inner version 4 behind protocol type IPv6',
    packet: carried(inner6({ version: 4 })),
    verdict: 'inner_bad_version',
  },
  { name: 'inner IHL 4', packet: carried(inner({ headerLength: 4 })), verdict: 'inner_bad_header_length' },
  {
    name: 'inner total length 19',
    packet: carried(inner({ length: 19 })),
    verdict: 'inner_bad_header_length',
  },
  { name: 'no inner byte', packet: carried({ ...inner({}), truncate: 0 }), verdict: 'inner_truncated' },
  { name: '19 inner bytes', packet: carried({ ...inner({}), truncate: 19 }), verdict: 'inner_truncated' },
  {
    name: '39 of 40 inner bytes',
    packet: carried({ ...inner({}), truncate: 39 }),
    verdict: 'inner_truncated',
  },
  {
    name: 'an inner packet that the frame has, but not the outer packet',
    packet: { ...carried(inner({ length: 46 })), padding: 6 },
    verdict: 'inner_truncated',
  },
  {
    name: '39 bytes of inner IPv6',
    packet: carried({ ...inner6({}), truncate: 39 }),
    verdict: 'inner_truncated',
  },
  {
    name: 'inner IPv6 longer than the payload',
    packet: carried(inner6({ length: 21 })),
    verdict: 'inner_truncated',
  },
  { name: 'inner checksum wrong', packet: carried(inner({ checksum: 1 })), verdict: 'inner_bad_checksum' },
  {
    name: 'inner header with options',
    packet: carried(inner({ options: [148, 4, 0, 0] })),
    verdict: 'delivered_overlay',
    out: [overlay(inner({ options: [148, 4, 0, 0] }))],
    decapsulated: { plain: [1, 44] },
  },
  {
    name: 'an inner source in allowed_sources',
    packet: guarded('10.7.255.255'),
    verdict: 'delivered_overlay',
    out: [overlay(udp('10.7.255.255', HOST))],
    decapsulated: { guarded: [1, 40] },
  },
  {
    name: 'an inner source beside allowed_sources',
    packet: guarded('10.8.0.0'),
    verdict: 'inner_source_denied',
  },
  {
    name: 'a family that allowed_sources does not name',
    packet: { ip: from(7), gre: {}, inner: inner6({}) },
    verdict: 'inner_source_denied',
  },
  {
    name: 'the second prefix of allowed_sources',
    config: changed('guarded', {
      allowedSources: [
        { address: addressBytes('10.7.0.0'), length: 16 },
        { address: addressBytes('192.0.2.128'), length: 25 },
      ],
    }),
    packet: guarded('192.0.2.129'),
    verdict: 'delivered_overlay',
    out: [overlay(udp('192.0.2.129', HOST))],
    decapsulated: { guarded: [1, 40] },
  },
  {
    name: 'an IPv6 source in allowed_sources',
    config: changed('guarded', { allowedSources: [{ address: addressBytes('2001:db8:1::'), length: 48 }] }),
    packet: { ip: from(7), gre: {}, inner: inner6({}) },
    verdict: 'delivered_overlay',
    out: [overlay(inner6({}))],
    decapsulated: { guarded: [1, 60] },
  },
  {
    name: 'an empty allowed_sources denies all',
    config: changed('guarded', { allowedSources: [] }),
    packet: guarded('10.7.0.1'),
    verdict: 'inner_source_denied',
  },
  {
    name: 'a denied source is named before a bad ECN field',
    packet: { ip: from(7, { tos: 3 }), gre: {}, inner: udp('10.8.0.0', HOST) },
    verdict: 'inner_source_denied',
  },
  ...ecnCases,

  {
    name: 'gretap: the frame goes to the overlay as it is',
    packet: tapped(inner({})),
    verdict: 'delivered_overlay',
    out: [overlay(buildPacket(tapped(inner({})).inner!), 1)],
    decapsulated: { tap: [1, 54] },
  },
  {
    name: 'gretap: padding and tag of the frame are kept',
    packet: tapped({ ...inner({}), vlan: 7, padding: 2 }),
    verdict: 'delivered_overlay',
    out: [overlay(buildPacket(tapped({ ...inner({}), vlan: 7, padding: 2 }).inner!), 1)],
    decapsulated: { tap: [1, 60] },
  },
  {
    name: 'gretap: ARP is delivered without a further look',
    packet: tapped({ etherType: 0x0806, payload: 28 }),
    verdict: 'delivered_overlay',
    out: [overlay(buildPacket(tapped({ etherType: 0x0806, payload: 28 }).inner!), 1)],
    decapsulated: { tap: [1, 42] },
  },
  {
    name: 'gretap: a frame of 13 bytes',
    packet: tapped({ ...inner({}), truncate: 13 }),
    verdict: 'inner_truncated',
  },
  {
    name: 'gretap: a frame that ends in its tag',
    packet: tapped({ ...inner({}), vlan: 7, truncate: 17 }),
    verdict: 'inner_truncated',
  },
  {
    name: 'gretap: the IP header in the frame is checked',
    packet: tapped(inner({ checksum: 1 })),
    verdict: 'inner_bad_checksum',
  },
  {
    name: 'gretap: the IPv6 header behind a tag is checked',
    packet: tapped({ ...inner6({ version: 4 }), vlan: 7 }),
    verdict: 'inner_bad_version',
  },
  {
    name: 'gretap: the inner source is checked',
    config: changed('tap', { allowedSources: [{ address: addressBytes('10.6.0.0'), length: 16 }] }),
    packet: tapped(inner({})),
    verdict: 'inner_source_denied',
  },
  {
    name: 'gretap: ECN is combined',
    packet: tapped(inner({ tos: 2 }), { tos: 3 }),
    verdict: 'delivered_overlay',
    out: [overlay(buildPacket(tapped(inner({ tos: 3 })).inner!), 1)],
    decapsulated: { tap: [1, 54] },
  },
  {
    name: 'gretap: GRE for us in the frame is not unpacked again',
    packet: tapped({ ip: from(1), gre: {}, inner: inner({}) }),
    verdict: 'delivered_overlay',
    out: [overlay(buildPacket(tapped({ ip: from(1), gre: {}, inner: inner({}) }).inner!), 1)],
    decapsulated: { tap: [1, 14 + 64] },
  },

  {
    name: 'nesting beyond the default depth of 1',
    config: nestedNetwork(1),
    packet: nested(),
    verdict: 'nesting_too_deep',
    decapsulated: { outside: [1, 68] },
  },
  {
    name: 'nesting within depth 2',
    config: nestedNetwork(2),
    packet: nested(),
    verdict: 'delivered_overlay',
    out: [overlay(inner({}))],
    decapsulated: { outside: [1, 68], hidden: [1, 40] },
  },
  {
    name: 'nesting: three levels with depth 2',
    config: nestedNetwork(2),
    packet: nested({}, { ip: { source: '10.1.0.99', destination: OURS }, gre: { key: 5 }, inner: inner({}) }),
    verdict: 'nesting_too_deep',
    decapsulated: { outside: [1, 96], hidden: [1, 68] },
  },
  {
    name: 'nesting: an inner fragment of GRE for us counts as GRE for us',
    config: nestedNetwork(1),
    packet: nested({ moreFragments: true }),
    verdict: 'nesting_too_deep',
    decapsulated: { outside: [1, 68] },
  },
  {
    name: 'nesting: an inner fragment within the depth is an outer fragment',
    config: nestedNetwork(2),
    packet: nested({ moreFragments: true }),
    verdict: 'outer_fragment',
    decapsulated: { outside: [1, 68] },
  },
  {
    name: 'nesting: ECN of the middle header reaches the innermost',
    config: nestedNetwork(2),
    packet: nested({ tos: 3 }, inner({ tos: 2 })),
    verdict: 'delivered_overlay',
    out: [overlay(inner({ tos: 3 }))],
    decapsulated: { outside: [1, 68], hidden: [1, 40] },
  },
  {
    name: 'inner GRE for somebody else is just a packet',
    packet: carried({ ip: { source: '10.1.0.5', destination: HOST }, gre: {}, inner: inner({}) }),
    verdict: 'delivered_overlay',
    out: [overlay({ ip: { source: '10.1.0.5', destination: HOST }, gre: {}, inner: inner({}) })],
    decapsulated: { plain: [1, 64] },
  },

  {
    name: 'gretap to a plain tunnel: the IP packet goes on without its frame',
    packet: { ...tapped(udp('10.6.0.5', '10.1.0.5')), link: 'raw' },
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: udp('10.6.0.5', '10.1.0.5', { ttl: 59 }) })],
    decapsulated: { tap: [1, 54] },
    encapsulated: { plain: [1, 40] },
  },
  {
    name: 'a plain tunnel to gretap: a made Ethernet header',
    packet: { ...carried(udp('10.1.0.5', '10.6.0.5')), link: 'raw' },
    verdict: 'delivered_underlay',
    out: [
      underlay({
        ip: to(6),
        gre: {},
        inner: {
          link: 'ethernet',
          destinationMac: '02:00:cb:00:71:06',
          sourceMac: '02:00:c6:33:64:01',
          ...udp('10.1.0.5', '10.6.0.5', { ttl: 59 }),
        },
      }),
    ],
    decapsulated: { plain: [1, 40] },
    encapsulated: { tap: [1, 54] },
  },
];
