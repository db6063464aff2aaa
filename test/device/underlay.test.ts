import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'tap';
import { Adjacencies, AdjacencyField, AdjacencyState } from '../../src/device/underlay/adjacency.js';
import { parseCidr } from '../../src/device/netlink/address.js';
import {
  openUnderlay,
  type OpenUnderlayOptions,
  type UnderlayTunnel,
} from '../../src/device/underlay/underlay.js';
import { elsewhere } from '../support/elsewhere.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { missing } from '../support/program.js';

const UNDERLAY = fileURLToPath(new URL('../../src/device/underlay/underlay.js', import.meta.url));
const ip = (...args: string[]): string => execFileSync('ip', args, { encoding: 'utf8' });
const bytesOf = (text: string): Uint8Array => parseCidr(text).address;
const tunnel = (name: string, local: string, remote: string, outerBytes = 1500): UnderlayTunnel => ({
  name,
  local: bytesOf(local),
  remote: bytesOf(remote),
  outerBytes,
});

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'udl', (namespace) => {
    const other = Netns.create('udl');
    Netns.connect(namespace, 'u0', other, 'v0', {
      addresses: [
        ['10.1.0.1/24', 'fd01::1/64'],
        ['10.1.0.2/24', 'fd01::2/64'],
      ],
      macs: ['02:00:00:00:30:01', '02:00:00:00:30:02'],
    });
    Netns.connect(namespace, 'u1', other, 'v1', { addresses: [['10.2.0.1/24'], ['10.2.0.2/24']] });
    namespace.exec('ip', 'route', 'add', '198.51.100.0/24', 'via', '10.1.0.2');
    namespace.exec('ip', 'tuntap', 'add', 'u9', 'mode', 'tun');
    namespace.exec('ip', 'link', 'set', 'u9', 'up');
    namespace.exec('ip', 'route', 'add', '203.0.113.0/24', 'dev', 'u9');
  });
} else {
  const open = (tunnels: UnderlayTunnel[], more: Partial<OpenUnderlayOptions> = {}) =>
    openUnderlay({ type: 'auto', interfaces: 'auto', tunnels, workers: 2, ...more });
  const near = tunnel('near', '10.1.0.1', '10.1.0.2');
  const far = tunnel('far', '10.1.0.1', '198.51.100.1');
  const six = tunnel('six', 'fd01::1', 'fd01::2');

  test('auto takes af_packet where every way is Ethernet, and says so', async (t) => {
    const underlay = await open([near, far, six]);
    t.teardown(() => underlay.close());
    t.equal(underlay.kind, 'af_packet');
    t.match(
      underlay.description,
      /^af_packet on u0, .*auto: every route of a tunnel goes out of an Ethernet/,
    );
    t.equal(underlay.ports.length, 2);
    t.equal(underlay.mtu, 1500);
    t.same(underlay.warnings, []);
    t.equal(underlay.nextHops().length, 3);
    const end = performance.now() + 60_000;
    while (!underlay.nextHops().every(({ usable }) => usable) && performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    // The same table as the workers see it.
    const spec = underlay.ports[0]!;
    if (spec.kind !== 'af_packet') throw new Error(spec.kind);
    const table = Adjacencies.open(spec.adjacencies);
    const record = table.find6(six.remote, 0);
    t.equal(table.words[record + AdjacencyField.STATE], AdjacencyState.USABLE);
  });

  test('interfaces of several routes, and of our own addresses', async (t) => {
    const underlay = await open([
      far,
      tunnel('b', '10.2.0.1', '10.1.0.2'),
      tunnel('c', '10.1.0.1', '10.2.0.2'),
    ]);
    t.teardown(() => underlay.close());
    t.match(underlay.description, /^af_packet on u0, u1, /);
  });

  test('auto takes raw where a way is not Ethernet, and says why', async (t) => {
    for (const [remote, reason] of [
      ['203.0.113.1', /203\.0\.113\.1: u9 is no Ethernet interface/],
      ['10.2.0.1', /10\.2\.0\.1: it is an address of this machine/],
    ] as const) {
      const underlay = await open([near, tunnel('odd', '10.1.0.1', remote)]);
      t.equal(underlay.kind, 'raw');
      t.match(underlay.description, reason);
      t.same(underlay.nextHops(), []);
      await underlay.close();
    }
    const alone = await open([tunnel('lost', '10.9.0.1', '10.9.0.2')]);
    t.teardown(() => alone.close());
    t.match(alone.description, /^raw.*no route of a tunnel goes out of an Ethernet interface/);
    t.match(alone.warnings, [
      /^10\.9\.0\.1, our end of tunnel lost, is not an address of this machine/,
      /^there is no route to the other end of tunnel lost$/,
    ]);
  });

  test('what is asked for is taken', async (t) => {
    const raw = await open([near], { type: 'raw' });
    t.equal(raw.kind, 'raw');
    t.notMatch(raw.description, /auto/);
    await raw.close();
    const named = await open([near], { type: 'af_packet', interfaces: ['u1'] });
    t.match(named.description, /^af_packet on u1, (taken at ingress|the kernel keeps a copy)$/);
    t.match(named.nextHops(), [{ usable: false, reason: "u0 is not one of the underlay's interfaces" }]);
    await named.close();
    const xdp = await open([near], { type: 'af_xdp' });
    t.equal(xdp.kind, 'af_xdp');
    await xdp.close();
    await t.rejects(open([near], { interfaces: ['none'] }), {
      name: 'UnderlayError',
      message: 'there is no interface none',
    });
    await t.rejects(open([near], { type: 'af_packet', interfaces: ['u9'] }), {
      message:
        "underlay af_packet needs an Ethernet interface: 10.1.0.2: u0 is not one of the underlay's interfaces",
    });
  });

  test('what does not agree is told', async (t) => {
    const many = Array.from({ length: 5 }, (_, i) => tunnel(`t${i}`, '10.1.0.99', '10.1.0.2', 1524));
    const underlay = await open([near, ...many]);
    t.teardown(() => underlay.close());
    t.strictSame(underlay.warnings, [
      '10.1.0.99, our end of tunnels t0, t1, t2 and 2 others, is not an address of this machine: packets to it do not arrive',
      "tunnels t0, t1, t2 and 2 others may send packets of 1524 bytes, but the way to 10.1.0.2 on u0 takes 1500: lower the tunnel's mtu by 24",
    ]);
    ip('address', 'add', '10.1.0.99/24', 'dev', 'u0');
    ip('route', 'add', '10.1.0.2/32', 'dev', 'u0', 'mtu', '1400');
    t.strictSame(underlay.setTunnels([near, six]), [
      "tunnel near may send packets of 1500 bytes, but the way to 10.1.0.2 on u0 takes 1400: lower the tunnel's mtu by 100",
    ]);
    t.equal(underlay.nextHops().length, 2);
    ip('route', 'delete', '10.1.0.2/32', 'dev', 'u0');
    execFileSync('ethtool', ['-K', 'u0', 'gro', 'on']);
    t.match(underlay.setTunnels([near]), [/^GRO is on at u0/]);
    execFileSync('ethtool', ['-K', 'u0', 'gro', 'off']);
  });

  test('without the right to, it says what is missing', { skip: missing('setpriv') }, async (t) => {
    const place = elsewhere(t);
    const script = `
      import { openUnderlay } from ${JSON.stringify(place.path(UNDERLAY))};
      const four = (last) => Uint8Array.of(10, 1, 0, last);
      const tunnels = [{ name: 'a', local: four(1), remote: four(2), outerBytes: 1500 }];
      openUnderlay({ type: 'auto', interfaces: 'auto', tunnels, workers: 1 }).catch((error) => console.log(error.message));
    `;
    const limited = ['setpriv', '--bounding-set=-all', '--inh-caps=-all'];
    const [command, ...args] = place.command(limited, ['--input-type=module', '-e', script]);
    t.match(
      execFileSync(command, args, { encoding: 'utf8', cwd: '/' }),
      /^underlay auto: socket.*CAP_NET_RAW/,
    );
  });
}
