/** Two daemons on real devices, each in a network namespace, and a peer's packets through their tunnel. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { ControlError, request } from '../../src/daemon/control-client.js';
import type { Snapshot } from '../../src/observability/snapshot.js';
import { elsewhere } from '../support/elsewhere.js';
import { Netns, requireRoot } from '../support/netns.js';
import { shortDirectory } from './support.js';

const GREBE = fileURLToPath(new URL('../../src/cli/grebe.js', import.meta.url));
const skip = requireRoot();

interface Node {
  readonly namespace: Netns;
  readonly socket: string;
  readonly file: string;
  snapshot(): Promise<Snapshot>;
}

function config(side: 0 | 1, underlay: string): string {
  const tunnel = (name: string, key: number): string =>
    `  - { name: ${name}, local: 192.168.77.${side + 1}, remote: 192.168.77.${2 - side}, key: ${key},` +
    ` interface_address: 10.99.${key}.${side}/31, allowed_sources: [10.99.${key}.0/31] }`;
  return [
    `node: { name: n${side} }`,
    'tunnels:',
    tunnel('t1', 1),
    tunnel('t2', 2),
    'daemon:',
    '  workers: 2',
    `  underlay: { type: ${underlay} }`,
    '  overlay: { name: gr0 }',
    '',
  ].join('\n');
}

async function start(t: Test, namespace: Netns, side: 0 | 1, underlay: string): Promise<Node> {
  const directory = shortDirectory(t);
  const file = join(directory, 'grebe.yaml');
  const socket = join(directory, 'grebe.sock');
  writeFileSync(file, config(side, underlay));
  const child = namespace.spawn(process.execPath, [GREBE, 'run', '--config', file, '--socket', socket], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  t.teardown(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  for (;;) {
    try {
      await request(socket, 'GET', '/v1/config');
      break;
    } catch (error) {
      if (!(error instanceof ControlError) || child.exitCode !== null)
        throw new Error(said, { cause: error });
      await sleep(50);
    }
  }
  return {
    ...{ namespace, socket, file },
    snapshot: async () => (await request(socket, 'GET', '/v1/snapshot')) as Snapshot,
  };
}

/** Answers each datagram; ends when told. */
const ECHO = `
const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (message, from) => socket.send(message, from.port, from.address));
socket.bind(7777, () => console.log('ready'));`;

/**
 * Sends numbered datagrams, turn by turn to each peer, until its input ends, and tells how many came back. At most
 * 100 are on their way, so that no queue of the kernel overflows, however slow the machine.
 */
const ASK = `
const socket = require('node:dgram').createSocket({ type: 'udp4', recvBufferSize: 1 << 23 });
const peers = process.argv.slice(1);
const seen = new Set(); let twice = 0; let sent = 0; let ending = false;
process.stdin.on('end', () => { ending = true; }).resume();
socket.on('message', (message) => { const id = message.readUInt32BE(0); if (seen.has(id)) twice++; seen.add(id); });
socket.bind(0, () => {
  const timer = setInterval(() => {
    for (let i = 0; i < 4 && sent - seen.size < 100; i++, sent++) {
      const message = Buffer.alloc(64); message.writeUInt32BE(sent);
      socket.send(message, 7777, peers[sent % peers.length]);
    }
    if (!ending) return;
    clearInterval(timer);
    const end = Date.now() + 60000;
    setInterval(() => {
      if (seen.size < sent && Date.now() < end) return;
      console.log(JSON.stringify({ sent, back: seen.size, twice })); process.exit();
    }, 20);
  }, 1);
});`;

interface Result {
  readonly sent: number;
  readonly back: number;
  readonly twice: number;
}

/** Datagrams through both tunnels while `work` is done. */
async function ask(namespace: Netns, work: () => Promise<void>): Promise<Result> {
  const child = node(namespace, ASK, '10.99.1.1', '10.99.2.1');
  const answer = said(child);
  await work();
  child.stdin!.end();
  return JSON.parse(await answer) as Result;
}

function node(namespace: Netns, script: string, ...args: string[]): ChildProcess {
  return namespace.spawn(process.execPath, ['-e', script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function said(child: ChildProcess): Promise<string> {
  const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
  return chunk.toString();
}

async function network(t: Test, underlay: string): Promise<[Node, Node]> {
  const a = Netns.create('dmn');
  const b = Netns.create('dmn');
  t.teardown(() => {
    a.delete();
    b.delete();
  });
  Netns.connect(a, 'up0', b, 'up0', { addresses: [['192.168.77.1/24'], ['192.168.77.2/24']] });
  return Promise.all([start(t, a, 0, underlay), start(t, b, 1, underlay)]);
}

for (const underlay of ['auto', 'raw']) {
  t.test(
    `reloads of both ends under load lose nothing (${underlay})`,
    { skip, timeout: 600_000 },
    async (t) => {
      const [a, b] = await network(t, underlay);
      const echo = node(b.namespace, ECHO);
      t.teardown(() => echo.kill());
      await said(echo);
      const first = await ask(a.namespace, () => sleep(50));
      t.equal(first.back, first.sent, 'the tunnels work');
      const { sent, back, twice } = await ask(a.namespace, async () => {
        for (let i = 0; i < 3; i++) {
          for (const { socket } of [a, b]) t.match(await request(socket, 'POST', '/v1/reload'), { ok: true });
        }
      });
      t.equal(back, sent, `${sent} packets`);
      t.equal(twice, 0, 'none came twice');
      for (const one of [a, b]) {
        const { verdicts, tunnels, pathMtu, ready } = await one.snapshot();
        t.ok(ready);
        const each = Math.floor(first.sent / 2) + Math.floor(sent / 2);
        t.ok(verdicts.delivered_overlay >= first.sent + sent);
        t.ok(tunnels.every(({ decapsulated }) => decapsulated.packets >= each));
        t.match(pathMtu, { learned: 0 });
      }
    },
  );
}

t.test('a reload that changes the interface', { skip, timeout: 600_000 }, async (t) => {
  const [a] = await network(t, 'auto');
  const text = config(0, 'auto');
  writeFileSync(
    a.file,
    text.replace('gr0 }', 'gr0, mtu: 1400, addresses: [10.98.0.1/24], routes: [10.97.0.0/16] }'),
  );
  t.match(await request(a.socket, 'POST', '/v1/reload'), { ok: true });
  const link = a.namespace.exec('ip', 'addr', 'show', 'gr0');
  t.match(link, /mtu 1400/);
  t.match(link, /10\.98\.0\.1\/24/);
  t.match(a.namespace.exec('ip', 'route'), /10\.97\.0\.0\/16 dev gr0/);
  writeFileSync(a.file, text.replace('gr0 }', 'gr0, offload: false }'));
  const refused = await request(a.socket, 'POST', '/v1/reload').catch((error: unknown) => error);
  t.match(refused, { message: /gr0 is in use, and neither its type nor offload/ });
  t.match((await a.snapshot()).config, { generation: 2, failedReloads: 1 });
});

t.test('nothing is left behind', { skip, timeout: 600_000 }, async (t) => {
  const namespace = Netns.create('dmn');
  t.teardown(() => {
    namespace.delete();
  });
  const directory = shortDirectory(t);
  const file = join(directory, 'grebe.yaml');
  writeFileSync(file, `${config(0, 'raw')}  control: { socket: ${directory}/s }\n`);
  const place = elsewhere(t);
  const enter = ['ip', 'netns', 'exec', namespace.name];
  const [command, ...args] = place.command(enter, [place.path(GREBE), 'run', '--config', file]);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve) => {
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('"msg":"ready"')) resolve();
    });
  });
  t.match(namespace.exec('ip', 'link'), /gr0/);
  const status = namespace.exec('sh', '-c', `cat /proc/${child.pid}/status`);
  // CAP_NET_ADMIN is bit 12, CAP_NET_RAW bit 13, CAP_BPF bit 39.
  t.match(status, /CapPrm:\s+0000008000003000/, 'no other capability is left');
  child.kill('SIGTERM');
  t.strictSame(await once(child, 'exit'), [0, null]);
  t.notMatch(namespace.exec('ip', 'link'), /gr0/);
});
