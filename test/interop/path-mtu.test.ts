/** A router between two daemons with a smaller MTU: what it says lowers the tunnels' MTU, and traffic passes. */
import { test } from 'tap';
import { requireRoot } from '../support/netns.js';
import { eventually, execute, missingOf, tryExecute } from './command.js';
import { iperfResult } from './iperf.js';
import { connectPair, HOSTS, startPair } from './routed-pair.js';

const PATH_MTU = 1400;
/** Less outer header and GRE (12 bytes with checksum and key on the tunnel over IPv4). */
const LEARNED = { four: PATH_MTU - 20 - 12, six: PATH_MTU - 40 - 4, keyed: PATH_MTU - 20 - 8 };
const CONFIGURED = { four: 1468, six: 1456, keyed: 1472 };

const skip = requireRoot() || missingOf('ping', 'iperf3');

test('the path takes less than the tunnels were made for', { skip, timeout: 1_200_000 }, async (t) => {
  const pair = connectPair(t, 'iop', PATH_MTU);
  const { a } = await startPair(t, pair, { type: 'auto' });
  // What one tunnel learns holds for the others to the same end.
  for (const [name, host] of [
    ['keyed', HOSTS.b[2]],
    ['six', HOSTS.b[1]],
  ] as const) {
    await execute(pair.a, ['ping', '-c', '1', '-W', '20', host]);
    t.equal((await a.tunnel(name)).effectiveMtu, CONFIGURED[name]);
    const largest = ['ping', '-M', 'do', '-c', '1', '-W', '1', '-s', String(CONFIGURED[name] - 28), host];
    t.equal((await tryExecute(pair.a, largest)).status, 1, `${name}: the first large packet is lost`);
    await eventually('it is learned', async () => (await a.tunnel(name)).effectiveMtu === LEARNED[name]);
    const patient = largest.map((word, i) => (largest[i - 1] === '-W' ? '20' : word));
    const { stdout, stderr } = await tryExecute(pair.a, patient);
    t.match(stdout + stderr, new RegExp(`mtu ?= ?${LEARNED[name]}\\b`), 'the next sender is told');
    const fits = ['ping', '-M', 'do', '-c', '1', '-W', '20', '-s', String(LEARNED[name] - 28), host];
    t.match(await execute(pair.a, fits), / 0% packet loss/, `${LEARNED[name]} bytes pass`);
    const server = pair.b.spawn('iperf3', ['-s', '-1'], { stdio: 'ignore' });
    const { bytes } = await eventually('iperf3', async () =>
      iperfResult((await tryExecute(pair.a, ['iperf3', '-J', '-n', '4M', '-b', '50M', '-c', host])).stdout),
    );
    server.kill();
    t.ok(bytes > 100_000, `TCP: ${bytes} bytes`);
  }
  const { tunnels, pathMtu } = a.show();
  t.match(
    tunnels.map(({ name, mtu, effectiveMtu }) => ({ name, mtu, effectiveMtu })),
    (['four', 'six', 'keyed'] as const).map((name) => ({
      ...{ name, mtu: CONFIGURED[name], effectiveMtu: LEARNED[name] },
    })),
    'grebe show --json',
  );
  t.ok(pathMtu.learned >= 2);
});
