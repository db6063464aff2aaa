/** Random flows of TCP and UDP packets, alike and not quite, for the tests of large segments. */
import fc from 'fast-check';
import { buildPacket } from '../../src/wire/build.js';
import { be16, finishIp, finishPacket, layoutOf, put16, put32 } from './segment-model.js';

/** What one packet differs in from what its flow would have sent next. */
export const TWEAKS = [
  'none',
  'psh',
  'fin',
  'cwr',
  'ece',
  'urg',
  'syn',
  'rst',
  'noAck',
  'reserved',
  'window',
  'acknowledgment',
  'urgent',
  'option',
  'tos',
  'ttl',
  'flag',
  'idSkips',
  'idStays',
  'label',
  'gap',
  'again',
  'mac',
  'badTransport',
  'badIp',
  'badPayload',
  'fragment',
  'padding',
  'noChecksum',
  'otherProtocol',
  'shortUdp',
] as const;

export type Tweak = (typeof TWEAKS)[number];

interface Flow {
  readonly six: boolean;
  readonly tcp: boolean;
  readonly dontFragment: boolean;
  readonly idStays: boolean;
  readonly host: number;
  readonly port: number;
  readonly options: readonly number[];
  readonly size: number;
  readonly sequence: number;
  readonly id: number;
  readonly tos: number;
}

interface Event {
  readonly flow: number;
  /** Payload bytes, where it is not what the flow always sends. */
  readonly size: number | null;
  readonly tweak: Tweak;
  readonly random: number;
}

const TIMESTAMPS = [1, 1, 8, 10, 0, 1, 2, 3, 4, 5, 6, 7];

const flow: fc.Arbitrary<Flow> = fc.record({
  six: fc.boolean(),
  tcp: fc.boolean(),
  dontFragment: fc.boolean(),
  idStays: fc.boolean(),
  host: fc.nat(2),
  port: fc.nat(2),
  options: fc.oneof(
    fc.constant([]),
    fc.constant(TIMESTAMPS),
    fc.array(fc.nat(255), { minLength: 4, maxLength: 40 }),
  ),
  size: fc.oneof(fc.constantFrom(1, 1380, 1436, 1448), fc.integer({ min: 1, max: 1500 })),
  sequence: fc.oneof(fc.constant(0xffff_f000), fc.nat(0xffff_ffff)),
  id: fc.oneof(fc.constant(0xfffe), fc.nat(0xffff)),
  tos: fc.constantFrom(0, 2, 0xb8),
});

const event: fc.Arbitrary<Event> = fc.record({
  flow: fc.nat(2),
  size: fc.oneof({ weight: 12, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(1500) }),
  tweak: fc.oneof(
    { weight: 12, arbitrary: fc.constant('none' as const) },
    { weight: 2, arbitrary: fc.constantFrom(...TWEAKS) },
  ),
  random: fc.nat(0xffff_ffff),
});

/** Packets (frames behind `link` 14) of up to three flows in the order in which they arrive. */
export function arrivals(link: 0 | 14): fc.Arbitrary<Uint8Array[]> {
  return fc
    .tuple(fc.array(flow, { minLength: 3, maxLength: 3 }), fc.array(event, { maxLength: 60 }))
    .map(([flows, events]) => makePackets(flows, events, link));
}

function makePackets(flows: readonly Flow[], events: readonly Event[], link: 0 | 14): Uint8Array[] {
  const sequences = flows.map((one) => one.sequence);
  const ids = flows.map((one) => one.id);
  return events.map((one) => {
    const own = flows[one.flow]!;
    const size = one.size ?? own.size;
    const packet = plainPacket(own, size, sequences[one.flow]!, ids[one.flow]!, link, one.random);
    if (own.tcp) sequences[one.flow] = (sequences[one.flow]! + size) % 4_294_967_296;
    if (!own.idStays) ids[one.flow] = (ids[one.flow]! + 1) % 65_536;
    return tweaked(packet, one, link);
  });
}

function plainPacket(
  own: Flow,
  size: number,
  sequence: number,
  id: number,
  link: 0 | 14,
  random: number,
): Uint8Array {
  const { six, tcp, host, port, dontFragment, tos, options } = own;
  const payload = Uint8Array.from({ length: size }, (_, i) => Math.imul(i + random, 0x9e3779b1) >>> 24);
  const ends = six
    ? { source: `2001:db8::${host + 1}`, destination: '2001:db8:1::1', flowLabel: 0x12345 }
    : { source: `192.0.2.${host + 1}`, destination: '198.51.100.1', id, dontFragment };
  return buildPacket({
    link: link === 14 ? 'ethernet' : 'raw',
    ip: { ...ends, tos },
    ...(tcp
      ? { tcp: { sourcePort: 1000 + port, ack: true, sequence, acknowledgment: 77, options } }
      : { udp: { sourcePort: 1000 + port } }),
    payload,
  });
}

/** `packet` with one difference; its checksums are right unless that is the difference. */
export function tweaked(
  packet: Uint8Array,
  { tweak, random }: Pick<Event, 'tweak' | 'random'>,
  link: 0 | 14,
): Uint8Array {
  const layout = layoutOf(packet, link)!;
  const { ip, isIpv4, transport, checksum, payload } = layout;
  const isTcp = layout.protocol === 6;
  const flags = { fin: 1, syn: 2, rst: 4, psh: 8, urg: 32, ece: 64, cwr: 128 } as const;
  const change = (random % 255) + 1;
  switch (tweak) {
    case 'none':
      return packet;
    case 'fin':
    case 'syn':
    case 'rst':
    case 'psh':
    case 'urg':
    case 'ece':
    case 'cwr':
      if (isTcp) packet[transport + 13]! |= flags[tweak];
      break;
    case 'noAck':
      if (isTcp) packet[transport + 13]! &= ~16;
      break;
    case 'reserved':
      if (isTcp) packet[transport + 12]! |= 1 << (random % 4);
      break;
    case 'window':
      if (isTcp) packet[transport + 14]! ^= change;
      break;
    case 'acknowledgment':
      if (isTcp) packet[transport + 8 + (random % 4)]! ^= change;
      break;
    case 'urgent':
      if (isTcp) packet[transport + 18]! ^= change;
      break;
    case 'option':
      if (payload > transport + 20) packet[transport + 20 + (random % (payload - transport - 20))]! ^= change;
      break;
    case 'tos':
      packet[ip + 1]! ^= 16 << (random % 4);
      break;
    case 'ttl':
      packet[ip + (isIpv4 ? 8 : 7)]! ^= change;
      break;
    case 'flag':
      if (isIpv4) packet[ip + 6]! ^= random % 2 === 0 ? 0x40 : 0x80;
      break;
    case 'idSkips':
      if (isIpv4) put16(packet, ip + 4, be16(packet, ip + 4) + change);
      break;
    case 'idStays':
      if (isIpv4) put16(packet, ip + 4, be16(packet, ip + 4) - 1);
      break;
    case 'label':
      if (!isIpv4) packet[ip + 3]! ^= change;
      break;
    case 'gap':
    case 'again':
      if (isTcp) put32(packet, transport + 4, (random + (tweak === 'gap' ? 1 : 0)) % 4_294_967_296);
      break;
    case 'mac':
      if (link > 0) packet[random % 12]! ^= change;
      return packet;
    case 'badTransport':
      packet[checksum]! ^= change;
      return packet;
    case 'badIp':
      if (isIpv4) packet[ip + 10]! ^= change;
      return packet;
    case 'badPayload':
      if (payload < packet.length) packet[payload + (random % (packet.length - payload))]! ^= change;
      return packet;
    case 'fragment':
      if (isIpv4) packet[ip + 6]! |= 0x20;
      finishIp(packet, layout);
      return packet;
    case 'padding': {
      const longer = new Uint8Array(packet.length + 1 + (random % 8));
      longer.set(packet);
      return longer;
    }
    case 'noChecksum':
      if (!isTcp) put16(packet, checksum, 0);
      return packet;
    case 'otherProtocol':
      packet[ip + (isIpv4 ? 9 : 6)] = random % 256;
      finishIp(packet, layout);
      return packet;
    case 'shortUdp':
      if (!isTcp) put16(packet, transport + 4, random % (packet.length - transport + 1));
      return packet;
  }
  finishPacket(packet, layout);
  return packet;
}
