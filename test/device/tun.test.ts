/** Packets through TUN and TAP interfaces and the kernel: large segments made, cut, routed, answered. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test, type Test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import type { OpenedTun } from '../../src/device/tun/open-tun.js';
import { buildPacket } from '../../src/wire/build.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { finishIp, layoutOf } from '../wire/segment-model.js';
import { startForwarding } from './tun-forward.js';
import { open, PortUser, run } from './tun-lab.js';

const hex = (packet: Uint8Array): string => Buffer.from(packet).toString('hex');

interface Kind {
  readonly name: string;
  readonly six: boolean;
  readonly udp: boolean;
}

const KINDS: readonly Kind[] = [false, true].flatMap((six) =>
  [false, true].map((udp) => ({ name: `IPv${six ? 6 : 4} ${udp ? 'UDP' : 'TCP'}`, six, udp })),
);

/** `count` packets of one flow from behind one TUN to behind another, `size` bytes of payload each. */
function train({ six, udp }: Kind, count: number, size: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) =>
    buildPacket({
      ip: six
        ? { source: '2001:db8:a::9', destination: '2001:db8:b::9', flowLabel: 5 }
        : { source: '10.1.0.9', destination: '10.2.0.9', id: 0xfff0 + i, dontFragment: true },
      ...(udp
        ? { udp: { sourcePort: 7000 } }
        : {
            tcp: {
              ack: true,
              psh: i === count - 1,
              sequence: (0xffff_f000 + i * size) % 4_294_967_296,
              acknowledgment: 99,
              options: [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
            },
          }),
      payload: Uint8Array.from({ length: size }, (_byte, at) => at * 7 + i),
    }),
  );
}

/** What a router makes of a packet. */
function routed(packet: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(packet);
  const layout = layoutOf(copy, 0)!;
  copy[layout.isIpv4 ? 8 : 7]!--;
  finishIp(copy, layout);
  return copy;
}

function insideTests(): void {
  for (const what of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding']) {
    run('sh', '-c', `echo 1 > /proc/sys/net/${what}`);
  }

  for (const offload of [true, false]) {
    test(`the kernel routes from one TUN to another, ${offload ? 'large segments' : 'packets'}`, async (t) => {
      const settings = { offload, mtu: 1476 };
      const a = await open(t, {
        ...settings,
        name: 'a',
        addresses: ['10.1.0.1/24', '2001:db8:a::1/64'],
      });
      const b = await open(t, {
        ...settings,
        name: 'b',
        addresses: ['10.2.0.1/24', '2001:db8:b::1/64'],
      });
      const from = new PortUser(a.ports[0]!);
      const to = new PortUser(b.ports[0]!);
      for (const kind of KINDS) {
        for (const [count, size] of [
          [1, 1000],
          [40, 1400],
          [60, 36],
          [250, 1400],
        ] as const) {
          const packets = train(kind, count, size);
          t.equal(from.send(packets), count);
          const arrived = to.receiveAll(count, 500);
          t.strictSame(arrived.map(hex), packets.map(routed).map(hex), `${kind.name}, ${count} of ${size}`);
        }
      }
      const [sent, received] = [from.counts(), to.counts()];
      t.equal(sent['tx_packets'], 4 * 351);
      t.ok(received['rx_packets']! >= 4 * 351);
      if (offload) {
        t.ok(sent['tx_large']! >= 12, 'joined on the way in');
        t.ok(received['rx_large']! >= 12, 'cut on the way out');
      } else {
        t.match(sent, { tx_large: undefined });
      }
    });
  }

  test('a wrong checksum passes as it is, between segments that are joined', async (t) => {
    const a = await open(t, { name: 'a', addresses: ['10.1.0.1/24'] });
    const b = await open(t, { name: 'b', addresses: ['10.2.0.1/24'] });
    const [from, to] = [new PortUser(a.ports[0]!), new PortUser(b.ports[0]!)];
    const packets = train(KINDS[0]!, 9, 500);
    packets[4]![100]! ^= 1;
    from.send(packets);
    t.strictSame(to.receiveAll(9, 500).map(hex), packets.map(routed).map(hex));
    t.match(from.counts(), { tx_packets: 9, tx_large: 2 });
  });

  test('frames of another kind are not sent', async (t) => {
    const a = await open(t, { name: 'a', addresses: ['10.1.0.1/24'] });
    const from = new PortUser(a.ports[0]!);
    t.equal(from.send(train(KINDS[0]!, 2, 10), LinkType.ETHERNET), 0);
    t.equal(from.send([Uint8Array.of(0x99, 1, 2, 3)]), 0, 'the kernel refuses what is no IP packet');
    t.match(from.counts(), { tx_dropped_error: 3 });
    t.equal(from.send([]), 0);
  });

  test('echo requests are answered by the kernel', async (t) => {
    const a = await open(t, { name: 'a', addresses: ['10.1.0.1/24', '2001:db8:a::1/64'] });
    const user = new PortUser(a.ports[0]!);
    const echo = (source: string, destination: string, type: number): Uint8Array =>
      buildPacket({ ip: { source, destination }, icmp: { type, id: 5, sequence: 6 }, payload: 1000 });
    t.equal(user.send([echo('10.1.0.9', '10.1.0.1', 8), echo('2001:db8:a::9', '2001:db8:a::1', 128)]), 2);
    const answers = user.receiveAll(2, 500);
    t.strictSame(
      answers.map((answer) => answer.subarray(answer[0]! >> 4 === 4 ? 20 : 40)[0]),
      [0, 129],
      'echo replies',
    );
  });

  test('a TAP: Ethernet frames', async (t) => {
    const device = await open(t, { kind: 'tap', name: 'tap0', addresses: ['10.1.0.1/24'], mtu: 1462 });
    const user = new PortUser(device.ports[0]!);
    const mac = (JSON.parse(run('ip', '-j', 'link', 'show', 'tap0')) as { address: string }[])[0]!.address;
    run('ip', 'neighbour', 'add', '10.1.0.9', 'lladdr', '02:00:00:00:00:99', 'dev', 'tap0');
    // The kernel routes them back out of the same interface: joined on the way in, cut on the way out.
    run('ip', 'route', 'add', '10.2.0.0/16', 'via', '10.1.0.9');
    run('sh', '-c', 'for f in /proc/sys/net/ipv4/conf/*/send_redirects; do echo 0 > $f; done');
    const frames = Array.from({ length: 30 }, (_, i) =>
      buildPacket({
        link: 'ethernet',
        destinationMac: mac,
        sourceMac: '02:00:00:00:00:99',
        ip: { source: '10.1.0.9', destination: '10.2.0.9', id: i },
        udp: {},
        payload: 1000,
      }),
    );
    user.send(frames);
    const arrived = user.receiveAll(30, 500);
    t.strictSame(
      arrived.map((frame) => hex(frame.subarray(14))),
      frames.map((frame) => hex(routed(frame.subarray(14)))),
    );
    t.equal(hex(arrived[0]!.subarray(0, 6)), '020000000099');
    t.match(user.counts(), { tx_large: 1, rx_large: 1 });
  });

  test('more segments than a vector holds: the rest comes with the next calls', async (t) => {
    const a = await open(t, { name: 'a', addresses: ['10.1.0.1/24'] });
    const b = await open(t, { name: 'b', addresses: ['10.2.0.1/24'] });
    const [from, to] = [new PortUser(a.ports[0]!), new PortUser(b.ports[0]!)];
    // No packets of the kernel's own.
    run('sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/b/disable_ipv6');
    to.receiveAll(Infinity, 50);
    const packets = train(KINDS[0]!, 256, 5);
    from.send(packets);
    from.send(packets);
    const first = to.receive();
    t.equal(first.length, 256);
    t.equal(to.port.waitMs, 0, 'there is more');
    const second = to.receive();
    t.strictSame([...first, ...second].map(hex), [...packets, ...packets].map(routed).map(hex));
    t.equal(to.port.waitMs, Infinity);
    t.strictSame([...to.port.pollFds], [b.ports[0]!.fd]);
  });

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
          t.equal(await echoed(otherNamespace(), host, data), digest(data), host);
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
      Array.from({ length: 8 }, async () => {
        const data = randomBytes(300_000);
        return (await echoed(otherNamespace(), '10.1.0.2', data)) === digest(data);
      }),
    );
    t.ok(results.every(Boolean));
    const received = [...a.ports, ...b.ports].map((port) => port.counters[0]!);
    t.ok(
      received.every((packets) => packets > 0),
      `all four queues carried packets: ${received.join(' ')}`,
    );
    t.ok(await datagramsInOrder(otherNamespace(), '10.1.0.2', 1000));
  });
}

function otherNamespace(): string {
  return enteredNamespace()!.replace(/-0$/, '-1');
}

function digest(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** A Node.js in the other namespace that runs `code`. */
function spawnThere(namespace: string, code: string): ChildProcess {
  return spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
  });
}

/** Sends data to a server there that sends it back; answers the digest of what came back. */
async function echoed(namespace: string, host: string, data: Uint8Array): Promise<string> {
  const server = spawnThere(
    namespace,
    `const s = require('net').createServer((c) => c.pipe(c)); s.listen(0, '${host}', () => console.log(s.address().port));`,
  );
  try {
    const [port] = (await once(server.stdout!, 'data')) as [Buffer];
    const socket = connect(Number(port.toString()), host);
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
  } finally {
    server.kill();
  }
}

/** Sends numbered datagrams to a socket there and has them back; whether those that come are in order, and most come. */
async function datagramsInOrder(namespace: string, host: string, count: number): Promise<boolean> {
  const server = spawnThere(
    namespace,
    `const s = require('dgram').createSocket('udp4'); s.on('message', (m, from) => s.send(m, from.port, from.address)); s.bind(0, '${host}', () => console.log(s.address().port));`,
  );
  const socket = createSocket('udp4');
  try {
    const [port] = (await once(server.stdout!, 'data')) as [Buffer];
    const arrived: number[] = [];
    socket.on('message', (message) => arrived.push(message.readUInt32BE(0)));
    for (let i = 0; i < count; i++) {
      const message = Buffer.alloc(100);
      message.writeUInt32BE(i);
      socket.send(message, Number(port.toString()), host);
      if (i % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await new Promise((resolve) => setTimeout(resolve, 300));
    const inOrder = arrived.every((number, i) => i === 0 || number > arrived[i - 1]!);
    return inOrder && arrived.length > count / 2;
  } finally {
    socket.close();
    server.kill();
  }
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'tun', () => {
    Netns.create('tun');
  });
} else {
  insideTests();
}
