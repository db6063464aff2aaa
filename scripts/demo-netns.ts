/**
 * `npm run demo:netns`, as root: two network namespaces, a cable between them, a daemon in each; ping and
 * iperf3 through the tunnel, and what the daemons say of it. Everything is removed at the end.
 */
import { once } from 'node:events';
import { spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { request } from '../src/daemon/control-client.js';
import type { Snapshot } from '../src/observability/snapshot.js';
import { Netns, requireRoot } from '../test/support/netns.js';
import { missing } from '../test/support/program.js';

const GREBE = fileURLToPath(new URL('../src/cli/grebe.js', import.meta.url));
const READY_MS = 60_000;

interface Site {
  readonly name: string;
  readonly namespace: Netns;
  readonly socket: string;
  readonly daemon: ChildProcess;
}

/** Each site's network, with its addresses on the cable, in the tunnel, and behind the tunnel. */
const SITES = [
  { name: 'berlin', outer: '192.0.2.1', inner: '10.100.0.0/31', host: '10.1.0.1', lan: '10.1.0.0/24' },
  { name: 'lisbon', outer: '192.0.2.2', inner: '10.100.0.1/31', host: '10.2.0.1', lan: '10.2.0.0/24' },
] as const;

function configuration(index: 0 | 1): string {
  const own = SITES[index];
  const peer = SITES[1 - index]!;
  return `node: { name: ${own.name} }
tunnels:
  - name: to_${peer.name}
    cloudflare_gre_endpoint: ${own.outer}
    customer_gre_endpoint: ${peer.outer}
    interface_address: ${own.inner}
    allowed_sources: [${peer.lan}, 10.100.0.0/31]
routes:
  - { prefix: ${peer.lan}, nexthop: to_${peer.name} }
daemon:
  underlay: { type: auto }
  overlay: { type: tun, name: grebe0, addresses: [${own.host}/24], routes: [${peer.lan}] }
  metrics: { listen: off }
`;
}

function say(text: string): void {
  process.stdout.write(`\n\x1b[1m${text}\x1b[0m\n`);
}

/** Shows a command and runs it in a namespace. */
function show(site: Site, command: string, ...args: string[]): void {
  say(`${site.name}# ${[command, ...args].join(' ')}`);
  const { status } = spawnSync('ip', ['netns', 'exec', site.namespace.name, command, ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exitCode = 1;
}

function showGrebe(site: Site, ...args: string[]): void {
  say(`${site.name}# grebe ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [GREBE, ...args, '--socket', site.socket], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) process.exitCode = 1;
}

function start(index: 0 | 1, namespace: Netns, folder: string): Site {
  const { name } = SITES[index];
  const file = join(folder, `${name}.yaml`);
  const socket = join(folder, `${name}.sock`);
  writeFileSync(file, configuration(index));
  const daemon = namespace.node(GREBE, ['run', '--config', file, '--socket', socket, '--log-level', 'warn'], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return { name, namespace, socket, daemon };
}

async function ready(site: Site): Promise<void> {
  for (const end = Date.now() + READY_MS; Date.now() < end;) {
    await sleep(100);
    if (site.daemon.exitCode !== null) break;
    try {
      if (((await request(site.socket, 'GET', '/v1/snapshot')) as Snapshot).ready) return;
    } catch {
      // It does not listen yet.
    }
  }
  throw new Error(`the daemon in ${site.name} did not start`);
}

async function demo(folder: string): Promise<void> {
  const namespaces = [Netns.create('grebe-demo'), Netns.create('grebe-demo')] as const;
  Netns.connect(namespaces[0], 'wan0', namespaces[1], 'wan0', {
    addresses: [[`${SITES[0].outer}/24`], [`${SITES[1].outer}/24`]],
  });
  say('The configuration of berlin:');
  const sites = [start(0, namespaces[0], folder), start(1, namespaces[1], folder)] as const;
  process.stdout.write(readFileSync(join(folder, 'berlin.yaml'), 'utf8'));
  await Promise.all(sites.map(ready));
  const [berlin, lisbon] = sites;
  show(berlin, 'ping', '-c', '3', '-i', '0.2', SITES[1].host);
  say('1,476 bytes is what fits into the tunnel; the next ping has 1,477:');
  show(berlin, 'ping', '-c', '1', '-M', 'do', '-s', '1448', SITES[1].host);
  const { stdout } = spawnSync(
    'ip',
    [
      'netns',
      'exec',
      berlin.namespace.name,
      'ping',
      '-c',
      '1',
      '-W',
      '1',
      '-M',
      'do',
      '-s',
      '1449',
      SITES[1].host,
    ],
    { encoding: 'utf8' },
  );
  process.stdout.write(stdout);
  if (missing('iperf3') === false) {
    const server = lisbon.namespace.spawn('iperf3', ['--server', '--one-off']);
    await sleep(500);
    show(berlin, 'iperf3', '--client', SITES[1].host, '--time', '5');
    server.kill();
  } else {
    say('iperf3 is not installed: no throughput shown');
  }
  showGrebe(berlin, 'show');
  showGrebe(lisbon, 'show', 'devices');
  const ends = sites.map(({ daemon }) => once(daemon, 'exit'));
  for (const { daemon } of sites) daemon.kill('SIGTERM');
  await Promise.all(ends);
  say('Both daemons have ended; the namespaces are removed.');
}

const reason = requireRoot() || missing('ping');
if (reason === false) {
  const folder = mkdtempSync(join(tmpdir(), 'grebe-demo-'));
  try {
    await demo(folder);
  } finally {
    Netns.deleteAll();
    rmSync(folder, { recursive: true, force: true });
  }
} else {
  process.stderr.write(`demo:netns: ${reason}\n`);
  process.exitCode = 1;
}
