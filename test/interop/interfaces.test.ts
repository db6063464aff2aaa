/** What the daemon says and does when somebody deletes, sets down or changes the interfaces that it works on. */
import { test, type Test } from 'tap';
import type { DeviceSnapshot } from '../../src/observability/snapshot.js';
import { requireRoot, Netns } from '../support/netns.js';
import { eventually, missingOf, ping } from './command.js';
import type { GrebeProcess } from './grebe-process.js';
import { configurationOf, connectPair, HOSTS, OUTER, setSources, startPair } from './routed-pair.js';
import type { RoutedPair } from './routed-pair.js';

const skip = requireRoot() || missingOf('ping');
const timeout = 600_000;
const underlay = { type: 'auto' };
const PORT = 9786;
const WITH_METRICS = { metrics: { listen: `127.0.0.1:${PORT}` } };

async function start(t: Test): Promise<{ pair: RoutedPair; a: GrebeProcess }> {
  const pair = connectPair(t, 'ioi');
  const { a } = await startPair(t, pair, underlay, WITH_METRICS);
  t.match(await ping(pair.a, 1, HOSTS.b[0]), / 0% packet loss/);
  return { pair, a };
}

async function device(grebe: GrebeProcess, side: 'underlay' | 'overlay'): Promise<DeviceSnapshot> {
  const { devices } = await grebe.snapshot();
  return devices.find((one) => one.side === side)!;
}

/** Status and body of what the daemon serves by HTTP in its namespace. */
function get(namespace: Netns, path: string): { status: number; body: string } {
  const code = `const answer = await fetch('http://127.0.0.1:${PORT}${path}');
    console.log(JSON.stringify({ status: answer.status, body: await answer.text() }));`;
  const text = namespace.exec(process.execPath, '--input-type=module', '-e', code);
  return JSON.parse(text) as { status: number; body: string };
}

async function becomes(grebe: GrebeProcess, problems: readonly RegExp[]): Promise<void> {
  await eventually(`problems: ${problems.join(' ')}`, async () => {
    const found = (await grebe.snapshot()).problems;
    return found.length === problems.length && problems.every((problem, i) => problem.test(found[i]!));
  });
}

function told(grebe: GrebeProcess, level: number, message: RegExp): boolean {
  return grebe.log.some((line) => line['level'] === level && message.test(String(line['msg'])));
}

const INFO = 30;
const WARN = 40;
const ERROR = 50;

test('the overlay is deleted, and a reload makes it anew', { skip, timeout }, async (t) => {
  const { pair, a } = await start(t);
  t.equal(get(pair.a, '/readyz').status, 200);
  t.match(get(pair.a, '/metrics').body, /^grebe_device_up\{device="grebe0",side="overlay"\} 1$/m);
  pair.a.exec('ip', 'link', 'delete', 'grebe0');
  await becomes(a, [/^overlay: grebe0 is gone \(.*\): grebe reload makes it anew$/]);
  t.ok(told(a, ERROR, /^overlay: grebe0 is gone .*: grebe reload makes it anew$/), 'the log');
  const { status, body } = get(pair.a, '/readyz');
  t.equal(status, 503);
  t.match(body, /grebe0 is gone/);
  t.match(get(pair.a, '/metrics').body, /^grebe_device_up\{device="grebe0",side="overlay"\} 0$/m);
  t.match(get(pair.a, '/metrics').body, /^grebe_ready 0$/m);
  const before = await device(a, 'overlay');

  await a.reload(configurationOf('a', underlay, WITH_METRICS));
  setSources(pair);
  await becomes(a, []);
  t.equal(get(pair.a, '/readyz').status, 200);
  t.match(await ping(pair.a, 3, HOSTS.b[0]), / 0% packet loss/);
  const after = await device(a, 'overlay');
  t.ok(after.counters.rx_packets > before.counters.rx_packets, 'its numbers go on');
  t.equal(await a.stop(), 0);
  t.throws(() => pair.a.exec('ip', 'link', 'show', 'grebe0'), 'the new one is gone too');
});

test('the overlay is set down and up', { skip, timeout }, async (t) => {
  const { pair, a } = await start(t);
  pair.a.exec('ip', 'link', 'set', 'grebe0', 'down');
  await becomes(a, [/^overlay: grebe0 is down: ip link set grebe0 up$/]);
  pair.a.exec('ip', 'link', 'set', 'grebe0', 'up');
  await becomes(a, []);
  t.ok(told(a, INFO, /^overlay: grebe0 is running again$/));
  t.match(pair.a.exec('ip', 'route', 'show', 'dev', 'grebe0'), new RegExp(HOSTS.b[0]), 'its routes are back');
  setSources(pair);
  t.match(await ping(pair.a, 3, HOSTS.b[0]), / 0% packet loss/);
  pair.a.exec('ip', 'link', 'set', 'grebe0', 'mtu', '1300');
  await eventually('the MTU is told', () => told(a, WARN, /changed the MTU of grebe0, which should be \d+$/));
  t.equal((await device(a, 'overlay')).mtu, 1300);
  t.equal(await a.stop(), 0);
});

test('the underlay gets another MTU', { skip, timeout }, async (t) => {
  const { pair, a } = await start(t);
  pair.a.exec('ip', 'link', 'set', 'wire', 'mtu', '1400');
  await eventually('the size is told', () => told(a, WARN, /lower the tunnel's mtu by \d+/));
  t.ok(told(a, WARN, /^underlay: the MTU of wire has changed$/));
  t.equal((await device(a, 'underlay')).mtu, 1400);
  t.strictSame((await a.snapshot()).problems, [], 'that alone keeps nobody from being ready');
  pair.a.exec('ip', 'link', 'set', 'wire', 'mtu', '1500');
  await eventually('it is back', async () => (await device(a, 'underlay')).mtu === 1500);
  t.match(await ping(pair.a, 3, HOSTS.b[0]), / 0% packet loss/);
  t.equal(await a.stop(), 0);
});

test('the underlay is set down, and deleted', { skip, timeout }, async (t) => {
  const { pair, a } = await start(t);
  pair.router.exec('ip', 'link', 'set', 'to-a', 'down');
  await becomes(a, [/^underlay: wire has no carrier$/]);
  pair.router.exec('ip', 'link', 'set', 'to-a', 'up');
  await becomes(a, []);
  pair.a.exec('ip', 'link', 'set', 'wire', 'down');
  await becomes(a, [/^underlay: wire is down: ip link set wire up$/]);
  t.match(get(pair.a, '/metrics').body, /^grebe_device_up\{device="underlay",side="underlay"\} 0$/m);
  pair.a.exec('ip', 'link', 'delete', 'wire');
  await becomes(a, [/^underlay: wire is gone \(.*\): when it is there again, grebe reload$/]);

  const addresses: [string[], string[]] = [[`${OUTER.a[0]}/24`], ['192.0.2.254/24']];
  Netns.connect(pair.a, 'wire', pair.router, 'to-a', { addresses });
  pair.a.exec('ip', 'route', 'add', 'default', 'via', '192.0.2.254');
  await a.reload(configurationOf('a', underlay, WITH_METRICS));
  await becomes(a, []);
  await eventually('packets pass again', async () =>
    / 0% packet loss/.test(await ping(pair.a, 3, HOSTS.b[0])),
  );
  t.equal(await a.stop(), 0);
});

test('the underlay gets a larger MTU', { skip, timeout }, async (t) => {
  const pair = connectPair(t, 'ioi');
  const { a, b } = await startPair(t, pair, underlay, WITH_METRICS);
  for (const [namespace, name] of [
    [pair.a, 'wire'],
    [pair.b, 'wire'],
    [pair.router, 'to-a'],
    [pair.router, 'to-b'],
  ] as const) {
    namespace.exec('ip', 'link', 'set', name, 'mtu', '2000');
  }
  await eventually('it is told', () => told(a, WARN, /^underlay: the MTU of wire has changed$/));
  t.equal((await device(a, 'underlay')).mtu, 2000);
  for (const [end, grebe] of [
    ['a', a],
    ['b', b],
  ] as const) {
    const { tunnels, ...rest } = configurationOf(end, underlay, WITH_METRICS);
    await grebe.reload({ ...rest, tunnels: tunnels.map((tunnel) => ({ ...tunnel, mtu: 1900 })) });
  }
  t.match(
    await ping(pair.a, 3, '-M', 'do', '-s', '1872', HOSTS.b[0]),
    / 0% packet loss/,
    'longer packets than at the start',
  );
  t.equal(await a.stop(), 0);
});
