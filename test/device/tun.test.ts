/** Packets through TUN and TAP interfaces and the kernel: large segments made, cut, routed, answered. */
import { test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { buildPacket } from '../../src/wire/build.js';
import { enteredNamespace, runInside } from '../support/netns.js';
import { finishIp, layoutOf } from '../wire/segment-model.js';
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
          const arrived = to.receiveAll(count);
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
    t.strictSame(to.receiveAll(9).map(hex), packets.map(routed).map(hex));
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
    const requests: [Uint8Array, number, number][] = [
      [echo('10.1.0.9', '10.1.0.1', 8), 20, 0],
      [echo('2001:db8:a::9', '2001:db8:a::1', 128), 40, 129],
    ];
    for (const [request, header, reply] of requests) {
      // The kernel takes a moment to make an IPv6 address its own.
      const end = Date.now() + 60_000;
      let isAnswered = false;
      while (!isAnswered && Date.now() < end) {
        user.send([request]);
        isAnswered = user.receiveAll(1, 100).some((answer) => answer[header] === reply);
      }
      t.ok(isAnswered);
    }
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
    const arrived = user.receiveAll(30);
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
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'tun', () => undefined);
} else {
  insideTests();
}
