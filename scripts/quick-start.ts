/**
 * `npm start`: a daemon with synthetic traffic, and `grebe show --watch` in front of it. On a terminal until
 * Ctrl-C, otherwise for a few views. Two processes, as on a real machine; no privileges.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { controlSocketPath, request } from '../src/daemon/control-client.js';
import type { Snapshot } from '../src/observability/snapshot.js';

const GREBE = fileURLToPath(new URL('../src/cli/grebe.js', import.meta.url));
const CONFIG = 'fixtures/demo.yaml';
const METRICS = 'http://127.0.0.1:9786/metrics';
const READY_MS = 60_000;
/** How often the state is shown where nobody could press Ctrl-C. */
const UNATTENDED_VIEWS = 5;

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

function grebe(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [GREBE, ...args], { stdio: 'inherit' });
}

/** Waits until the daemon is ready; false when it has ended instead. */
async function isReady(daemon: ChildProcess): Promise<boolean> {
  for (const end = Date.now() + READY_MS; Date.now() < end;) {
    await sleep(100);
    if (daemon.exitCode !== null || daemon.signalCode !== null) return false;
    try {
      if (((await request(controlSocketPath(), 'GET', '/v1/snapshot')) as Snapshot).ready) return true;
    } catch {
      // It does not listen yet.
    }
  }
  return false;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  await exit;
}

// Ctrl-C goes to the children too: they end, and with them this.
process.on('SIGINT', () => undefined);
const daemon = grebe(['run', '--config', CONFIG, '--log-level', 'warn']);
try {
  if (await isReady(daemon)) {
    const end = process.stdout.isTTY ? [] : ['--count', String(UNATTENDED_VIEWS)];
    const show = grebe(['show', '--watch', '1', ...end]);
    await Promise.race([once(show, 'exit'), once(daemon, 'exit')]);
    await stop(show);
    process.stdout.write(`
That was a daemon on made-up traffic (${CONFIG}), with \`grebe show --watch\` beside it. In another terminal, while
it runs: npx grebe show drops
         npx grebe capture --verdict dropped
         curl ${METRICS}
As root, through real interfaces: npm run demo:netns
`);
  } else {
    process.exitCode = 1;
  }
} finally {
  await stop(daemon);
}
