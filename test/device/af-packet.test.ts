import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { test, type Test } from 'tap';
import { Adjacencies } from '../../src/device/underlay/adjacency.js';
import { openAfPacket } from '../../src/device/af-packet/af-packet-device.js';
import { makeAfPacketPort, type AfPacketPortSpec } from '../../src/device/af-packet/af-packet-port.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { portStagingBytes, receiveRingBytes } from '../../src/device/open-port.js';
import type { UnderlayDevice } from '../../src/device/underlay/underlay-options.js';
import { addressBytes, macBytes } from '../../src/wire/build.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { anyPacketToUs } from './gre-arbitrary.js';
import {
  frameToUs,
  hex,
  innerPacket,
  interfaceOf,
  linkDown,
  linkUp,
  LOCALS,
  narrowQueue,
  openPeer,
  portMemory,
  PortUser,
  OUR_MAC,
  packetToPeer,
  PEER,
  PEER_MAC,
  prepareLab,
  receiveEach,
  settle,
  useDevice,
  type Underlay,
} from './underlay-lab.js';

const OTHER_MAC = '02:00:00:00:78:02';

interface OpenOptions {
  workers?: number;
  receiveBufferBytes?: number;
  interfaces?: readonly string[];
}

interface Opened extends Underlay {
  adjacencies: Adjacencies;
  device: UnderlayDevice<AfPacketPortSpec>;
}

async function open(t: Test, options: OpenOptions = {}): Promise<Opened> {
  const { interfaces = ['c0'], ...others } = options;
  const adjacencies = Adjacencies.create([addressBytes(PEER[4]), addressBytes(PEER[6])]);
  const hop = {
    interface: interfaceOf('c0').index,
    source: macBytes(OUR_MAC),
    target: macBytes(PEER_MAC),
  };
  for (const address of Object.values(PEER)) adjacencies.set(addressBytes(address), hop);
  const device = await openAfPacket({
    name: 'under',
    workers: 1,
    locals: LOCALS,
    interfaces: interfaces.map(interfaceOf),
    adjacencies: adjacencies.share(),
    ...others,
  });
  return { adjacencies, device, ...useDevice(t, device, makeAfPacketPort, portStagingBytes) };
}

/** Puts a tag right behind the link addresses. */
function tagged(frame: Uint8Array, tag: number): Uint8Array {
  return Uint8Array.of(...frame.subarray(0, 12), 0x81, 0, tag >>> 8, tag & 0xff, ...frame.subarray(12));
}

function tests(): void {
  test('packets come without their link header', async (t) => {
    const { user, peer } = await open(t);
    const frames = [
      frameToUs(4, { ip: { tos: 0xb9, ttl: 17, options: [1, 1, 1, 1] } }),
      frameToUs(4, { inner: { ...innerPacket(0), payload: 1500 - 20 - 4 - 28 } }),
      frameToUs(6, { ip: { tos: 0xb9, ttl: 18, flowLabel: 0x54321 } }),
      frameToUs(6, { ip: { extensions: [{ header: 60 }, { header: 60 }] } }),
    ];
    peer.send(...frames);
    t.strictSame(
      user.receiveAll().map(hex),
      frames.map((frame) => hex(frame.subarray(14))),
    );
    t.match(user.counts(), { rx_packets: 4, rx_batches: 1 });
    t.equal(user.port.pollFds.length, 3);
  });

  test('what is taken, and what is not', async (t) => {
    const { user, peer } = await open(t);
    const frame = frameToUs(4);
    const whole = [frame, frameToUs(6)].map((bytes) => hex(bytes.subarray(14)));
    const cases: [string, Uint8Array, number][] = [
      ['GRE to us', frame, 1],
      ['GRE to us, IPv6', frameToUs(6), 1],
      ['VLAN 0: only a priority', tagged(frame, 0x6000), 1],
      ['VLAN 10 is not on this interface', tagged(frame, 10), 0],
      ['a tag that the kernel leaves in the frame', tagged(tagged(frame, 10), 0), 1],
      ['the same, IPv6', tagged(tagged(frameToUs(6), 10), 0), 1],
      ['two tags in the frame', tagged(tagged(tagged(frame, 11), 10), 0), 0],
      ['another machine’s link address', frameToUs(4, { destinationMac: OTHER_MAC }), 0],
      ['broadcast', frameToUs(4, { destinationMac: 'ff:ff:ff:ff:ff:ff' }), 0],
      ['another address', frameToUs(4, { ip: { destination: '10.77.0.9' } }), 0],
      ['another address, IPv6', frameToUs(6, { ip: { destination: 'fd77::9' } }), 0],
      ['another protocol', frameToUs(4, { ip: { protocol: 17 } }), 0],
      ['another protocol, IPv6', frameToUs(6, { ip: { protocol: 17 } }), 0],
      ['ARP', frameToUs(4, { etherType: 0x0806 }), 0],
      ['cut short', frame.subarray(0, 30), 0],
      ['cut short, IPv6', frameToUs(6).subarray(0, 50), 0],
    ];
    for (const [name, bytes, count] of cases) {
      peer.send(bytes);
      const packets = user.receiveAll();
      t.equal(packets.length, count, name);
      t.ok(packets.every((packet) => whole.includes(hex(packet))));
    }
    t.strictSame(user.transmit([packetToPeer(4)]), 1);
    t.equal(user.receiveAll().length, 0, 'what we send ourselves');
  });

  test('other endpoints, from one moment to the next', async (t) => {
    const { user, peer, setLocals } = await open(t);
    const more = Array.from({ length: 30 }, (_, i) => addressBytes(`fd77::${i + 100}`));
    const many = [...more, ...more].map((address, i) =>
      Uint8Array.from(address, (byte, at) => (at === 12 ? i : byte)),
    );
    setLocals([...more, addressBytes('10.77.0.9')]);
    peer.send(frameToUs(4), frameToUs(6));
    t.equal(user.receiveAll().length, 0);
    setLocals([...more, ...LOCALS]);
    peer.send(frameToUs(4), frameToUs(6));
    t.equal(user.receiveAll().length, 2);
    setLocals(many);
    peer.send(frameToUs(4), frameToUs(6));
    t.equal(user.receiveAll().length, 2, 'more than a filter compares: all');
    setLocals([]);
    peer.send(frameToUs(4), frameToUs(6));
    t.equal(user.receiveAll().length, 2, 'no list: all');
  });

  for (const workers of [1, 3]) {
    test(`fragments come when they have been put together, once (workers: ${workers})`, async (t) => {
      const { users, peer } = await open(t, { workers });
      const receiver = (): number => {
        const each = receiveEach(users);
        t.equal(each.flat().length, 1);
        return each.findIndex((packets) => packets.length > 0);
      };
      let id = 0;
      /** Sends a packet with so much payload in fragments of at most `size` bytes; the worker that gets it. */
      const sendCut = (
        payload: number,
        size: number,
        order: (parts: Uint8Array[]) => Uint8Array[],
      ): number => {
        id++;
        const inner = {
          ...innerPacket(0),
          ip: { source: `192.0.2.${id}`, destination: '198.51.100.1' },
          payload,
        };
        const whole = frameToUs(4, { ip: { id }, inner }).subarray(14);
        const parts = Array.from({ length: Math.ceil((whole.length - 20) / size) }, (_, i) => {
          const end = 20 + (i + 1) * size;
          return frameToUs(4, {
            ip: { protocol: 47, id, fragmentOffset: i * size, moreFragments: end < whole.length },
            gre: undefined,
            inner: undefined,
            payload: whole.subarray(20 + i * size, end),
          });
        });
        peer.send(...order(parts));
        const each = receiveEach(users);
        const name = `${whole.length} bytes in ${parts.length} fragments`;
        t.strictSame(each.flat().map(hex), [hex(whole)], name);
        return each.findIndex((packets) => packets.length > 0);
      };
      // Of at most the interface's MTU, which the group puts together, for the worker that has the flow.
      for (const [payload, size] of [
        [20, 24],
        [800, 400],
        [1400, 1200],
        [1500 - 52, 48],
        [1500 - 52, 1400],
      ] as const) {
        for (const order of [(parts: Uint8Array[]) => parts, (parts: Uint8Array[]) => parts.toReversed()]) {
          const worker = sendCut(payload, size, order);
          const ip = { source: `192.0.2.${id}`, destination: '198.51.100.1' };
          peer.send(frameToUs(4, { inner: { ...innerPacket(0), ip } }));
          t.equal(receiver(), worker, 'where whole ones go');
        }
      }
      // Longer ones, which the kernel does, for the first one.
      for (const payload of [1500 - 51, 1780])
        t.equal(
          sendCut(payload, 1400, (parts) => parts),
          0,
        );
    });
  }

  test('packets through an interface that was not named come too, once', async (t) => {
    for (const interfaces of [['c0'], ['d0'], ['c0', 'd0']]) {
      const { users, peer, close } = await open(t, { interfaces, workers: 2 });
      const other = openPeer(t, 'd1');
      for (const family of [4, 6] as const) {
        other.send(frameToUs(family, { ip: { source: family === 4 ? '10.78.0.2' : 'fd78::2' } }));
        peer.send(frameToUs(family));
      }
      t.equal(receiveEach(users).flat().length, 4, interfaces.join(' and '));
      peer.close();
      other.close();
      await close();
    }
  });

  test('frames leave with the next hop’s link address', async (t) => {
    const { user, peer } = await open(t);
    for (const shift of [0, 1, 2, 3]) {
      for (const count of [1, 64, 65, 256]) {
        const packets = Array.from({ length: count }, (_, i) =>
          packetToPeer(i % 3 === 0 ? 6 : 4, {
            ip: { id: i, ttl: 9, tos: 0xb8 },
            inner: innerPacket(i),
          }),
        );
        t.equal(user.transmit(packets, undefined, shift), count);
        const expected = packets.map((packet) => {
          const type = packet[0]! >> 4 === 4 ? '0800' : '86dd';
          return `${hex(macBytes(PEER_MAC))}${hex(macBytes(OUR_MAC))}${type}${hex(packet)}`;
        });
        t.strictSame(peer.take().map(hex), expected, `${count} packets, ${shift} bytes shifted`);
      }
    }
    t.match(user.counts(), { tx_packets: 4 * 386 });
    t.notOk('tx_fallback' in user.counts());
  });

  test('the kernel sends where no link address is known', async (t) => {
    const { user, peer, adjacencies } = await open(t);
    const other = openPeer(t, 'd1');
    adjacencies.clear(addressBytes(PEER[4]));
    t.equal(user.transmit([packetToPeer(4), packetToPeer(6)]), 2);
    t.equal(peer.take().length, 2);
    t.match(user.counts(), { tx_packets: 2, tx_fallback: 1 });
    const elsewhere = packetToPeer(4, { ip: { destination: '10.78.0.2' } });
    adjacencies.add(addressBytes('10.78.0.2'));
    adjacencies.set(addressBytes('10.78.0.2'), {
      interface: interfaceOf('d0').index,
      source: macBytes(OUR_MAC),
      target: macBytes(OTHER_MAC),
    });
    t.equal(user.transmit([elsewhere, packetToPeer(6)]), 2, 'an interface that was not named');
    t.strictSame(other.takePackets().map(hex), [hex(elsewhere)]);
    t.match(user.counts(), { tx_packets: 4, tx_fallback: 2 });
  });

  test('each packet goes to one worker', async (t) => {
    for (const workers of [1, 2, 3, 5, 16]) {
      const { users, peer, close } = await open(t, { workers });
      const perWorker = new Array<number>(workers).fill(0);
      await fc.assert(
        fc.asyncProperty(fc.array(anyPacketToUs(), { minLength: 1, maxLength: 64 }), async (frames) => {
          peer.send(...frames);
          const packets = receiveEach(users);
          packets.forEach((list, i) => (perWorker[i]! += list.length));
          const expected = frames.map((frame) => hex(frame.subarray(14))).sort();
          t.strictSame(packets.flat().map(hex).sort(), expected);
        }),
        { numRuns: 40 },
      );
      t.ok(
        perWorker.every((count) => count > 0),
        `${workers} workers: ${perWorker.join(' ')}`,
      );
      await close();
    }
  });

  test('a flow stays with its worker, flows are spread', async (t) => {
    const { users, peer } = await open(t, { workers: 4 });
    const shares = [0, 0, 0, 0];
    for (const family of [4, 6] as const) {
      for (let flow = 0; flow < 200; flow++) {
        const inner = (i: number): object => ({
          inner: {
            ip: { source: '192.0.2.1', destination: `198.51.100.${flow}`, id: i, ttl: i + 1 },
            payload: i,
          },
          gre: { key: i, sequence: i },
          ip: {
            extensions: family === 6 && i === 3 ? [{ header: 60 }] : [],
            options: i === 2 ? [1, 1, 1, 1] : [],
          },
        });
        peer.send(frameToUs(family, inner(1)), frameToUs(family, inner(2)), frameToUs(family, inner(3)));
        const counts = receiveEach(users).map(({ length }) => length);
        t.strictSame([...counts].sort(), [0, 0, 0, 3]);
        shares[counts.indexOf(3)]!++;
      }
    }
    t.ok(Math.min(...shares) > 60, `flows per worker: ${shares.join(' ')}`);
  });

  test('what cannot be sent is counted, the rest is sent', async (t) => {
    const { user, peer } = await open(t);
    const good = packetToPeer(4);
    const good6 = packetToPeer(6);
    const large = packetToPeer(4, { inner: { ...innerPacket(0), payload: 1490 } });
    const nowhere = packetToPeer(4, { ip: { destination: '203.0.113.1' } });
    const short = good.subarray(0, 12);
    const odd = Uint8Array.from(good, (byte, i) => (i === 0 ? 0x95 : byte));
    const all = [nowhere, good, large, good, good6, short, odd, good6];
    t.equal(user.transmit(all), 4);
    t.match(user.counts(), {
      tx_packets: 4,
      tx_dropped_unreachable: 1,
      tx_dropped_size: 1,
      tx_dropped_error: 2,
    });
    t.equal(peer.take().length, 4);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...all), { maxLength: 256 }), async (packets) => {
        const before = user.handled();
        const sent = user.transmit(packets);
        return user.handled() - before === packets.length && peer.take().length === sent;
      }),
      { numRuns: 50 },
    );
  });

  test('packets that find the queue full are counted, and nobody is told that we are unreachable', async (t) => {
    const { user, peer } = await open(t, { receiveBufferBytes: 10_000 });
    peer.take();
    for (let i = 0; i < 500; i++) peer.send(frameToUs(i % 2 === 0 ? 4 : 6));
    await settle();
    t.strictSame(peer.take().map(hex), [], 'not a word');
    const received = user.receiveAll().length;
    user.port.close();
    const { rx_dropped_queue: dropped } = user.counts();
    t.ok(received > 0 && received < 500, `${received} received`);
    t.equal(received + dropped!, 500);
  });

  test('the ring is used again and again, and packets stay as they are until the next receive', async (t) => {
    const { user, peer } = await open(t, { receiveBufferBytes: 10_000 });
    const { port, memory } = user;
    const { vector, pool } = memory;
    let sent = 0;
    let seen = 0;
    const burst = (count: number): void => {
      const frames = Array.from({ length: count }, (_, i) =>
        frameToUs(4, { ip: { id: (sent + i) & 0xffff } }),
      );
      peer.send(...frames);
      sent += count;
    };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.boolean(), async (count, isMore) => {
        burst(count);
        let more = isMore ? 20 : 0;
        while (seen < sent) {
          const received = port.receive(vector, 0);
          const packets = Array.from({ length: received }, (_, i) => {
            const offset = vector.offset[i]!;
            return { offset, whole: hex(pool.bytes.slice(offset, offset + vector.length[i]!)) };
          });
          burst(more);
          more = 0;
          for (const { offset, whole } of packets) {
            t.equal((pool.bytes[offset + 4]! << 8) | pool.bytes[offset + 5]!, seen++ & 0xffff);
            t.equal(hex(pool.bytes.slice(offset, offset + whole.length / 2)), whole);
            t.ok(offset % 4 === 0 && offset - 128 >= pool.stagingOffset, 'room in front');
          }
        }
      }),
      { numRuns: 40 },
    );
    t.equal(port.receive(vector, 0), 0);
    t.match(user.counts(), { rx_packets: sent });
    t.notOk('rx_dropped_queue' in user.counts());
  });

  test('whoever takes over the port goes on where the other one was', async (t) => {
    const { user, peer, device } = await open(t);
    const [spec] = device.ports;
    const frames = Array.from({ length: 100 }, (_, id) => frameToUs(4, { ip: { id } }));
    peer.send(...frames);
    t.equal(user.port.receive(user.memory.vector, 0), 64);
    t.equal(receiveRingBytes(spec!), 0, 'not looked at yet');
    user.port.close();
    t.equal(receiveRingBytes(spec!), 36 * 1728);
    peer.send(...frames);
    for (const isClosed of [true, false]) {
      const memory = portMemory({ stagingBytes: portStagingBytes(spec!) });
      const next = new PortUser(makeAfPacketPort(spec!, memory), memory);
      const packets = isClosed ? 36 + 28 : 64;
      t.equal(next.port.receive(memory.vector, 0), 64);
      if (isClosed) next.port.close();
      else t.equal(next.receiveAll().length, 200 - 64 - 64 - packets);
    }
    t.equal(receiveRingBytes(spec!), 0);
    t.equal(user.port.counters[0], 200);
  });

  test('an idle port waits in poll', async (t) => {
    const { user, peer } = await open(t);
    const fds = Int32Array.from(user.port.pollFds);
    t.equal(loadAddon().poll(fds, 20), 0);
    peer.send(frameToUs(6));
    t.equal(loadAddon().poll(fds, 30_000), 1);
    t.equal(user.receiveAll().length, 1);
    t.equal(loadAddon().poll(fds, 20), 0);
  });

  test('an interface whose queue is full', async (t) => {
    const { user, peer } = await open(t);
    const undo = narrowQueue();
    if (typeof undo === 'string') {
      t.pass('a full queue', { skip: undo });
      return;
    }
    const packets = Array.from({ length: 256 }, (_, i) => packetToPeer(i % 2 === 0 ? 4 : 6));
    const sent = user.transmit(packets);
    undo();
    t.ok(sent > 0 && sent < 256, `${sent} sent`);
    t.match(user.counts(), { tx_packets: sent, tx_dropped_queue: 256 - sent });
    t.ok(peer.take().length <= sent);
    t.equal(user.transmit(packets), 256);
  });

  test('an interface that goes away and comes back', async (t) => {
    const { users, peer } = await open(t, { workers: 2 });
    linkDown();
    for (const user of users) {
      t.equal(user.transmit([packetToPeer(4), packetToPeer(6)]), 0);
      t.equal(user.counts().tx_dropped_unreachable, 2);
      t.equal(user.receiveAll().length, 0);
      t.equal(loadAddon().poll(Int32Array.from(user.port.pollFds), 20), 0, 'poll waits nevertheless');
    }
    linkUp();
    peer.take();
    for (const user of users) t.equal(user.transmit([packetToPeer(4), packetToPeer(6)]), 2);
    t.equal(peer.take().length, 4);
    peer.send(
      ...Array.from({ length: 50 }, (_, i) =>
        frameToUs(4, { inner: { ip: { source: `192.0.2.${i}`, destination: '192.0.2.255' } } }),
      ),
    );
    const counts = receiveEach(users).map(({ length }) => length);
    t.equal(counts[0]! + counts[1]!, 50);
    t.ok(Math.min(...counts) > 10, 'the group is as before');
  });

  test('an interface in a bridge', async (t) => {
    const ip = (...words: string[]): void => {
      execFileSync('ip', words, { stdio: 'pipe' });
    };
    try {
      ip('link', 'add', 'br0', 'address', OUR_MAC, 'type', 'bridge');
    } catch (error) {
      t.pass('a bridge', { skip: `needs bridges: ${(error as Error).message.trim()}` });
      return;
    }
    ip('link', 'set', 'c0', 'master', 'br0');
    ip('link', 'set', 'br0', 'up');
    ip('address', 'add', '10.77.0.1/24', 'dev', 'br0');
    ip('link', 'set', 'c0', 'up');
    const { users, peer } = await open(t, { workers: 2 });
    peer.send(frameToUs(4), frameToUs(4), frameToUs(4));
    t.equal(receiveEach(users).flat().length, 3, 'the bridge passes them on, they come once');
    ip('link', 'delete', 'br0');
  });

  test('an interface that is gone for good', async (t) => {
    const { user } = await open(t, { interfaces: ['c0', 'd0'] });
    execFileSync('ip', ['link', 'delete', 'c0']);
    t.equal(user.transmit([packetToPeer(4), packetToPeer(4)]), 0);
    t.equal(user.counts().tx_dropped_unreachable, 2);
    t.equal(user.receiveAll().length, 0);
    t.equal(loadAddon().poll(Int32Array.from(user.port.pollFds), 20), 0);
    const other = openPeer(t, 'd1');
    other.send(frameToUs(4, { ip: { source: '10.78.0.2', destination: '10.78.0.1' } }));
    t.equal(user.receiveAll().length, 0, 'not one of our endpoints');
    other.close();
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'afp', (namespace) => {
    prepareLab(namespace);
    Netns.connect(namespace, 'd0', namespace, 'd1', {
      addresses: [['10.78.0.1/24', 'fd78::1/64'], []],
      macs: [OUR_MAC, OTHER_MAC],
    });
    namespace.sysctl('net/ipv6/conf/d1/disable_ipv6', 1);
    for (const address of ['10.78.0.2', 'fd78::2']) {
      namespace.exec('ip', 'neigh', 'add', address, 'lladdr', OTHER_MAC, 'dev', 'd0', 'nud', 'permanent');
    }
  });
} else {
  tests();
}
