import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ControlError, controlSocketPath, request } from '../../src/daemon/control-client.js';
import { startControlServer, type Controls } from '../../src/daemon/control-server.js';
import { snapshotOf } from '../../src/daemon/snapshot.js';
import { elsewhere } from '../support/elsewhere.js';
import { missing } from '../support/program.js';
import { configText, shortDirectory, startDaemon, writeConfig } from './support.js';

const NO_CHANGES = { added: 0, changed: 0, removed: 0, entries: [], more: 0 };

const nothing: Controls = {
  snapshot: () => {
    throw new Error('not now');
  },
  routes: () => [],
  config: () => ({ file: 'f', text: 't' }),
  capture: () => undefined,
  reload: () => Promise.resolve({ ok: true, generation: 2, gapMs: 1, tookMs: 2, changes: NO_CHANGES }),
  preview: () => Promise.resolve({ ok: true, changes: NO_CHANGES }),
};

/** A control server on a socket of its own. */
async function serve(t: Test, controls = nothing, group: string | null = null): Promise<string> {
  const path = join(shortDirectory(t), 'grebe.sock');
  const server = await startControlServer(path, group, controls);
  t.teardown(() => server.close());
  return path;
}

t.test('the socket is for its owner alone', async (t) => {
  const path = await serve(t);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.strictSame(await request(path, 'GET', '/v1/config'), { file: 'f', text: 't' });
});

t.test('a directory that is made for it is closed to others', async (t) => {
  const path = join(shortDirectory(t), 'new', 'deeper', 'grebe.sock');
  const server = await startControlServer(path, null, nothing);
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
  await server.close();
  t.notOk(existsSync(path), 'removed at the end');
});

t.test(
  'another user is refused',
  { skip: process.getuid?.() === 0 ? missing('setpriv') : 'needs root to become another user' },
  async (t) => {
    const path = await serve(t);
    chmodSync(join(path, '..'), 0o755);
    const script = `require('node:net').connect(${JSON.stringify(path)})
      .on('connect', () => { console.log('connected'); process.exit(); }).on('error', (error) => console.log(error.code))`;
    const place = elsewhere(t);
    const connect = (...prefix: readonly string[]): string => {
      const [command, ...args] = place.command(prefix, ['-e', script]);
      return spawnSync(command, args, { encoding: 'utf8', cwd: '/' }).stdout;
    };
    t.equal(connect(), 'connected\n', 'root');
    t.equal(connect('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'), 'EACCES\n', 'nobody');
  },
);

t.test(
  'a group may use it when the configuration says so',
  { skip: process.getuid?.() === 0 ? false : 'needs root to give a file to another group' },
  async (t) => {
    const path = await serve(t, nothing, 'nogroup');
    t.equal(statSync(path).mode & 0o777, 0o660);
    t.not(statSync(path).gid, 0);
    await t.rejects(serve(t, nothing, 'no-such-group'), { message: /there is no group no-such-group/ });
  },
);

t.test('the socket of a dead daemon is replaced', async (t) => {
  const path = join(shortDirectory(t), 'grebe.sock');
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  t.ok(existsSync(path), 'it left its socket');
  const server = await startControlServer(path, null, nothing);
  t.ok(await request(path, 'GET', '/v1/routes'));
  await server.close();
});

t.test('what is alive, or is no socket, is left alone', async (t) => {
  const path = await serve(t);
  await t.rejects(startControlServer(path, null, nothing), { message: /another daemon listens there/ });
  t.ok(await request(path, 'GET', '/v1/routes'), 'the first one goes on');
  const file = join(path, '..', 'file');
  writeFileSync(file, '');
  await t.rejects(startControlServer(file, null, nothing), { message: /something else lies there/ });
  await t.rejects(startControlServer(join(file, 'x'), null, nothing), { message: /control socket .*file.*/ });
  const long = join(path, '..', 'x'.repeat(107));
  await t.rejects(startControlServer(long, null, nothing), { message: /longer than 107 bytes/ });
});

t.test('what a client is told', async (t) => {
  const path = await serve(t);
  const missing = `${path}.not`;
  await t.rejects(request(missing, 'GET', '/v1/routes'), {
    name: 'ControlError',
    message: `no daemon listens at ${missing}`,
  });
  await t.rejects(request(path, 'GET', '/v1/nothing'), {
    message: /answers 404: GET \/v1\/nothing: no such/,
  });
  await t.rejects(request(path, 'GET', '/v1/snapshot'), { message: /answers 500: Error: not now/ });
  await t.rejects(request(path, 'POST', '/v1/debug/crash'), { message: /404/ }, 'only for tests');
  const other = join(path, '..', 'other.sock');
  const server = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi'));
  await new Promise<void>((resolve) => server.listen(other, resolve));
  await t.rejects(request(other, 'GET', '/'), { message: /does not answer as grebe does: hi/ });
  server.close();
  const refused = {
    ...nothing,
    reload: () =>
      Promise.resolve({
        ok: false,
        problems: [
          { file: 'f', line: 1, column: 2, path: 'p', found: null, expected: null, message: 'is wrong' },
        ],
      } as const),
  };
  const error = await request(await serve(t, refused), 'POST', '/v1/reload').catch((e: unknown) => e);
  t.type(error, ControlError);
  t.match(error, { message: /answers 422: is wrong/, answer: { status: 422, body: { ok: false } } });
});

t.test('where the socket is, when nobody says', async (t) => {
  const path = (uid: number, env: Record<string, string>, told?: string) =>
    controlSocketPath(told, { uid, env });
  t.equal(path(0, {}), '/run/grebe/grebe.sock');
  t.equal(path(0, { XDG_RUNTIME_DIR: '/run/user/0' }), '/run/grebe/grebe.sock');
  t.equal(path(7, { XDG_RUNTIME_DIR: '/run/user/7' }), '/run/user/7/grebe.sock');
  t.equal(path(7, {}), '/tmp/grebe-7/grebe.sock');
  t.equal(path(7, { GREBE_SOCKET: '/a' }), '/a');
  t.equal(path(7, { GREBE_SOCKET: '/a' }, '/b'), '/b');
  t.equal(path(7, {}, 'auto'), '/tmp/grebe-7/grebe.sock');
});

t.test('what a daemon shows', async (t) => {
  const daemon = await startDaemon(t, writeConfig(t, configText()));
  const path = daemon.controlPath;
  const snapshot = await request(path, 'GET', '/v1/snapshot');
  t.match(snapshot, { node: 'test', tunnels: [{ name: 'a' }, { name: 'b' }], workers: [{}, {}] });
  t.strictSame(Object.keys(snapshot as object), Object.keys(snapshotOf(daemon.supervisor)));
  t.strictSame(await request(path, 'GET', '/v1/routes'), [
    { prefix: '192.0.2.0/28', nexthops: [{ tunnel: 'a', weight: 1 }], origin: 'static' },
    { prefix: '192.0.2.16/28', nexthops: [{ tunnel: 'b', weight: 1 }], origin: 'static' },
  ]);
  t.match(await request(path, 'GET', '/v1/config'), { text: configText() });
  t.match(await request(path, 'POST', '/v1/reload'), { ok: true, generation: 2 });
  mkdirSync(join(path, '..', 'x'));
  await t.rejects(startDaemon(t, writeConfig(t, configText()), { socket: path }), {
    message: /another daemon listens there/,
  });
});
