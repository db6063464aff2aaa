import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'tap';
import { addressText, linkAddressText, parseCidr } from '../../src/device/netlink/address.js';
import { NetlinkWatch } from '../../src/device/netlink/netlink-watch.js';
import { Netlink } from '../../src/device/netlink/netlink.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { NetlinkError } from '../../src/device/netlink/netlink-error.js';
import { parseLink } from '../../src/device/netlink/link.js';
import { parseNeighbour } from '../../src/device/netlink/neighbour.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';

function ip(...args: string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8' });
}

const bytesOf = (text: string): Uint8Array => parseCidr(text).address;

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'nlk', (namespace) => {
    Netns.connect(namespace, 'nl0', namespace, 'nl1', {
      addresses: [['10.1.0.1/24', 'fd01::1/64'], []],
      macs: ['02:00:00:00:01:01', '02:00:00:00:01:02'],
    });
    Netns.connect(namespace, 'nl2', namespace, 'nl3');
  });
} else {
  const netlink = new Netlink();

  test('interfaces', async (t) => {
    const link = netlink.linkByName('nl0')!;
    t.match(link, { name: 'nl0', mtu: 1500, up: true, running: true, kind: 'veth', isEthernet: true });
    t.equal(linkAddressText(link.mac!), '02:00:00:00:01:01');
    t.strictSame(netlink.linkByIndex(link.index), link);
    t.match(netlink.linkByName('lo'), { kind: null, isEthernet: false });
    t.equal(netlink.linkByName('none'), null);
    t.equal(netlink.linkByName('a name longer than any'), null);
    t.equal(netlink.linkByName(''), null);
    t.equal(netlink.linkByIndex(9999), null);
    t.strictSame(
      netlink
        .listLinks()
        .map(({ name }) => name)
        .sort(),
      ['lo', 'nl0', 'nl1', 'nl2', 'nl3'],
    );
    const other = netlink.linkByName('nl2')!;
    netlink.setLink(other.index, { mtu: 9000, up: true });
    t.match(netlink.linkByName('nl2'), { mtu: 9000, up: true });
    netlink.setLink(other.index, { up: false });
    t.match(netlink.linkByName('nl2'), { up: false, running: false });
    t.throws(() => netlink.setLink(link.index, { mtu: 70_000 }), {
      name: 'NetlinkError',
      code: 'EINVAL',
      message: /^cannot set the MTU of nl0 to 70000: EINVAL \(invalid argument/,
    });
    netlink.deleteLink(other.index);
    t.equal(netlink.linkByName('nl2'), null);
    t.throws(() => netlink.deleteLink(other.index), { code: 'ENODEV' });
  });

  test('addresses', async (t) => {
    const { index } = netlink.linkByName('nl1')!;
    const own = (): string[] =>
      netlink
        .listAddresses()
        .filter((address) => address.interface === index && address.address[0] !== 0xfe)
        .map(({ address, length }) => `${addressText(address)}/${length}`)
        .sort();
    t.ok(netlink.addAddress(index, '10.2.0.1/31'));
    t.ok(netlink.addAddress(index, 'fd02::1/64'));
    t.notOk(netlink.addAddress(index, '10.2.0.1/31'), 'it is there');
    t.strictSame(own(), ['10.2.0.1/31', 'fd02::1/64']);
    t.notOk(
      netlink.listAddresses().some((a) => addressText(a.address) === 'fd02::1' && a.tentative),
      'in use at once',
    );
    t.ok(netlink.deleteAddress(index, '10.2.0.1/31'));
    t.ok(netlink.deleteAddress(index, 'fd02::1/64'));
    t.notOk(netlink.deleteAddress(index, 'fd02::1/64'));
    t.strictSame(own(), []);
    t.throws(() => netlink.addAddress(9999, '10.2.0.1/31'), NetlinkError);
    t.throws(() => netlink.addAddress(index, '10.2.0.1/99'), RangeError);
  });

  test('routes', async (t) => {
    const { index } = netlink.linkByName('nl0')!;
    const show = (...args: string[]): string => ip(...args).trim();
    netlink.addRoute(index, '198.51.100.0/24', { mtu: 1476, source: '10.1.0.1' });
    t.match(show('route', 'show', '198.51.100.0/24'), /dev nl0 .*src 10.1.0.1 mtu 1476/);
    t.throws(() => netlink.addRoute(index, '198.51.100.0/24'), { code: 'EEXIST' });
    netlink.addRoute(index, '198.51.100.0/24', { mtu: 1400, gateway: '10.1.0.9', replace: true });
    t.match(show('route', 'show', '198.51.100.0/24'), /via 10.1.0.9 dev nl0 .*mtu 1400/);
    netlink.addRoute(index, '2001:db8::/32', { mtu: 1400, gateway: 'fd01::9' });
    t.match(show('-6', 'route', 'show', '2001:db8::/32'), /via fd01::9 dev nl0 .*mtu 1400/);

    const four = netlink.routeTo(bytesOf('198.51.100.7'), bytesOf('10.1.0.1'))!;
    t.match(four, { interface: index, mtu: 1400, isLocal: false, isPlain: true });
    t.equal(addressText(four.gateway!), '10.1.0.9');
    const six = netlink.routeTo(bytesOf('2001:db8::7'))!;
    t.match(six, { interface: index, mtu: 1400, isLocal: false });
    t.equal(addressText(six.gateway!), 'fd01::9');
    t.equal(addressText(six.source!), 'fd01::1');
    t.equal(netlink.routeTo(bytesOf('10.1.0.77'))!.gateway, null, 'on the link');
    t.equal(netlink.routeTo(bytesOf('10.1.0.1'))!.isLocal, true);
    t.equal(netlink.routeTo(bytesOf('8.8.8.8')), null, 'no route');
    t.equal(netlink.routeTo(bytesOf('10.1.0.77'), bytesOf('192.0.2.99')), null, 'a source that is not ours');
    ip('route', 'add', 'blackhole', '203.0.113.0/24');
    t.equal(netlink.routeTo(bytesOf('203.0.113.1')), null);
    ip('route', 'add', '203.0.114.0/24', 'via', 'inet6', 'fd01::5', 'dev', 'nl0');
    t.equal(addressText(netlink.routeTo(bytesOf('203.0.114.1'))!.gateway!), 'fd01::5', 'RFC 8950');
    t.ok(netlink.deleteRoute(index, '198.51.100.0/24'));
    t.notOk(netlink.deleteRoute(index, '198.51.100.0/24'));
  });

  test('neighbours, and being told of changes', async (t) => {
    const { index } = netlink.linkByName('nl0')!;
    const told: string[] = [];
    let wake = (): void => undefined;
    const watch = new NetlinkWatch(loadAddon(), {
      onChange: (message) => {
        const neighbour = parseNeighbour(message);
        if (message.type === 28 && neighbour)
          told.push(`${addressText(neighbour.address)} ${neighbour.state}`);
        const link = message.type === 16 ? parseLink(message) : null;
        if (link !== null) told.push(`${link.name} ${link.mtu}`);
        wake();
      },
      onOverrun: () => t.fail('nothing was lost'),
    });
    t.teardown(() => watch.close());
    const until = async (text: string): Promise<void> => {
      while (!told.includes(text)) await new Promise<void>((resolve) => (wake = resolve));
    };
    netlink.useNeighbour(index, bytesOf('10.1.0.99'));
    netlink.setLink(index, { mtu: 1490 });
    await until('nl0 1490');
    ip('neighbour', 'replace', '10.1.0.98', 'lladdr', '02:00:00:00:00:98', 'dev', 'nl0', 'nud', 'stale');
    await until('10.1.0.98 4');
    const found = netlink.listNeighbours().filter((n) => n.interface === index);
    t.match(
      found.find((n) => addressText(n.address) === '10.1.0.99'),
      { mac: null, state: 1 },
    );
    const stale = found.find((n) => addressText(n.address) === '10.1.0.98')!;
    t.equal(linkAddressText(stale.mac!), '02:00:00:00:00:98');
    watch.close();
    watch.close();
  });

  test('without a link-local address', async (t) => {
    ip('link', 'add', 'nl6', 'type', 'veth', 'peer', 'name', 'nl7');
    t.teardown(() => ip('link', 'delete', 'nl6'));
    const { index } = netlink.linkByName('nl6')!;
    const hasOne = (name: string): boolean => ip('-6', 'address', 'show', name).includes('fe80:');
    const settled = async (name: string): Promise<boolean> => {
      for (let turn = 0; turn < 6000 && !hasOne(name); turn++) await sleep(10);
      return hasOne(name);
    };
    t.ok(netlink.setLinkLocal6(index, false));
    for (const name of ['nl6', 'nl7']) netlink.setLink(netlink.linkByName(name)!.index, { up: true });
    t.ok(await settled('nl7'));
    t.notOk(hasOne('nl6'));
    netlink.setLink(index, { up: false });
    t.ok(netlink.setLinkLocal6(index, true));
    netlink.setLink(index, { up: true });
    t.ok(await settled('nl6'));
    netlink.setLink(index, { mtu: 1000 });
    t.notOk(netlink.setLinkLocal6(index, false), 'too small for IPv6');
    t.throws(() => netlink.setLinkLocal6(99_999, true), { name: 'NetlinkError' });
  });

  test('packets that an interface could not send', async (t) => {
    ip('link', 'add', 'nl8', 'type', 'veth', 'peer', 'name', 'nl9');
    t.teardown(() => ip('link', 'delete', 'nl8'));
    const { index } = netlink.linkByName('nl8')!;
    t.equal(netlink.transmitDropped(index), 0);
    t.throws(() => netlink.transmitDropped(99_999), { name: 'NetlinkError' });
  });

  test('changes that were lost are told', async (t) => {
    const { index } = netlink.linkByName('nl1')!;
    let overruns = 0;
    const watch = new NetlinkWatch(loadAddon(), { onChange: () => undefined, onOverrun: () => overruns++ });
    t.teardown(() => watch.close());
    // More than its buffer holds, before the event loop has a turn.
    for (let n = 0; n < 20_000; n++) netlink.setLink(index, { mtu: 1400 + (n % 2) });
    for (let turn = 0; turn < 6000 && overruns === 0; turn++) await sleep(10);
    t.ok(overruns > 0);
  });

  test('large tables come whole', async (t) => {
    const lines = Array.from({ length: 3000 }, (_, n) => `address add 10.50.${n >> 8}.${n & 255}/32 dev nl1`);
    execFileSync('ip', ['-batch', '-'], { input: lines.join('\n') });
    t.equal(
      netlink.listAddresses().filter(({ address }) => address[0] === 10 && address[1] === 50).length,
      3000,
    );
  });

  test('closed', async () => {
    netlink.close();
    netlink.close();
  });
}
