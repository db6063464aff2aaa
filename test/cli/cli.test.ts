/** The command line as a user meets it: help, exit codes, errors, JSON, files. */
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { DROP_REASONS } from '../../src/dataplane/verdicts.js';
import { buildPacket } from '../../src/wire/build.js';
import { CUSTOMER, fromTunnel, OURS, readFrames, toTunnel, writeFrames } from '../replay/captures.js';
import { grebe, inProcess } from './run.js';

// Several commands are started, each in a process of its own.
t.setTimeout(240_000);

const CONFIG = `
node: { name: fra-1, colo: fra, region: WEUR }
tunnels:
  - name: acme_fra_1
    local: ${OURS}
    remote: ${CUSTOMER}
    key: 42
    allowed_sources: [192.0.2.0/24]
routes:
  - { prefix: 192.0.2.0/24, nexthop: acme_fra_1 }
`;

/** A folder with a configuration and a capture of eight packets: four out of the tunnel, two into it, two dropped. */
async function workplace(dir: string): Promise<string> {
  writeFileSync(join(dir, 'c.yaml'), CONFIG);
  await writeFrames(join(dir, 'in.pcap'), [
    ...[1, 2, 3, 4].map((n) => ({ bytes: fromTunnel(n) })),
    ...[5, 6].map((n) => ({ bytes: buildPacket(toTunnel(n)) })),
    { bytes: fromTunnel(7, { gre: { key: 1 } }) },
    { bytes: fromTunnel(8).slice(0, 9) },
  ]);
  return dir;
}

const COMMANDS = ['replay', 'check', 'trace', 'generate'];

t.test('help and version', async (t) => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  t.match(await grebe(['--version']), { code: 0, stdout: `${version}\n`, stderr: '' });
  const help = await grebe(['--help']);
  t.match(help, { code: 0, stdout: /Examples:\n {2}[#$] grebe/, stderr: '' });
  for (const command of COMMANDS) {
    t.match(help.stdout, new RegExp(`^  ${command} `, 'm'));
    const own = await grebe([command, '--help']);
    t.match(own, { code: 0, stdout: new RegExp(`Examples:\n[^]*\\$ grebe ${command} --`), stderr: '' });
    t.match(own.stdout, /\nExit codes: 0 fine/);
    t.ok(
      own.stdout.split('\n').every((line) => line.length <= 120),
      'lines fit',
    );
    t.match(await inProcess(t, ['help', command], '.'), { code: 0, stdout: own.stdout });
  }
  t.match(await grebe([]), { code: 2, stdout: '', stderr: /^Usage: grebe/ });
});

t.test('wrong usage: exit 2 and one line', async (t) => {
  const cwd = await workplace(t.testdir());
  symlinkSync('in.pcap', join(cwd, 'link.pcap'));
  const replay = ['replay', '--config', 'c.yaml'];
  const cases: [string[], RegExp][] = [
    [['fly'], /^grebe: unknown command 'fly'\n$/],
    [['replya'], /^grebe: unknown command 'replya' \(Did you mean replay\?\)\n$/],
    [['replay'], /^grebe: required option '--config <file>' not specified\n$/],
    [['check'], /^grebe: required option '--config <file>' not specified\n$/],
    [['trace', '--config', 'c.yaml'], /^grebe: required option '--in <file>' not specified\n$/],
    [
      ['trace', '--config', 'c.yaml', '--in', 'in.pcap'],
      /^grebe: required option '--packet <n>' not specified\n$/,
    ],
    [['replay', '--confg', 'c.yaml'], /^grebe: unknown option '--confg' \(Did you mean --config\?\)\n$/],
    [replay, /^grebe: no input: give --in FILE or --in-overlay FILE\n$/],
    [
      [...replay, '--in', 'in.pcap', '--workers', '0'],
      /'--workers <n>' argument '0' is invalid. Expected a whole number, 1 to 64/,
    ],
    [[...replay, '--in', 'in.pcap', '--workers', '65'], /1 to 64/],
    [[...replay, '--in', 'in.pcap', '--loop', '1.5'], /'--loop <n>' argument '1.5' is invalid/],
    [
      [...replay, '--in', 'in.pcap', '--distribution', 'fair'],
      /Allowed choices are flow, round-robin, random/,
    ],
    [[...replay, '--in', '-', '-'], /^grebe: standard input \(-\) can be given once\n$/],
    [[...replay, '--in', '-', '--loop', '2'], /^grebe: standard input .* --loop\n$/],
    [
      [...replay, '--in', 'in.pcap', '--out-overlay', './in.pcap'],
      /^grebe: --out-overlay .\/in.pcap is the file that --in reads\n$/,
    ],
    [[...replay, '--in', 'in.pcap', '--out-dropped', 'link.pcap'], /is the file that --in reads/],
    [[...replay, '--in', 'in.pcap', '--out-dropped', 'c.yaml'], /is the file that --config reads/],
    [
      [...replay, '--in', 'in.pcap', '--out-overlay', 'x', '--out-underlay', './x'],
      /is the file that --out-overlay writes/,
    ],
    [[...replay, '--in', 'in.pcap', '--out-overlay', '-', '--json'], /cannot both go to standard output/],
    [
      ['trace', '--config', 'c.yaml', '--in', 'in.pcap', '--packet', '0'],
      /'--packet <n>' argument '0' is invalid/,
    ],
  ];
  for (const [args, stderr] of cases) {
    const ran = await inProcess(t, args, cwd);
    t.match(ran, { code: 2, stdout: '', stderr }, args.join(' '));
    t.equal(ran.stderr.split('\n').length, 2, 'one line');
  }
  t.same(readdirSync(cwd).sort(), ['c.yaml', 'in.pcap', 'link.pcap']);
});

t.test('a wrong configuration: exit 2, all errors with their places', async (t) => {
  const cwd = await workplace(t.testdir());
  writeFileSync(
    join(cwd, 'bad.yaml'),
    CONFIG.replace('key: 42', 'keey: 42\n    ttl: 300').replace('192.0.2.0/24, next', '192.0.2.1/24, next'),
  );
  for (const args of [
    ['check'],
    ['replay', '--in', 'in.pcap'],
    ['trace', '--in', 'in.pcap', '--packet', '1'],
  ]) {
    const ran = await inProcess(t, [...args, '--config', 'bad.yaml'], cwd);
    t.match(ran, { code: 2, stdout: '' });
    const lines = ran.stderr.trimEnd().split('\n');
    t.equal(lines.length, 3);
    t.ok(
      lines.every((line) => /^grebe: bad\.yaml:\d+:\d+: /.test(line)),
      ran.stderr,
    );
  }
  t.match(await grebe(['check', '--config', 'none.yaml'], { cwd }), {
    code: 2,
    stderr: /^grebe: none\.yaml: cannot be read/,
  });
});

t.test('work that fails: exit 1, file and place, nothing left behind', async (t) => {
  const cwd = await workplace(t.testdir());
  writeFileSync(join(cwd, 'cut.pcap'), readFileSync(join(cwd, 'in.pcap')).subarray(0, -1));
  const before = readdirSync(cwd);
  const replay = ['replay', '--config', 'c.yaml', '--out-overlay', 'o.pcap', '--out-dropped', 'd.pcapng'];
  const cases: [string[], RegExp][] = [
    [[...replay, '--in', 'none.pcap'], /^grebe: none\.pcap: cannot open the file: no such file/],
    [[...replay, '--in', 'c.yaml'], /^grebe: c\.yaml: byte 0: found .* expected a pcap or pcapng/],
    [[...replay, '--in', 'cut.pcap'], /^grebe: cut\.pcap: record 8 at byte \d+: .*cut off/],
    [[...replay, '--in', '.'], /^grebe: \.: found a directory/],
    [[...replay, '--in', 'in.pcap', '--out-underlay', 'none/u.pcap'], /^grebe: none\/u\.pcap: cannot write/],
    [
      ['trace', '--config', 'c.yaml', '--in', 'in.pcap', '--packet', '9'],
      /^grebe: in\.pcap: there is no packet 9, the capture has 8 packets\n$/,
    ],
    [
      ['trace', '--config', 'c.yaml', '--in', 'none.pcap', '--packet', '9'],
      /^grebe: none\.pcap: cannot open/,
    ],
  ];
  for (const [args, stderr] of cases) {
    const ran = await inProcess(t, args, cwd);
    t.match(ran, { code: 1, stdout: '', stderr }, args.join(' '));
    t.equal(ran.stderr.split('\n').length, 2, 'one line');
  }
  t.same(readdirSync(cwd), before);
});

t.test('replay: tables', async (t) => {
  const cwd = await workplace(t.testdir());
  const ran = await grebe(['replay', '--config', 'c.yaml', '--in', 'in.pcap', '--out-dropped', 'd.pcapng'], {
    cwd,
  });
  t.match(ran, { code: 0, stderr: '' });
  t.match(ran.stdout, /^8 packets in \d+\.\d m?s, .*pps, 1 worker\n/);
  t.match(ran.stdout, /\ndelivered to the overlay +4 +50\.0 %\n/);
  t.match(ran.stdout, /\nacme_fra_1 +4 +192 +2 +96\n/);
  t.match(ran.stdout, /\ngre_key_mismatch +1 +endpoint +A tunnel has/);
  t.match(ran.stdout, /\ndropped +2 +\d+ +d\.pcapng\n$/);
  t.notOk(ran.stdout.includes('\u001b'), 'no colours');
  t.ok(ran.stdout.split('\n').every((line) => line.length <= 100));
});

t.test('replay: JSON', async (t) => {
  const cwd = await workplace(t.testdir());
  const args = [
    'replay',
    '--config',
    'c.yaml',
    '--in',
    'in.pcap',
    '--workers',
    '2',
    '--json',
    '--out-overlay',
    'o.pcapng',
  ];
  const ran = await grebe(args, { cwd });
  t.match(ran, { code: 0, stderr: '' });
  const result = JSON.parse(ran.stdout) as Record<string, unknown>;
  t.same(Object.keys(result).sort(), [
    ...[
      'answered',
      'delivered',
      'dropped',
      'elapsed_ns',
      'fragmented',
      'fragments_created',
      'icmp_errors',
      'icmp_suppressed',
    ],
    ...['mss_clamped', 'mss_malformed', 'outputs', 'packets_per_second', 'received', 'tunnels', 'workers'],
  ]);
  const reasons = Object.fromEntries(DROP_REASONS.map(({ name }) => [name, 0]));
  t.match(result, {
    received: 8,
    delivered: { overlay: 4, underlay: 2 },
    answered: { echo: 0, keepalive: 0 },
    dropped: { total: 2, reasons: { ...reasons, gre_key_mismatch: 1, frame_truncated: 1 } },
    tunnels: {
      acme_fra_1: { decapsulated: { packets: 4, bytes: 192 }, encapsulated: { packets: 2, bytes: 96 } },
    },
    workers: 2,
    outputs: { overlay: { packets: 4, bytes: 192 }, underlay: null, dropped: null },
  });
});

t.test('replay: standard input and output', async (t) => {
  const cwd = await workplace(t.testdir());
  const input = readFileSync(join(cwd, 'in.pcap'));
  const args = ['replay', '--config', 'c.yaml', '--in', '-', '--out-overlay', '-'];
  const ran = await grebe(args, { cwd, input });
  t.equal(ran.code, 0);
  t.match(ran.stderr, /^8 packets in/, 'tables make way for the capture');
  await grebe([...args.slice(0, -1), 'o.pcap'], { cwd, input });
  t.equal(ran.stdout, readFileSync(join(cwd, 'o.pcap')).toString());
  const { packets, links } = await readFrames(join(cwd, 'o.pcap'));
  t.equal(packets.length, 4);
  t.same(links, [LinkType.RAW]);
});

t.test('a reader that goes away is no failure', async (t) => {
  const cwd = await workplace(t.testdir());
  const args = ['trace', '--config', 'c.yaml', '--in', 'in.pcap', '--packet', '1'];
  const ran = await grebe(args, {
    cwd,
    onStdout: (close) => {
      close();
    },
  });
  t.match(ran, { code: 0, stderr: '' });
});

t.test('a signal ends it, and nothing is left behind', async (t) => {
  const cwd = await workplace(t.testdir());
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const kill = { signal, afterMs: 1500 };
    const loop = [
      'replay',
      '--config',
      'c.yaml',
      '--in',
      'in.pcap',
      '--loop',
      '1000000000',
      '--out-overlay',
      'o.pcap',
    ];
    t.match(await grebe(loop, { cwd, kill }), { code: null, signal, stdout: '' }, `${signal} at work`);
    const waiting = ['replay', '--config', 'c.yaml', '--in', '-', '--out-overlay', 'o.pcap'];
    t.match(
      await grebe(waiting, { cwd, kill }),
      { code: null, signal, stdout: '' },
      `${signal} while it waits`,
    );
  }
  t.same(readdirSync(cwd).sort(), ['c.yaml', 'in.pcap']);
});

t.test('check: report, findings, JSON', async (t) => {
  const cwd = await workplace(t.testdir());
  const ran = await grebe(['check', '--config', 'c.yaml'], { cwd });
  t.match(ran, { code: 0, stderr: '' });
  t.match(ran.stdout, /^c\.yaml: node fra-1 \(fra, WEUR\), 1 tunnel, 1 route in use\n/);
  t.match(
    ran.stdout,
    /\nacme_fra_1 +gre +42 +28 +1472 +1432\/1412 +1432\/1412 +198\.51\.100\.1 -> 203\.0\.113\.10\n/,
  );
  t.match(ran.stdout, /\nok: 0 errors, /);

  const json = JSON.parse(
    (await grebe(['check', '--config', 'c.yaml', '--json'], { cwd })).stdout,
  ) as unknown;
  t.match(json, {
    valid: true,
    problems: [],
    tunnels: [{ name: 'acme_fra_1', mtu: 1472 }],
    counts: { error: 0 },
  });

  const twin = CONFIG.replace(
    'routes:',
    `  - { name: twin, local: ${OURS}, remote: ${CUSTOMER}, key: 42 }\nroutes:`,
  );
  writeFileSync(join(cwd, 'twin.yaml'), twin);
  const twins = await grebe(['check', '--config', 'twin.yaml'], { cwd });
  t.match(twins, {
    code: 2,
    stdout: /\ntwin\.yaml:\d+:\d+: error: tunnels\[1\]: no packet can tell twin from acme_fra_1/,
  });
  t.match(await grebe(['replay', '--config', 'twin.yaml', '--in', 'in.pcap'], { cwd }), {
    code: 2,
    stderr: /no packet can tell twin/,
  });

  writeFileSync(join(cwd, 'bad.yaml'), 'node: { name: a }\ntunnles: []\n');
  const bad = await grebe(['check', '--config', 'bad.yaml', '--json'], { cwd });
  t.match(bad, { code: 2, stderr: '' });
  t.match(JSON.parse(bad.stdout), { valid: false, problems: [{ file: 'bad.yaml', line: 2, column: 1 }] });
});

t.test('trace: text and JSON', async (t) => {
  const cwd = await workplace(t.testdir());
  const trace = ['trace', '--config', 'c.yaml', '--in', 'in.pcap', '--packet'];
  const ran = await grebe([...trace, '7'], { cwd });
  t.match(ran, { code: 0, stderr: '' });
  t.match(
    ran.stdout,
    /^packet 7 of in\.pcap, 2023-11-14T22:13:20\.000006000Z\n\nreceived {2}on the underlay/,
  );
  t.match(ran.stdout, /\nverdict {3}dropped at endpoint: gre_key_mismatch\n/);
  t.ok(ran.stdout.split('\n').every((line) => line.length <= 110));
  const json = JSON.parse((await grebe([...trace, '1', '--json'], { cwd })).stdout) as unknown;
  t.match(json, {
    packet: 1,
    file: 'in.pcap',
    verdict: { name: 'delivered_overlay' },
    tunnel_in: 'acme_fra_1',
  });
  t.match((await grebe([...trace, '1', '--overlay'], { cwd })).stdout, /dropped at route: no_route/);
});
