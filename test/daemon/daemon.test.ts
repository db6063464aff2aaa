import t from 'tap';
import { checkBooks, configText, device, startDaemon, until, writeConfig } from './support.js';

t.test('two workers forward, and the books balance', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText()));
  const first = daemon.snapshot();
  t.strictSame(first.problems, []);
  t.ok(first.ready);
  t.match(first, { node: 'test', config: { generation: 1, reloads: 0, failedReloads: 0 } });
  await until('each worker has packets', () => daemon.snapshot().workers.every((w) => w.received > 2000));
  await until('the tunnels were heard of', () =>
    daemon.snapshot().tunnels.every((tunnel) => tunnel.lastReceivedSeconds !== null),
  );
  await daemon.close();
  const last = daemon.snapshot();
  checkBooks(t, last);
  t.equal(last.workerLost, 0);
  for (const tunnel of last.tunnels) {
    t.ok(tunnel.decapsulated.packets > 0 && tunnel.decapsulated.bytes > 0, `${tunnel.name} in`);
    t.ok(tunnel.encapsulated.packets > 0, `${tunnel.name} out`);
  }
  for (const { vectors, batchSizes, busySeconds, idleSeconds, state } of last.workers) {
    t.equal(
      batchSizes.reduce((sum, n) => sum + n, 0),
      vectors,
      'each vector has its size',
    );
    t.ok(busySeconds > 0 && idleSeconds > 0);
    t.equal(state, 'stopped');
  }
  t.equal(last.tables.tunnels, 2);
  t.equal(last.tables.routes4, 2);
  t.ok(last.tables.bytes > 1 << 26, 'the IPv4 table alone');
  t.equal(device(last, 'underlay').ports.length, 2);
});

t.test('a side that makes traffic for the tunnels', async (t) => {
  const text = configText({ workers: 1, overlay: '{ type: synthetic }' });
  const daemon = await startDaemon(t, writeConfig(t, text));
  await until('packets go in', () => device(daemon.snapshot(), 'overlay').counters.rx_packets > 500);
  await daemon.close();
  checkBooks(t, daemon.snapshot());
});

t.test('a configuration that the overlay cannot carry is refused', async (t) => {
  const file = writeConfig(
    t,
    'node: { name: n }\ntunnels: [{ name: a, local: 192.0.2.1, remote: 192.0.2.2, mode: gretap }]\n',
  );
  await t.rejects(startDaemon(t, file), { message: /daemon\.overlay\.type: found tun, expected tap/ });
});
