/** The command `grebe generate`, as a user runs it. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { main } from '../../src/cli/program.js';
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { TRAFFIC_LINKS } from '../../src/traffic/packet.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const grebe = join(root, 'dist/src/cli/grebe.js');
const demo = join(root, 'fixtures/demo.yaml');

interface Result {
  status: number | null;
  out: Buffer;
  errors: string;
}

function generate(...args: string[]): Result {
  const run = spawnSync(process.execPath, [grebe, 'generate', ...args], { maxBuffer: 1 << 28 });
  return { status: run.status, out: run.stdout, errors: run.stderr.toString() };
}

t.test('a capture from made-up tunnels, with the configuration that fits', (t) => {
  const folder = t.testdir();
  const [capture, config] = [join(folder, 'a.pcap'), join(folder, 'a.yaml')];
  const args = [
    '--kind',
    'mixed',
    '--tunnels',
    '20',
    '--packets',
    '3000',
    '--fault-share',
    '0.1',
    '--seed',
    '7',
  ];
  const { status, out, errors } = generate(...args, '--out', capture, '--write-config', config);
  t.equal(errors, '');
  t.equal(status, 0);
  t.match(out.toString(), /^3,000 packets \((\d+) faulty\), [\d,]+ bytes\n$/);
  const faulty = Number(/\((\d+) faulty\)/.exec(out.toString())?.[1]);

  const replay = spawnSync(process.execPath, [
    grebe,
    'replay',
    '--config',
    config,
    '--in',
    capture,
    '--json',
  ]);
  t.equal(replay.status, 0, replay.stderr.toString());
  const result = JSON.parse(replay.stdout.toString()) as { received: number; dropped: { total: number } };
  t.match(
    result,
    { received: 3000, dropped: { total: faulty } },
    'the faulty packets are dropped, and no other',
  );

  const again = join(folder, 'b.pcap');
  generate(...args, '--out', again);
  t.ok(readFileSync(again).equals(readFileSync(capture)), 'the same arguments give the same file');
  t.end();
});

t.test('formats, links, standard output', async (t) => {
  const folder = t.testdir();
  const expected = { ethernet: 1, vlan: 1, raw: 101, sll: 113, sll2: 276, null: 0 };
  for (const link of TRAFFIC_LINKS) {
    const path = join(folder, `${link}.pcapng`);
    t.equal(generate('--kind', 'tunnel', '--link', link, '--packets', '50', '--out', path).status, 0);
    const reader = await openCapture(path);
    t.equal(reader.format, 'pcapng');
    t.same(
      reader.interfaces.map(({ linkType }) => linkType),
      [expected[link]],
    );
    await reader.close();
  }
  const overlay = join(folder, 'overlay.pcap');
  t.equal(generate('--kind', 'overlay', '--packets', '0', '--out', overlay).status, 0);
  t.equal(
    readFileSync(overlay).readUInt32LE(20),
    101,
    'overlay traffic is raw IP; no packet is a capture too',
  );

  const piped = generate(
    '--kind',
    'internet',
    '--config',
    demo,
    '--packets',
    '10',
    '--format',
    'pcap',
    '--out',
    '-',
  );
  t.equal(piped.status, 0);
  t.equal(piped.out.readUInt32LE(0), 0xa1b2c3d4);
  t.match(piped.errors, /^10 packets/, 'the summary goes to standard error then');
  const fast = generate('--kind', 'internet', '--packets', '10', '--rate', '5000000', '--out', '-');
  t.equal(fast.out.readUInt32LE(0), 0xa1b23c4d, 'nanoseconds where microseconds do not suffice');
});

const NO_ROUTES = `
node: { name: x }
tunnels:
  - { name: t, local: 198.51.100.1, remote: 203.0.113.1 }
routes: []
`;

t.test('wrong usage and failures', async (t) => {
  const folder = t.testdir({
    'bad.yaml': 'node: { name: x }\ntunnels: [{ nam: t }]\n',
    'no-routes.yaml': NO_ROUTES,
  });
  // In this process: a process for each case would take its time.
  const said = t.capture(process.stderr, 'write');
  const fail = async (args: readonly string[]): Promise<{ status: number; errors: string }> => {
    const status = await main(['generate', ...args]);
    return {
      status,
      errors: said()
        .map((call) => String(call.args[0]))
        .join(''),
    };
  };
  const out = join(folder, 'x.pcap');
  const base = ['--kind', 'tunnel', '--out', out];
  const wrong: [string, string[], RegExp][] = [
    ['no kind', ['--out', out], /--kind/],
    ['no output', ['--kind', 'tunnel'], /--out/],
    ['unknown kind', ['--kind', 'x', '--out', out], /choices/],
    ['unknown option', [...base, '--pakets', '3'], /--packets/],
    ['size', [...base, '--size', 'big'], /uniform/],
    ['size too small', [...base, '--size', '3'], /20 to 65000/],
    ['share', [...base, '--syn-share', '1.5'], /0 to 1/],
    ['rate', [...base, '--rate', '0'], /above 0/],
    ['tunnels', [...base, '--tunnels', '1000001'], /1 to 1000000/],
    ['tunnels and config', [...base, '--tunnels', '5', '--config', demo], /one of the two/],
    ['write-config and config', [...base, '--write-config', join(folder, 'c'), '--config', demo], /made-up/],
    ['one file twice', [...base, '--write-config', out], /--out writes/],
    ['bad configuration', [...base, '--config', join(folder, 'bad.yaml')], /bad\.yaml:2:\d+: .*nam/],
    ['no configuration', [...base, '--config', join(folder, 'none.yaml')], /none\.yaml/],
    [
      'no routes',
      ['--kind', 'internet', '--out', out, '--config', join(folder, 'no-routes.yaml')],
      /needs a route/,
    ],
  ];
  for (const [name, args, message] of wrong) {
    const { status, errors } = await fail(args);
    t.equal(status, 2, `${name}: ${errors}`);
    t.match(errors, message, name);
    t.match(errors, /^grebe: /, name);
  }
  const lost = await fail(['--kind', 'tunnel', '--out', join(folder, 'no', 'x.pcap')]);
  t.equal(lost.status, 1);
  t.match(lost.errors, /^grebe: .*x\.pcap/);
  t.same(readdirSync(folder).sort(), ['bad.yaml', 'no-routes.yaml'], 'nothing half-written is left');
});

t.test('help', (t) => {
  const { status, out } = generate('--help');
  t.equal(status, 0);
  for (const part of ['Examples:', 'Exit codes:', '--kind', '--write-config', 'mixed'])
    t.match(out.toString(), part);
  t.end();
});

t.test('a long capture takes no memory', { skip: !existsSync('/dev/null') && 'no /dev/null' }, (t) => {
  const code = `
    process.argv = ['node', 'grebe', 'generate', '--kind', 'mixed', '--packets', '600000', '--out', '/dev/null'];
    const { main } = await import(${JSON.stringify(new URL('../../src/cli/program.js', import.meta.url).href)});
    process.exitCode = await main(process.argv.slice(2));
    console.error(process.resourceUsage().maxRSS);`;
  const run = spawnSync(process.execPath, ['--input-type=module', '-e', code]);
  t.equal(run.status, 0);
  const megabytes = Number(run.stderr.toString()) / 1024;
  t.ok(megabytes < 200, `at most ${megabytes.toFixed(0)} MB`);
  t.end();
});
