import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { test, type Test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { openRaw } from '../../src/device/raw/raw-device.js';
import { makeRawPort } from '../../src/device/raw/raw-port.js';
import { addressBytes } from '../../src/wire/build.js';
import { enteredNamespace, runInside } from '../support/netns.js';
import { anyPacketToUs } from './gre-arbitrary.js';
import {
  frameToUs,
  hex,
  innerPacket,
  linkDown,
  linkUp,
  LOCALS,
  packetToPeer,
  PEER,
  narrowQueue,
  openPeer,
  prepareLab,
  receiveEach,
  settle,
  useDevice,
  type Underlay,
} from './underlay-lab.js';

interface OpenOptions {
  workers?: number;
  receiveBufferBytes?: number;
  locals?: readonly Uint8Array[];
}

async function open(t: Test, options: OpenOptions = {}): Promise<Underlay> {
  const device = await openRaw({ name: 'under', workers: 1, locals: LOCALS, ...options });
  return useDevice(t, device, makeRawPort);
}

function tests(): void {
  test('packets come with their headers', async (t) => {
    const { user, peer } = await open(t);
    const four = frameToUs(4, { ip: { tos: 0xb9, ttl: 17, id: 77, options: [1, 1, 1, 1] } });
    const six = frameToUs(6, { ip: { tos: 0xb9, ttl: 18, flowLabel: 0x54321 } });
    const plainSix = frameToUs(6, { gre: { key: 5, checksum: true, sequence: 9 } });
    peer.send(four, six, plainSix);
    t.strictSame(
      user.receiveAll().map(hex).sort(),
      [four, six, plainSix].map((frame) => hex(frame.subarray(14))).sort(),
    );
    t.match(user.counts(), { rx_packets: 3, rx_bytes: four.length + six.length + plainSix.length - 42 });
    t.equal(user.port.pollFds.length, 2);
  });

  test('IPv6 extension headers are the kernel’s: they are gone', async (t) => {
    const { user, peer } = await open(t);
    peer.send(frameToUs(6, { ip: { extensions: [{ header: 60, size: 8 }] } }));
    t.strictSame(user.receiveAll().map(hex), [hex(frameToUs(6).subarray(14))]);
  });

  test('only GRE, and only to our endpoints', async (t) => {
    const { user, peer, setLocals } = await open(t, { locals: LOCALS.slice(0, 1) });
    peer.send(
      frameToUs(4, { ip: { protocol: 253 } }),
      frameToUs(4, { ip: { destination: '10.77.0.9' } }),
      frameToUs(4, { destinationMac: '02:00:00:00:77:99' }),
      frameToUs(4),
      frameToUs(6),
    );
    t.equal(user.receiveAll().length, 2, 'no IPv6 endpoint: all of IPv6 is taken');
    setLocals([addressBytes('10.77.0.9'), addressBytes('fd77::9')]);
    peer.send(frameToUs(4), frameToUs(6));
    t.equal(user.receiveAll().length, 0);
    setLocals(LOCALS);
    peer.send(frameToUs(4), frameToUs(6));
    t.equal(user.receiveAll().length, 2);
  });

  test('packets are put together, as far as there is room', async (t) => {
    const { user, peer } = await open(t);
    for (const [payload, cut] of [
      [1780, 1400],
      [2500, 1400],
    ] as const) {
      const whole = frameToUs(4, { inner: { ...innerPacket(0), payload } }).subarray(34);
      const fragment = (from: number, to: number, more: boolean): Uint8Array =>
        frameToUs(4, {
          ip: { protocol: 47, id: payload, fragmentOffset: from, moreFragments: more },
          gre: undefined,
          inner: undefined,
          payload: whole.subarray(from, to),
        });
      peer.send(fragment(cut, whole.length, false), fragment(0, cut, true));
    }
    await settle();
    t.strictSame(
      user.receiveAll().map((packet) => packet.length),
      [20 + 4 + 28 + 1780],
    );
    t.match(user.counts(), { rx_packets: 1, rx_dropped_oversized: 1 });
  });

  test('a batch leaves in both families, as it was made', async (t) => {
    const { user, peer } = await open(t);
    for (const count of [1, 64, 65, 256]) {
      const packets = Array.from({ length: count }, (_, i) =>
        packetToPeer(i % 2 === 0 ? 4 : 6, {
          ip: { id: i + 1, ttl: 9, tos: 0xb8, flowLabel: 0x12345 },
          inner: innerPacket(i),
        }),
      );
      t.equal(user.transmit(packets), count);
      const seen = peer.takePackets().map(hex);
      t.strictSame(seen.sort(), packets.map(hex).sort(), `${count} packets`);
    }
    t.equal(user.handled(), 386);
    t.equal(user.counts().tx_packets, 386);
  });

  test('what cannot be sent is counted, the rest is sent', async (t) => {
    const { user, peer } = await open(t);
    const good = packetToPeer(4);
    const good6 = packetToPeer(6);
    const large = packetToPeer(4, { inner: { ...innerPacket(0), payload: 1490 } });
    const large6 = packetToPeer(6, { inner: { ...innerPacket(0), payload: 1490 } });
    const nowhere = packetToPeer(4, { ip: { destination: '203.0.113.1' } });
    const nowhere6 = packetToPeer(6, { ip: { destination: 'fd99::1' } });
    const short = good.subarray(0, 12);
    const odd = Uint8Array.from(good, (byte, i) => (i === 0 ? 0x95 : byte));
    const all = [nowhere, good, large, good, large6, good6, nowhere6, short, odd, good6];
    t.equal(user.transmit(all), 4);
    t.match(user.counts(), {
      tx_packets: 4,
      tx_dropped_unreachable: 2,
      tx_dropped_size: 2,
      tx_dropped_error: 2,
    });
    t.equal(peer.takePackets().length, 4);
    t.equal(user.transmit([good], LinkType.ETHERNET), 0);
    t.equal(user.counts().tx_dropped_error, 3);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...all), { maxLength: 256 }), async (packets) => {
        const before = user.handled();
        const sent = user.transmit(packets);
        return user.handled() - before === packets.length && peer.takePackets().length === sent;
      }),
      { numRuns: 50 },
    );
  });

  test('a path MTU that the kernel has learned refuses nothing', async (t) => {
    const { user, peer } = await open(t);
    const packet = packetToPeer(4, {
      ip: { dontFragment: true },
      inner: { ...innerPacket(0), payload: 1400 },
    });
    execFileSync('ip', ['route', 'add', `${PEER[4]}/32`, 'dev', 'c0', 'mtu', '1000']);
    t.equal(user.transmit([packet]), 1);
    t.strictSame(peer.takePackets().map(hex), [hex(packet)]);
    execFileSync('ip', ['route', 'delete', `${PEER[4]}/32`]);
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
            ip: { source: `192.0.2.${flow}`, destination: '198.51.100.1', id: i, ttl: i + 1 },
            payload: i,
          },
          gre: { key: i, sequence: i },
        });
        peer.send(frameToUs(family, inner(1)), frameToUs(family, inner(2)), frameToUs(family, inner(3)));
        const counts = receiveEach(users).map(({ length }) => length);
        t.strictSame([...counts].sort(), [0, 0, 0, 3]);
        shares[counts.indexOf(3)]!++;
      }
    }
    t.ok(Math.min(...shares) > 60, `flows per worker: ${shares.join(' ')}`);
  });

  test('packets that find the queue full are counted, and nobody is told that we are unreachable', async (t) => {
    const unreachable = (frame: Uint8Array): boolean =>
      (frame[12] === 8 && frame[14 + 9] === 1 && frame[34] === 3) ||
      (frame[12] === 0x86 && frame[14 + 6] === 58 && (frame[54] === 1 || frame[54] === 4));
    const before = openPeer(t);
    before.send(frameToUs(4), frameToUs(6));
    await settle();
    t.equal(before.take().filter(unreachable).length, 2, 'without sockets the kernel answers');

    const { user, peer } = await open(t, { receiveBufferBytes: 10_000 });
    for (let i = 0; i < 500; i++) peer.send(frameToUs(i % 2 === 0 ? 4 : 6));
    await settle();
    t.equal(peer.take().filter(unreachable).length, 0);
    const received = user.receiveAll().length;
    user.port.close();
    const { rx_dropped_queue: dropped } = user.counts();
    t.ok(received > 0 && received < 500, `${received} received`);
    t.equal(received + dropped!, 500);
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
    const { user, peer } = await open(t);
    linkDown();
    t.equal(user.transmit([packetToPeer(4), packetToPeer(4)]), 0);
    t.equal(user.counts().tx_dropped_unreachable, 2);
    t.equal(user.receiveAll().length, 0);
    linkUp();
    peer.take();
    t.equal(user.transmit([packetToPeer(4)]), 1);
    peer.send(frameToUs(4));
    t.equal(user.receiveAll().length, 1);
  });

  test('an idle port waits in poll', async (t) => {
    const { user, peer } = await open(t);
    const fds = Int32Array.from(user.port.pollFds);
    const start = performance.now();
    t.equal(loadAddon().poll(fds, 30), 0);
    t.ok(performance.now() - start >= 29);
    peer.send(frameToUs(6));
    t.equal(loadAddon().poll(fds, 60_000), 1);
    t.equal(user.receiveAll().length, 1);
  });

  test('a closed device leaves no descriptor behind', async (t) => {
    const next = (): number => {
      const fd = loadAddon().openSocket(2, 2, 0);
      loadAddon().closeDescriptor(fd);
      return fd;
    };
    const before = next();
    const { close } = await open(t, { workers: 4 });
    t.not(next(), before);
    await close();
    t.equal(next(), before);
  });
}

if (enteredNamespace() === null) runInside(test, import.meta.url, 'raw', prepareLab);
else tests();
