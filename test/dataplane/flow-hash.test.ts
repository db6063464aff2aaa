/** What decides which next hop a flow takes (behaviour §3): addresses, ports of TCP and UDP, and nothing else. */
import t from 'tap';
import type { FrameSpec } from '../../src/wire/build.js';
import { route, run, tables, tunnel } from './harness.js';

const HOPS = 16;
const spec = tables(
  Array.from({ length: HOPS }, (_, i) => tunnel(`acme_${i}`, '198.51.100.1', `203.0.113.${i + 1}`)),
  [
    route('192.0.2.0/24', ...Array.from({ length: HOPS }, (_, i) => i)),
    route('2001:db8:42::/48', ...Array.from({ length: HOPS }, (_, i) => i)),
  ],
);

/** Next hops that packets take, by the flat loops and by the careful path. */
function nexthops(packets: readonly FrameSpec[]): number[] {
  const flat = run(spec, packets).outcomes.map(({ tunnelOut }) => tunnelOut);
  const careful = run(spec, packets, { carefulOnly: true }).outcomes.map(({ tunnelOut }) => tunnelOut);
  if (flat.some((nexthop, i) => nexthop < 0 || nexthop !== careful[i])) throw new Error('paths differ');
  return flat;
}

function distinct(make: (i: number) => FrameSpec): number {
  return new Set(nexthops(Array.from({ length: 400 }, (_, i) => make(i)))).size;
}

const families = [
  {
    family: 4,
    source: (i: number) => `8.8.${i >> 8}.${i & 255}`,
    destination: (i: number) => `192.0.2.${i & 255}`,
  },
  {
    family: 6,
    source: (i: number) => `2001:db8:1::${i.toString(16)}`,
    destination: (i: number) => `2001:db8:42::${i.toString(16)}`,
  },
];

for (const { family, source, destination } of families) {
  const ip = { source: source(1), destination: destination(1) };

  t.test(`IPv${family}: each address and each port alone spreads flows over all next hops`, async (t) => {
    t.equal(
      distinct((i) => ({ ip: { ...ip, source: source(i) }, udp: {} })),
      HOPS,
      'source',
    );
    t.equal(
      distinct((i) => ({ ip: { ...ip, destination: destination(i) }, udp: {} })),
      HOPS,
      'destination',
    );
    t.equal(
      distinct((i) => ({ ip, udp: { sourcePort: 1024 + i } })),
      HOPS,
      'UDP, source port',
    );
    t.equal(
      distinct((i) => ({ ip, udp: { destinationPort: 1024 + i } })),
      HOPS,
      'UDP, destination port',
    );
    t.equal(
      distinct((i) => ({ ip, tcp: { sourcePort: 1024 + i } })),
      HOPS,
      'TCP, source port',
    );
    t.equal(
      distinct((i) => ({ ip, tcp: { destinationPort: 1024 + i } })),
      HOPS,
      'TCP, destination port',
    );
  });

  t.test(`IPv${family}: nothing else does`, async (t) => {
    const bytes = (i: number): Uint8Array => Uint8Array.of(i, i >> 8, 7 * i, i, 9, 9, 9, 9);
    t.equal(
      distinct((i) => ({ ip, udp: {}, payload: bytes(i) })),
      1,
      'payload',
    );
    t.equal(
      distinct((i) => ({ ip: { ...ip, ttl: 2 + (i % 200), tos: (i & 63) << 2, id: i }, tcp: {} })),
      1,
      'TTL, DSCP, ID',
    );
    t.equal(
      distinct((i) => ({ ip, tcp: { sequence: i, ack: i % 2 === 0 } })),
      1,
      'other fields of TCP',
    );
    t.equal(
      distinct((i) => ({ ip: { ...ip, protocol: 50 }, payload: bytes(i) })),
      1,
      'ESP has no ports',
    );
  });
}

t.test('fragments have no ports: all of a datagram go one way, the first one too', async (t) => {
  const ip = { source: '8.8.8.8', destination: '192.0.2.1' };
  const first = (i: number): FrameSpec => ({
    ip: { ...ip, moreFragments: true, id: i },
    udp: { sourcePort: 1024 + i },
    payload: new Uint8Array(16),
  });
  const later = (i: number): FrameSpec => ({
    ip: { ...ip, fragmentOffset: 24, id: i, protocol: 17 },
    payload: Uint8Array.of(i, i >> 8, 1, 2, 3, 4, 5, 6),
  });
  t.equal(
    distinct((i) => (i % 2 === 0 ? first(i) : later(i))),
    1,
  );
});
