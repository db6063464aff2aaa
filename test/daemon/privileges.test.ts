import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { CAPABILITIES } from '../../src/daemon/privileges.js';
import { elsewhere } from '../support/elsewhere.js';
import { requireRoot } from '../support/netns.js';
import { missing } from '../support/program.js';

const child = fileURLToPath(new URL('privileges-child.js', import.meta.url));

interface Answer {
  note: string;
  pid: number;
  args: string[];
  execArgv: string[];
  marked: string | null;
  kept: string | null;
  threads: number;
  states: string[];
}

/** Runs the child, behind a command if wanted, in a directory of this owner and mode. */
function run(
  t: Test,
  prefix: readonly string[],
  args: readonly string[],
  directory: { mode?: number; owner?: number } = {},
): { starts: number; pid: number; answer: Answer } {
  const place = elsewhere(t, directory);
  const [command, ...rest] = place.command(prefix, ['--stack-size=1000', place.path(child), ...args]);
  const result = spawnSync(command, rest, {
    encoding: 'utf8',
    env: { ...process.env, GREBE_TEST_VALUE: 'ä value\nof two lines' },
  });
  const lines = result.stdout.trimEnd().split('\n');
  if (result.status !== 0) throw new Error(result.stderr);
  return { starts: lines.length - 1, pid: result.pid, answer: JSON.parse(lines.at(-1)!) as Answer };
}

const maskOf = (...names: (keyof typeof CAPABILITIES)[]): string =>
  names
    .reduce((mask, name) => mask | (1n << BigInt(CAPABILITIES[name])), 0n)
    .toString(16)
    .padStart(16, '0');
const root = requireRoot();
const needsRoot = { skip: root };
const needsSetpriv = { skip: root || missing('setpriv') };

t.test('every thread has what is kept, and no more', needsRoot, async (t) => {
  const { starts, pid, answer } = run(t, [], ['net_admin,net_raw', 'an argument', '']);
  const mask = maskOf('net_admin', 'net_raw');
  t.equal(starts, 2, 'it began twice');
  t.equal(answer.pid, pid, 'as the same process');
  t.strictSame(answer.args, ['net_admin,net_raw', 'an argument', '']);
  t.strictSame(answer.execArgv, ['--stack-size=1000']);
  t.equal(answer.kept, 'ä value\nof two lines');
  t.equal(answer.marked, null);
  t.ok(answer.threads > 4);
  t.strictSame(answer.states, [`${mask} ${mask} ${mask} 1`]);
  t.equal(answer.note, 'has the capabilities net_admin, net_raw');
});

t.test('where the program is closed even to root, the right to read it stays', needsSetpriv, async (t) => {
  const alice = { owner: 1000, mode: 0o700 };
  for (const [prefix, right] of [
    [[], 'dac_read_search'],
    [['setpriv', '--bounding-set=-dac_read_search'], 'dac_override'],
  ] as const) {
    const { starts, answer } = run(t, prefix, ['net_raw'], alice);
    t.equal(starts, 2);
    const mask = maskOf(right, 'net_raw');
    t.strictSame(answer.states, [`${mask} ${mask} ${mask} 1`]);
    t.match(
      answer.note,
      new RegExp(
        `^has the capabilities ${right}, net_raw: ${right} because /.*/privileges.js cannot be read`,
      ),
    );
  }
});

t.test('also where only a file is that is read later', needsRoot, async (t) => {
  const closed = t.testdir({ 'closed.yaml': '' });
  chmodSync(closed, 0o700);
  chownSync(closed, 1000, 1000);
  const fifo = join(closed, 'fifo');
  t.equal(spawnSync('mkfifo', [fifo]).status, 0);
  for (const file of [join(closed, 'closed.yaml'), fifo]) {
    const { answer } = run(t, [], ['net_raw', 'reads', file]);
    t.ok(answer.note.endsWith(`: dac_read_search because ${file} cannot be read without it`), answer.note);
  }
  const { answer } = run(t, [], ['net_raw', 'reads', join(closed, 'not-there')]);
  t.equal(answer.note, 'has the capabilities net_raw', 'with or without it');
});

t.test('other sets', needsRoot, async (t) => {
  const bpf = maskOf('net_admin', 'net_raw', 'bpf');
  t.strictSame(run(t, [], ['net_admin,net_raw,bpf']).answer.states, [`${bpf} ${bpf} ${bpf} 1`]);
  const none = maskOf();
  const { answer } = run(t, [], ['']);
  t.strictSame(answer.states, [`${none} ${none} ${none} 1`]);
  t.equal(answer.note, 'has no capabilities');
});

t.test('a user other than root keeps what it was given', needsSetpriv, async (t) => {
  const given = '+net_admin,+net_raw,+chown';
  const prefix = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const { starts, answer } = run(
    t,
    [...prefix, `--inh-caps=${given}`, `--ambient-caps=${given}`],
    ['net_admin,net_raw'],
  );
  const mask = maskOf('net_admin', 'net_raw');
  t.equal(starts, 2);
  t.match(answer.states, [new RegExp(`^${mask} ${mask} [0-9a-f]{16} 1$`)]);
});

t.test('where there is nothing to give up, nothing happens', needsSetpriv, async (t) => {
  const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--inh-caps=-all'];
  const { starts, answer } = run(t, user, ['net_admin,net_raw']);
  t.equal(starts, 1);
  t.equal(answer.note, 'has no capabilities');
  const limited = ['setpriv', '--bounding-set=-all,+net_raw', '--inh-caps=-all'];
  const second = run(t, limited, ['net_admin,net_raw']);
  t.equal(second.starts, 1);
  t.equal(second.answer.note, 'has the capabilities net_raw');
});

t.test('what it may have is made effective', needsSetpriv, async (t) => {
  const limited = ['setpriv', '--bounding-set=-all,+net_raw,+net_admin', '--inh-caps=-all'];
  const { starts, answer } = run(t, limited, ['net_admin,net_raw', 'lower']);
  const mask = maskOf('net_admin', 'net_raw');
  t.equal(starts, 1);
  t.strictSame(answer.states, [`${mask} ${mask} ${mask} 0`]);
});

t.test('without the addon nothing is given up, which is told', needsRoot, async (t) => {
  const result = spawnSync(process.execPath, [child, 'net_raw'], {
    encoding: 'utf8',
    // A file that is not the addon.
    env: { ...process.env, GREBE_ADDON: child },
  });
  t.equal(result.status, 0);
  t.match(result.stdout, /keeps all its capabilities, as the native addon .* cannot be loaded/);
});

t.test('it is tried once', needsRoot, async (t) => {
  // As if it had begun again with all that it had.
  const script = 'GREBE_PRIVILEGES_DROPPED=$$ exec "$@"';
  const result = spawnSync('sh', ['-c', script, 'sh', process.execPath, child, 'net_raw'], {
    encoding: 'utf8',
  });
  t.equal(result.status, 1);
  t.equal(result.stdout, 'begins\n');
  t.match(result.stderr, /PrivilegeError: cannot give up capabilities: still there are chown,.*net_admin/);
});
