/**
 * `npm start`: a daemon with synthetic traffic, and `grebe show --watch` in front of it. On a terminal until
 * Ctrl-C, otherwise for a few views. Two processes, as on a real machine; no privileges. Ends with 1 when either
 * ends that should not. An argument is another configuration.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { controlSocketPath, request } from '../src/daemon/control-client.js';
import type { Snapshot } from '../src/observability/snapshot.js';

const GREBE = fileURLToPath(new URL('../src/cli/grebe.js', import.meta.url));
const CONFIG = process.argv[2] === undefined ? 'fixtures/demo.yaml' : resolve(process.argv[2]);
const METRICS = 'http://127.0.0.1:9786/metrics';
const READY_MS = 60_000;
/** How often the state is shown where nobody could press Ctrl-C. */
const UNATTENDED_VIEWS = 5;
/** Children that got the same Ctrl-C may take so many milliseconds to end by themselves. */
const PATIENCE_MS = 5000;

const FAREWELL = `
That was a daemon on made-up traffic (${CONFIG}), with \`grebe show --watch\` beside it. In another terminal, while
it runs: npx grebe show drops
         npx grebe capture --verdict dropped
         curl ${METRICS}
As root, through real interfaces: npm run demo:netns
`;

process.chdir(fileURLToPath(new URL('../..', import.meta.url)));

const interruption = new AbortController();
const { signal: interrupted } = interruption;
let patienceMs = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (signal === 'SIGINT') patienceMs = PATIENCE_MS;
    interruption.abort();
  });
}

function grebe(args: readonly string[]): ChildProcess {
  return spawn(process.execPath, [GREBE, ...args], { stdio: 'inherit' });
}

/** Waits until the daemon is ready; false when it has ended instead, or takes too long. */
async function isReady(daemon: ChildProcess): Promise<boolean> {
  for (const end = Date.now() + READY_MS; Date.now() < end && !isOver(daemon) && !interrupted.aborted;) {
    await sleep(100);
    try {
      const { ready, pid } = (await request(controlSocketPath(), 'GET', '/v1/snapshot')) as Snapshot;
      // Another daemon may listen where this one would.
      if (ready && pid === daemon.pid) return true;
    } catch {
      // It does not listen yet.
    }
  }
  return false;
}

function isOver({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

/** Ends a child, unless it does so by itself: a second signal would keep it from ending in good order. */
async function stop(child: ChildProcess): Promise<void> {
  if (isOver(child)) return;
  const exit = once(child, 'exit');
  await Promise.race([exit, sleep(patienceMs, undefined, { ref: false })]);
  if (isOver(child)) return;
  child.kill('SIGTERM');
  await exit;
}

/** With code 1: something ended that should not have. Its own words stand above. */
function fail(what: string, { exitCode, signalCode }: ChildProcess): void {
  const how = signalCode ?? (exitCode === null ? null : `code ${exitCode}`);
  process.exitCode = 1;
  process.stderr.write(`npm start: ${what}${how === null ? '' : ` (${how})`}\n`);
}

const daemon = grebe(['run', '--config', CONFIG, '--log-level', 'warn']);
try {
  const started = await isReady(daemon);
  if (started && !interrupted.aborted) {
    const count = process.stdout.isTTY ? [] : ['--count', String(UNATTENDED_VIEWS)];
    const show = grebe(['show', '--watch', '1', ...count]);
    const ended = [show, daemon].map((child) => once(child, 'exit'));
    await Promise.race([...ended, new Promise((done) => interrupted.addEventListener('abort', done))]);
    const daemonEnded = isOver(daemon) && !interrupted.aborted;
    const showFailed = isOver(show) && show.exitCode !== 0 && !interrupted.aborted;
    await stop(show);
    if (daemonEnded) fail('the daemon ended before its time', daemon);
    else if (showFailed) fail('grebe show failed', show);
    else process.stdout.write(FAREWELL);
  } else if (!interrupted.aborted) {
    fail(isOver(daemon) ? 'the daemon did not start' : 'the daemon was not ready in time', daemon);
  }
} finally {
  await stop(daemon);
}
