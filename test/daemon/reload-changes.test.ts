import { writeFileSync } from 'node:fs';
import t from 'tap';
import { request } from '../../src/daemon/control-client.js';
import { configText, startDaemon, writeConfig } from './support.js';

const TWO_WITH_ONE_ADDRESS = configText()
  .replace(
    '{ name: a,',
    '{ name: a, interface_address: 10.0.0.0/31, health_check: { direction: bidirectional },',
  )
  .replace('{ name: b,', '{ name: b, interface_address: 10.0.0.1/31,');

t.test('a reload is a change of the network, and says what it was', async (t) => {
  const file = writeConfig(t, configText());
  const daemon = await startDaemon(t, file);
  t.strictSame(daemon.supervisor.current.plan.changes, [], 'nothing at the start');
  t.equal(daemon.supervisor.current.plan.state.version, 1);
  t.match(await daemon.reload(), { ok: true, changes: { added: 0, changed: 0, removed: 0, entries: [] } });

  writeFileSync(
    file,
    configText({ workers: 1, tunnels: ['a', 'c'] }).replace('name: a,', 'name: a, ttl: 9,'),
  );
  const preview = await daemon.supervisor.preview();
  t.match(preview, { ok: true, changes: { added: 2, changed: 2, removed: 2, more: 0 } });
  t.match(daemon.snapshot().config, { generation: 2, reloads: 1, failedReloads: 0 }, 'nothing has happened');
  const reloaded = await daemon.reload();
  t.match(reloaded, { ok: true, generation: 3 });
  if (!reloaded.ok || !preview.ok) throw new Error('refused');
  t.strictSame(reloaded.changes, preview.changes);
  t.strictSame(
    reloaded.changes.entries.map(({ op, kind, name, field, to }) => [
      op,
      kind,
      name,
      field,
      field === null ? '' : to,
    ]),
    [
      ['remove', 'tunnels', 'b', null, ''],
      ['change', 'tunnels', 'a', 'ttl', 9],
      ['add', 'tunnels', 'c', null, ''],
      ['remove', 'routes', '192.0.2.16/28 via b', null, ''],
      ['add', 'routes', '192.0.2.16/28 via c', null, ''],
      ['change', 'daemon', '', 'workers', 1],
    ],
  );
  const { state, config } = daemon.supervisor.current.plan;
  t.equal(state.version, 3);
  t.equal(state.network.tunnels, config.tunnels, 'one copy in memory');
});

t.test('what the door refuses is refused with its place in the file, at the start as well', async (t) => {
  const file = writeConfig(t, configText());
  const daemon = await startDaemon(t, file);
  const twins = configText().replace('203.0.113.2', '203.0.113.1');
  const problems = [
    {
      text: TWO_WITH_ONE_ADDRESS,
      problem: { line: 4, path: 'tunnels[1].interface_address', message: /10\.0\.0\.1\/31 is in use: a has/ },
    },
    {
      text: twins,
      problem: { line: 4, column: 5, path: 'tunnels[1]', message: /^no packet can tell b from a/ },
    },
  ];
  for (const { text, problem } of problems) {
    writeFileSync(file, text);
    t.match(await daemon.supervisor.preview(), { ok: false, problems: [{ file, ...problem }] });
    t.match(await daemon.reload(), { ok: false, problems: [{ file, ...problem }] });
    await t.rejects(startDaemon(t, file), { name: 'ConfigError', problems: [{ file, ...problem }] });
  }
  t.match(daemon.snapshot().config, { generation: 1, failedReloads: 2 });
  t.equal(daemon.supervisor.current.plan.state.version, 1, 'the state is as it was');
});

t.test('over the control socket', async (t) => {
  const file = writeConfig(t, configText());
  const daemon = await startDaemon(t, file);
  writeFileSync(file, configText({ tunnels: ['a', 'b', 'c'] }));
  const post = (query = ''): Promise<unknown> => request(daemon.controlPath, 'POST', `/v1/reload${query}`);
  t.match(await post('?dry_run=true'), { ok: true, changes: { added: 2, changed: 0, removed: 0 } });
  t.equal(daemon.snapshot().config.generation, 1);
  t.match(await post(), {
    ok: true,
    generation: 2,
    changes: { added: 2, entries: [{ op: 'add', name: 'c' }, {}] },
  });
  t.match(await post('?dry_run=true'), { ok: true, changes: { added: 0 } });
  writeFileSync(file, TWO_WITH_ONE_ADDRESS);
  const refused = await post('?dry_run=true').catch((error: unknown) => error);
  t.match(refused, { answer: { status: 422, body: { ok: false, problems: [{ line: 4 }] } } });
  t.match(daemon.snapshot().config, { generation: 2, failedReloads: 0 });
});
