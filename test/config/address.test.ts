import fc from 'fast-check';
import ipaddr from 'ipaddr.js';
import t from 'tap';
import {
  formatAddress,
  formatWithLength,
  isInside,
  isPrivate,
  isSameAddress,
  isUnicast,
  networkOf,
  parseAddress,
  parseAddressWithLength,
  peerOf,
} from '../../src/config/address.js';

function bytes(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === null) throw new Error(`${text} is no address`);
  return address.bytes;
}

t.test('what is an address and what is not', async (t) => {
  t.strictSame(parseAddress('192.0.2.1'), { family: 4, bytes: Uint8Array.of(192, 0, 2, 1) });
  t.strictSame(parseAddress('2001:DB8::1'), {
    family: 6,
    bytes: Uint8Array.of(0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1),
  });
  t.equal(formatAddress(bytes('64:ff9b::192.0.2.1')), '64:ff9b::c000:201');
  for (const mapped of ['::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:192.0.2.1'])
    t.strictSame(parseAddress(mapped), { family: 4, bytes: Uint8Array.of(192, 0, 2, 1) }, mapped);
  const none = [
    '',
    ' 1.2.3.4',
    '1.2.3',
    '1',
    '0x7f.0.0.1',
    '010.0.0.1',
    '1.2.3.04',
    '256.1.1.1',
    '1.2.3.4/24',
    '::1%lo',
    '1::2::3',
    '12345::',
    '00001::',
    '::1.2.3.4',
    ':',
    '1:2:3:4:5:6:7',
    'localhost',
    '٣.1.1.1',
  ];
  for (const text of none) t.equal(parseAddress(text), null, text);
});

t.test('what is an address with length', async (t) => {
  t.match(parseAddressWithLength('10.1.2.3/8'), { family: 4, length: 8 });
  t.match(parseAddressWithLength('::/0'), { family: 6, length: 0 });
  t.match(parseAddressWithLength('::ffff:192.0.2.0/120'), { family: 4, length: 24 });
  for (const text of [
    '10.0.0.0',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/33',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '::/129',
    '10.0.0.0/255.0.0.0',
    '::ffff:1.2.3.4/95',
    '10.0.0.0/8 ',
  ])
    t.equal(parseAddressWithLength(text), null, text);
});

const anyAddress = fc.oneof(
  fc.uint8Array({ minLength: 4, maxLength: 4 }),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  // Runs of zeros, where the short forms are.
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
    .map((b) => Uint8Array.from(b)),
);

t.test('any address survives its text, which is the one that URLs have', async () => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      const text = formatAddress(address);
      const parsed = parseAddress(text);
      if (parsed === null) throw new Error(text);
      if (parsed.bytes.length === address.length && !isSameAddress(parsed.bytes, address))
        throw new Error(text);
      const host = address.length === 4 ? text : `[${text}]`;
      return new URL(`http://${host}/`).hostname === host;
    }),
  );
});

t.test('IPv4, which is read without it, is what the library says', async () => {
  const kinds = ['unspecified', 'multicast', 'broadcast'];
  const edges = fc.constantFrom([0, 0, 0, 0], [0, 1, 2, 3], [223, 255, 255, 255], [224, 0, 0, 0]);
  const more = fc.constantFrom(
    [239, 255, 255, 255],
    [240, 0, 0, 0],
    [255, 255, 255, 254],
    [255, 255, 255, 255],
  );
  fc.assert(
    fc.property(fc.oneof(edges, more, fc.uint8Array({ minLength: 4, maxLength: 4 })), (address) => {
      const library = ipaddr.fromByteArray(Array.from(address));
      const four = Uint8Array.from(address);
      return (
        formatAddress(four) === library.toString() &&
        isUnicast(four) === !kinds.includes(library.range()) &&
        isSameAddress(bytes(library.toString()), four)
      );
    }),
  );
});

t.test('networks, bit by bit', async () => {
  const bits = (b: Uint8Array) => Array.from(b, (byte) => byte.toString(2).padStart(8, '0')).join('');
  fc.assert(
    fc.property(anyAddress, anyAddress, fc.nat(128), (a, b, n) => {
      const length = Math.min(n, a.length * 8);
      const kept = bits(a).slice(0, length);
      if (bits(networkOf(a, length)) !== kept.padEnd(a.length * 8, '0')) return false;
      if (a.length === b.length && isInside(b, a, length) !== bits(b).startsWith(kept)) return false;
      return a.length === b.length || !isInside(b, a, length);
    }),
  );
});

t.test('kinds and neighbours', async (t) => {
  for (const text of ['0.0.0.0', '239.1.1.1', '255.255.255.255', '::', 'ff05::2'])
    t.notOk(isUnicast(bytes(text)), text);
  for (const text of ['1.1.1.1', '10.0.0.1', '127.0.0.1', 'fe80::1', '2001:db8::'])
    t.ok(isUnicast(bytes(text)), text);
  for (const text of ['10.1.1.1', '100.64.0.1', 'fd00::1', '169.254.1.1']) t.ok(isPrivate(bytes(text)), text);
  for (const text of ['192.0.2.0', '203.0.113.1', '8.8.8.8', '2001:db8::'])
    t.notOk(isPrivate(bytes(text)), text);
  t.equal(formatAddress(peerOf(bytes('10.0.0.8'), 31)), '10.0.0.9');
  t.equal(formatAddress(peerOf(bytes('10.0.0.9'), 31)), '10.0.0.8');
  t.equal(formatAddress(peerOf(bytes('10.0.0.9'), 30)), '10.0.0.10');
  t.equal(formatWithLength(bytes('2001:db8:0:0:1::'), 80), '2001:db8:0:0:1::/80');
});
