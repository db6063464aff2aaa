import t from 'tap';
import { parse } from 'yaml';
import { createMetrics } from '../../src/observability/metrics.js';
import type { Snapshot } from '../../src/observability/snapshot.js';
import { read } from '../house/tree.js';
import { exampleSnapshot } from '../observability/example-snapshot.js';
import { missing } from '../support/program.js';
import { asSent, dashboard, queries, type Panel } from './dashboard.js';
import { Prometheus, serveMetrics } from './prometheus.js';

interface Rules {
  groups: { rules: { alert: string; expr: string }[] }[];
}
const rules = (parse(read('deploy/prometheus/grebe-rules.yml')) as Rules).groups.flatMap(
  ({ rules }) => rules,
);

t.test('the dashboard is one that Grafana takes', async (t) => {
  const { title, uid, schemaVersion, panels, templating } = dashboard;
  t.same({ title, uid }, { title: 'grebe', uid: 'grebe' });
  t.ok(schemaVersion >= 36, 'of Grafana 9 or later');
  t.same(
    templating.list.map(({ name, type }) => [name, type]),
    [
      ['datasource', 'datasource'],
      ['node', 'query'],
      ['instance', 'query'],
      ['tunnel', 'query'],
    ],
  );
  const ids = panels.map(({ id }) => id);
  t.equal(new Set(ids).size, ids.length, 'panel ids are unique');
  for (const panel of panels.filter(({ type }) => type !== 'row')) {
    const { title, type, description = '', targets = [], fieldConfig } = panel;
    t.ok(['stat', 'timeseries', 'table'].includes(type), `${title}: ${type}`);
    t.ok(description.endsWith('.'), `${title} is explained`);
    t.ok(targets.length > 0, `${title} asks something`);
    t.ok(type === 'table' || fieldConfig?.defaults.unit !== undefined, `${title} has a unit`);
    const letters = targets.map(({ refId }) => refId);
    t.equal(new Set(letters).size, letters.length, `${title}: queries have letters of their own`);
    for (const { datasource } of targets) t.equal(datasource.uid, '${datasource}', title);
  }
});

t.test('no panel covers another, or leaves the grid', async (t) => {
  const overlap = ({ gridPos: a }: Panel, { gridPos: b }: Panel): boolean =>
    a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
  const { panels } = dashboard;
  for (const [i, panel] of panels.entries()) {
    t.ok(panel.gridPos.x >= 0 && panel.gridPos.x + panel.gridPos.w <= 24, panel.title);
    const others = panels.slice(i + 1).filter((other) => overlap(panel, other));
    t.same(
      others.map(({ title }) => title),
      [],
      panel.title,
    );
  }
});

t.test('dashboard and alerts name metrics that there are', async (t) => {
  const registry = createMetrics({ snapshot: exampleSnapshot });
  const there = new Set(registry.getMetricsAsArray().map(({ name }) => name));
  const variables = dashboard.templating.list.map(({ query }) =>
    typeof query === 'string' ? query : query.query,
  );
  const texts = [...queries().map(({ expr }) => expr), ...rules.map(({ expr }) => expr), ...variables];
  const used = texts.flatMap((text) => text.match(/\b(grebe|process|nodejs)_\w+/g) ?? []);
  t.ok(used.length > 60);
  t.same(
    [...new Set(used)].filter(
      (name) => !there.has(name.replace(/_(bucket|sum|count)$/, '')) && !there.has(name),
    ),
    [],
  );
  // And the other way round: nothing is measured that nobody looks at, but for these.
  const unseen = new Set([
    'grebe_received_bytes_total', // the devices' bytes say more
    'grebe_config_loaded_timestamp_seconds',
    'grebe_device_info',
    'grebe_device_mtu_bytes',
  ]);
  const seen = new Set(used.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  t.same(
    [...there].filter((name) => name.startsWith('grebe_') && !seen.has(name) && !unseen.has(name)),
    [],
  );
});

/** A daemon under load: everything grows. */
function underLoad(): () => Snapshot {
  const start = Date.now();
  const grow = <T>(value: T, by: number): T =>
    (typeof value === 'number'
      ? value + by
      : Array.isArray(value)
        ? value.map((item: unknown) => grow(item, by))
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, grow(item as unknown, by)]))
          : value) as T;
  return () => {
    const seconds = (Date.now() - start) / 1000;
    const snapshot = exampleSnapshot({ uptimeSeconds: 3723 + seconds });
    const by = Math.floor(seconds * 100);
    return {
      ...snapshot,
      takenAt: new Date().toISOString(),
      verdicts: grow(snapshot.verdicts, by),
      counters: grow(snapshot.counters, by),
      workerLost: by,
      tunnels: snapshot.tunnels.map((tunnel) => ({
        ...tunnel,
        decapsulated: grow(tunnel.decapsulated, by),
        encapsulated: grow(tunnel.encapsulated, by),
      })),
      workers: snapshot.workers.map((worker) => ({
        ...grow(worker, by),
        index: worker.index,
        busySeconds: seconds / 2,
        idleSeconds: seconds / 2,
        heartbeatMs: 20,
      })),
      devices: snapshot.devices.map((device) => ({ ...device, counters: grow(device.counters, by) })),
      config: { ...snapshot.config, ...grow({ generation: 1, reloads: 1, failedReloads: 1 }, by) },
      pathMtu: grow(snapshot.pathMtu, by),
    };
  };
}

const skip = missing('prometheus');
t.test('a real Prometheus scrapes grebe, and every query gives something', { skip }, async (t) => {
  const prometheus = await Prometheus.start(t, await serveMetrics(t, underLoad()));
  await prometheus.until('grebe_build_info');
  // A rate needs two scrapes.
  await prometheus.until('rate(grebe_received_packets_total[30s]) > 0');
  await prometheus.until('increase(grebe_worker_restarts_total[30s]) > 0');
  for (const { where, expr } of queries()) {
    const series = await prometheus.query(asSent(expr));
    t.ok(series.length > 0, `${where}: ${expr}`);
  }
  const labels = (await prometheus.get('/api/v1/label/tunnel/values')).data;
  t.same(labels, ['acme_fra_1', 'globex_ams', 'hooli_bridge'], 'what the variable offers');

  // The rules of deploy/ are loaded into the same Prometheus.
  await prometheus.until('ALERTS{alertname="GrebePathMtuLowered"}');
  const { data } = await prometheus.get('/api/v1/rules');
  const loaded = (
    data as { groups: { rules: { name: string; health: string; lastError?: string }[] }[] }
  ).groups
    .flatMap(({ rules }) => rules)
    .map(({ name, health, lastError }) => [name, health, lastError ?? '']);
  t.same(
    loaded,
    rules.map(({ alert }) => [alert, 'ok', '']),
    'all alert rules can be evaluated',
  );
  await prometheus.until('ALERTS{alertname="GrebeReceiveQueueDrops"}');
  t.same(await prometheus.query('ALERTS{alertname="GrebeDown"}'), []);
});
