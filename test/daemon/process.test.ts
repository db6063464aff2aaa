/** `grebe run` and `grebe reload` as processes. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { request } from '../../src/daemon/control-client.js';
import { configText, shortDirectory, until, writeConfig } from './support.js';

const GREBE = fileURLToPath(new URL('../../src/cli/grebe.js', import.meta.url));

function grebe(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [GREBE, ...args], { encoding: 'utf8' });
}

interface Running {
  readonly child: ChildProcess;
  readonly file: string;
  readonly socket: string;
  /** Objects of the log so far. */
  readonly log: Record<string, unknown>[];
  /** Waits for a message in the log. */
  told(message: RegExp): Promise<Record<string, unknown>>;
  /** Exit code, or the signal. */
  ended(): Promise<unknown>;
}

async function run(t: Test, text: string, env: Record<string, string> = {}): Promise<Running> {
  const directory = shortDirectory(t);
  const file = writeConfig(t, text, directory);
  const socket = join(directory, 'grebe.sock');
  const args = [GREBE, 'run', '--config', file, '--socket', socket, '--log-format', 'json'];
  const child = spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const log: Record<string, unknown>[] = [];
  createInterface(child.stderr).on('line', (line) => {
    log.push(line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { msg: line });
  });
  const exit = once(child, 'exit');
  const running: Running = {
    child,
    file,
    socket,
    log,
    told: async (message) => {
      const find = () => log.find(({ msg }) => message.test(String(msg)));
      await until(`told ${String(message)}`, () => find() !== undefined);
      return find()!;
    },
    ended: async () => {
      const [code, signal] = (await exit) as [number | null, string | null];
      return code ?? signal;
    },
  };
  await running.told(/^ready$/);
  return running;
}

t.test('from start to end', async (t) => {
  const daemon = await run(t, configText());
  const messages = daemon.log.map(({ msg }) => String(msg));
  t.match(messages[0], /^grebe starts$/);
  t.ok(messages.some((msg) => msg.startsWith('underlay: synthetic: ')));
  t.ok(messages.some((msg) => msg.startsWith('overlay: discard: ')));
  t.match(daemon.log.at(-1), { msg: 'ready', workers: 2, tunnels: 2, routes: 2, metrics: 'off' });

  daemon.child.kill('SIGHUP');
  t.match(await daemon.told(/^configuration reloaded$/), { generation: 2, tunnels: 2 });

  const reloaded = grebe('reload', '--socket', daemon.socket);
  t.match(reloaded, { status: 0, stdout: /^reloaded: configuration 3 is in effect \(\d+ ms, / });
  writeFileSync(daemon.file, configText({ tunnels: ['a', 'b', 'a'] }));
  const refused = grebe('reload', '--socket', daemon.socket);
  t.equal(refused.status, 2);
  t.match(
    refused.stderr,
    /^grebe: .*grebe\.yaml:5:13: tunnels\[2\]\.name: found "a", expected a name of its own/,
  );
  t.match(refused.stderr, /goes on with the configuration that it has\n$/);
  const asJson = grebe('reload', '--json', '--socket', daemon.socket);
  t.equal(asJson.status, 2);
  t.match(JSON.parse(asJson.stdout), { ok: false, problems: [{ line: 5, path: 'tunnels[2].name' }] });
  t.match(await request(daemon.socket, 'GET', '/v1/snapshot'), {
    config: { generation: 3, reloads: 2, failedReloads: 2 },
  });

  daemon.child.kill('SIGTERM');
  t.equal(await daemon.ended(), 0);
  t.notOk(existsSync(daemon.socket), 'the socket is gone');
  t.match(daemon.log.at(-1), { msg: 'ended' });
  t.match(grebe('reload', '--socket', daemon.socket), { status: 1, stderr: /^grebe: no daemon listens at / });
});

t.test('the hook that makes a worker fail is there for tests only', async (t) => {
  const daemon = await run(t, configText(), { GREBE_TEST_HOOKS: '1' });
  t.strictSame(await request(daemon.socket, 'POST', '/v1/debug/crash?worker=1'), { ok: true });
  t.match(await daemon.told(/^worker failed$/), { level: 50, worker: 1, reason: 'made to fail by a test' });
  t.match(await daemon.told(/^worker runs again$/), { worker: 1, restarts: 1 });
  daemon.child.kill('SIGINT');
  t.equal(await daemon.ended(), 0);
});

t.test('usage', async (t) => {
  const file = writeConfig(t, configText());
  t.match(grebe('run'), { status: 2, stderr: /required option '--config <file>'/ });
  t.match(grebe('run', '--config', file, '--workers', '65'), { status: 2, stderr: /1 to 64/ });
  t.match(grebe('run', '--config', file, '--check'), {
    status: 0,
    stdout: /holds: 2 tunnels, 2 routes, 2 workers\n$/,
  });
  appendFileSync(file, '  nothing: 1\n');
  for (const check of [['--check'], []]) {
    t.match(grebe('run', '--config', file, ...check), { status: 2, stderr: /unknown key "nothing"/ });
  }
  t.match(grebe('run', '--config', `${file}.not`), { status: 2, stderr: /there is no such file/ });
  for (const command of ['run', 'reload'])
    t.match(grebe(command, '--help'), { status: 0, stdout: /Examples:/ });
});
