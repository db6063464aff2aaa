import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { Cursor } from '../../src/device/capture/packet-cursor.js';
import { VERDICTS } from '../../src/dataplane/verdicts.js';
import { configText, shortDirectory, startDaemon, until, writeConfig } from '../daemon/support.js';
import { grebe, GREBE, type Ran } from './run.js';

t.test('packets of a running daemon', async (t) => {
  const directory = shortDirectory(t);
  const daemon = await startDaemon(t, writeConfig(t, configText({ packetsPerSecond: 2000 })));
  const to = ['--socket', daemon.controlPath];

  await t.test('a line for each frame', async (t) => {
    const { code, stdout, stderr } = await grebe(['capture', '--count', '20', ...to]);
    t.equal(code, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    t.equal(lines.length, 20);
    const names = VERDICTS.map(({ name }) => name).join('|');
    const line = new RegExp(
      `^\\d\\d:\\d\\d:\\d\\d\\.\\d{6} (under|over)lay (in|out) +.*: (${names})( \\(.*\\))?$`,
    );
    for (const text of lines) t.match(text, line);
    t.match(stdout, /IPv4 203\.0\.113\.[12] > 198\.51\.100\.1: GRE: IPv4 192\.0\.2\./);
  });

  await t.test('pcapng that a reader takes, filtered', async (t) => {
    const file = join(directory, 'dropped.pcapng');
    const { code, stderr } = await grebe(['capture', '--verdict', 'dropped', '-c', '5', '-w', file, ...to]);
    t.equal(code, 0, stderr);
    const reader = await openCapture(file);
    let packets = 0;
    for (;;) {
      const state = reader.next();
      if (state === Cursor.END) break;
      if (state === Cursor.FILL) await reader.fill();
      else packets++;
    }
    t.equal(packets, 5);
    await reader.close();
  });

  await t.test('a file appears when a signal ends the capture', async (t) => {
    const file = join(directory, 'signal.pcapng');
    const child = spawn(process.execPath, [GREBE, 'capture', '-w', file, ...to]);
    const ended = once(child, 'exit');
    // Under this name until it is whole.
    await until('it writes', () => readdirSync(directory).some((name) => name.includes('signal.pcapng.tmp')));
    t.notOk(existsSync(file));
    child.kill('SIGINT');
    t.same(await ended, [0, null]);
    t.ok(existsSync(file));
  });

  await t.test('one at a time, and the next when the reader has gone', async (t) => {
    let close = (): void => undefined;
    const streaming = new Promise<void>((resolve) => {
      void grebe(['capture', '-w', '-', ...to], {
        onStdout: (end) => {
          close = end;
          resolve();
        },
      }).then((ran) => (first = ran));
    });
    let first: Ran | null = null;
    await streaming;
    const second = await grebe(['capture', '-c', '1', ...to]);
    t.equal(second.code, 1);
    t.match(second.stderr, /one capture at a time/);
    close();
    await until('the first capture has ended', () => first !== null);
    t.match(first, { code: 0, stderr: '' }, 'who read standard output has seen enough');
    t.equal((await grebe(['capture', '-c', '1', ...to])).code, 0);
  });

  await t.test('what there is not', async (t) => {
    const tunnel = await grebe(['capture', '--tunnel', 'nobody', ...to]);
    t.match(tunnel, { code: 1, stderr: /there is no tunnel nobody/ });
    t.match(await grebe(['capture', '--verdict', 'nonsense', ...to]), {
      code: 1,
      stderr: /nonsense is no verdict/,
    });
    t.match(await grebe(['capture', '--direction', 'up', ...to]), { code: 2 });
  });

  await t.test('trace --live comes to the verdict of the daemon', async (t) => {
    const { code, stdout, stderr } = await grebe(['trace', '--live', '--count', '30', '--json', ...to]);
    t.equal(code, 0, stderr);
    const traces = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { daemon_verdict: string; verdict: { name: string } });
    t.equal(traces.length, 30);
    for (const { daemon_verdict: live, verdict } of traces) t.equal(verdict.name, live);
    const text = await grebe(['trace', '--live', '--verdict', 'dropped', ...to]);
    t.match(text.stdout, /verdict {3}dropped at /);
    t.notMatch(text.stdout, /own verdict/);
    t.match(await grebe(['trace', '--live', '--in', 'x.pcap', ...to]), {
      code: 2,
      stderr: /without --config/,
    });
    t.match(await grebe(['trace', '--count', '3']), { code: 2, stderr: /with --live or -i only/ });
  });
});
