import fc from 'fast-check';
import t from 'tap';
import { PathMtu, PATH_MTU_REASONS, type PathMtuTunnel } from '../../src/network/path-mtu.js';

const four = (...bytes: number[]): Uint8Array => Uint8Array.of(...bytes);
const six = (last: number): Uint8Array =>
  Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Array<number>(11).fill(0), last);

const plain: PathMtuTunnel = {
  local: four(198, 51, 100, 1),
  remote: four(203, 0, 113, 1),
  key: null,
  checksum: false,
  sequence: false,
  mode: 'gre',
  mtu: 1476,
};
const keyed: PathMtuTunnel = { ...plain, key: 7, mtu: 1472 };
const plain6: PathMtuTunnel = { ...plain, local: six(1), remote: six(2), mtu: 1456 };

interface Told {
  /** What the message is about; default: a packet of this tunnel, of the largest size. */
  tunnel?: PathMtuTunnel;
  mtu: number;
  /** Of the outer packet. */
  length?: number;
  key?: number | null;
  /** Bytes quoted behind the outer IP header. */
  quoted?: number;
  type?: number;
  code?: number;
  protocol?: number;
  flags?: number;
  fragment?: number;
  inner?: number;
}

/** An ICMP or ICMPv6 message about a GRE packet. */
function told(options: Told): Uint8Array {
  const { tunnel = plain, mtu, quoted = 64 } = options;
  const isFour = tunnel.local.length === 4;
  const key = options.key === undefined ? tunnel.key : options.key;
  const header = isFour ? 20 : 40;
  const gre = 4 + 4 * (Number(tunnel.checksum) + Number(key !== null) + Number(tunnel.sequence));
  const length = options.length ?? header + gre + tunnel.mtu + (tunnel.mode === 'gretap' ? 14 : 0);
  const bytes = Buffer.alloc(8 + header + 64);
  if (isFour) {
    bytes.set([options.type ?? 3, options.code ?? 4]);
    bytes.writeUInt16BE(mtu, 6);
    bytes[8] = 0x45;
    bytes.writeUInt16BE(length, 10);
    bytes.writeUInt16BE(options.fragment ?? 0x4000, 14);
    bytes[17] = options.protocol ?? 47;
    bytes.set(tunnel.local, 20);
    bytes.set(tunnel.remote, 24);
  } else {
    bytes.set([options.type ?? 2, options.code ?? 0]);
    bytes.writeUInt32BE(mtu, 4);
    bytes[8] = 0x60;
    bytes.writeUInt16BE(Math.max(0, length - 40), 12);
    bytes[14] = options.protocol ?? 47;
    bytes.set(tunnel.local, 16);
    bytes.set(tunnel.remote, 32);
  }
  const at = 8 + header;
  const flags = (tunnel.checksum ? 0x8000 : 0) | (key === null ? 0 : 0x2000) | (tunnel.sequence ? 0x1000 : 0);
  bytes.writeUInt16BE(options.flags ?? flags, at);
  bytes.writeUInt16BE(options.inner ?? (tunnel.mode === 'gretap' ? 0x6558 : 0x0800), at + 2);
  if (key !== null) bytes.writeUInt32BE(key, at + 4 + (tunnel.checksum ? 4 : 0));
  return new Uint8Array(bytes.subarray(0, at + quoted));
}

t.test('what a router tells is learned, for both families', async (t) => {
  const path = new PathMtu([plain, plain6, { ...plain6, remote: six(9) }]);
  t.equal(path.mtuOf(0), null);
  t.strictSame(path.learn(told({ mtu: 1400 }), 4, 0), [{ tunnel: 0, mtu: 1376 }]);
  t.strictSame(path.learn(told({ tunnel: plain6, mtu: 1400 }), 6, 0), [{ tunnel: 1, mtu: 1356 }]);
  t.equal(path.mtuOf(0), 1376);
  t.equal(path.mtuOf(2), null);
  t.equal(path.learned, 2);
  t.strictSame(
    path.learn(told({ mtu: 1300, length: 1400 }), 4, 1),
    [{ tunnel: 0, mtu: 1276 }],
    'and lower again',
  );
});

t.test('the eight bytes of RFC 792 are enough', async (t) => {
  const path = new PathMtu([keyed]);
  t.strictSame(path.learn(told({ tunnel: keyed, mtu: 1400, quoted: 8 }), 4, 0), [{ tunnel: 0, mtu: 1372 }]);
  const summed: PathMtuTunnel = { ...keyed, checksum: true, mtu: 1468 };
  const other = new PathMtu([summed]);
  t.strictSame(
    other.learn(told({ tunnel: summed, key: 99, mtu: 1400, quoted: 8 }), 4, 0),
    [{ tunnel: 0, mtu: 1368 }],
    'the key is not among them',
  );
  t.equal(other.learn(told({ tunnel: summed, key: 99, mtu: 1300, quoted: 12 }), 4, 0), 'gre_mismatch');
});

t.test('all tunnels between two addresses share a path', async (t) => {
  const tap: PathMtuTunnel = { ...plain, mode: 'gretap', mtu: 1462 };
  const small: PathMtuTunnel = { ...plain, key: 8, mtu: 1000 };
  const path = new PathMtu([plain, keyed, tap, small, { ...plain, remote: four(203, 0, 113, 2) }]);
  t.strictSame(path.learn(told({ tunnel: keyed, mtu: 1400 }), 4, 0), [
    { tunnel: 0, mtu: 1376 },
    { tunnel: 1, mtu: 1372 },
    { tunnel: 2, mtu: 1362 },
  ]);
});

t.test('routers that do not tell their MTU', async (t) => {
  const path = new PathMtu([plain]);
  t.strictSame(path.learn(told({ mtu: 0 }), 4, 0), [{ tunnel: 0, mtu: 1492 - 24 }]);
  t.strictSame(path.learn(told({ mtu: 0, length: 1492 }), 4, 0), [{ tunnel: 0, mtu: 1006 - 24 }]);
  t.equal(path.learn(told({ mtu: 0, length: 1006 }), 4, 0), 'below_minimum');
  t.equal(
    new PathMtu([plain6]).learn(told({ tunnel: plain6, mtu: 0 }), 6, 0),
    'below_minimum',
    'not with IPv6',
  );
});

t.test('after ten minutes the configured MTU is tried again', async (t) => {
  const path = new PathMtu([plain, plain6]);
  path.learn(told({ mtu: 1400 }), 4, 1000);
  path.learn(told({ mtu: 1300 }), 4, 5000);
  t.strictSame(path.expire(604_999), []);
  t.strictSame(path.expire(605_000), [{ tunnel: 0, mtu: null }]);
  t.strictSame(path.expire(605_001), []);
  t.strictSame(path.learn(told({ mtu: 1400 }), 4, 605_001), [{ tunnel: 0, mtu: 1376 }], 'learned anew');
});

t.test('messages that are not believed', async (t) => {
  const forged: [string, Told, (typeof PATH_MTU_REASONS)[number]][] = [
    ['another type', { mtu: 1400, type: 11 }, 'other_type'],
    ['port unreachable', { mtu: 1400, code: 3 }, 'other_type'],
    ['about UDP', { mtu: 1400, protocol: 17 }, 'not_gre'],
    ['may be fragmented', { mtu: 1400, fragment: 0 }, 'fragment'],
    ['a fragment', { mtu: 1400, fragment: 0x4010 }, 'fragment'],
    ['cut off', { mtu: 1400, quoted: 7 }, 'malformed'],
    ['not our source', { mtu: 1400, tunnel: { ...plain, local: four(1, 2, 3, 4) } }, 'unknown_endpoints'],
    [
      'not our destination',
      { mtu: 1400, tunnel: { ...plain, remote: four(1, 2, 3, 4) } },
      'unknown_endpoints',
    ],
    ['a key', { mtu: 1400, key: 5 }, 'gre_mismatch'],
    ['other flags', { mtu: 1400, flags: 0x1000 }, 'gre_mismatch'],
    ['reserved bits', { mtu: 1400, flags: 0x0010 }, 'gre_mismatch'],
    ['version 1', { mtu: 1400, flags: 0x0001 }, 'gre_mismatch'],
    ['an Ethernet frame', { mtu: 1400, inner: 0x6558 }, 'gre_mismatch'],
    ['a packet that fits', { mtu: 1400, length: 1400 }, 'not_larger'],
    ['a packet longer than any', { mtu: 1400, length: 1501 }, 'never_sent'],
    ['a packet shorter than its headers', { mtu: 0, length: 24 }, 'never_sent'],
    ['a tiny MTU', { mtu: 575 }, 'below_minimum'],
    ['another tiny one', { mtu: 68 }, 'below_minimum'],
    ['the MTU that there is', { mtu: 1500, length: 1500 }, 'not_larger'],
  ];
  for (const [what, options, reason] of forged) {
    const path = new PathMtu([plain]);
    t.equal(path.learn(told(options), 4, 0), reason, what);
    t.equal(path.ignored[reason], 1);
    t.equal(path.mtuOf(0), null);
  }
  const path = new PathMtu([plain, plain6]);
  path.learn(told({ mtu: 1400 }), 4, 0);
  t.equal(path.learn(told({ mtu: 1450 }), 4, 0), 'not_lower');
  t.equal(path.learn(told({ mtu: 1400 }), 4, 0), 'not_lower');
  t.equal(path.learn(told({ tunnel: plain6, mtu: 1279 }), 6, 0), 'below_minimum');
  t.equal(path.learn(told({ tunnel: plain6, mtu: 1300, protocol: 44 }), 6, 0), 'fragment');
  t.equal(path.learn(told({ tunnel: plain6, mtu: 1300, protocol: 60 }), 6, 0), 'not_gre');
  t.equal(path.learn(new Uint8Array(0), 4, 0), 'malformed');
  t.equal(path.learn(told({ mtu: 1400 }), 6, 0), 'other_type', 'one family is not taken for the other');
});

t.test('a floor of one’s own, never below what the protocols have', async (t) => {
  const low = new PathMtu([plain, plain6], { minimum4: 0, minimum6: 0 });
  t.strictSame(low.learn(told({ mtu: 100 }), 4, 0), [{ tunnel: 0, mtu: 76 }]);
  t.equal(low.learn(told({ mtu: 67 }), 4, 0), 'below_minimum');
  t.equal(low.learn(told({ tunnel: plain6, mtu: 1279 }), 6, 0), 'below_minimum');
  const high = new PathMtu([plain], { minimum4: 1400 });
  t.equal(high.learn(told({ mtu: 1399 }), 4, 0), 'below_minimum');
});

t.test('a flood is cut off', async (t) => {
  const path = new PathMtu([plain], { messagesPerSecond: 10 });
  for (let n = 0; n < 20; n++) path.learn(told({ mtu: 1400, type: 11 }), 4, 1000);
  t.equal(path.ignored.other_type, 10);
  t.equal(path.ignored.rate_limited, 10);
  t.equal(path.learn(told({ mtu: 1400 }), 4, 1050), 'rate_limited');
  t.strictSame(path.learn(told({ mtu: 1400 }), 4, 1200), [{ tunnel: 0, mtu: 1376 }]);
});

t.test('a reload keeps what is known of a path', async (t) => {
  const path = new PathMtu([plain, plain6]);
  path.learn(told({ mtu: 1400 }), 4, 0);
  t.strictSame(path.setTunnels([plain6, keyed, plain]), [
    { tunnel: 1, mtu: 1372 },
    { tunnel: 2, mtu: 1376 },
  ]);
  t.strictSame(path.expire(600_000), [
    { tunnel: 1, mtu: null },
    { tunnel: 2, mtu: null },
  ]);
  path.learn(told({ mtu: 1400 }), 4, 700_000);
  t.strictSame(path.setTunnels([{ ...plain, mtu: 1000 }]), [], 'not where less is configured');
  t.strictSame(path.setTunnels([plain]), []);
});

const tunnels = [plain, keyed, { ...plain, mode: 'gretap', mtu: 1462 } as const, plain6];

t.test(
  'whatever is told: never above, never below the floor, and only by what this node could have sent',
  async () => {
    const message = fc
      .record({
        tunnel: fc.constantFrom(...tunnels, { ...plain, remote: four(9, 9, 9, 9) }),
        mtu: fc.oneof(fc.nat(1600), fc.nat(65_535)),
        length: fc.oneof(fc.constant(1500), fc.nat(1600), fc.nat(65_535)),
        key: fc.constantFrom(null, 7, 8),
        quoted: fc.nat(64),
        fragment: fc.constantFrom(0x4000, 0x4000, 0x4000, 0, 0x2000),
        inner: fc.constantFrom(0x0800, 0x86dd, 0x6558),
        wait: fc.nat(100_000),
      })
      .chain((options) =>
        fc.tuple(fc.constant(options), fc.array(fc.tuple(fc.nat(150), fc.nat(255)), { maxLength: 2 })),
      );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 60 }), (messages) => {
        const path = new PathMtu(tunnels);
        let now = 0;
        for (const [options, damage] of messages) {
          now += options.wait;
          path.expire(now);
          const before = tunnels.map((_, i) => path.mtuOf(i));
          const bytes = told(options);
          for (const [at, value] of damage) if (at < bytes.length) bytes[at] = value;
          const result = path.learn(bytes, options.tunnel.local.length === 4 ? 4 : 6, now);
          const after = tunnels.map((_, i) => path.mtuOf(i));
          const changed = after.flatMap((mtu, i) => (mtu === before[i] ? [] : [{ tunnel: i, mtu }]));
          if (typeof result === 'string') {
            if (changed.length > 0) return false;
            continue;
          }
          if (JSON.stringify(result) !== JSON.stringify(changed)) return false;
          for (const { tunnel, mtu } of changed) {
            const { mtu: configured, local } = tunnels[tunnel]!;
            const overhead = local.length === 4 ? 24 : 44;
            if (mtu === null || mtu >= (before[tunnel] ?? configured)) return false;
            if (mtu + overhead < (local.length === 4 ? 552 : 1280)) return false;
          }
          // What was quoted: our addresses, and longer than what was told.
          if (!changed.some(({ tunnel }) => bytes.includes(tunnels[tunnel]!.remote.at(-1)!))) return false;
        }
        return true;
      }),
      { numRuns: 500 },
    );
  },
);

t.test('any bytes at all', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 150 }), fc.constantFrom(4, 6), (bytes, family) => {
      const path = new PathMtu(tunnels);
      path.learn(bytes, family, 0);
      return path.learned === 0;
    }),
    { numRuns: 2000 },
  );
});
