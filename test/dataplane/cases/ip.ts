/** docs/dataplane.md, sections 2 and 3: the outermost IP header, and what counts as GRE for us. */
import { buildPacket, type ExtensionSpec, type FrameSpec } from '../../../src/wire/build.js';
import { from, HOST, OURS, OURS6, overlay, udp, type Case } from './case.js';

const inner = udp('10.1.0.5', HOST);
const v4 = (more: Parameters<typeof from>[1]): FrameSpec => ({
  link: 'ethernet',
  ip: from(1, more),
  gre: {},
  inner,
});
const v6 = (more: Parameters<typeof from>[1]): FrameSpec => ({
  link: 'ethernet',
  ip: from(5, more),
  gre: {},
  inner,
});
const chain = (...extensions: ExtensionSpec[]): FrameSpec => v6({ extensions });
const taken = { decapsulated: { plain: [1, 40] } } satisfies Partial<Case>;
const taken6 = { decapsulated: { six: [1, 40] } } satisfies Partial<Case>;

export const ipCases: Case[] = [
  { name: 'no byte of raw IP', packet: new Uint8Array(0), verdict: 'ip_truncated' },
  { name: 'nibble 0, 19 bytes of raw IP', packet: new Uint8Array(19), verdict: 'ip_truncated' },
  { name: 'nibble 0, 20 bytes of raw IP', packet: new Uint8Array(20), verdict: 'ip_bad_version' },
  { name: 'version 6 behind ethertype IPv4', packet: v4({ version: 6 }), verdict: 'ip_bad_version' },
  { name: 'version 4 behind ethertype IPv6', packet: v6({ version: 4 }), verdict: 'ip_bad_version' },
  {
    name: '19 bytes of IPv4: truncated before the version is looked at',
    packet: { ...v4({ version: 5 }), truncate: 14 + 19 },
    verdict: 'ip_truncated',
  },
  { name: 'IHL 4', packet: v4({ headerLength: 4 }), verdict: 'ip_bad_header_length' },
  {
    name: 'IHL 15 with 20 bytes there',
    packet: { ...v4({ headerLength: 15 }), truncate: 14 + 59 },
    verdict: 'ip_truncated',
  },
  { name: 'total length below the header', packet: v4({ length: 19 }), verdict: 'ip_bad_header_length' },
  { name: 'total length one more than is there', packet: v4({ length: 65 }), verdict: 'ip_truncated' },
  { name: 'header checksum wrong', packet: v4({ checksum: 0x1234 }), verdict: 'ip_bad_checksum' },
  {
    name: 'a truncated packet with a wrong checksum is truncated',
    packet: v4({ length: 65, checksum: 0x1234 }),
    verdict: 'ip_truncated',
  },
  { name: '39 bytes of IPv6', packet: { ...v6({}), truncate: 14 + 39 }, verdict: 'ip_truncated' },
  { name: 'payload length one more than is there', packet: v6({ length: 45 }), verdict: 'ip_truncated' },
  {
    name: 'payload length 0 stands as it is: no GRE header then',
    packet: v6({ length: 0 }),
    verdict: 'gre_truncated',
  },
  {
    name: 'outer IPv4 options are passed',
    packet: v4({ options: [148, 4, 0, 0, 1, 1, 1, 0] }),
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    ...taken,
  },
  {
    name: 'the checksum covers the options',
    packet: ((): Uint8Array => {
      const bytes = buildPacket(v4({ options: [148, 4, 0, 0] }));
      bytes[14 + 23]! ^= 1;
      return bytes;
    })(),
    linkType: 1,
    verdict: 'ip_bad_checksum',
  },
  {
    name: 'the first fragment of a GRE packet',
    packet: v4({ moreFragments: true }),
    verdict: 'outer_fragment',
  },
  {
    name: 'the last fragment of a GRE packet',
    packet: v4({ fragmentOffset: 1480 }),
    verdict: 'outer_fragment',
  },
  {
    name: 'a fragment of GRE for somebody else is plain',
    packet: {
      link: 'ethernet',
      ip: { source: HOST, destination: HOST, moreFragments: true },
      gre: {},
      inner,
    },
    verdict: 'not_for_us',
  },
  {
    name: 'an echo request to our endpoint is plain',
    packet: { link: 'ethernet', ip: { source: HOST, destination: OURS }, icmp: { type: 8 }, payload: 8 },
    verdict: 'not_for_us',
  },
  ...(
    [
      ['hop-by-hop options', chain({ header: 0 })],
      ['a routing header', chain({ header: 43, size: 24 })],
      ['destination options of 16 bytes', chain({ header: 60, size: 16 })],
      ['an atomic fragment header', chain({ header: 44, id: 77 })],
      ['four headers', chain({ header: 0 }, { header: 60 }, { header: 44 }, { header: 60 })],
      ['eight headers', chain(...Array.from({ length: 8 }, () => ({ header: 60 })))],
    ] as const
  ).map(([name, packet]): Case => ({
    name: `outer IPv6 with ${name}`,
    packet,
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    ...taken6,
  })),
  {
    name: 'outer IPv6 with nine headers is not GRE',
    packet: chain(...Array.from({ length: 9 }, () => ({ header: 60 }))),
    verdict: 'not_for_us',
  },
  {
    name: 'outer IPv6 with a chain that runs out of the packet is not GRE',
    packet: chain({ header: 60, lengthField: 200 }),
    verdict: 'not_for_us',
  },
  {
    name: 'an authentication header is not walked on the way to GRE',
    packet: chain({ header: 51 }),
    verdict: 'not_for_us',
  },
  {
    name: 'outer IPv6: the first fragment of GRE',
    packet: chain({ header: 44, more: true, id: 5 }),
    verdict: 'outer_fragment',
  },
  {
    name: 'outer IPv6: a later fragment of GRE',
    packet: chain({ header: 44, offset: 1448, id: 5 }),
    verdict: 'outer_fragment',
  },
  {
    name: 'outer IPv6: a fragment of something else is plain',
    packet: {
      ip: from(5, { extensions: [{ header: 44, offset: 8 }] }),
      udp: {},
      payload: 20,
    },
    verdict: 'not_for_us',
  },
  {
    name: 'UDP to our IPv6 endpoint is plain',
    packet: udp('2001:2::7', OURS6),
    verdict: 'not_for_us',
  },
];
