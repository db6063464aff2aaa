import { networkInterfaces } from 'node:os';
import t from 'tap';
import { startMetricsServer } from '../../src/daemon/metrics-server.js';
import { configText, startDaemon, writeConfig } from './support.js';

const METRICS = '  metrics: { listen: 127.0.0.1:0 }';

t.test('metrics and health of a daemon', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText({ daemon: METRICS })));
  const get = (path: string, init = {}) => fetch(new URL(path, daemon.metricsUrl ?? ''), init);
  const metrics = await get('/metrics');
  t.equal(metrics.status, 200);
  t.match(metrics.headers.get('content-type'), /^text\/plain; version=/);
  t.match(await metrics.text(), /^grebe_\w+.* \d/m);
  t.strictSame(await (await get('/healthz')).json(), { ok: true });
  t.strictSame(await (await get('/readyz')).json(), { ready: true, problems: [] });
  t.equal((await get('/else')).status, 404);
  t.equal((await get('/metrics', { method: 'POST' })).status, 405);
  daemon.supervisor.places[0]!.state = 'failed';
  const notReady = await get('/readyz');
  t.equal(notReady.status, 503);
  t.match(await notReady.json(), { ready: false, problems: ['worker 0 is failed'] });
});

t.test('it listens on loopback, unless told otherwise', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText({ daemon: METRICS })));
  const { port, hostname } = new URL(daemon.metricsUrl ?? '');
  t.equal(hostname, '127.0.0.1');
  const others = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  for (const { address } of others) await t.rejects(fetch(`http://${address}:${port}/healthz`), address);
});

t.test('an address that cannot be listened on is told, and nothing stays', async (t) => {
  const first = await startDaemon(t, writeConfig(t, configText({ daemon: METRICS })));
  const { port } = new URL(first.metricsUrl ?? '');
  const text = configText({ daemon: `  metrics: { listen: 127.0.0.1:${port} }` });
  await t.rejects(startDaemon(t, writeConfig(t, text)), {
    message: `daemon.metrics.listen: cannot listen on 127.0.0.1:${port}: the port is in use`,
  });
  const source = { contentType: 'text/plain', metrics: () => Promise.resolve('') };
  const snapshot = () => ({ ready: true, problems: [] });
  await t.rejects(startMetricsServer({ address: '192.0.2.1', port: 0 }, source, snapshot), {
    message: /this machine has no such address/,
  });
});
