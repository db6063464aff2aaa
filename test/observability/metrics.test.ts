import { spawnSync } from 'node:child_process';
import t from 'tap';
import { MISC_COUNTERS } from '../../src/dataplane/counters.js';
import { VERDICTS } from '../../src/dataplane/verdicts.js';
import { DEVICE_COUNTERS } from '../../src/device/device-counters.js';
import { createMetrics } from '../../src/observability/metrics.js';
import type { Snapshot } from '../../src/observability/snapshot.js';
import { read } from '../house/tree.js';
import {
  device,
  deviceCounters,
  exampleSnapshot,
  miscCounters,
  tunnel,
  verdicts,
  worker,
} from './example-snapshot.js';
import { missing } from '../support/program.js';

/** Series and their values: `name{label="value",…}` → number. */
async function scrape(snapshot: Snapshot, maxTunnelLabels?: number): Promise<Map<string, number>> {
  const limit = maxTunnelLabels === undefined ? {} : { maxTunnelLabels };
  return parse(await createMetrics({ snapshot: () => snapshot, ...limit }).metrics());
}

function parse(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))] as const;
    }),
  );
}

t.test('what a scrape says of a daemon', async (t) => {
  const series = await scrape(exampleSnapshot());
  const expected = {
    [`grebe_build_info{version="0.2.0",nodejs="${process.version}"}`]: 1,
    'grebe_node_info{node="fra-1"}': 1,
    grebe_ready: 1,
    grebe_config_generation: 3,
    grebe_config_last_reload_successful: 1,
    grebe_config_loaded_timestamp_seconds: Date.parse('2026-11-21T08:59:53Z') / 1000,
    'grebe_config_reloads_total{result="success"}': 2,
    'grebe_config_reloads_total{result="failure"}': 0,
    grebe_received_packets_total: 6_000_000,
    grebe_received_bytes_total: 5_400_000_000,
    'grebe_delivered_packets_total{side="overlay"}': 4_400_000,
    'grebe_dropped_packets_total{reason="gre_key_mismatch",stage="endpoint"}': 61_000,
    grebe_mss_rewrites_total: 12_345,
    'grebe_tunnel_packets_total{tunnel="acme_fra_1",direction="decapsulated"}': 4_000_000,
    'grebe_tunnel_bytes_total{tunnel="acme_fra_1",direction="encapsulated"}': 325_058_560,
    'grebe_tunnel_mtu_bytes{tunnel="globex_ams"}': 1472,
    'grebe_tunnel_path_mtu_bytes{tunnel="globex_ams"}': 1392,
    'grebe_tunnel_last_received_timestamp_seconds{tunnel="acme_fra_1"}':
      Date.parse('2026-11-21T09:02:00Z') / 1000,
    grebe_tunnels_without_label: 0,
    'grebe_worker_up{worker="1"}': 1,
    'grebe_worker_heartbeat_age_seconds{worker="1"}': 0.34,
    'grebe_worker_loop_seconds_total{worker="1",mode="busy"}': 4,
    'grebe_worker_batch_packets_bucket{le="4",worker="0"}': 30,
    'grebe_worker_batch_packets_bucket{le="256",worker="0"}': 100,
    'grebe_worker_batch_packets_bucket{le="+Inf",worker="0"}': 100,
    'grebe_worker_batch_packets_sum{worker="0"}': 3000,
    'grebe_worker_batch_packets_count{worker="0"}': 100,
    'grebe_device_info{device="grebe0",side="overlay",kind="tun"}': 1,
    'grebe_device_received_bytes_total{device="eth0",side="underlay"}': 2_000_000,
    'grebe_routes{family="ipv6"}': 2,
    'grebe_path_mtu_messages_total{result="ignored"}': 2,
  };
  for (const [name, value] of Object.entries(expected)) t.equal(series.get(name), value, name);
  t.notOk(
    series.has('grebe_tunnel_last_received_timestamp_seconds{tunnel="hooli_bridge"}'),
    'no packet yet: no time',
  );
  t.ok(series.get('process_resident_memory_bytes')! > 1e7, 'and what prom-client knows of the process');
  t.ok(series.has('process_cpu_seconds_total'));
});

t.test('a daemon that is not well', async (t) => {
  const series = await scrape(
    exampleSnapshot({
      ready: false,
      problems: ['worker 1 has failed'],
      workerLost: 17,
      workers: [worker(0), worker(1, { state: 'failed', restarts: 3 })],
      config: { ...exampleSnapshot().config, failedReloads: 1, lastError: 'grebe.yaml:3:1: …' },
    }),
  );
  t.equal(series.get('grebe_ready'), 0);
  t.equal(series.get('grebe_worker_up{worker="1"}'), 0);
  t.equal(series.get('grebe_worker_restarts_total{worker="1"}'), 3);
  t.equal(series.get('grebe_worker_lost_packets_total'), 17);
  t.equal(series.get('grebe_config_last_reload_successful'), 0);
});

t.test('every counter of the dataplane and of the devices is there, once', async (t) => {
  // Each counter gets a number of its own; it must turn up in exactly one series.
  let next = 1_000_003;
  const distinct = (names: readonly string[]): Record<string, number> =>
    Object.fromEntries(names.map((name) => [name, (next += 7)]));
  const ends = distinct(VERDICTS.map(({ name }) => name));
  const misc = distinct(MISC_COUNTERS);
  const ofDevice = distinct(DEVICE_COUNTERS);
  const series = await scrape(
    exampleSnapshot({
      verdicts: verdicts(ends),
      counters: miscCounters(misc),
      devices: [device('eth0', { counters: deviceCounters(ofDevice), ports: [] })],
    }),
  );
  const values = [...series.values()];
  for (const [name, value] of Object.entries({ ...ends, ...misc, ...ofDevice })) {
    t.equal(values.filter((v) => v === value).length, 1, name);
  }
});

t.test('delivered, answered and dropped packets are those received', async (t) => {
  const series = await scrape(exampleSnapshot());
  const sum = [...series]
    .filter(([name]) => /^grebe_(delivered|answered|dropped)_packets_total/.test(name))
    .reduce((total, [, value]) => total + value, 0);
  t.equal(sum, series.get('grebe_received_packets_total'));
});

t.test('a scrape is one snapshot, and the next scrape another', async (t) => {
  let taken = 0;
  const metrics = createMetrics({ snapshot: () => exampleSnapshot({ uptimeSeconds: ++taken }) });
  t.equal(taken, 0, 'none before the first scrape');
  await metrics.metrics();
  t.equal(taken, 1);
  await metrics.metrics();
  t.equal(taken, 2);
  await metrics.getMetricsAsJSON();
  t.equal(taken, 3);
});

t.test('scrapes at the same time do not mix', async (t) => {
  let packets = 0;
  const metrics = createMetrics({
    snapshot: () => exampleSnapshot({ counters: miscCounters({ received_packets: (packets += 10) }) }),
  });
  const first = metrics.metrics();
  await Promise.resolve();
  const second = metrics.metrics();
  const seen = (await Promise.all([first, second])).map((text) =>
    parse(text).get('grebe_received_packets_total'),
  );
  t.same(seen, [10, 20]);
});

t.test('when there is no snapshot, the scrape fails and the next one may not', async (t) => {
  let broken = true;
  const metrics = createMetrics({
    snapshot: () => {
      if (broken) throw new Error('the workers are being replaced');
      return exampleSnapshot();
    },
  });
  await t.rejects(metrics.metrics(), { message: 'the workers are being replaced' });
  broken = false;
  t.match(await metrics.metrics(), /^grebe_ready 1$/m);
});

t.test('what is gone is not shown any more', async (t) => {
  let snapshot = exampleSnapshot();
  const metrics = createMetrics({ snapshot: () => snapshot });
  t.match(await metrics.metrics(), /tunnel="acme_fra_1"/);
  snapshot = exampleSnapshot({ tunnels: [tunnel('new_one')], workers: [worker(0)] });
  const text = await metrics.metrics();
  t.notMatch(text, /tunnel="acme_fra_1"/);
  t.notMatch(text, /worker="1"/);
  t.match(text, /tunnel="new_one"/);
});

t.test('labels are escaped', async (t) => {
  const text = await createMetrics({ snapshot: () => exampleSnapshot({ node: 'a"b\\c\nd' }) }).metrics();
  t.match(text, 'grebe_node_info{node="a\\"b\\\\c\\nd"} 1\n');
});

t.test('docs/metrics.md lists what there is, word for word', async (t) => {
  const registry = createMetrics({ snapshot: () => exampleSnapshot() });
  const listed = new Map(
    read('docs/metrics.md')
      .split('\n')
      .flatMap((line) => {
        const cells = line.split('|').map((cell) => cell.trim());
        const name = /^`((?:grebe|process|nodejs)_\w+)`$/.exec(cells[1] ?? '')?.[1];
        return name === undefined ? [] : [[name, cells.slice(2, 5)] as const];
      }),
  );
  const there = new Map(
    (await registry.getMetricsAsJSON()).map(({ name, type, help, values }) => {
      const labels = new Set(values.flatMap((value) => Object.keys(value.labels)));
      labels.delete('le');
      const names = labels.size === 0 ? '' : [...labels].map((label) => `\`${label}\``).join(' ');
      return [name, [String(type), names, help]] as const;
    }),
  );
  for (const [name, cells] of there) {
    // prom-client words its own; ours are the document's.
    const [has, wants] = name.startsWith('grebe_')
      ? [listed.get(name), cells]
      : [listed.get(name)?.slice(0, 2), cells.slice(0, 2)];
    t.same(has, wants, `| \`${name}\` | ${cells.join(' | ')} |`);
  }
  t.same(
    [...listed.keys()].filter((name) => !there.has(name)),
    [],
    'and nothing else',
  );
});

t.test('promtool finds nothing to say', { skip: missing('promtool') }, async (t) => {
  const input = await createMetrics({
    snapshot: () => exampleSnapshot(),
    maxTunnelLabels: 2,
  }).metrics();
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  t.equal(status, 0);
  t.equal(stdout + stderr, '');
});

t.test(
  'a scrape takes one snapshot, and looks at each tunnel equally often however many there are',
  async (t) => {
    const looksAt = async (count: number): Promise<number> => {
      let [snapshots, looks] = [0, 0];
      const metrics = createMetrics({
        maxTunnelLabels: count,
        snapshot: () => {
          snapshots++;
          const tunnels = Array.from(
            { length: count },
            (_, i) =>
              new Proxy(tunnel(`customer_${i}`, { lastReceivedSeconds: i }), {
                get: (target, key) => {
                  looks++;
                  return Reflect.get(target, key) as unknown;
                },
              }),
          );
          return exampleSnapshot({ tunnels });
        },
      });
      t.match(await metrics.metrics(), `tunnel="customer_${count - 1}"`);
      t.equal(snapshots, 1);
      return looks / count;
    };
    const looks = await looksAt(10);
    t.ok(looks > 0 && looks < 100, `${looks} times`);
    t.equal(await looksAt(1000), looks);
  },
);
