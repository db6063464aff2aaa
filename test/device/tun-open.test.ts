/** TUN and TAP interfaces: made, set up, taken over, refused with reasons. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test, type Test } from 'tap';
import { checkOptions, mtuWarnings, TunError } from '../../src/device/tun/tun-options.js';
import { enteredNamespace, runInside } from '../support/netns.js';
import { open, PortUser, run } from './tun-lab.js';

interface LinkJson {
  mtu: number;
  flags: string[];
  linkinfo?: { info_data?: { type: string; persist: boolean; multi_queue: boolean; numqueues: number } };
}

function link(name: string): LinkJson | null {
  try {
    return (JSON.parse(run('ip', '-d', '-j', 'link', 'show', name)) as LinkJson[])[0] ?? null;
  } catch {
    return null;
  }
}

function addresses(name: string): string[] {
  const [one] = JSON.parse(run('ip', '-j', 'address', 'show', name)) as {
    addr_info: { local: string; prefixlen: number; scope: string }[];
  }[];
  return one!.addr_info
    .filter(({ scope }) => scope !== 'link')
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

function routes(name: string): string[] {
  const all = [
    run('ip', '-j', 'route', 'show', 'dev', name),
    run('ip', '-6', '-j', 'route', 'show', 'dev', name),
  ];
  const found = all.flatMap((json) => JSON.parse(json) as { dst: string; protocol: string }[]);
  return found.filter(({ protocol }) => protocol === 'static').map(({ dst }) => dst);
}

/** Runs tun-open-child with these arguments. Answers what it printed. */
async function openElsewhere(
  t: Test,
  ...args: readonly string[]
): Promise<{ child: ChildProcess; answer: { error?: string; description?: string; warnings?: string[] } }> {
  const path = fileURLToPath(new URL('tun-open-child.js', import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill());
  const [output] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, answer: JSON.parse(output.toString()) as { error?: string } };
}

function insideTests(): void {
  test('made, addressed, routed, up; gone at the end', async (t) => {
    const device = await open(t, {
      mtu: 1400,
      addresses: ['192.0.2.1/31', '2001:db8::1/64'],
      routes: ['198.51.100.0/24', '2001:db8:5::/48'],
      workers: 2,
    });
    t.equal(device.description, 'tun grebe0, created, 2 queues, large segments of TCP and UDP');
    t.strictSame(device.warnings, []);
    t.equal(device.mtu, 1400);
    t.equal(device.ports.length, 2);
    t.match(link('grebe0'), { mtu: 1400, linkinfo: { info_data: { type: 'tun', persist: false } } });
    t.ok(link('grebe0')?.flags.includes('UP'));
    t.strictSame(addresses('grebe0'), ['192.0.2.1/31', '2001:db8::1/64']);
    t.strictSame(routes('grebe0'), ['198.51.100.0/24', '2001:db8:5::/48']);
    await device.close();
    await device.close();
    t.equal(link('grebe0'), null);
  });

  test('a TAP, and no large segments', async (t) => {
    const device = await open(t, { kind: 'tap', offload: false });
    t.equal(device.description, 'tap grebe0, created, 1 queue, no large segments');
    t.match(link('grebe0'), { linkinfo: { info_data: { type: 'tap', multi_queue: false } } });
  });

  test('the kernel speaks IPv6 on it only when it has IPv6', async (t) => {
    const linkLocal = (): boolean => run('ip', '-6', 'address', 'show', 'grebe0').includes('inet6 fe80:');
    for (const kind of ['tun', 'tap'] as const) {
      const device = await open(t, { kind, addresses: ['192.0.2.1/31'], routes: ['198.51.100.0/24'] });
      const user = new PortUser(device.ports[0]!);
      t.notOk(linkLocal());
      // Solicitations and listener reports come within the first second.
      await sleep(1500);
      t.notOk(linkLocal());
      user.receiveAll();
      t.strictSame(user.counts(), {}, `${kind}: nothing came`);
      device.update({ mtu: 1476, addresses: ['192.0.2.1/31', '2001:db8::1/64'], routes: [] });
      t.strictSame(addresses('grebe0'), ['192.0.2.1/31', '2001:db8::1/64']);
      await device.close();
    }
    for (const more of [{ addresses: ['2001:db8::1/64'] }, { routes: ['2001:db8:5::/48'] }]) {
      const device = await open(t, more);
      t.ok(linkLocal());
      await device.close();
    }
  });

  test('what finds a queue full is counted', async (t) => {
    const device = await open(t, { workers: 2, addresses: ['192.0.2.1/24'] });
    const users = device.ports.map((port) => new PortUser(port));
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    const sent = 3000;
    for (let i = 0; i < sent; i++) {
      await new Promise((resolve) => {
        socket.send(Uint8Array.of(i), 9, '192.0.2.9', resolve);
      });
    }
    const dropped = (): number => users[0]!.counts()['rx_dropped_queue'] ?? 0;
    for (let turn = 0; turn < 600 && dropped() === 0; turn++) await sleep(100);
    const received = users.reduce((sum, user) => sum + user.receiveAll().length, 0);
    t.equal(received, 2048, 'as much as a queue holds');
    t.equal(received + dropped(), sent);
    t.notOk('rx_dropped_queue' in users[1]!.counts(), 'the count is for both');
    await device.close();
    t.equal(dropped(), sent - received, 'the last count stays');
  });

  test('changes while it is open', async (t) => {
    const device = await open(t, {
      addresses: ['192.0.2.1/32', '2001:db8::1/64'],
      routes: ['198.51.100.0/24'],
    });
    const warnings = device.update({
      mtu: 1000,
      addresses: ['192.0.2.1/32', '192.0.2.9/32'],
      routes: ['203.0.113.0/24'],
      tunnels: [{ name: 'a', mtu: 900 }],
    });
    t.match(warnings, [/no tunnel takes more than 900/]);
    t.equal(device.mtu, 1000);
    t.strictSame(addresses('grebe0'), ['192.0.2.1/32', '192.0.2.9/32']);
    t.strictSame(routes('grebe0'), ['203.0.113.0/24']);
    t.throws(() => device.update({ mtu: 9, addresses: [], routes: [] }), TunError);
  });

  test('a persistent one is taken over and stays, without what was added', async (t) => {
    run('ip', 'tuntap', 'add', 'grebe0', 'mode', 'tun', 'multi_queue');
    t.teardown(() => run('ip', 'tuntap', 'delete', 'grebe0', 'mode', 'tun', 'multi_queue'));
    run('ip', 'address', 'add', '192.0.2.50/32', 'dev', 'grebe0');
    for (const workers of [1, 2]) {
      const device = await open(t, {
        workers,
        addresses: ['192.0.2.50/32', '192.0.2.51/32'],
        routes: ['198.51.100.0/24'],
      });
      t.match(device.description, /^tun grebe0, taken over \(persistent\), \d queue/);
      t.strictSame(addresses('grebe0'), ['192.0.2.50/32', '192.0.2.51/32']);
      await device.close();
      t.match(link('grebe0'), { linkinfo: { info_data: { persist: true } } });
      t.strictSame(addresses('grebe0'), ['192.0.2.50/32']);
      t.strictSame(routes('grebe0'), []);
    }
    await t.rejects(open(t, { kind: 'tap' }), /grebe0 is there already and a TUN: set overlay.type to tun/);
  });

  test('one queue and two workers', async (t) => {
    run('ip', 'tuntap', 'add', 'grebe0', 'mode', 'tun');
    t.teardown(() => run('ip', 'tuntap', 'delete', 'grebe0', 'mode', 'tun'));
    await t.rejects(open(t, { workers: 2 }), /made with one queue, but there are 2 workers: .*multi_queue/);
    const device = await open(t);
    t.match(device.description, /taken over/);
    await device.close();
  });

  test('names in use', async (t) => {
    run('ip', 'link', 'add', 'grebe0', 'type', 'veth', 'peer', 'name', 'grebe1');
    t.teardown(() => run('ip', 'link', 'delete', 'grebe0'));
    await t.rejects(open(t), /grebe0 is there already and no TUN or TAP, but veth: choose another name/);
    for (const workers of [1, 2]) {
      const name = `other${workers}`;
      const { child, answer } = await openElsewhere(t, name, String(workers));
      t.equal(answer.error, undefined);
      await t.rejects(open(t, { name, workers }), new RegExp(`${name} is in use by another program`));
      t.not(link(name), null, 'left alone');
      child.stdin?.end();
      await once(child, 'exit');
      t.equal(link(name), null);
    }
  });

  test('without the device, without the privilege', async (t) => {
    await t.rejects(open(t, { controlDevice: '/dev/net/nothing' }), /modprobe tun.*docker run --device/);
    await t.rejects(
      open(t, { controlDevice: '/proc/self/environ' }),
      /cannot (be opened|open)|may not be opened/,
    );
    t.equal(link('grebe0'), null);
    const refused = await openElsewhere(t, 'grebe0', '1', 'unprivileged');
    t.match(refused.answer.error, /needs the capability CAP_NET_ADMIN: .*ip tuntap add grebe0 mode tun user/);
  });

  test('another user’s, and one’s own without CAP_NET_ADMIN', async (t) => {
    for (const [name, user] of [
      ['grebe0', '0'],
      ['grebe1', '1234'],
    ] as const) {
      run('ip', 'tuntap', 'add', name, 'mode', 'tun', 'user', user);
      t.teardown(() => run('ip', 'tuntap', 'delete', name, 'mode', 'tun'));
    }
    const refused = await openElsewhere(t, 'grebe1', '1', 'unprivileged');
    t.match(refused.answer.error, /grebe1 belongs to another user/);
    const { child, answer } = await openElsewhere(t, 'grebe0', '1', 'unprivileged');
    t.match(answer.warnings, [
      /MTU of grebe0 to 1400.*ip link set mtu 1400 dev grebe0/,
      /address 192.0.2.77\/32.*ip address add/,
      /ip link set grebe0 up/,
    ]);
    child.stdin?.end();
    await once(child, 'exit');
  });

  test('routes that are there', async (t) => {
    run('ip', 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1');
    t.teardown(() => run('ip', 'link', 'delete', 'veth0'));
    run('ip', 'link', 'set', 'veth0', 'up');
    run('ip', 'route', 'add', '198.51.100.0/24', 'dev', 'veth0');
    await t.rejects(
      open(t, { routes: ['198.51.100.0/24'] }),
      /cannot have the route to 198.51.100.0\/24: there is one already through veth0/,
    );
    t.equal(link('grebe0'), null, 'nothing is left behind');
  });

  test('an interface that is taken down or away', async (t) => {
    const device = await open(t, { addresses: ['192.0.2.1/31'] });
    const user = new PortUser(device.ports[0]!);
    const packet = Uint8Array.of(0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 192, 0, 2, 0, 192, 0, 2, 1);
    t.equal(user.send([packet]), 1);
    run('ip', 'link', 'set', 'grebe0', 'down');
    t.equal(user.send([packet]), 0);
    run('ip', 'link', 'delete', 'grebe0');
    t.equal(user.send([packet]), 0);
    user.receiveAll(1, 10);
    t.strictSame([...user.port.pollFds], [], 'not asked whether it is readable');
    t.ok(user.port.waitMs > 0 && user.port.waitMs < Infinity, 'but tried again');
    t.match(user.counts(), { tx_packets: 1, tx_dropped_unreachable: 2 });
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'tuno', () => undefined);

  test('options that no kernel would take', async (t) => {
    const right = { name: 'grebe0', mtu: 1476, addresses: [], routes: [] };
    checkOptions(right);
    for (const name of ['', '..', 'a/b', 'a b', 'sixteen-letters-', 'x%d']) {
      t.throws(() => checkOptions({ ...right, name }), /cannot be the name of an interface/, name);
    }
    for (const mtu of [67, 65_536, 1400.5])
      t.throws(() => checkOptions({ ...right, mtu }), /an MTU is 68 to/);
    t.throws(() => checkOptions({ ...right, mtu: 1279, routes: ['2001:db8::/32'] }), /needs an MTU of 1280/);
  });

  test('MTUs that do not agree', async (t) => {
    const tunnels = [
      { name: 'a', mtu: 1476 },
      { name: 'b', mtu: 1400 },
    ];
    t.strictSame(mtuWarnings('grebe0', 1476, tunnels.slice(0, 1)), []);
    t.match(mtuWarnings('grebe0', 1500, tunnels), [/no tunnel takes more than 1476/]);
    t.match(mtuWarnings('grebe0', 1476, tunnels), [/tunnel b \(1400\) less/]);
    t.match(mtuWarnings('grebe0', 1300, tunnels), [/tunnels a \(1476\), b \(1400\) could take more/]);
  });
} else {
  insideTests();
}
