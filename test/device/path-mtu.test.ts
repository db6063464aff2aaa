import { setTimeout as sleep } from 'node:timers/promises';
import { test, type Test } from 'tap';
import { IcmpListener } from '../../src/device/underlay/icmp-listener.js';
import { loadAddon, type Addon } from '../../src/device/native/addon.js';
import { parseCidr } from '../../src/device/netlink/address.js';
import { closeFallbackSockets, openFallbackSockets } from '../../src/device/raw/fallback-sender.js';
import { PathMtu, type PathMtuChange, type PathMtuTunnel } from '../../src/network/path-mtu.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';

/*
 *   this namespace 10.1.0.1 ──(1500)── 10.1.0.2 router 10.2.0.1 ──(1400)── 10.2.0.2 other end
 *                  fd01::1             fd01::2          fd02::1              fd02::2
 */
const tunnelOf = (local: string, remote: string, mtu: number, key: number | null = 9): PathMtuTunnel => ({
  local: parseCidr(local).address,
  remote: parseCidr(remote).address,
  key,
  checksum: false,
  sequence: false,
  mode: 'gre',
  mtu,
});

/** A GRE packet of `length` bytes as the tunnel sends it. */
function grePacket({ local, remote, key }: PathMtuTunnel, length: number): Buffer {
  const packet = Buffer.alloc(length);
  const header = local.length === 4 ? 20 : 40;
  if (header === 20) {
    packet[0] = 0x45;
    packet.writeUInt16BE(length, 2);
    packet.writeUInt16BE(0x4000, 6);
    packet.set([64, 47], 8);
    packet.set(local, 12);
    packet.set(remote, 16);
  } else {
    packet[0] = 0x60;
    packet.writeUInt16BE(length - 40, 4);
    packet.set([47, 64], 6);
    packet.set(local, 8);
    packet.set(remote, 24);
  }
  packet.writeUInt16BE(key === null ? 0 : 0x2000, header);
  packet.writeUInt16BE(0x0800, header + 2);
  if (key !== null) packet.writeUInt32BE(key, header + 4);
  return packet;
}

function sender(t: Test): (packet: Buffer) => number {
  const addon = loadAddon();
  const sockets = openFallbackSockets();
  t.teardown(() => closeFallbackSockets(sockets));
  return (packet) => {
    const four = packet[0] === 0x45;
    const spans = Int32Array.of(0, packet.length, 0, 0);
    return addon.sendBatch(
      four ? sockets.fd4 : sockets.fd6,
      packet,
      spans,
      0,
      1,
      four ? 16 : 24,
      four ? 4 : 16,
    );
  };
}

/** Waits for something to come about; what does not is found by the comparison behind it. */
async function until(condition: () => boolean): Promise<void> {
  for (const end = performance.now() + 60_000; !condition() && performance.now() < end;) await sleep(10);
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'pmt', (namespace) => {
    const router = Netns.create('pmt');
    const end = Netns.create('pmt');
    Netns.connect(namespace, 'a0', router, 'r0', {
      addresses: [
        ['10.1.0.1/24', 'fd01::1/64'],
        ['10.1.0.2/24', 'fd01::2/64'],
      ],
    });
    Netns.connect(router, 'r1', end, 'b0', {
      mtu: 1400,
      addresses: [
        ['10.2.0.1/24', 'fd02::1/64'],
        ['10.2.0.2/24', 'fd02::2/64'],
      ],
    });
    router.sysctl('net/ipv4/ip_forward', 1);
    router.sysctl('net/ipv6/conf/all/forwarding', 1);
    namespace.exec('ip', 'route', 'add', 'default', 'via', '10.1.0.2');
    namespace.exec('ip', 'route', 'add', 'default', 'via', 'fd01::2');
    end.exec('ip', 'route', 'add', 'default', 'via', '10.2.0.1');
    end.exec('ip', 'route', 'add', 'default', 'via', 'fd02::1');
  });
} else {
  test('a router on the way has a smaller MTU behind it', async (t) => {
    const four = tunnelOf('10.1.0.1', '10.2.0.2', 1472);
    const six = tunnelOf('fd01::1', 'fd02::2', 1452, null);
    const other = tunnelOf('10.1.0.1', '10.2.0.3', 1472);
    const path = new PathMtu([four, six, other]);
    const changes: PathMtuChange[] = [];
    const reasons: string[] = [];
    const listener = IcmpListener.ofErrors((message, family) => {
      const result = path.learn(message, family, performance.now());
      // The other end has nobody who listens to GRE, and says so.
      if (result === 'other_type') return;
      if (typeof result === 'string') reasons.push(result);
      else changes.push(...result);
    });
    t.teardown(() => listener.close());
    const send = sender(t);
    const told = (count: number): Promise<void> => until(() => changes.length >= count);

    // The kernel first has to look the router up.
    t.equal(send(grePacket(four, 1400)), 1);
    t.equal(send(grePacket(six, 1400)), 1);
    await sleep(200);
    t.same(changes, [], 'what fits is not answered');

    t.equal(send(grePacket(four, 1500)), 1);
    await told(1);
    t.strictSame(changes, [{ tunnel: 0, mtu: 1400 - 28 }]);
    t.equal(send(grePacket(six, 1496)), 1);
    await told(2);
    t.strictSame(changes[1], { tunnel: 1, mtu: 1400 - 44 });
    t.equal(path.mtuOf(2), null, 'the other tunnel knows nothing yet');

    // The same router about what no tunnel of ours sends: another key, another protocol.
    send(grePacket({ ...other, key: 8 }, 1500));
    const udp = grePacket(other, 1500);
    udp[9] = 17;
    send(udp);
    await until(() => reasons.length >= 2);
    t.strictSame(reasons.sort(), ['gre_mismatch', 'not_gre']);
    t.strictSame(path.expire(performance.now() + 700_000), [
      { tunnel: 0, mtu: null },
      { tunnel: 1, mtu: null },
    ]);
    t.equal(listener.invalid, 0);
    listener.close();
    listener.close();
  });

  test('what else comes by ICMP is not even delivered', async (t) => {
    let messages = 0;
    const listener = IcmpListener.ofErrors(() => messages++);
    t.teardown(() => listener.close());
    // Unreachable: type 3 with another code is heard, a TTL that ran out (type 11) is not.
    const send = sender(t);
    const expired = grePacket(tunnelOf('10.1.0.1', '10.2.0.2', 1472), 100);
    expired[8] = 1;
    send(expired);
    await sleep(200);
    t.equal(messages, 0);
    // RFC 792 type 3 code 2 from the other end, where nobody listens to GRE.
    send(grePacket(tunnelOf('10.1.0.1', '10.2.0.2', 1472), 100));
    await until(() => messages > 0);
    t.equal(messages, 1);
  });

  test('a wrong checksum is not believed', async (t) => {
    const heard: number[] = [];
    const listener = IcmpListener.ofErrors((message) => heard.push(message[0]!));
    t.teardown(() => listener.close());
    const send = sender(t);
    // To ourselves, over loopback: type 3, code 4, with a checksum that is right, and one that is not.
    const datagram = Buffer.alloc(20 + 8 + 28);
    datagram[0] = 0x45;
    datagram.writeUInt16BE(datagram.length, 2);
    datagram.set([64, 1], 8);
    datagram.set([10, 1, 0, 1, 10, 1, 0, 1], 12);
    datagram.set([3, 4], 20);
    send(datagram);
    datagram.writeUInt16BE(0xffff - 0x0304, 22);
    send(datagram);
    await until(() => heard.length + listener.invalid === 2);
    t.strictSame(heard, [3]);
    t.equal(listener.invalid, 1);
  });

  test('a flood does not keep the main thread busy', async (t) => {
    let messages = 0;
    const listener = IcmpListener.ofErrors(() => messages++);
    t.teardown(() => listener.close());
    const send = sender(t);
    const datagram = Buffer.alloc(20 + 8 + 28);
    datagram[0] = 0x45;
    datagram.writeUInt16BE(datagram.length, 2);
    datagram.set([64, 1], 8);
    datagram.set([10, 1, 0, 1, 10, 1, 0, 1], 12);
    datagram.set([3, 4, 0xfc, 0xfb], 20);
    const begin = performance.now();
    let turns = 0;
    while (performance.now() - begin < 500) {
      for (let n = 0; n < 100; n++) send(datagram);
      await sleep(1);
      turns++;
    }
    const most = 64 * (2 + (performance.now() - begin) / 50);
    t.ok(messages >= 64 && messages < most, `${messages} of ${turns * 100}, fewer than ${Math.round(most)}`);
    const before = messages;
    send(datagram);
    await until(() => messages > before);
    t.ok(messages > before, 'it goes on');
  });

  test('listening keeps quiet when nothing comes', async (t) => {
    const addon = loadAddon();
    let calls = 0;
    const counting: Addon = {
      ...addon,
      receiveMessage: (fd, bytes) => {
        calls++;
        return addon.receiveMessage(fd, bytes);
      },
      watchReadable: (fd, callback) => {
        calls++;
        return addon.watchReadable(fd, callback);
      },
    };
    const listener = IcmpListener.ofErrors(() => undefined, counting);
    t.teardown(() => listener.close());
    t.equal(calls, 2, 'two sockets to wait for');
    await sleep(500);
    t.equal(calls, 2, 'and nothing else');
  });
}
