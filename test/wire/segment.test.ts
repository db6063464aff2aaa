import fc from 'fast-check';
import t from 'tap';
import { buildPacket } from '../../src/wire/build.js';
import { FrameKind } from '../../src/wire/split.js';
import { arrivals, tweaked, TWEAKS } from './segment-arbitrary.js';
import {
  bytes,
  joinAll,
  joinerWith,
  placeFrame,
  splitFrame,
  splitterOf,
  type Link,
} from './segment-bench.js';
import { be16, isIntact, layoutOf, partialSum, plainSplit, put16, type LargeFrame } from './segment-model.js';

const hex = (packet: Uint8Array): string => Buffer.from(packet).toString('hex');

/** What must not change its order: the flow of a packet, or the packet itself when it may belong to any. */
function flowOf(packet: Uint8Array, link: Link): string {
  const layout = layoutOf(packet, link);
  if (layout === null) return 'other';
  const { ip, isIpv4, transport, protocol } = layout;
  const addresses = packet.subarray(ip + (isIpv4 ? 12 : 8), ip + (isIpv4 ? 20 : 40));
  return `${protocol} ${hex(addresses)} ${hex(packet.subarray(transport, transport + 4))}`;
}

/** IDs of IPv4 packets with DF mean nothing (RFC 6864 §4.1). */
function withoutAtomicId(packet: Uint8Array, link: Link): string {
  const copy = Uint8Array.from(packet);
  if (copy[link]! >> 4 === 4 && (copy[link + 6]! & 0x40) !== 0) {
    put16(copy, link + 4, 0);
    put16(copy, link + 10, 0);
  }
  return hex(copy);
}

function byFlow(packets: readonly Uint8Array[], link: Link): Record<string, string[]> {
  const flows: Record<string, string[]> = {};
  for (const packet of packets) (flows[flowOf(packet, link)] ??= []).push(withoutAtomicId(packet, link));
  return flows;
}

function large(packet: Uint8Array, link: Link, size: number, change: Partial<LargeFrame> = {}): LargeFrame {
  const layout = layoutOf(packet, link)!;
  const frame = Uint8Array.from(packet);
  put16(frame, layout.checksum, partialSum(frame, layout));
  const isTcp = layout.protocol === 6;
  return {
    flags: 1,
    type: isTcp ? (layout.isIpv4 ? 1 : 4) : 5,
    headerLength: layout.payload,
    size,
    start: layout.transport,
    field: isTcp ? 16 : 6,
    bytes: frame,
    ...change,
  };
}

const segment = (link: Link): fc.Arbitrary<LargeFrame> =>
  fc
    .record({
      six: fc.boolean(),
      tcp: fc.boolean(),
      payload: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 65_400 })),
      size: fc.oneof(fc.constantFrom(536, 1436, 1448, 9000), fc.integer({ min: 100, max: 65_535 })),
      ipOptions: fc.array(fc.nat(255), { maxLength: 40 }),
      options: fc.array(fc.nat(255), { maxLength: 40 }),
      id: fc.nat(0xffff),
      sequence: fc.nat(0xffff_ffff),
      flags: fc.nat(255),
      hasExtension: fc.boolean(),
    })
    .map((one) => {
      const ip = one.six
        ? {
            source: '2001:db8::1',
            destination: '2001:db8::2',
            extensions: one.hasExtension ? [{ header: 60, size: 16 }] : [],
          }
        : { source: '192.0.2.1', destination: '192.0.2.2', id: one.id, options: one.ipOptions };
      const { sequence, options } = one;
      const packet = buildPacket({
        link: link === 14 ? 'ethernet' : 'raw',
        ip,
        ...(one.tcp ? { tcp: { sequence, options, ack: true } } : { udp: {} }),
        payload: Math.min(one.payload, 65_535 - 160),
      });
      const extension = one.six && one.hasExtension ? 16 : 0;
      if (extension > 0) return extended(packet, link, one.tcp, one.size);
      if (one.tcp) packet[layoutOf(packet, link)!.transport + 13] = one.flags;
      return large(packet, link, one.size);
    });

/** A large frame with an extension header, which the model does not know: its partial sum is made by hand. */
function extended(packet: Uint8Array, link: Link, isTcp: boolean, size: number): LargeFrame {
  const plain = Buffer.concat([packet.subarray(0, link + 40), packet.subarray(link + 56)]);
  plain[link + 6] = isTcp ? 6 : 17;
  const frame = large(new Uint8Array(plain), link, size);
  const sum = be16(frame.bytes, frame.start + frame.field);
  const whole = Uint8Array.from(packet);
  put16(whole, link + 56 + frame.field, sum);
  return { ...frame, start: frame.start + 16, headerLength: frame.headerLength + 16, bytes: whole };
}

for (const link of [0, 14] as const) {
  const name = link === 0 ? 'TUN' : 'TAP';

  t.test(`${name}: a large segment is cut as plain code cuts it`, async (t) => {
    let packets = 0;
    fc.assert(
      fc.property(
        segment(link),
        fc.integer({ min: 1, max: 300 }),
        fc.boolean(),
        (frame, portion, inPieces) => {
          const cut = splitFrame(frame, link, portion, inPieces);
          if (cut === null) return false;
          packets += cut.length;
          if (frame.bytes[link]! >> 4 === 6 && frame.start === link + 56) {
            // with an extension header: only the sums
            return cut.every((packet) => sumsOfExtended(packet, link));
          }
          const expected = plainSplit(frame, link);
          return (
            cut.length === expected.length && cut.every((packet, i) => hex(packet) === hex(expected[i]!))
          );
        },
      ),
      { numRuns: 300 },
    );
    t.ok(packets > 1000, `${packets} packets`);
  });

  t.test(`${name}: packets joined and cut again are the packets, each flow in its order`, async (t) => {
    let arrived = 0;
    let frames = 0;
    fc.assert(
      fc.property(arrivals(link), fc.integer({ min: 16, max: 80 }), (packets, gap) => {
        const joined = joinAll(packets, link, gap);
        arrived += packets.length;
        frames += joined.length;
        const plain = joined.flatMap((frame) => plainSplit(frame, link));
        const cut = joined.flatMap((frame) => splitFrame(frame, link) ?? []);
        fc.pre(packets.length > 0);
        if (plain.map(hex).join() !== cut.map(hex).join()) return false;
        return (
          JSON.stringify(byFlow(packets, link)) === JSON.stringify(sorted(byFlow(cut, link), packets, link))
        );
      }),
      { numRuns: 500 },
    );
    t.ok(frames < arrived * 0.7, `${arrived} packets in ${frames} frames`);
  });

  t.test(`${name}: what a large frame says of itself`, async () => {
    fc.assert(
      fc.property(arrivals(link), (packets) =>
        joinAll(packets, link).every((frame) => {
          if (frame.type === 0) return frame.flags === 0 && frame.size === 0;
          const layout = layoutOf(frame.bytes, link)!;
          return (
            frame.flags === 1 &&
            frame.headerLength === layout.payload &&
            frame.start === layout.transport &&
            frame.start + frame.field === layout.checksum &&
            frame.size < frame.bytes.length - layout.payload &&
            frame.bytes.length - link <= 65_535 &&
            be16(frame.bytes, layout.checksum) === partialSum(frame.bytes, layout) &&
            plainSplit(frame, link).every((packet) => isIntact(packet, layoutOf(packet, link)!))
          );
        }),
      ),
      { numRuns: 500 },
    );
  });

  t.test(`${name}: hostile virtio-net headers write nothing outside and give sane lengths`, async () => {
    const splitter = splitterOf(link);
    const step = 66_000;
    fc.assert(
      fc.property(
        segment(link),
        fc.record(
          {
            flags: fc.nat(255),
            type: fc.oneof(fc.constantFrom(0, 1, 3, 4, 5, 0x81, 0x85), fc.nat(255)),
            size: fc.oneof(fc.constant(0), fc.nat(0xffff)),
            start: fc.nat(0xffff),
            field: fc.nat(0xffff),
            headerLength: fc.nat(0xffff),
          },
          { requiredKeys: [] },
        ),
        fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 }),
        fc.nat(100),
        (honest, lies, changes, cutTo) => {
          const frame = { ...honest, ...lies };
          const length = cutTo < 50 ? Math.min(cutTo, frame.bytes.length) : frame.bytes.length;
          const at = placeFrame({ ...frame, bytes: frame.bytes.subarray(0, length) }, 1024 + (link & 2));
          for (const [where, value] of changes) if (where < length) bytes[at + where] = value;
          bytes.fill(0xa5, at + length, at + length + 256);
          const before = bytes.slice(at + length, at + length + 256);
          const kind = splitter.begin(at - 12, at, length);
          if (kind === FrameKind.LARGE) {
            const offsets = new Int32Array(40);
            const lengths = new Int32Array(40);
            const to = 1_000_000 + (link & 2);
            const longest = splitter.left();
            const taken = splitter.take(offsets, lengths, 0, 40, to, step);
            for (let i = 0; i < taken; i++) {
              if (offsets[i] !== to + i * step || lengths[i]! > longest || lengths[i]! > length) return false;
            }
          }
          return Buffer.compare(before, bytes.slice(at + length, at + length + 256)) === 0;
        },
      ),
      { numRuns: 1000 },
    );
  });
}

/** The order of keys does not matter: as they first come in `packets`. */
function sorted(flows: Record<string, string[]>, packets: readonly Uint8Array[], link: Link): object {
  const keys = Object.keys(byFlow(packets, link));
  const others = Object.keys(flows).filter((key) => !keys.includes(key));
  return Object.fromEntries([...keys, ...others].map((key) => [key, flows[key]]));
}

function sumsOfExtended(packet: Uint8Array, link: Link): boolean {
  const protocol = packet[link + 40]!;
  const plain = new Uint8Array(Buffer.concat([packet.subarray(0, link + 40), packet.subarray(link + 56)]));
  plain[link + 6] = protocol;
  return be16(packet, link + 4) === packet.length - link - 40 && isIntact(plain, layoutOf(plain, link)!);
}

t.test('what lies in a virtio-net header is refused', async (t) => {
  const tcp = buildPacket({
    ip: { source: '192.0.2.1', destination: '192.0.2.2' },
    tcp: { ack: true },
    payload: 5000,
  });
  const right = large(tcp, 0, 1400);
  t.equal(splitFrame(right, 0)?.length, 4, 'the honest one is cut');
  t.equal(splitFrame({ ...right, headerLength: 9 }, 0)?.length, 4, 'the length of the headers is a hint');
  const lies: [string, Partial<LargeFrame>][] = [
    ['no segment size', { size: 0 }],
    ['no checksum wanted', { flags: 0 }],
    ['UDP fragments, which were never agreed on', { type: 3 }],
    ['the other family', { type: 4 }],
    ['the other protocol', { type: 5 }],
    ['an unknown type', { type: 9 }],
    ['checksum range elsewhere', { start: 24 }],
    ['checksum range behind the frame', { start: 6000 }],
    ['checksum elsewhere', { field: 6 }],
  ];
  for (const [what, lie] of lies) t.equal(splitFrame({ ...right, ...lie }, 0), null, what);
  const changes: [string, (frame: Uint8Array) => void][] = [
    ['IP header too short', (frame) => (frame[0] = 0x44)],
    ['IP header longer', (frame) => (frame[0] = 0x46)],
    ['another version', (frame) => (frame[0] = 0x55)],
    ['total length', (frame) => put16(frame, 2, 5039)],
    ['a fragment', (frame) => (frame[6] = 0x20)],
    ['another protocol', (frame) => (frame[9] = 17)],
    ['data offset too small', (frame) => (frame[32] = 0x40)],
  ];
  for (const [what, change] of changes) {
    const frame = Uint8Array.from(right.bytes);
    change(frame);
    t.equal(splitFrame({ ...right, bytes: frame }, 0), null, what);
  }
  const whole = large(tcp, 0, 0, { type: 0 });
  t.strictSame(splitFrame(whole, 0), [tcp], 'an ordinary packet gets its checksum');
  t.equal(splitFrame({ ...whole, start: 5 }, 0), null, 'not where the IP header is');
  t.equal(splitFrame({ ...whole, start: 5039, field: 0 }, 0), null, 'nor behind the packet');
  t.equal(splitFrame({ ...whole, start: 20, field: 5020 }, 0), null, 'nor half behind it');
});

t.test('a checksum of 0 is sent as 0xffff by UDP alone (RFC 768)', async (t) => {
  for (const [protocol, header] of [
    ['tcp', { tcp: { ack: true } }],
    ['udp', { udp: {} }],
  ] as const) {
    const packet = buildPacket({
      ip: { source: '192.0.2.1', destination: '192.0.2.2' },
      ...header,
      payload: 2,
    });
    const layout = layoutOf(packet, 0)!;
    // What the checksum was joins the data: then it would be 0.
    const sum = be16(packet, packet.length - 2) + be16(packet, layout.checksum);
    put16(packet, packet.length - 2, (sum & 0xffff) + (sum >>> 16));
    const frame = large(packet, 0, 0, { type: 0 });
    const [sent] = splitFrame(frame, 0)!;
    t.equal(be16(sent!, layout.checksum), protocol === 'udp' ? 0xffff : 0, protocol);
    t.ok(isIntact(sent!, layout), 'and it holds');
    t.strictSame([sent], plainSplit(frame, 0));
  }
});

t.test('TAP: a tagged frame is cut, tags and all; one without IP is refused', async (t) => {
  const make = (vlan?: number): Uint8Array =>
    buildPacket({
      link: 'ethernet',
      vlan,
      ip: { source: '192.0.2.1', destination: '192.0.2.2' },
      tcp: { ack: true },
      payload: 3000,
    });
  const plain = large(make(), 14, 1400);
  const tagged = make(0x2007);
  put16(tagged, 18 + 20 + 16, be16(plain.bytes, 14 + 20 + 16));
  const cut = splitFrame({ ...plain, start: 38, headerLength: 58, bytes: tagged }, 14)!;
  t.strictSame(
    cut.map((packet) => hex(packet)),
    splitFrame(plain, 14)!.map(
      (packet) => `${hex(packet.subarray(0, 12))}81002007${hex(packet.subarray(12))}`,
    ),
  );
  const arp = Uint8Array.from(plain.bytes);
  put16(arp, 12, 0x0806);
  t.equal(splitFrame({ ...plain, bytes: arp }, 14), null);
  t.equal(splitFrame({ ...plain, bytes: tagged.subarray(0, 17) }, 14), null);
});

t.test('flags of the first and last segment', async (t) => {
  const packet = buildPacket({
    ip: { source: '192.0.2.1', destination: '192.0.2.2', id: 0xffff },
    tcp: { ack: true, sequence: 0xffff_fff0 },
    payload: 300,
  });
  packet[33] = 0xd9; // CWR, ECE, ACK, PSH, FIN
  const cut = splitFrame(large(packet, 0, 100, { type: 0x81 }), 0)!;
  t.strictSame(
    cut.map((one) => one[33]),
    [0xd0, 0x50, 0x59],
    'CWR on the first, PSH and FIN on the last',
  );
  t.strictSame(
    cut.map((one) => be16(one, 4)),
    [0xffff, 0, 1],
    'IDs go up',
  );
  t.strictSame(
    cut.map((one) => hex(one.subarray(24, 28))),
    ['fffffff0', '00000054', '000000b8'],
    'sequence numbers wrap',
  );
});

/** `count` segments of one flow that follow each other. */
function train(count: number, link: Link, six: boolean, udp: boolean, size = 1000): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    buildPacket({
      link: link === 14 ? 'ethernet' : 'raw',
      ip: six
        ? { source: '2001:db8::1', destination: '2001:db8::2' }
        : { source: '192.0.2.1', destination: '192.0.2.2', id: 100 + i },
      ...(udp
        ? { udp: {} }
        : { tcp: { ack: true, sequence: 5000 + i * size, options: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2] } }),
      payload: size,
    }),
  );
}

t.test('consecutive segments become one frame', async (t) => {
  for (const link of [0, 14] as const) {
    for (const six of [false, true]) {
      for (const udp of [false, true]) {
        const name = `${link} ${six ? 'IPv6' : 'IPv4'} ${udp ? 'UDP' : 'TCP'}`;
        const frames = joinAll(train(40, link, six, udp), link);
        t.equal(frames.length, 1, name);
        t.equal(frames[0]?.type, udp ? 5 : six ? 4 : 1, name);
        t.equal(frames[0]?.size, 1000, name);
      }
    }
  }
});

t.test('limits: 65,535 bytes, and 64 packets of UDP', async (t) => {
  t.strictSame(
    joinAll(train(100, 0, false, false), 0).map((frame) => frame.bytes.length),
    [65_052, 35_052],
    'TCP by length',
  );
  t.strictSame(
    joinAll(train(100, 0, true, true, 10), 0).map((frame) => frame.bytes.length),
    [688, 408],
    'UDP by number',
  );
  t.equal(joinAll(train(200, 0, false, false, 1), 0).length, 1, 'TCP with one byte each');
});

t.test('each difference keeps packets apart', async (t) => {
  // What changes nothing in a packet of this kind, or is allowed to differ, by kind.
  const harmless: Record<string, readonly string[]> = {
    'IPv4 TCP': ['none', 'psh', 'fin', 'label', 'noChecksum', 'shortUdp', 'mac'],
    'IPv6 TCP': [
      'none',
      'psh',
      'fin',
      'flag',
      'idSkips',
      'idStays',
      'badIp',
      'fragment',
      'noChecksum',
      'shortUdp',
      'mac',
    ],
    'IPv4 UDP': [],
    'IPv6 UDP': [],
  };
  const onlyTcp = [
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
  ];
  const udpToo = [...onlyTcp, 'urgent', 'option', 'gap', 'again', 'none', 'mac'];
  harmless['IPv4 UDP'] = [...udpToo, 'label'];
  harmless['IPv6 UDP'] = [...udpToo, 'flag', 'idSkips', 'idStays', 'badIp', 'fragment'];
  for (const six of [false, true]) {
    for (const udp of [false, true]) {
      const kind = `${six ? 'IPv6' : 'IPv4'} ${udp ? 'UDP' : 'TCP'}`;
      for (const tweak of TWEAKS) {
        const [first, second] = train(2, 0, six, udp) as [Uint8Array, Uint8Array];
        const joined = joinAll([first, tweaked(second, { tweak, random: 7 }, 0)], 0).length === 1;
        t.equal(joined, harmless[kind]!.includes(tweak), `${kind}, ${tweak}`);
      }
    }
  }
});

t.test('IDs: counting up, or with DF staying; not both', async (t) => {
  const make = (ids: readonly number[], dontFragment: boolean): number =>
    joinAll(
      ids.map((id, i) =>
        buildPacket({
          ip: { source: '192.0.2.1', destination: '192.0.2.2', id, dontFragment },
          tcp: { ack: true, sequence: i * 10 },
          payload: 10,
        }),
      ),
      0,
    ).length;
  t.equal(make([7, 8, 9], false), 1);
  t.equal(make([0xffff, 0, 1], false), 1, 'wrapping');
  t.equal(make([7, 7, 7], false), 3, 'staying without DF');
  t.equal(make([0, 0, 0], true), 1, 'staying with DF');
  t.equal(make([7, 8, 8], true), 2, 'counting, then staying');
  t.equal(make([7, 7, 9], true), 2, 'staying, then counting');
});

t.test('order: nothing overtakes a packet of its flow or a fragment', async (t) => {
  const [a, b, c, d] = train(4, 0, false, false) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const acknowledgment = buildPacket({
    ip: { source: '192.0.2.1', destination: '192.0.2.2' },
    tcp: { ack: true, sequence: 7000 },
  });
  const fragment = buildPacket({
    ip: { source: '192.0.2.1', destination: '192.0.2.2', moreFragments: true },
    payload: 64,
  });
  const other = train(2, 0, true, true) as [Uint8Array, Uint8Array];
  const shape = (packets: Uint8Array[]): number[] => joinAll(packets, 0).map((frame) => frame.bytes.length);
  t.strictSame(shape([a, b, acknowledgment, c, d]), [2052, 40, 2052], 'an acknowledgment in between');
  t.strictSame(shape([a, b, fragment, c, d]), [2052, 84, 2052], 'a fragment in between');
  t.strictSame(shape([a, other[0], b, other[1], c, d]), [4052, 2048], 'two flows in turns');
  t.strictSame(shape([b, a]), [1052, 1052], 'out of order: left so');
});

t.test('a short segment, PSH and FIN end a frame', async (t) => {
  const [a, b, c, d] = train(4, 0, false, false) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const pushed = joinAll([a, tweaked(b, { tweak: 'psh', random: 0 }, 0), c, d], 0);
  t.strictSame(
    pushed.map((frame) => [frame.bytes.length, frame.bytes[33]]),
    [
      [2052, 0x18],
      [2052, 0x10],
    ],
  );
  const [head, next] = train(2, 0, false, false) as [Uint8Array, Uint8Array];
  const congested = tweaked(Uint8Array.from(head), { tweak: 'cwr', random: 0 }, 0);
  const warned = joinAll([congested, next], 0);
  t.equal(joinAll([tweaked(head, { tweak: 'psh', random: 0 }, 0), next], 0).length, 2, 'nothing behind PSH');
  t.strictSame(
    warned.map((frame) => frame.type),
    [0x81],
    'CWR on the first is told',
  );
});

t.test('without large UDP segments, UDP stays as it is', async (t) => {
  const joiner = joinerWith({ ethernet: false, udp: false });
  t.equal(joinAll(train(5, 0, false, true), 0, 64, joiner).length, 5);
  t.equal(joinAll(train(5, 0, false, false), 0, 64, joiner).length, 1);
});
