/** Two daemons on each kind of underlay, with Wireshark, promtool and Prometheus looking on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { requireRoot, type Netns } from '../support/netns.js';
import { eventually, execute, executeHere, missingOf, tryExecute } from './command.js';
import { iperfResult } from './iperf.js';
import { connectPair, HOSTS, startPair } from './routed-pair.js';
import { WireCapture } from './wire-capture.js';

const UNDERLAYS = [
  { type: 'auto' },
  { type: 'raw' },
  { type: 'af_packet', interface: 'wire' },
  { type: 'af_xdp', interface: 'wire' },
];
const METRICS_PORT = 9786;

/** What a web server in a namespace answers. @throws Error when nobody listens, or the status is not 2xx */
function fetchInside(namespace: Netns, url: string): Promise<string> {
  const script = `
    const answer = await fetch(process.argv[1]);
    if (!answer.ok) throw new Error(\`\${process.argv[1]}: status \${answer.status}\`);
    process.stdout.write(await answer.text());
  `;
  return execute(namespace, [process.execPath, '--input-type=module', '-e', script, url]);
}

const skip = requireRoot() || missingOf('tshark', 'tcpdump', 'ping', 'iperf3', 'promtool', 'prometheus');

for (const underlay of UNDERLAYS) {
  test(`on the wire: ${underlay.type}`, { skip, timeout: 1_200_000 }, async (t) => {
    const pair = connectPair(t, 'iou');
    const { a, b } = await startPair(t, pair, underlay);
    const { devices } = await a.snapshot();
    t.comment(devices[0]?.description);
    if (underlay.type !== 'auto') t.equal(devices[0]?.kind, underlay.type);
    const wire = await WireCapture.start(t, pair.router, 'to-a', 'proto gre or ip6 proto 47');
    const server = pair.b.spawn('iperf3', ['-s'], { stdio: 'ignore' });
    for (const host of HOSTS.b) {
      await execute(pair.a, ['ping', '-c', '3', '-i', '0.1', '-W', '20', host]);
      await execute(pair.a, ['ping', '-M', 'dont', '-s', '5000', '-c', '2', '-i', '0.1', '-W', '20', host]);
      for (const words of [
        '-n 2M -b 20M',
        '-n 2M -b 20M -R',
        '-n 4M -b 200M',
        '-u -b 2M -n 200K -l 700',
        '-u -b 4M -n 200K -l 2000 -R',
      ]) {
        const line = ['iperf3', '-J', '-c', host, ...words.split(' ')];
        const { bytes } = await eventually('iperf3', async () =>
          iperfResult((await tryExecute(pair.a, line)).stdout),
        );
        t.ok(bytes > 150_000, `${host}: iperf3 ${words}: ${bytes} bytes`);
      }
    }
    server.kill();
    await wire.stop();
    t.strictSame(await wire.faults(), [], 'nothing on the wire is wrong');
    const seen = await wire.packets('gre', 'ip.version');
    t.ok(seen.length > 1000, `${seen.length} packets`);
    for (const grebe of [a, b]) {
      const { verdicts, devices } = await grebe.snapshot();
      const received = devices.reduce((sum, { counters }) => sum + counters.rx_packets, 0);
      t.equal(
        received,
        Object.values(verdicts).reduce((sum, count) => sum + count),
        'each packet once',
      );
      const large = devices.find(({ side }) => side === 'overlay')!.counters.rx_large;
      t.ok(large > 100, `${large} large segments`);
      t.equal(verdicts.gre_bad_checksum + verdicts.inner_bad_checksum + verdicts.endpoint_unknown, 0);
      t.equal(await grebe.stop(), 0);
    }
    t.throws(() => pair.a.exec('ip', 'link', 'show', 'grebe0'), 'the interface is gone');
  });
}

test('promtool and Prometheus', { skip, timeout: 1_200_000 }, async (t) => {
  const pair = connectPair(t, 'iou');
  const metrics = { metrics: { listen: `127.0.0.1:${METRICS_PORT}` } };
  const { a } = await startPair(t, pair, { type: 'auto' }, metrics);
  await execute(pair.a, ['ping', '-c', '5', '-i', '0.1', HOSTS.b[0]]);
  const text = await fetchInside(pair.a, `http://127.0.0.1:${METRICS_PORT}/metrics`);
  const { status, stdout, stderr } = await executeHere(['promtool', 'check', 'metrics'], text);
  t.equal(status, 0);
  t.equal(stdout + stderr, '', 'promtool has nothing to say');

  const folder = t.testdir();
  const config = join(folder, 'prometheus.yml');
  const targets = [`127.0.0.1:${METRICS_PORT}`];
  writeFileSync(
    config,
    JSON.stringify({
      global: { scrape_interval: '1s' },
      scrape_configs: [{ job_name: 'grebe', static_configs: [{ targets }] }],
    }),
  );
  const prometheus = pair.a.spawn(
    'prometheus',
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:9090',
    ],
    { stdio: 'ignore' },
  );
  t.teardown(() => prometheus.kill('SIGKILL'));
  const query = encodeURIComponent('grebe_tunnel_packets_total{tunnel="four",direction="encapsulated"}');
  const value = await eventually(
    'a series',
    async () => {
      // Until it has opened its database Prometheus answers, but with status 503.
      const answer = await fetchInside(pair.a, `http://127.0.0.1:9090/api/v1/query?query=${query}`).catch(
        () => '{}',
      );
      const { data } = JSON.parse(answer) as { data?: { result: { value: [number, string] }[] } };
      return data?.result[0]?.value[1] ?? null;
    },
    120_000,
  );
  t.equal(Number(value), (await a.tunnel('four')).encapsulated.packets, `${value} packets, says Prometheus`);
});
