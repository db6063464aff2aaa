/** `npm start` as a process: what it says and answers when the daemon behind it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { test, type Test } from 'tap';
import { request } from '../../src/daemon/control-client.js';
import type { Snapshot } from '../../src/observability/snapshot.js';
import { configText, shortDirectory, writeConfig } from '../daemon/support.js';

const QUICK_START = fileURLToPath(new URL('../../scripts/quick-start.js', import.meta.url));

interface Started {
  readonly child: ChildProcess;
  readonly socket: string;
  readonly said: { out: string; err: string };
}

function start(t: Test, socket = join(shortDirectory(t), 'grebe.sock')): Started {
  const child = spawn(process.execPath, [QUICK_START, writeConfig(t, configText({ workers: 1 }))], {
    env: { ...process.env, GREBE_SOCKET: socket },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const said = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => (said.out += String(data)));
  child.stderr.on('data', (data: Buffer) => (said.err += String(data)));
  return { child, socket, said };
}

/** Process id of the daemon, once the first view is there. */
async function daemonOf({ child, socket, said }: Started): Promise<number> {
  while (!said.out.includes('node: ') && child.exitCode === null) await sleep(20);
  return ((await request(socket, 'GET', '/v1/snapshot')) as Snapshot).pid;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a daemon that does not start', async (t) => {
  const { child, said } = start(t, `/tmp/${'x'.repeat(120)}`);
  t.strictSame(await once(child, 'close'), [1, null]);
  t.match(said.err, /the path is longer than 107 bytes/, 'its own words');
  t.match(said.err, /^npm start: the daemon did not start \(code 1\)$/m);
  t.equal(said.out, '');
});

test('a daemon that ends early', async (t) => {
  const started = start(t);
  const pid = await daemonOf(started);
  process.kill(pid, 'SIGKILL');
  t.strictSame(await once(started.child, 'close'), [1, null]);
  t.match(started.said.err, /^npm start: the daemon ended before its time \(SIGKILL\)$/m);
  t.notMatch(started.said.out, /That was a daemon/);
});

test('a few views where nobody sits', async (t) => {
  const started = start(t);
  const pid = await daemonOf(started);
  t.strictSame(await once(started.child, 'close'), [0, null]);
  t.match(started.said.out, /That was a daemon on made-up traffic/);
  t.notOk(isAlive(pid), 'nothing stays behind');
});

test('told to end', async (t) => {
  const started = start(t);
  const pid = await daemonOf(started);
  started.child.kill('SIGTERM');
  t.strictSame(await once(started.child, 'close'), [0, null]);
  t.notOk(isAlive(pid), 'nothing stays behind');
});
