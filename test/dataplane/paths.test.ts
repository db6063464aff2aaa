import fc from 'fast-check';
import t from 'tap';
import { Side } from '../../src/dataplane/packet-vector.js';
import { buildPacket, mssOption, type FrameSpec } from '../../src/wire/build.js';
import { route, run, tables, tunnel, type Input } from './harness.js';

const spec = tables(
  [
    tunnel('plain', '198.51.100.1', '203.0.113.10'),
    tunnel('keyed', '198.51.100.1', '203.0.113.11', { key: 42, mtu: 1472, dscp: 46 }),
    tunnel('guarded', '198.51.100.2', '203.0.113.10', {
      key: 7,
      allowedSources: [
        { address: Uint8Array.of(192, 0, 2, 0), length: 24 },
        { address: Uint8Array.of(10, 0, 0, 0), length: 8 },
      ],
    }),
    tunnel('small', '198.51.100.2', '203.0.113.12', { mtu: 576, clampTo: { v4: 0, v6: 0 } }),
    tunnel('strict', '198.51.100.2', '203.0.113.13', { checksum: true }),
  ],
  [
    route('192.0.2.0/24', 0, 1, 3),
    route('192.0.2.128/25', 1),
    route('192.0.2.7/32', 3),
    route('10.1.0.0/16', 0),
    route('100.0.0.0/8', 2, 4),
  ],
);

const pick = <T>(...values: T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

const inner: fc.Arbitrary<FrameSpec> = fc
  .record({
    source: pick('192.0.2.1', '10.9.9.9', '8.8.8.8', '192.0.3.1'),
    destination: pick(
      '192.0.2.9',
      '192.0.2.200',
      '192.0.2.7',
      '10.1.2.3',
      '1.1.1.1',
      '100.1.2.3',
      '198.51.100.1',
    ),
    ttl: pick(64, 64, 2, 1, 0),
    tos: pick(0, 1, 2, 3, 0xb8),
    dontFragment: fc.boolean(),
    moreFragments: pick(false, false, false, true),
    fragmentOffset: pick(0, 0, 0, 800),
    options: pick<readonly number[] | undefined>(undefined, undefined, undefined, [7, 4, 4, 0]),
    protocol: pick('tcp', 'syn', 'udp', 'gre', 'icmp'),
    sourcePort: fc.nat(65535),
    size: pick(0, 10, 536, 560, 1400, 1432, 1436, 1440, 1460),
  })
  .map(({ protocol, sourcePort, size, options, ...ip }): FrameSpec => {
    const header = options === undefined ? ip : { ...ip, options };
    if (protocol === 'udp') return { ip: header, udp: { sourcePort }, payload: size };
    if (protocol === 'icmp') return { ip: header, icmp: { type: 8 }, payload: size };
    if (protocol === 'gre') return { ip: { ...header, protocol: 47 }, payload: size };
    const syn = protocol === 'syn';
    return { ip: header, tcp: { sourcePort, syn, options: syn ? mssOption(1460) : [] }, payload: size };
  });

interface Endpoints {
  source: string;
  destination: string;
  key: number | undefined;
}

const known: Endpoints[] = [
  { source: '203.0.113.10', destination: '198.51.100.1', key: undefined },
  { source: '203.0.113.11', destination: '198.51.100.1', key: 42 },
  { source: '203.0.113.10', destination: '198.51.100.2', key: 7 },
  { source: '203.0.113.12', destination: '198.51.100.2', key: undefined },
];
const endpoints = fc.oneof(
  { weight: 4, arbitrary: pick(...known) },
  {
    weight: 1,
    arbitrary: fc.record<Endpoints>({
      source: pick('203.0.113.10', '203.0.113.13', '203.0.113.99'),
      destination: pick('198.51.100.1', '198.51.100.2', '192.0.2.9'),
      key: pick<number | undefined>(undefined, 42, 7),
    }),
  },
);

const gre = fc.record({
  endpoints,
  checksum: pick(false, false, true),
  sequence: pick<number | undefined>(undefined, undefined, 5),
  tos: pick(0, 0, 0, 1, 3),
  packet: inner,
});

const link = pick<'raw' | 'ethernet' | 'sll' | 'sll2' | 'null'>('raw', 'ethernet', 'sll', 'sll2', 'null');
const linkNumber = { raw: 101, ethernet: 1, sll: 113, sll2: 276, null: 0 };

const frame: fc.Arbitrary<Input> = fc
  .record({
    link,
    vlan: pick<number | undefined>(undefined, 100),
    tunnelled: fc.boolean(),
    outer: gre,
    flip: fc.option(fc.record({ at: fc.nat(80), bit: fc.nat(7) }), { freq: 4 }),
    cut: fc.option(fc.nat(80), { freq: 8 }),
    padding: pick(0, 0, 6),
    side: pick<number>(Side.UNDERLAY, Side.UNDERLAY, Side.OVERLAY),
  })
  .map(({ link, vlan, tunnelled, outer, flip, cut, padding, side }) => {
    const { tos, packet, checksum, sequence } = outer;
    const { source, destination, key } = outer.endpoints;
    const built = buildPacket({
      link,
      ...(vlan !== undefined && link === 'ethernet' ? { vlan } : {}),
      padding,
      ...(tunnelled
        ? {
            ip: { source, destination, tos },
            gre: {
              ...(key === undefined ? {} : { key }),
              checksum,
              ...(sequence === undefined ? {} : { sequence }),
            },
            inner: packet,
          }
        : packet),
    });
    const bytes = cut === null ? built : built.slice(0, cut);
    if (flip !== null && flip.at < bytes.length) bytes[flip.at]! ^= 1 << flip.bit;
    return { bytes, link: linkNumber[link], side };
  });

void t.test('the flat loops and the careful path give the same verdicts, bytes and counters', (t) => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(frame, { minLength: 1, maxLength: 24 }), (inputs) => {
      const flat = run(spec, inputs);
      const careful = run(spec, inputs, { carefulOnly: true });
      for (const outcome of flat.outcomes) seen.add(outcome.verdict);
      for (const [i, outcome] of flat.outcomes.entries()) {
        const expected = careful.outcomes[i];
        if (JSON.stringify(outcome) !== JSON.stringify(expected)) {
          throw new Error(
            `packet ${i} ${Buffer.from(inputs[i]!.bytes).toString('hex')}\nflat    ${JSON.stringify(outcome)}\ncareful ${JSON.stringify(expected)}`,
          );
        }
      }
      return flat.counters.every((value, k) => value === careful.counters[k]);
    }),
    { numRuns: 400 },
  );
  for (const verdict of [
    'delivered_overlay',
    'delivered_underlay',
    'mtu_exceeded',
    'ttl_exceeded',
    'inner_source_denied',
  ]) {
    t.ok(seen.has(verdict), `${verdict} was reached`);
  }
  t.end();
});

/** Bytes behind the TCP or UDP header of a packet that could have been cut from a large segment; else 0. */
function payloadOf({ bytes, link }: Input): number {
  const ip = link === linkNumber.ethernet ? 14 : 0;
  const isFragment = ((bytes[ip + 6]! << 8) | bytes[ip + 7]!) & 0x3fff;
  const isTcp = bytes[ip + 9] === 6;
  if (isFragment !== 0 || (!isTcp && bytes[ip + 9] !== 17)) return 0;
  const transport = ip + (bytes[ip]! & 15) * 4;
  return bytes.length - transport - (isTcp ? (bytes[transport + 12]! >> 4) * 4 : 8);
}

void t.test('packets whose payload is elsewhere come out as the whole ones do', (t) => {
  const fromOverlay = fc
    .record({ link: pick<'raw' | 'ethernet'>('raw', 'ethernet'), packet: inner })
    .map(({ link, packet }): Input => ({
      bytes: buildPacket({ ...packet, link }),
      link: linkNumber[link],
      side: Side.OVERLAY,
    }));
  const seen = new Set<string>();
  let bodies = 0;
  fc.assert(
    fc.property(
      fc.array(fromOverlay, { minLength: 8, maxLength: 24 }),
      fc.boolean(),
      (inputs, carefulOnly) => {
        const whole = run(spec, inputs, { carefulOnly });
        const pieces = run(spec, inputs, { carefulOnly, body: payloadOf });
        for (const outcome of pieces.outcomes) {
          seen.add(outcome.verdict);
          if (outcome.outputs.length > 1) seen.add('fragments');
        }
        bodies += inputs.filter((input) => payloadOf(input) > 0).length;
        return (
          JSON.stringify(whole.outcomes) === JSON.stringify(pieces.outcomes) &&
          whole.counters.every((value, k) => value === pieces.counters[k])
        );
      },
    ),
    { numRuns: 400 },
  );
  t.ok(bodies > 1000, `${bodies} packets in pieces`);
  for (const what of ['delivered_underlay', 'mtu_exceeded', 'fragments'])
    t.ok(seen.has(what), `${what} was reached`);
  t.end();
});
