import fc from 'fast-check';
import t from 'tap';
import { be16 } from '../../src/wire/bytes.js';
import {
  addressBytes,
  buildPacket,
  linkHeaderLength,
  macBytes,
  mssOption,
  writeFrame,
  type FrameSpec,
} from '../../src/wire/build.js';
import { sumBytes } from '../../src/wire/checksum.js';
import { Ipv6Chain } from '../../src/wire/ipv6-chain.js';

const hex = (spec: FrameSpec): string => Buffer.from(buildPacket(spec)).toString('hex');
const ip = { source: '192.0.2.1', destination: '198.51.100.2' };
const ip6 = { source: '2001:db8::1', destination: '2001:db8::2' };

t.test('addresses', (t) => {
  t.same(addressBytes('192.0.2.255'), [192, 0, 2, 255]);
  t.same(addressBytes('::'), new Uint8Array(16));
  t.same(Buffer.from(addressBytes('2001:db8::a:0:1')).toString('hex'), '20010db8000000000000000a00000001');
  t.same(Buffer.from(addressBytes('1:2:3:4:5:6:7:8')).toString('hex'), '00010002000300040005000600070008');
  t.same(Buffer.from(addressBytes('fe80::')).toString('hex'), 'fe800000000000000000000000000000');
  t.same(macBytes('02:00:00:00:00:fE'), [2, 0, 0, 0, 0, 254]);
  for (const wrong of ['', '1.2.3', '1.2.3.256', '1.2.3.4.5', '1.2.3.x', '1..2.3']) {
    t.throws(() => addressBytes(wrong), RangeError, wrong);
  }
  for (const wrong of ['1:2', ':::', '1::2::3', '1:2:3:4:5:6:7:8:9', '12345::', 'g::', '1:2:3:4:5:6:7::8']) {
    t.throws(() => addressBytes(wrong), RangeError, wrong);
  }
  t.throws(() => macBytes('02:00:00:00:00'), RangeError);
  t.end();
});

t.test('packets known by heart', (t) => {
  // The header whose checksum RFC 1071 texts and Wikipedia ("Internet checksum") work out: 0xb861.
  t.equal(
    hex({
      ip: {
        source: '192.168.0.1',
        destination: '192.168.0.199',
        dontFragment: true,
        protocol: 17,
        length: 0x73,
      },
      payload: 0,
    }),
    '4500007300004000' + '4011b861c0a80001c0a800c7',
  );
  // An echo request of ping -s 0, id 1, sequence 1.
  t.equal(hex({ ip, icmp: { type: 8, id: 1, sequence: 1 } }).slice(40), '0800f7fd00010001');
  // GRE flags and the order of the options: checksum, key, sequence (RFC 2890 §2).
  t.equal(
    hex({ ip, gre: { key: 0x01020304, sequence: 5 }, inner: { ip } }).slice(40, 64),
    '30000800' + '01020304' + '00000005',
  );
  t.equal(
    hex({ ip, gre: { key: 1, checksum: 0xabcd }, inner: { ip: ip6 } }).slice(40, 64),
    'a00086ddabcd000000000001',
  );
  t.equal(hex({ ip, gre: {}, inner: { link: 'ethernet', ip } }).slice(40, 48), '00006558');
  t.equal(
    hex({ link: 'ethernet', vlan: 0x2064, ip }).slice(0, 36),
    '020000000002020000000001' + '81002064' + '0800',
  );
  t.equal(hex({ link: 'sll', packetType: 4, ip }).slice(0, 32), '0004000100060000000000000000' + '0800');
  t.equal(
    hex({ link: 'sll2', packetType: 4, ip: ip6 }).slice(0, 40),
    '86dd000000000002000104060000000000000000',
  );
  t.equal(hex({ link: 'null', ip }).slice(0, 8), '02000000');
  t.equal(hex({ link: 'loop', ip: ip6 }).slice(0, 8), '0000001e');
  t.end();
});

t.test('every lie is told', (t) => {
  t.equal(hex({ ip: { ...ip, version: 5 } }).slice(0, 2), '55');
  t.equal(hex({ ip: { ...ip, headerLength: 4 } }).slice(0, 2), '44');
  t.equal(hex({ ip: { ...ip, length: 7 } }).slice(4, 8), '0007');
  t.equal(hex({ ip: { ...ip, checksum: 0x1234 } }).slice(20, 24), '1234');
  t.equal(hex({ ip: { ...ip6, version: 4 } }).slice(0, 1), '4');
  t.equal(hex({ ip: { ...ip6, length: 7 } }).slice(8, 12), '0007');
  t.equal(hex({ ip, gre: { version: 1, flags: 0x40, flags1: 0x80 } }).slice(40, 44), '4081');
  t.equal(hex({ ip, gre: { protocol: 0x8847 } }).slice(44, 48), '8847');
  t.equal(hex({ ip, tcp: { dataOffset: 15, checksum: 0x1234 } }).slice(64, 66), 'f0');
  t.equal(hex({ ip, tcp: { checksum: 0x1234 } }).slice(72, 76), '1234');
  t.equal(hex({ ip, udp: { length: 3, checksum: 0 } }).slice(48, 56), '00030000');
  t.equal(hex({ ip, icmp: { type: 8, checksum: 0x1234 } }).slice(44, 48), '1234');
  t.equal(buildPacket({ ip, payload: 10, truncate: 25 }).length, 25);
  t.equal(buildPacket({ ip, payload: 10, padding: 6 }).length, 36);
  t.equal(hex({ link: 'ethernet', etherType: 0x0806, payload: Uint8Array.of(1, 2) }).slice(24), '08060102');
  t.end();
});

t.test('a cut inner packet is counted by the outer header as long as it is', (t) => {
  const bytes = buildPacket({
    ip,
    gre: { checksum: true },
    inner: { ip, udp: {}, payload: 50, truncate: 11 },
  });
  t.equal(be16(bytes, 2), 20 + 8 + 11);
  t.equal(sumBytes(bytes, 20, 19), 0xffff);
  t.end();
});

const bytesOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length });
const addresses = fc.oneof(fc.tuple(bytesOf(4), bytesOf(4)), fc.tuple(bytesOf(16), bytesOf(16)));
const payloads = fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.uint8Array({ maxLength: 200 }));
const transports = fc.oneof(
  fc.record({
    tcp: fc.record({
      syn: fc.boolean(),
      sequence: fc.nat(0xffffffff),
      options: fc.array(fc.nat(255), { maxLength: 40 }),
    }),
  }),
  fc.record({ udp: fc.record({ sourcePort: fc.nat(0xffff) }) }),
  fc.record({ icmp: fc.record({ type: fc.nat(255), id: fc.nat(0xffff) }) }),
);
const packets = fc
  .tuple(
    addresses,
    transports,
    payloads,
    fc.array(fc.constantFrom(0, 43, 51, 60), { maxLength: 4 }),
    fc.nat(255),
  )
  .map(([[source, destination], transport, payload, extensions, tos]): FrameSpec => ({
    ip: { source, destination, tos, extensions: extensions.map((header) => ({ header })) },
    ...transport,
    payload,
  }));

/** Checks lengths and checksums of an IP packet with code of the dataplane, which the builder does not use. */
function verify(bytes: Uint8Array, at: number, end: number): void {
  const six = bytes[at]! >> 4 === 6;
  const chain = new Ipv6Chain();
  if (six) chain.walk(bytes, at, end - at, true);
  const transport = six ? chain.offset : at + (bytes[at]! & 15) * 4;
  const protocol = six ? chain.protocol : bytes[at + 9]!;
  if (six) {
    if (be16(bytes, at + 4) !== end - at - 40) throw new Error('payload length');
  } else {
    if (be16(bytes, at + 2) !== end - at) throw new Error('total length');
    if (sumBytes(bytes, at, transport - at) !== 0xffff) throw new Error('header checksum');
  }
  if (protocol === 47) return;
  const size = six ? 16 : 4;
  const pseudo = new Uint8Array(2 * size + 4 + (end - transport));
  pseudo.set(bytes.subarray(at + (six ? 8 : 12), at + (six ? 8 : 12) + 2 * size));
  pseudo[2 * size + 1] = protocol;
  pseudo[2 * size + 2] = (end - transport) >> 8;
  pseudo[2 * size + 3] = end - transport;
  pseudo.set(bytes.subarray(transport, end), 2 * size + 4);
  const withPseudo = protocol !== 1;
  const from = withPseudo ? 0 : 2 * size + 4;
  if (sumBytes(pseudo, from, pseudo.length - from) !== 0xffff)
    throw new Error(`checksum of protocol ${protocol}`);
}

t.test('lengths and checksums are right', (t) => {
  fc.assert(
    fc.property(packets, (spec) => {
      const bytes = buildPacket(spec);
      verify(bytes, 0, bytes.length);
    }),
    { numRuns: 400 },
  );
  t.end();
});

t.test('so are they inside and outside of a tunnel, behind any link header', (t) => {
  const gre = fc.record({ checksum: fc.boolean(), key: fc.option(fc.nat(0xffffffff), { nil: undefined }) });
  const links = fc.constantFrom<FrameSpec[]>(
    {},
    { link: 'ethernet' },
    { link: 'ethernet', vlan: 7 },
    { link: 'sll' },
    { link: 'sll2' },
    { link: 'null' },
    { link: 'loop' },
  );
  fc.assert(
    fc.property(links, addresses, gre, packets, (link, [source, destination], header, inner) => {
      const outer = { source, destination };
      const spec: FrameSpec = { ...link, ip: outer, gre: header, inner };
      const bytes = buildPacket(spec);
      const at = linkHeaderLength(spec);
      verify(bytes, at, bytes.length);
      const greAt = at + (source.length === 4 ? 20 : 40);
      const innerAt = greAt + 4 + (header.checksum ? 4 : 0) + (header.key === undefined ? 0 : 4);
      if (header.checksum && sumBytes(bytes, greAt, bytes.length - greAt) !== 0xffff)
        throw new Error('GRE checksum');
      verify(bytes, innerAt, bytes.length);
    }),
    { numRuns: 400 },
  );
  t.end();
});

t.test('the place in memory does not matter', (t) => {
  const spec: FrameSpec = {
    link: 'ethernet',
    ip,
    gre: { checksum: true, key: 9 },
    inner: { ip: ip6, tcp: { syn: true, options: [1, ...mssOption(1440)] }, payload: 33 },
  };
  const block = new Uint8Array(400).fill(0xee);
  const length = writeFrame(block, 101, spec);
  t.same(block.slice(101, 101 + length), buildPacket(spec));
  t.ok(
    block.slice(0, 101).every((byte) => byte === 0xee),
    'nothing written in front',
  );
  t.ok(
    block.slice(101 + length).every((byte) => byte === 0xee),
    'nothing written behind',
  );
  t.end();
});
