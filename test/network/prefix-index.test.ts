import fc from 'fast-check';
import t from 'tap';
import {
  formatWithLength,
  isInside,
  networkOf,
  parseAddress,
  parseAddressWithLength,
} from '../../src/config/address.js';
import { PrefixIndex } from '../../src/network/prefix-index.js';

function indexOf(prefixes: readonly string[]): PrefixIndex {
  return new PrefixIndex(
    prefixes.map((text) => {
      const { bytes, length } = parseAddressWithLength(text)!;
      return { address: bytes, length };
    }),
  );
}

t.test('the longest prefix that holds an address', async (t) => {
  const prefixes = ['10.0.0.0/8', '10.1.0.0/16', '0.0.0.0/0', '2001:db8::/32', '10.1.2.3/32'];
  const index = indexOf(prefixes);
  const find = (address: string, longest: number) =>
    prefixes[index.lookup(parseAddress(address)!.bytes, longest)];
  t.equal(find('10.1.2.3', 32), '10.1.2.3/32');
  t.equal(find('10.1.2.3', 31), '10.1.0.0/16');
  t.equal(find('10.1.2.3', 8), '10.0.0.0/8');
  t.equal(find('11.0.0.0', 32), '0.0.0.0/0');
  t.equal(find('10.1.2.3', -1), undefined);
  t.equal(find('2001:db8::1', 128), '2001:db8::/32');
  t.equal(find('2001:db9::1', 128), undefined, 'the IPv4 default is not for IPv6');
});

t.test('prefixes of which longer ones leave nothing over', async (t) => {
  const covered = (...prefixes: string[]) =>
    indexOf(prefixes)
      .covered()
      .map((i) => prefixes[i]);
  t.strictSame(covered('10.0.0.0/8', '10.0.0.0/9', '10.128.0.0/9'), ['10.0.0.0/8']);
  t.strictSame(covered('10.0.0.0/8', '10.0.0.0/9', '10.128.0.0/10'), []);
  t.strictSame(covered('10.0.0.0/8', '10.0.0.0/9', '10.128.0.0/10', '10.192.0.0/10'), ['10.0.0.0/8']);
  t.strictSame(covered('10.0.0.0/8', '10.128.0.0/9', '11.0.0.0/9'), [], 'halves of different prefixes');
  t.strictSame(covered('::/0', '::/1', '8000::/1', '0.0.0.0/0'), ['::/0']);
});

t.test('as a search through all, for any prefixes', async () => {
  // Four bits in use, so that every prefix can be compared address by address.
  const prefix = fc.tuple(fc.nat(15), fc.integer({ min: 0, max: 4 })).map(([high, length]) => {
    return formatWithLength(networkOf(Uint8Array.of(high << 4, 0, 0, 0), length), length);
  });
  const prefixes = fc.uniqueArray(prefix, { maxLength: 20 });
  fc.assert(
    fc.property(prefixes, fc.integer({ min: -1, max: 4 }), (texts, longest) => {
      const networks = texts.map((text) => parseAddressWithLength(text)!);
      const index = indexOf(texts);
      const addresses = Array.from({ length: 16 }, (_, high) => Uint8Array.of(high << 4, 1, 2, 3));
      const best = (address: Uint8Array, most: number) =>
        networks.reduce((found, { bytes, length }, i) => {
          const better = length <= most && length > (networks[found]?.length ?? -1);
          return better && isInside(address, bytes, length) ? i : found;
        }, -1);
      const unused = texts.filter((_, i) => addresses.every((address) => best(address, 4) !== i));
      const covered = index.covered().map((i) => texts[i]);
      return (
        addresses.every((address) => index.lookup(address, longest) === best(address, longest)) &&
        unused.toSorted().join() === covered.toSorted().join()
      );
    }),
  );
});
