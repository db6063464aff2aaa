/** docs/dataplane.md, section 4: the GRE header, and whose tunnel it is. */
import type { FrameSpec, GreSpec } from '../../../src/wire/build.js';
import { customer, from, HOST, HOST6, OURS, overlay, udp, type Case } from './case.js';

const inner = udp('10.1.0.5', HOST);
const gre = (x: number, spec: GreSpec, content: FrameSpec = inner): FrameSpec => ({
  link: 'ethernet',
  ip: from(x),
  gre: spec,
  inner: content,
});
const bare = (...bytes: number[]): FrameSpec => ({
  link: 'ethernet',
  ip: from(1, { protocol: 47 }),
  payload: Uint8Array.from(bytes),
});

export const greCases: Case[] = [
  { name: 'no byte of GRE', packet: bare(), verdict: 'gre_truncated' },
  { name: 'three bytes of GRE', packet: bare(0, 0, 8), verdict: 'gre_truncated' },
  {
    name: 'three bytes of GRE and a padded frame',
    packet: { ...bare(0, 0, 8), padding: 23 },
    verdict: 'gre_truncated',
  },
  { name: 'a key announced and not there', packet: bare(0x20, 0, 8, 0), verdict: 'gre_truncated' },
  {
    name: 'checksum, key and sequence announced, one byte short',
    packet: bare(0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    verdict: 'gre_truncated',
  },
  { name: 'GRE version 1 (PPTP)', packet: gre(1, { version: 1 }), verdict: 'gre_bad_version' },
  { name: 'GRE version 7', packet: gre(1, { version: 7 }), verdict: 'gre_bad_version' },
  {
    name: 'version is looked at before routing present',
    packet: gre(1, { version: 1, flags: 0x40 }),
    verdict: 'gre_bad_version',
  },
  { name: 'routing present', packet: gre(1, { flags: 0x40 }), verdict: 'gre_routing_present' },
  {
    name: 'routing present before reserved bits',
    packet: gre(1, { flags: 0x48 }),
    verdict: 'gre_routing_present',
  },
  { name: 'reserved bit 4', packet: gre(1, { flags: 0x08 }), verdict: 'gre_reserved_bits' },
  { name: 'reserved bit 5', packet: gre(1, { flags: 0x04 }), verdict: 'gre_reserved_bits' },
  {
    name: 'bits 6 to 12 are ignored',
    packet: gre(1, { flags: 0x03, flags1: 0xf8 }),
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { plain: [1, 40] },
  },
  {
    name: 'reserved bits are looked at before the length',
    packet: bare(0x38, 0, 8, 0),
    verdict: 'gre_reserved_bits',
  },
  { name: 'a wrong GRE checksum', packet: gre(3, { checksum: 0x1234 }), verdict: 'gre_bad_checksum' },
  {
    name: 'a wrong GRE checksum on a tunnel that asks for none',
    packet: gre(1, { checksum: 0x1234 }),
    verdict: 'gre_bad_checksum',
  },
  {
    name: 'a wrong GRE checksum from an unknown source',
    packet: { ...gre(1, { checksum: 0x1234 }), ip: { source: HOST, destination: OURS } },
    verdict: 'gre_bad_checksum',
  },
  {
    name: 'a right GRE checksum on a tunnel that asks for none',
    packet: gre(1, { checksum: true }),
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { plain: [1, 40] },
  },
  {
    name: 'a right GRE checksum over an odd number of bytes',
    packet: gre(3, { checksum: true }, udp('10.3.0.5', HOST, {}, 13)),
    verdict: 'delivered_overlay',
    out: [overlay(udp('10.3.0.5', HOST, {}, 13))],
    decapsulated: { summed: [1, 41] },
  },
  { name: 'no checksum on a tunnel that asks for one', packet: gre(3, {}), verdict: 'gre_checksum_missing' },
  {
    name: 'sequence numbers are accepted on any tunnel',
    packet: gre(1, { sequence: 0xffffffff }),
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { plain: [1, 40] },
  },
  {
    name: 'checksum, key and sequence together',
    packet: gre(4, { checksum: true, key: 7, sequence: 1 }),
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { all: [1, 40] },
  },
  { name: 'MPLS in GRE', packet: gre(1, { protocol: 0x8847 }), verdict: 'gre_unsupported_protocol' },
  {
    name: 'the protocol type is looked at before the endpoints',
    packet: { ...gre(1, { protocol: 0x880b }), ip: { source: HOST, destination: OURS } },
    verdict: 'gre_unsupported_protocol',
  },
  {
    name: 'Ethernet on a tunnel of mode gre',
    packet: gre(1, {}, { link: 'ethernet', ...inner }),
    verdict: 'gre_unsupported_protocol',
  },
  { name: 'IPv4 on a gretap tunnel', packet: gre(6, {}), verdict: 'gre_unsupported_protocol' },
  {
    name: 'IPv6 on a gretap tunnel',
    packet: gre(6, {}, udp('2001:db8:6::1', HOST6)),
    verdict: 'gre_unsupported_protocol',
  },
  {
    name: 'an unknown source',
    packet: { ...gre(1, {}), ip: { source: '203.0.113.200', destination: OURS } },
    verdict: 'endpoint_unknown',
  },
  {
    name: 'an unknown source, IPv6',
    packet: { ...gre(5, {}), ip: from(5, { source: '2001:db8:ffff::6' }) },
    verdict: 'endpoint_unknown',
  },
  {
    name: 'GRE for an address that is not ours, from a known source',
    packet: { ...gre(1, {}), ip: { source: customer(1), destination: '198.51.100.2' } },
    verdict: 'not_for_us',
  },
  { name: 'another key', packet: gre(2, { key: 43 }), verdict: 'gre_key_mismatch' },
  { name: 'a key in the other byte order', packet: gre(2, { key: 0x2a000000 }), verdict: 'gre_key_mismatch' },
  { name: 'no key on a tunnel with key', packet: gre(2, {}), verdict: 'gre_key_mismatch' },
  { name: 'a key on a tunnel without', packet: gre(1, { key: 42 }), verdict: 'gre_key_mismatch' },
  { name: 'key 0 is not "no key"', packet: gre(1, { key: 0 }), verdict: 'gre_key_mismatch' },
  { name: 'a key on an IPv6 tunnel without', packet: gre(5, { key: 1 }), verdict: 'gre_key_mismatch' },
  {
    name: 'the right key',
    packet: gre(2, { key: 42 }),
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { keyed: [1, 40] },
  },
  {
    name: 'IPv4 in IPv6',
    packet: gre(5, {}),
    verdict: 'delivered_overlay',
    out: [overlay(inner)],
    decapsulated: { six: [1, 40] },
  },
  {
    name: 'IPv6 in IPv4',
    packet: gre(1, {}, udp('2001:db8:1::5', HOST6)),
    verdict: 'delivered_overlay',
    out: [overlay(udp('2001:db8:1::5', HOST6))],
    decapsulated: { plain: [1, 60] },
  },
  {
    name: 'IPv6 in IPv6',
    packet: gre(5, {}, udp('2001:db8:5::5', HOST6)),
    verdict: 'delivered_overlay',
    out: [overlay(udp('2001:db8:5::5', HOST6))],
    decapsulated: { six: [1, 60] },
  },
];
