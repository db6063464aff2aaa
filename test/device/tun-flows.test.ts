/** TCP and UDP between two network namespaces through two TUN or TAP devices, back to back in worker threads. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import root, { test, type Test } from 'tap';
import type { OpenedTun } from '../../src/device/tun/open-tun.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { startForwarding } from './tun-forward.js';
import { open, PortUser, run } from './tun-lab.js';

const PORT = 5000;

/** Sends back what it gets, until its input ends. */
const ECHO_SERVER = `
  const udp = require('dgram').createSocket('udp4');
  udp.on('message', (m, from) => udp.send(m, from.port, from.address));
  udp.bind(${PORT}, () => {
    require('net').createServer((c) => c.pipe(c)).listen(${PORT}, '::', () => console.log('ready'));
  });
  process.stdin.resume().on('end', () => process.exit());
`;

/** The second namespace that runInside was told to prepare. */
function otherNamespace(): string {
  return enteredNamespace()!.replace(/-0$/, '-1');
}

function digest(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

async function startEchoServer(): Promise<void> {
  const args = ['netns', 'exec', otherNamespace(), process.execPath, '-e', ECHO_SERVER];
  const server = spawn('ip', args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
  root.teardown(() => server.kill());
  await once(server.stdout, 'data');
}

/** Sends data to the server and has it back; answers the digest of what came back. */
async function echoed(host: string, data: Uint8Array): Promise<string> {
  const socket = connect(PORT, host);
  const hash = createHash('sha256');
  let length = 0;
  socket.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    length += chunk.length;
    if (length >= data.length) socket.end();
  });
  socket.write(data);
  await once(socket, 'close');
  return hash.digest('hex');
}

/** Sends numbered datagrams, 50 at a time, and has them back: whether all come, and in order. */
async function datagramsInOrder(host: string, count: number): Promise<boolean> {
  const socket = createSocket('udp4');
  try {
    const arrived: number[] = [];
    socket.on('message', (message) => arrived.push(message.readUInt32BE(0)));
    for (let i = 0; i < count; i++) {
      const message = Buffer.alloc(100);
      message.writeUInt32BE(i);
      socket.send(message, PORT, host);
      // More would not fit into the queues between here and there.
      for (let turn = 0; i % 50 === 49 && arrived.length <= i && turn < 60_000; turn++) await sleep(1);
    }
    return arrived.length === count && arrived.every((number, i) => number === i);
  } finally {
    socket.close();
  }
}

async function insideTests(): Promise<void> {
  run('ip', '-n', otherNamespace(), 'link', 'set', 'lo', 'up');
  await startEchoServer();

  /** Two devices back to back, the second in the other namespace; sockets in this one and a child in that one. */
  async function pair(
    t: Test,
    options: { workers: number; offload: boolean; kind: 'tun' | 'tap' },
  ): Promise<{ a: OpenedTun; b: OpenedTun }> {
    const other = otherNamespace();
    const a = await open(t, { ...options, name: 'a', addresses: ['10.1.0.1/24', '2001:db8:a::1/64'] });
    const b = await open(t, { ...options, name: 'b' });
    run('ip', 'link', 'set', 'dev', 'b', 'netns', other);
    for (const args of [
      ['link', 'set', 'dev', 'b', 'mtu', '1476', 'up'],
      ['address', 'add', '10.1.0.2/24', 'dev', 'b'],
      ['address', 'add', '2001:db8:a::2/64', 'dev', 'b', 'nodad'],
    ]) {
      run('ip', '-n', other, ...args);
    }
    const forwarders = await Promise.all(a.ports.map((port, i) => startForwarding(port, b.ports[i]!)));
    t.teardown(async () => {
      await Promise.all(forwarders.map((forwarder) => forwarder.stop()));
    });
    return { a, b };
  }

  for (const kind of ['tun', 'tap'] as const) {
    for (const offload of [true, false]) {
      test(`TCP between two namespaces: ${kind}, offload ${offload}`, async (t) => {
        const { a, b } = await pair(t, { workers: 1, offload, kind });
        for (const host of ['10.1.0.2', '2001:db8:a::2']) {
          const data = randomBytes(offload ? 4_000_000 : 1_000_000);
          t.equal(await echoed(host, data), digest(data), host);
        }
        const [sent, received] = [a, b].map((device) => device.ports[0]!.counters);
        for (const counters of [sent!, received!]) {
          const large = new PortUser({ ...a.ports[0]!, counters }).counts();
          if (offload) t.ok(large['rx_large']! > 0 && large['tx_large']! > 0, 'large both ways');
          else t.notOk('rx_large' in large || 'tx_large' in large, 'none');
          t.notOk('rx_dropped_invalid' in large);
        }
      });
    }
  }

  test('several queues and workers: every flow whole, datagrams in order', async (t) => {
    const { a, b } = await pair(t, { workers: 2, offload: true, kind: 'tun' });
    const results = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const data = randomBytes(100_000);
        return (await echoed('10.1.0.2', data)) === digest(data);
      }),
    );
    t.ok(results.every(Boolean));
    const received = [...a.ports, ...b.ports].map((port) => port.counters[0]!);
    t.ok(
      received.every((packets) => packets > 0),
      `all four queues carried packets: ${received.join(' ')}`,
    );
    t.ok(await datagramsInOrder('10.1.0.2', 1000));
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'tunf', () => {
    Netns.create('tunf');
  });
} else {
  await insideTests();
}
