import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { controlServer } from '../support/control-server.js';
import { inProcess } from './run.js';

const CHANGES = {
  added: 1,
  changed: 1,
  removed: 1,
  entries: [
    { op: 'remove', kind: 'tunnels', name: 'b', field: null, from: { name: 'b' }, to: null },
    { op: 'change', kind: 'tunnels', name: 'a', field: 'mtu', from: 1476, to: 1400 },
    { op: 'change', kind: 'tunnels', name: 'a', field: 'mss_clamp.to_tunnel', from: 'auto', to: 'off' },
    {
      op: 'add',
      kind: 'routes',
      name: '192.0.2.0/24 via a',
      field: null,
      from: null,
      to: { priority: 100, scope: null },
    },
  ],
  more: 0,
};
const NOTHING = { added: 0, changed: 0, removed: 0, entries: [], more: 0 };

const DIFF = `- tunnel b
~ tunnel a
    mtu: 1476 -> 1400
    mss_clamp.to_tunnel: auto -> off
+ route 192.0.2.0/24 via a
    priority: 100
`;

async function reload(t: Test, changes: object, ...args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'grebe-reload-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const socket = join(folder, 's.sock');
  await controlServer(t, socket, {
    'POST /v1/reload': () => ({ body: { ok: true, generation: 4, gapMs: 1.25, tookMs: 300.4, changes } }),
    'POST /v1/reload?dry_run=true': () => ({ body: { ok: true, changes } }),
  });
  return inProcess(t, ['reload', '--socket', socket, ...args], '.');
}

t.test('what a reload has changed', async (t) => {
  const line = 'reloaded: configuration 4 is in effect (300 ms, workers changed over in 1.3 ms): ';
  t.strictSame(await reload(t, CHANGES), {
    code: 0,
    stdout: `${line}1 added, 1 changed, 1 removed\n`,
    stderr: '',
  });
  t.equal((await reload(t, CHANGES, '--diff')).stdout, `${DIFF}${line}1 added, 1 changed, 1 removed\n`);
  t.equal((await reload(t, NOTHING, '--diff')).stdout, `${line}nothing changed\n`);
  t.match((await reload(t, { ...CHANGES, more: 12 }, '--diff')).stdout, /\n… and 12 more\nreloaded/);
  t.match(JSON.parse((await reload(t, CHANGES, '--json')).stdout), { ok: true, changes: CHANGES });
});

t.test('what it would change', async (t) => {
  t.equal((await reload(t, CHANGES, '--dry-run')).stdout, `${DIFF}dry run: 1 added, 1 changed, 1 removed\n`);
  t.equal((await reload(t, NOTHING, '--dry-run')).stdout, 'dry run: nothing changed\n');
});
