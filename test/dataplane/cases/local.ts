/** docs/dataplane.md, sections 4a and 7a: keepalives, and packets for our own addresses. */
import { Side } from '../../../src/dataplane/packet-vector.js';
import { addressBytes, type FrameSpec, type GreSpec, type IpSpec } from '../../../src/wire/build.js';
import { route } from '../harness.js';
import { customer, from, HOST, HOST6, network, OURS, overlay, to, udp, underlay, type Case } from './case.js';

/** Our ends of tunnels 1 and 6, in the middle of routed prefixes; one has a route for itself besides. */
const US = '10.1.255.0';
const US6 = '2001:db8:1:ffff::';
const config = {
  ...network,
  routes: [...network.routes, route(`${US}/32`, 1)],
  locals: [US, US6].map((address) => ({ address: addressBytes(address), tunnel: 0 })),
};
const PEER = '10.1.255.1';
const PEER6 = '2001:db8:1:ffff::1';

const swapped = { sourceMac: '02:00:00:00:00:02', destinationMac: '02:00:00:00:00:01' };

/** 20 + 8 + 56 bytes, as ping sends it. */
const ping = (
  more: Partial<IpSpec> = {},
  icmp: Partial<FrameSpec['icmp']> = {},
  payload = 56,
): FrameSpec => ({
  ip: { source: PEER, destination: US, ttl: 64, id: 0x1234, ...more },
  icmp: { type: 8, id: 77, sequence: 3, ...icmp },
  payload,
});
const pong = (more: Partial<IpSpec> = {}, payload = 56): FrameSpec => ({
  ip: { source: US, destination: PEER, ttl: 64, id: 0, dontFragment: true, ...more },
  icmp: { type: 0, id: 77, sequence: 3 },
  payload,
});
const ping6 = (more: Partial<IpSpec> = {}, icmp: Partial<FrameSpec['icmp']> = {}): FrameSpec => ({
  ip: { source: PEER6, destination: US6, ttl: 255, flowLabel: 0x12345, ...more },
  icmp: { type: 128, id: 77, sequence: 3, ...icmp },
  payload: 56,
});
const pong6: FrameSpec = {
  ip: { source: US6, destination: PEER6, ttl: 64 },
  icmp: { type: 129, id: 77, sequence: 3 },
  payload: 56,
};

/** An echo request out of tunnel x and its reply back through it. */
const answered = (
  name: string,
  x: number,
  tunnel: string,
  gre: GreSpec,
  [request, reply]: readonly [FrameSpec, FrameSpec],
  size = 84,
  hashed: Case['hashed'] = [],
): Case => ({
  name,
  config,
  packet: { link: 'ethernet', vlan: 100, ip: from(x), gre, inner: request },
  verdict: 'answered_echo',
  out: [underlay({ link: 'ethernet', vlan: 100, ...swapped, ip: to(x), gre, inner: reply })],
  decapsulated: { [tunnel]: [1, size] },
  encapsulated: { [tunnel]: [1, size] },
  hashed,
});

/** Not answered, but handed to the kernel behind the overlay. */
const toKernel = (name: string, inner: FrameSpec, size = 84): Case => ({
  name,
  config,
  packet: { ip: from(1), gre: {}, inner },
  verdict: 'delivered_overlay',
  out: [overlay(inner)],
  decapsulated: { plain: [1, size] },
});

const echoCases: Case[] = [
  answered('ping', 1, 'plain', {}, [ping(), pong()]),
  answered('ping through a tunnel with key', 2, 'keyed', { key: 42 }, [ping(), pong()]),
  answered('ping over IPv6', 5, 'six', {}, [ping(), pong()], 84, [[0, 18 * 2 + 3, 5]]),
  answered('ping6', 1, 'plain', {}, [ping6(), pong6], 104),
  answered(
    'ping with another TTL, DF and no data',
    1,
    'plain',
    {},
    [ping({ ttl: 1, dontFragment: true }, {}, 0), pong({}, 0)],
    28,
  ),
  {
    ...answered('the DSCP comes back, ECN does not', 1, 'plain', {}, [ping({ tos: 0xba }), pong()]),
    out: [
      underlay({
        ...{ link: 'ethernet', vlan: 100, ...swapped },
        ...{ ip: to(1, { tos: 0xb8 }), gre: {}, inner: pong({ tos: 0xb8 }) },
      }),
    ],
  },
  answered('from anybody whom the tunnel may bring', 1, 'plain', {}, [
    ping({ source: HOST }),
    pong({ destination: HOST }),
  ]),
  answered('as large as the tunnel MTU', 1, 'plain', {}, [ping({}, {}, 1448), pong({}, 1448)], 1476),
  {
    name: 'through a tunnel with checksum and sequence number',
    config,
    packet: { ip: from(4), gre: { key: 7, checksum: true, sequence: 9 }, inner: ping() },
    verdict: 'answered_echo',
    out: [underlay({ ip: to(4), gre: { key: 7, checksum: true, sequence: 0 }, inner: pong() })],
    decapsulated: { all: [1, 84] },
    encapsulated: { all: [1, 84] },
  },
  {
    name: 'from the overlay',
    config,
    side: Side.OVERLAY,
    packet: ping({ source: HOST }),
    verdict: 'answered_echo',
    out: [overlay(pong({ destination: HOST }))],
  },
  {
    name: 'IPv6 from the overlay',
    config,
    side: Side.OVERLAY,
    packet: ping6({ tos: 0x03 }),
    verdict: 'answered_echo',
    out: [overlay(pong6)],
  },
  toKernel('larger than the tunnel MTU', ping({}, {}, 1449), 1477),
  toKernel('a wrong ICMP checksum', ping({}, { checksum: 1 })),
  toKernel('a wrong ICMPv6 checksum', ping6({}, { checksum: 1 }), 104),
  toKernel('a first fragment', ping({ moreFragments: true })),
  toKernel('a later fragment', ping({ fragmentOffset: 8 })),
  toKernel('IP options', ping({ options: [7, 4, 4, 0] }), 88),
  toKernel('IPv6 extension headers', ping6({ extensions: [{ header: 60 }] }), 112),
  toKernel('an echo reply', ping({}, { type: 0 })),
  toKernel('a timestamp request', ping({}, { type: 13 })),
  toKernel('a code other than 0', ping({}, { code: 1 })),
  toKernel('an ICMPv6 echo request in IPv4', ping({}, { type: 128 })),
  toKernel(
    'seven bytes of ICMP',
    { ip: { source: PEER, destination: US, protocol: 1 }, payload: Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0) },
    27,
  ),
  toKernel('from a multicast address', ping({ source: '224.0.0.1' })),
  toKernel('from a broadcast address', ping({ source: '255.255.255.255' })),
  toKernel('from the unspecified address', ping6({ source: '::' }), 104),
  toKernel('UDP', udp(PEER, US), 40),
  {
    name: 'in an Ethernet frame: who has its address answers',
    config,
    packet: { ip: from(6), gre: {}, inner: { link: 'ethernet', ...ping() } },
    verdict: 'delivered_overlay',
    out: [overlay({ link: 'ethernet', ...ping() })],
    decapsulated: { tap: [1, 98] },
  },
  {
    name: 'in an Ethernet frame from the overlay',
    config,
    side: Side.OVERLAY,
    packet: { link: 'ethernet', ...ping() },
    verdict: 'no_route',
  },
  { name: 'plain, from the underlay', config, packet: ping({ source: HOST }), verdict: 'not_for_us' },
  { name: 'IPv6, plain, from the underlay', config, packet: ping6({ source: HOST6 }), verdict: 'not_for_us' },
  { name: 'UDP from the overlay', config, side: Side.OVERLAY, packet: udp(HOST, US), verdict: 'no_route' },
  {
    name: 'the address beside ours is routed',
    config,
    packet: ping({ source: HOST, destination: PEER }),
    verdict: 'delivered_underlay',
    out: [underlay({ ip: to(1), gre: {}, inner: ping({ source: HOST, destination: PEER, ttl: 63 }) })],
    encapsulated: { plain: [1, 84] },
  },
];

/** What customer x wants back: GRE to itself, protocol type 0. */
const core = (x: number, ip: Partial<IpSpec> = {}, gre: readonly number[] = [0, 0, 0, 0]): FrameSpec => ({
  ip: { source: OURS, destination: customer(x), protocol: 47, ttl: 255, ...ip },
  payload: Uint8Array.from(gre),
});
const KEY42 = [0x20, 0, 0, 0, 0, 0, 0, 42];
const keepalive = (x: number, gre: GreSpec, inner: FrameSpec): FrameSpec => ({
  link: 'ethernet',
  ip: from(x),
  gre,
  inner,
});
const returned = (
  name: string,
  x: number,
  tunnel: string,
  gre: GreSpec,
  [question, answer]: readonly [FrameSpec, FrameSpec],
  size = 24,
): Case => ({
  name,
  config,
  packet: keepalive(x, gre, question),
  verdict: 'answered_keepalive',
  out: [underlay({ link: 'ethernet', ...swapped, ...answer })],
  decapsulated: { [tunnel]: [1, size] },
});
/** Nothing that is answered: a packet as any other, from a source that tunnel 7 may not bring. */
const forged = (name: string, inner: FrameSpec, more: Partial<Case> = {}): Case => ({
  name,
  config,
  packet: keepalive(7, {}, inner),
  verdict: 'inner_source_denied',
  ...more,
});

const keepaliveCases: Case[] = [
  returned('keepalive', 1, 'plain', {}, [core(1), core(1, { ttl: 254 })]),
  returned('keepalive of a tunnel with allowed sources', 7, 'guarded', {}, [core(7), core(7, { ttl: 254 })]),
  returned(
    'keepalive of a tunnel with key',
    2,
    'keyed',
    { key: 42 },
    [core(2, {}, KEY42), core(2, { ttl: 254 }, KEY42)],
    28,
  ),
  returned('keepalive without key in a tunnel with key', 2, 'keyed', { key: 42 }, [
    core(2),
    core(2, { ttl: 254 }),
  ]),
  returned('keepalive as it is: TOS, ID, DF', 1, 'plain', {}, [
    core(1, { tos: 0xc0, id: 7, dontFragment: true, ttl: 2 }),
    core(1, { tos: 0xc0, id: 7, dontFragment: true, ttl: 1 }),
  ]),
  {
    ...returned('keepalive: congestion outside is not carried over', 1, 'plain', {}, [
      core(1),
      core(1, { ttl: 254 }),
    ]),
    packet: { link: 'ethernet', ip: from(1, { tos: 3 }), gre: {}, inner: core(1) },
  },
  {
    name: 'keepalive on a raw link',
    config,
    packet: { ip: from(3), gre: { checksum: true }, inner: core(3) },
    verdict: 'answered_keepalive',
    out: [underlay(core(3, { ttl: 254 }))],
    decapsulated: { summed: [1, 24] },
  },
  forged('keepalive for another customer', core(1)),
  forged('keepalive from another source', core(7, { source: '198.51.100.2' })),
  forged('keepalive at the end of its TTL', core(7, { ttl: 1 })),
  forged('keepalive with IP options', core(7, { options: [1, 1, 1, 0] })),
  forged('keepalive in fragments', core(7, { moreFragments: true })),
  forged('keepalive with a protocol type', core(7, {}, [0, 0, 8, 0])),
  forged('keepalive with a key where there is none', core(7, {}, KEY42)),
  forged('keepalive with a checksum', core(7, {}, [0x80, 0, 0, 0, 0x7f, 0xff, 0, 0])),
  forged('keepalive with another GRE version', core(7, {}, [0, 1, 0, 0])),
  forged('keepalive cut off', core(7, {}, [0, 0, 0])),
  forged('keepalive that is not GRE', core(7, { protocol: 4 })),
  {
    name: 'keepalive with another key',
    config,
    packet: keepalive(2, { key: 42 }, core(2, {}, [0x20, 0, 0, 0, 0, 0, 0, 43])),
    verdict: 'delivered_overlay',
    out: [overlay(core(2, {}, [0x20, 0, 0, 0, 0, 0, 0, 43]))],
    decapsulated: { keyed: [1, 28] },
  },
  {
    name: 'keepalive in two tunnels: it would go to whom the outer one does not name',
    config: { ...config, maxNestingDepth: 2 },
    packet: { ip: from(1), gre: {}, inner: { ip: from(7), gre: {}, inner: core(7) } },
    verdict: 'inner_source_denied',
    decapsulated: { plain: [1, 48] },
  },
  {
    name: 'keepalive over IPv6: none is known',
    config,
    packet: { ip: from(5), gre: {}, inner: core(5, { source: '192.0.2.1', destination: '192.0.2.2' }) },
    verdict: 'delivered_overlay',
    out: [overlay(core(5, { source: '192.0.2.1', destination: '192.0.2.2' }))],
    decapsulated: { six: [1, 24] },
  },
  {
    name: 'the answer to a keepalive of ours is not decapsulated',
    config,
    packet: { ip: from(1, { protocol: 47 }), payload: Uint8Array.of(0, 0, 0, 0) },
    verdict: 'gre_unsupported_protocol',
  },
];

export const localCases: Case[] = [
  ...echoCases.map((entry) => ({ ...entry, name: `echo: ${entry.name}` })),
  ...keepaliveCases,
];
