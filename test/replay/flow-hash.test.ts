import fc from 'fast-check';
import t from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { createDistributor } from '../../src/replay/distribution.js';
import { flowHash } from '../../src/replay/flow-hash.js';
import { buildPacket, type FrameSpec } from '../../src/wire/build.js';

const LINKS = Object.values(LinkType);

t.test('what lies around a frame does not count', (t) => {
  const around = fc.uint8Array({ minLength: 80, maxLength: 80 });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 90 }),
      around,
      around,
      fc.constantFrom(...LINKS),
      (frame, a, b, link) => {
        const inA = Uint8Array.from([...a, ...frame, ...a]);
        const inB = Uint8Array.from([...b, ...frame, ...b]);
        return flowHash(inA, a.length, frame.length, link) === flowHash(inB, b.length, frame.length, link);
      },
    ),
  );
  t.end();
});

t.test('the same of a frame that is whole up to any byte', (t) => {
  const frame = buildPacket(tunnelled({ source: '192.0.2.1', destination: '192.88.99.7' }, 1));
  for (let length = 0; length <= frame.length; length++) {
    const alone = flowHash(frame.slice(0, length), 0, length, LinkType.ETHERNET);
    t.equal(flowHash(frame, 0, length, LinkType.ETHERNET), alone, `${length} bytes`);
  }
  t.end();
});

function tunnelled(inner: { source: string; destination: string }, port: number, ttl = 64): FrameSpec {
  return {
    link: 'ethernet',
    ip: { source: '203.0.113.10', destination: '198.51.100.1', ttl },
    gre: { key: 42, checksum: true },
    inner: { ip: { ...inner, ttl }, udp: { sourcePort: port, destinationPort: 53 }, payload: ttl },
  };
}

function hashOf(spec: FrameSpec): number {
  const bytes = buildPacket(spec);
  return flowHash(bytes, 0, bytes.length, spec.link === 'ethernet' ? LinkType.ETHERNET : LinkType.RAW);
}

t.test('packets of a flow agree, flows differ', (t) => {
  const flow = { source: '192.0.2.1', destination: '192.88.99.7' };
  t.equal(hashOf(tunnelled(flow, 1)), hashOf(tunnelled(flow, 1, 3)), 'TTL, length and payload do not matter');
  t.not(hashOf(tunnelled(flow, 1)), hashOf(tunnelled(flow, 2)), 'inner ports');
  t.not(hashOf(tunnelled(flow, 1)), hashOf(tunnelled({ ...flow, source: '192.0.2.2' }, 1)), 'inner address');
  const frames: FrameSpec = {
    link: 'ethernet',
    ip: { source: '203.0.113.10', destination: '198.51.100.1' },
    gre: {},
    inner: { link: 'ethernet', vlan: 9, ip: flow, udp: { sourcePort: 1, destinationPort: 2 } },
  };
  const other = { ...frames, inner: { ...frames.inner, ip: { ...flow, destination: '192.88.99.8' } } };
  t.not(hashOf(frames), hashOf(other), 'addresses in the frame of a gretap tunnel');
  const v6 = { ip: { source: '2001:db8::1', destination: '2001:db8::2' }, tcp: { sourcePort: 1 } };
  t.not(hashOf(v6), hashOf({ ...v6, tcp: { sourcePort: 2 } }), 'IPv6 ports');
  t.end();
});

t.test('fragments of a packet stay together', (t) => {
  const ip = { source: '192.0.2.1', destination: '192.88.99.7', id: 7 };
  const first = hashOf({
    ip: { ...ip, moreFragments: true },
    udp: { sourcePort: 1, destinationPort: 2 },
    payload: 40,
  });
  const later = hashOf({ ip: { ...ip, protocol: 17, fragmentOffset: 48 }, payload: 40 });
  t.equal(first, later);
  t.end();
});

t.test('one tunnel is spread over all workers', (t) => {
  for (const kind of ['flow', 'random', 'round-robin'] as const) {
    const distributor = createDistributor(kind, 8, 1);
    const share = new Array<number>(8).fill(0);
    for (let i = 0; i < 4000; i++) {
      const bytes = buildPacket(tunnelled({ source: `192.0.2.${i % 250}`, destination: '192.88.99.7' }, i));
      const worker = distributor.choose(bytes, 0, bytes.length, LinkType.ETHERNET);
      share[worker]!++;
    }
    t.ok(Math.min(...share) > 400 && Math.max(...share) < 600, `${kind}: ${share.join(' ')}`);
  }
  t.end();
});
