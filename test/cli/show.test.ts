import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { RouteSnapshot, Snapshot } from '../../src/observability/snapshot.js';
import { device, deviceCounters, exampleSnapshot, worker } from '../observability/example-snapshot.js';
import { controlServer } from '../support/control-server.js';
import { elsewhere } from '../support/elsewhere.js';
import { missing } from '../support/program.js';
import { grebe, inProcess } from './run.js';

const GREBE = fileURLToPath(new URL('../../src/cli/grebe.js', import.meta.url));

const ROUTES: RouteSnapshot[] = [
  {
    prefix: '192.0.2.0/26',
    origin: 'static',
    nexthops: [
      { tunnel: 'acme_fra_1', weight: 192 },
      { tunnel: 'globex_ams', weight: 64 },
    ],
  },
  { prefix: '10.100.0.1/32', origin: 'connected', nexthops: [{ tunnel: 'acme_fra_1', weight: 1 }] },
];

/** A path for a socket: short, since the kernel takes 107 bytes. */
function socketPath(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'grebe-show-'));
  chmodSync(folder, 0o755);
  t.teardown(() => rmSync(folder, { recursive: true }));
  return join(folder, 's.sock');
}

/** A daemon that is in the next of these states each time it is asked, and stays in the last. */
async function daemon(t: Test, ...states: readonly Snapshot[]): Promise<string> {
  const path = socketPath(t);
  let asked = 0;
  await controlServer(t, path, {
    'GET /v1/snapshot': () => ({ body: states[Math.min(asked++, states.length - 1)] }),
    'GET /v1/routes': () => ({ body: ROUTES }),
  });
  return path;
}

async function show(t: Test, snapshot: Snapshot, ...args: readonly string[]): Promise<string> {
  const socket = await daemon(t, snapshot);
  const { code, stdout, stderr } = await inProcess(t, ['show', ...args, '--socket', socket], '.');
  t.equal(stderr, '');
  t.equal(code, 0);
  return stdout;
}

/** The lines, with the spaces that only line things up made one. */
function lines(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().replace(/ {2,}/g, '  '));
}

t.test('show: the node, then a block for each tunnel, as wg does', async (t) => {
  t.equal(
    await show(t, exampleSnapshot()),
    `node: fra-1
  grebe: 0.2.0, pid 4242, up 1 hour, 2 minutes
  configuration: /etc/grebe/grebe.yaml, generation 3, loaded 2 minutes, 10 seconds ago
  underlay: MTU 1500, af_packet on eth0: the next hop's link address is known
  overlay: MTU 1476, tun grebe0: created, large segments on
  workers: 2 running, busy 2.0 %, 4.0 %
  packets: 6,000,000 received, 4,400,000 to the overlay, 1,500,000 to the underlay, 100,000 dropped (1.7 %)
  drops: gre_key_mismatch 61,000, inner_source_denied 30,000, not_for_us 9,000

tunnel: acme_fra_1
  endpoints: 198.51.100.1 -> 203.0.113.10
  mtu: 1476
  health: healthy for 1 hour, 2 minutes, 371 probes answered, 2 lost
  latest packet: 3 seconds ago
  transfer: 4.09 GiB received, 310.00 MiB sent

tunnel: globex_ams
  endpoints: 198.51.100.1 -> 203.0.113.20, key 4711
  mtu: 1392 (path MTU; configured: 1472)
  latest packet: 2 minutes, 10 seconds ago
  transfer: 50.00 MiB received, 40.00 MiB sent

tunnel: hooli_bridge
  endpoints: 198.51.100.1 -> 203.0.113.50, gretap
  mtu: 1462
  latest packet: none yet
  transfer: 0 B received, 0 B sent
`,
  );
});

t.test('show: what is wrong is said', async (t) => {
  const { config } = exampleSnapshot();
  const text = await show(
    t,
    exampleSnapshot({
      config: {
        ...config,
        failedReloads: 1,
        lastError: 'grebe.yaml:3:1: tunnels[0].keey: unknown key "keey"',
      },
      ready: false,
      problems: ['worker 1 is failed, after: out of memory'],
      workers: [worker(0), worker(1, { state: 'failed', restarts: 3, lastError: 'out of memory' })],
      workerLost: 64,
    }),
  );
  t.match(text, '\n  last reload refused: grebe.yaml:3:1: tunnels[0].keey: unknown key "keey"\n');
  t.match(text, '\n  not ready: worker 1 is failed, after: out of memory\n');
  t.match(text, '\n  workers: 1 running, 1 failed, busy 2.0 %, 2.0 %, restarted 3 times\n');
  t.match(text, ', 64 lost in failed workers\n');
});

t.test('show tunnels', async (t) => {
  t.same(lines(await show(t, exampleSnapshot(), 'tunnels')), [
    'tunnel  health  remote  key  MTU  received  packets  sent  packets  latest',
    'acme_fra_1  healthy  203.0.113.10  -  1476  4.09 GiB  4,000,000  310.00 MiB  1,200,000  3 s',
    'globex_ams  -  203.0.113.20  4711  1392*  50.00 MiB  400,000  40.00 MiB  300,000  2 min',
    'hooli_bridge  -  203.0.113.50  -  1462  0 B  0  0 B  0  none',
    '',
    '* lowered by path MTU discovery',
  ]);
  t.equal(await show(t, exampleSnapshot({ tunnels: [] }), 'tunnels'), 'no tunnels\n');
});

t.test('show routes', async (t) => {
  t.same(lines(await show(t, exampleSnapshot(), 'routes')), [
    'prefix  origin  next hops',
    '192.0.2.0/26  static  acme_fra_1 75 %, globex_ams 25 %',
    '10.100.0.1/32  connected  acme_fra_1',
  ]);
});

t.test('show counters', async (t) => {
  const rows = lines(await show(t, exampleSnapshot(), 'counters'));
  t.equal(rows[0], 'counter  count  meaning');
  t.ok(rows.includes('received_packets  6,000,000  Packets handed to the pipeline, from both sides.'));
  t.ok(rows.includes('dropped  100,000  Dropped by the pipeline; grebe show drops has the reasons.'));
  t.ok(rows.includes('mss_clamped  12,345  TCP SYN packets whose MSS was lowered.'));
});

t.test('show drops: of the pipeline, and around it', async (t) => {
  const counters = deviceCounters({ rx_dropped_queue: 7 });
  const text = await show(
    t,
    exampleSnapshot({ devices: [device('eth0', { counters, ports: [counters] })], workerLost: 64 }),
    'drops',
  );
  const rows = lines(text);
  t.equal(rows[0], 'drop reason  packets  share  stage  meaning');
  t.match(rows[1], /^gre_key_mismatch {2}61,000 {2}1.0 % {2}endpoint {2}A tunnel has this source/);
  t.match(
    text,
    /\n\nlost outside of the pipeline {2}packets {2}meaning\neth0 rx_dropped_queue +7 {2}The kernel/,
  );
  t.match(text, /\nworker_lost +64 {2}Packets that failed workers had in hand/);
  t.notMatch(text, 'no_route', 'what did not happen is left out');
  const quiet = exampleSnapshot();
  const none = Object.fromEntries(Object.keys(quiet.verdicts).map((name) => [name, 0]));
  t.equal(await show(t, { ...quiet, verdicts: none as Snapshot['verdicts'] }, 'drops'), 'nothing dropped\n');
});

t.test('show workers', async (t) => {
  const workers = [worker(0), worker(1, { heartbeatMs: 4200, restarts: 1, lastError: 'a test hook' })];
  t.same(lines(await show(t, exampleSnapshot({ workers }), 'workers')), [
    'worker  state  restarts  busy  packets  batch  heartbeat',
    '0  running  0  2.0 %  3,000  30.0  12 ms',
    '1  running  1  2.0 %  3,000  30.0  4 seconds',
    '',
    'worker 1, last error: a test hook',
  ]);
});

t.test('show devices', async (t) => {
  const counters = deviceCounters({ rx_dropped_queue: 7, tx_dropped_size: 3, tx_fallback: 12 });
  const devices = [
    device('eth0'),
    device('raw0', { kind: 'raw', counters, description: '', ports: [counters] }),
  ];
  t.same(lines(await show(t, exampleSnapshot({ devices }), 'devices')), [
    'device  side  kind  MTU  received  packets  dropped  sent  packets  dropped',
    'eth0  underlay  af_packet  1500  1.91 MiB  2,000  0  488.28 KiB  1,000  0',
    'raw0  underlay  raw  1500  0 B  0  7  0 B  0  3',
    '',
    "eth0: af_packet on eth0: the next hop's link address is known; 20.0 packets a receive; 12.5 a send",
    'raw0: 12 packets by the fallback (link address unknown)',
  ]);
});

t.test('--json is one object', async (t) => {
  const snapshot = exampleSnapshot();
  const json = async (...args: string[]): Promise<Record<string, unknown>> => {
    const text = await show(t, snapshot, ...args, '--json');
    t.equal(text.indexOf('\n'), text.length - 1, 'on one line');
    return JSON.parse(text) as Record<string, unknown>;
  };
  t.same(await json(), JSON.parse(JSON.stringify(snapshot)));
  const { node, takenAt, tunnels, workers, devices } = snapshot;
  t.same(await json('tunnels'), { node, takenAt, tunnels });
  t.same(await json('workers'), { node, takenAt, workers });
  t.same(await json('devices'), { node, takenAt, devices });
  t.same(await json('routes'), { node, takenAt, routes: ROUTES });
  t.match(await json('counters'), { node, counters: { mss_clamped: 12_345 }, workerLost: 0 });
  t.match(await json('drops'), {
    drops: { gre_key_mismatch: 61_000, no_route: 0 },
    devices: [{ name: 'eth0', drops: { rx_dropped_queue: 0 } }, { name: 'grebe0' }],
  });
});

/** The example, `seconds` later, with traffic in between. */
function later(seconds: number): Snapshot {
  const snapshot = exampleSnapshot({ uptimeSeconds: 3723 + seconds });
  const [first, ...others] = snapshot.tunnels;
  const { packets, bytes } = first!.decapsulated;
  const decapsulated = { packets: packets + 2000 * seconds, bytes: bytes + 1_500_000 * seconds };
  return { ...snapshot, tunnels: [{ ...first!, decapsulated }, ...others] };
}

/** Runs the command until it has printed `wanted` times what matches; then tells it to end. */
async function until(t: Test, args: readonly string[], pattern: RegExp, wanted: number): Promise<string> {
  const child = spawn(process.execPath, [GREBE, ...args], { env: { ...process.env, NODE_OPTIONS: '' } });
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
    if ((text.match(pattern) ?? []).length >= wanted) child.kill('SIGINT');
  });
  let complaints = '';
  child.stderr.on('data', (data: Buffer) => (complaints += data.toString()));
  const end = await new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal })));
  t.same(end, { code: null, signal: 'SIGINT' }, `it ends by the signal that it got ${complaints}`);
  return text;
}

t.test('--watch where there is no terminal: blocks one below the other, with rates', async (t) => {
  const socket = await daemon(t, exampleSnapshot(), later(2));
  const text = await until(t, ['show', 'tunnels', '--watch', '0.1', '--socket', socket], /^fra-1, /gm, 2);
  t.notMatch(text, '\x1b', 'no escape sequences');
  const [first, second] = text
    .split(/^fra-1, .* UTC\n\n/m)
    .slice(1)
    .map(lines);
  t.equal(first?.[0], 'tunnel  health  MTU  received  bit/s  pps  sent  bit/s  pps  latest');
  t.equal(
    first?.[1],
    'acme_fra_1  healthy  1476  4.09 GiB  -  -  310.00 MiB  -  -  3 s',
    'nothing to compare with yet',
  );
  t.equal(
    second?.[1],
    'acme_fra_1  healthy  1476  4.10 GiB  12.0 Mbit/s  2.00 kpps  310.00 MiB  0 bit/s  0 pps  3 s',
  );
});

t.test('--watch --json: a line each time', async (t) => {
  const socket = await daemon(t, exampleSnapshot(), later(2));
  const text = await until(t, ['show', '--json', '--watch', '0.1', '--socket', socket], /\n/g, 2);
  const times = text
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as Snapshot).uptimeSeconds);
  t.same(times.slice(0, 2), [3723, 3725]);
});

t.test('--count ends a watch after so many views', async (t) => {
  const socket = await daemon(t, exampleSnapshot(), later(2), later(4), later(6));
  const line = ['show', '--json', '--watch', '0.1', '--count', '3', '--socket', socket];
  const { code, stdout } = await grebe(line);
  t.equal(code, 0);
  t.equal(stdout.trimEnd().split('\n').length, 3);
});

t.test('--watch goes on when the daemon goes and comes again', async (t) => {
  const path = socketPath(t);
  const answers = { 'GET /v1/snapshot': () => ({ body: exampleSnapshot() }) };
  const first = await controlServer(t, path, answers);
  const child = spawn(process.execPath, [GREBE, 'show', '--json', '--watch', '0.1', '--socket', path]);
  let errors = '';
  const said = (stream: 'stdout' | 'stderr'): Promise<string> =>
    new Promise((resolve) => child[stream].once('data', (data: Buffer) => resolve(data.toString())));
  await said('stdout');
  first.closeAllConnections();
  first.close();
  rmSync(path, { force: true });
  errors += await said('stderr');
  t.match(errors, /^grebe: no daemon listens at .*s\.sock/);
  await controlServer(t, path, answers);
  await said('stdout');
  child.kill();
  await new Promise((resolve) => child.on('close', resolve));
});

t.test('on a terminal --watch draws in place', { skip: missing('script') }, async (t) => {
  const many = Array.from({ length: 60 }, (_, i) => ({
    ...exampleSnapshot().tunnels[0]!,
    name: `customer_${i}`,
    decapsulated: { packets: i, bytes: i * 1000 },
  }));
  const socket = await daemon(t, exampleSnapshot({ tunnels: many }));
  const command = `stty rows 12 cols 60; '${process.execPath}' '${GREBE}' show tunnels --watch 0.1 --socket '${socket}'`;
  const drawn = await new Promise<string>((resolve) => {
    const env = { ...process.env, NODE_OPTIONS: '', TERM: 'xterm', NO_COLOR: '' };
    const child = spawn('script', ['-qefc', command, '/dev/null'], { env });
    let text = '';
    let isTold = false;
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
      if (isTold || text.split('\x1b[H').length < 4) return;
      isTold = true;
      child.stdin.write('\x03'); // Ctrl-C
    });
    child.on('close', () => resolve(text));
  });
  t.ok(drawn.startsWith('\x1b[?1049h\x1b[?25l'), 'another screen, no cursor');
  const frame = drawn.split('\x1b[H')[2]!.split('\x1b[J')[0]!;
  const rows = frame.replaceAll('\r', '').replaceAll('\x1b[K', '').split('\n');
  t.ok(rows.length <= 12, 'what fits');
  t.ok(rows[2]?.startsWith('\x1b[1mtunnel '), 'the head stands out');
  t.match(rows[3], /^customer_59 /, 'the busiest first');
  t.match(rows.at(-1), /^… and 5\d less busy tunnels$/);
  t.ok(drawn.includes('\x1b[?25h\x1b[?1049l'), 'the terminal is given back');
});

t.test('NO_COLOR is respected', { skip: missing('script') }, async (t) => {
  const socket = await daemon(t, exampleSnapshot());
  const see = (NO_COLOR: string): Promise<string> =>
    new Promise((resolve) => {
      const command = `'${process.execPath}' '${GREBE}' show --socket '${socket}'`;
      const env = { ...process.env, NODE_OPTIONS: '', TERM: 'xterm', NO_COLOR };
      const child = spawn('script', ['-qefc', command, '/dev/null'], { env });
      let text = '';
      child.stdout.on('data', (data: Buffer) => (text += data.toString()));
      child.on('close', () => resolve(text));
    });
  t.match(await see(''), '\x1b[1;32mtunnel\x1b[0m: \x1b[1;32macme_fra_1\x1b[0m');
  t.notMatch(await see('1'), '\x1b[');
});

t.test('no daemon: exit 1 and one line that names the socket', async (t) => {
  const path = socketPath(t);
  const gone = await inProcess(t, ['show', '--socket', path], '.');
  t.match(gone, { code: 1, stdout: '', stderr: /^grebe: no daemon listens at .*s\.sock.*\n$/ });

  // A daemon that was killed leaves its socket behind.
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  const dead = await inProcess(t, ['show', 'drops', '--watch', '--socket', path], '.');
  t.match(dead, { code: 1, stdout: '', stderr: /^grebe: no daemon listens at / });
});

t.test('what listens is not grebe, or fails: exit 1', async (t) => {
  const path = socketPath(t);
  const server = createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.teardown(() => server.close());
  t.match(await inProcess(t, ['show', '--socket', path], '.'), {
    code: 1,
    stdout: '',
    stderr: /^grebe: .*s\.sock/,
  });

  const broken = socketPath(t);
  await controlServer(t, broken, {
    'GET /v1/snapshot': () => ({ status: 500, body: { problems: [{ message: 'the workers are away' }] } }),
  });
  const ran = await inProcess(t, ['show', '--socket', broken], '.');
  t.match(ran, { code: 1, stdout: '', stderr: /500: the workers are away\n$/ });
});

const notRoot = process.getuid?.() === 0 ? missing('setpriv') : 'needs root, to be another user';
t.test('permission refused: exit 1 and who may', { skip: notRoot }, async (t) => {
  const socket = await daemon(t, exampleSnapshot());
  chmodSync(socket, 0o600);
  const place = elsewhere(t);
  const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const [command, ...args] = place.command(user, [place.path(GREBE), 'show', '--socket', socket]);
  const ran = await new Promise<{ code: number | null; errors: string }>((resolve) => {
    const child = spawn(command, args);
    let errors = '';
    child.stderr.on('data', (data: Buffer) => (errors += data.toString()));
    child.on('close', (code) => resolve({ code, errors }));
  });
  t.match(ran, { code: 1, errors: /^grebe: no permission to use .*s\.sock/ });
});

t.test('wrong usage: exit 2', async (t) => {
  const cases: [string[], RegExp][] = [
    [['tunnel'], /^grebe: .*'tunnel' is invalid.*Allowed choices are tunnels, routes/],
    [['--watch', '0'], /Expected seconds, 0.1 to 3600/],
    [['--watch', 'tunnels'], /a section goes in front of --watch/],
    [['tunnels', 'routes'], /too many arguments/],
    [['--count', '3'], /--count needs --watch/],
    [['--watch', '1', '--count', '0'], /Expected a whole number, 1 and up/],
  ];
  for (const [args, stderr] of cases) {
    t.match(await inProcess(t, ['show', ...args], '.'), { code: 2, stdout: '', stderr }, args.join(' '));
  }
});

t.test('$GREBE_SOCKET names the socket', async (t) => {
  const socket = await daemon(t, exampleSnapshot());
  process.env.GREBE_SOCKET = socket;
  t.teardown(() => delete process.env.GREBE_SOCKET);
  t.match(await grebe(['show', 'tunnels']), { code: 0, stdout: /^tunnel / });
});
