/** Live capture through the kernel's ring: a veth pair in a namespace. */
import { execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import tap, { test, type Test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { askKernel, linkTypeOf } from '../../src/device/capture/live-interfaces.js';
import {
  listLiveInterfaces,
  LiveCapture,
  type LiveCaptureOptions,
} from '../../src/device/capture/live-capture.js';
import { Cursor } from '../../src/device/capture/packet-cursor.js';
import { MINIMUM_STAGING_BYTES } from '../../src/device/capture/read-buffer.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { EthernetWire } from './ethernet-wire.js';
import { open as openTunnel } from './tun-lab.js';

tap.setTimeout(120_000);

const CAPTURE_MODULE = new URL('../../src/device/capture/live-capture.js', import.meta.url).href;
const ADDON_MODULE = new URL('../../src/device/native/addon.js', import.meta.url).href;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const ip = (...args: string[]): void => void execFileSync('ip', args);

/** A frame of any protocol, known by its number. */
function frame(number: number, length = 60): Uint8Array {
  const bytes = new Uint8Array(length).fill(number);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
  new DataView(bytes.buffer).setUint32(14, number);
  return bytes;
}

async function open(t: Test, options: Partial<LiveCaptureOptions> = {}): Promise<LiveCapture> {
  const live = await LiveCapture.open({ interface: 'c0', ...options });
  t.teardown(() => live.close());
  return live;
}

function wireTo(t: Test, name: string): EthernetWire {
  const wire = new EthernetWire(askKernel((netlink) => netlink.linkByName(name))!.index);
  t.teardown(() => wire.close());
  return wire;
}

/** Packets until the capture ends, or there are `most`. */
async function read({ cursor }: LiveCapture, most = Infinity): Promise<string[]> {
  const packets: string[] = [];
  while (packets.length < most) {
    const state = cursor.next();
    if (state === Cursor.END) break;
    if (state === Cursor.FILL) await cursor.fill();
    else packets.push(hex(cursor.data.subarray(cursor.position, cursor.position + cursor.length)));
  }
  return packets;
}

function defineTests(): void {
  test('packets with their times, lengths and tags', async (t) => {
    const live = await open(t);
    const { cursor } = live;
    const wire = wireTo(t, 'c1');
    t.equal(live.description, 'ring on c0: with the times and the losses of the kernel');
    t.match(cursor.interfaces, [{ linkType: LinkType.ETHERNET, name: 'c0', nanoseconds: true, options: [] }]);
    t.match(cursor, { path: 'c0', linkType: LinkType.ETHERNET, packetNumber: 0, totalBytes: null });
    const tagged = Uint8Array.of(...frame(1).subarray(0, 12), 0x81, 0, 0x20, 7, ...frame(1).subarray(12));
    const before = Date.now();
    wire.send([tagged, frame(2, 1514)]);
    t.strictSame(await read(live, 1), [hex(tagged)]);
    t.match(cursor, { packetNumber: 1, length: 64, originalLength: 64, bytesRead: 64 });
    const time = cursor.seconds * 1000 + cursor.nanoseconds / 1e6;
    t.ok(time > before - 1000 && time < Date.now() + 1000, `${time}`);
    t.strictSame(await read(live, 1), [hex(frame(2, 1514))]);
    t.strictSame(cursor.options(), []);

    const many = Array.from({ length: 3000 }, (_, i) => frame(i, 60 + (i % 1000)));
    wire.send(many);
    t.strictSame(await read(live, many.length), many.map(hex));
    t.match(cursor, { packetNumber: 3002 });
    t.equal(live.dropped, 0);
  });

  test('stopped, it ends after the packets before', async (t) => {
    const live = await open(t);
    const wire = wireTo(t, 'c1');
    wire.send([frame(1)]);
    await read(live, 1);
    const rest = read(live);
    await setImmediate();
    live.stop();
    live.stop();
    wire.send([frame(2)]);
    t.strictSame(await rest, []);
    t.equal(live.cursor.next(), Cursor.END);

    const full = await open(t);
    const many = Array.from({ length: 1000 }, (_, i) => frame(i, 1000));
    wire.send(many);
    t.strictSame(await read(full, 1), [hex(frame(0, 1000))], 'of the first block');
    full.stop();
    const left = await read(full);
    t.strictSame(left, many.slice(1, left.length + 1).map(hex));
    t.ok(left.length > 0);
  });

  test('closed, it says so to whoever waits', async (t) => {
    const live = await open(t);
    const waiting = read(live);
    await setImmediate();
    await live.close();
    await t.rejects(waiting, { name: 'CaptureError', message: 'c0: the capture is closed' });
    await live.close();
    live.stop();
    t.equal(live.cursor.next(), Cursor.END);
    t.equal(live.dropped, 0);
  });

  test('what nobody reads in time is counted', async (t) => {
    const live = await open(t, { kernelBufferBytes: 1 });
    const wire = wireTo(t, 'c1');
    wire.send(Array.from({ length: 5000 }, (_, i) => frame(i, 1000)));
    let received = (await read(live, 100)).length;
    while (received + live.dropped < 5000) received += (await read(live, 1)).length;
    t.equal(received + live.dropped, 5000);
    t.ok(live.dropped > 0);
  });

  test('the other direction is left alone when asked for', async (t) => {
    const [both, incoming] = [await open(t), await open(t, { direction: 'in' })];
    const [near, far] = [wireTo(t, 'c0'), wireTo(t, 'c1')];
    near.send([frame(1)]);
    far.send([frame(2)]);
    t.strictSame(await read(both, 2), [frame(1), frame(2)].map(hex));
    t.strictSame(await read(incoming, 1), [hex(frame(2))]);

    const loopback = await open(t, { interface: 'lo' });
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    for (const text of ['first', 'second']) socket.send(text, socket.address().port, '127.0.0.1');
    const packets = await read(loopback, 2);
    t.match(packets[0], new RegExp(`${hex(Buffer.from('first'))}$`));
    t.match(packets[1], new RegExp(`${hex(Buffer.from('second'))}$`), 'each of them once');
  });

  test('an interface that goes down and comes back', async (t) => {
    const wire = wireTo(t, 'c1');
    /** Sends until it comes: what is sent before the peer has seen the carrier is lost. */
    const insist = async (reading: Promise<string[]>, bytes: Uint8Array): Promise<string[]> => {
      for (;;) {
        wire.send([bytes]);
        const done = await Promise.race([reading, sleep(20, null)]);
        if (done !== null) return done;
      }
    };
    const live = await open(t);
    wire.send([frame(1)]);
    t.strictSame(await read(live, 1), [hex(frame(1))]);
    const reading = read(live, 1);
    await setImmediate();
    ip('link', 'set', 'c0', 'down');
    await sleep(50);
    ip('link', 'set', 'c0', 'up');
    t.strictSame(await insist(reading, frame(2)), [hex(frame(2))]);

    ip('link', 'set', 'c0', 'down');
    const down = await open(t);
    const waiting = read(down, 1);
    ip('link', 'set', 'c0', 'up');
    t.strictSame(await insist(waiting, frame(3)), [hex(frame(3))]);
  });

  test('an interface that goes away', async (t) => {
    ip('link', 'add', 'gone0', 'type', 'veth', 'peer', 'name', 'gone1');
    for (const name of ['gone0', 'gone1']) ip('link', 'set', name, 'up');
    const live = await open(t, { interface: 'gone0' });
    const down = await open(t, { interface: 'gone1' });
    const witness = await open(t, { interface: 'gone0' });
    wireTo(t, 'gone1').send([frame(1)]);
    while ((await read(witness, 1))[0] !== hex(frame(1)));
    ip('link', 'set', 'gone1', 'down');
    ip('link', 'delete', 'gone0');
    const packets: string[] = [];
    const readAll = async (): Promise<void> => {
      for (;;) packets.push(...(await read(live, 1)));
    };
    const error = { name: 'CaptureError', message: 'gone0: the capture ended: the interface is gone' };
    await t.rejects(readAll(), error);
    t.ok(packets.includes(hex(frame(1))));
    await t.rejects(
      async () => {
        for (;;) await read(down, 1);
      },
      { message: 'gone1: the capture ended: the interface is gone' },
    );
  });

  test('a TUN interface has raw IP', async (t) => {
    await openTunnel(t, { name: 'ctun', addresses: ['10.77.0.1/24'] });
    const live = await open(t, { interface: 'ctun' });
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    socket.send('raw', 7, '10.77.0.2');
    let packet: string | undefined;
    // The kernel may have something of its own to say before.
    do [packet] = await read(live, 1);
    while (packet?.startsWith('6'));
    t.match(packet, /^45.*0a4d00010a4d0002.*726177$/);
    t.equal(live.cursor.linkType, LinkType.RAW);
  });

  test('in memory of a pool', async (t) => {
    const pool = PacketPool.create({ slots: 3, stagingBytes: MINIMUM_STAGING_BYTES });
    const { buffer, stagingOffset: offset, stagingBytes: bytes } = pool;
    const live = await open(t, { staging: { buffer, offset, bytes } });
    wireTo(t, 'c1').send([frame(1)]);
    t.strictSame(await read(live, 1), [hex(frame(1))]);
    const { data, position } = live.cursor;
    t.equal(data.buffer, buffer);
    t.ok(position >= offset && position < offset + bytes);

    const plain = {
      buffer: new SharedArrayBuffer(MINIMUM_STAGING_BYTES),
      offset: 0,
      bytes: MINIMUM_STAGING_BYTES,
    };
    await t.rejects(open(t, { staging: plain, backend: 'ring' }), {
      message: /^c0: cannot capture through the ring: .*WebAssembly/,
    });
  });

  test('while it waits it does nothing, and a slow reader leaves it at rest', async (t) => {
    const addon = loadAddon();
    const asked = t.capture(addon, 'ringReceive', addon.ringReceive.bind(addon));
    const live = await open(t);
    const waiting = read(live, 1);
    await sleep(300);
    const before = asked().length;
    t.ok(before <= 2, `${before} calls`);
    wireTo(t, 'c1').send(Array.from({ length: 2000 }, (_, i) => frame(i, 1000)));
    await waiting;
    asked();
    await sleep(300);
    t.equal(asked().length, 0, 'nothing is received that nobody asks for');
  });

  test('packets without a pause leave the event loop its turns', async (t) => {
    const live = await open(t);
    wireTo(t, 'c1').send(Array.from({ length: 2000 }, (_, i) => frame(i, 1000)));
    let turns = 0;
    const count = (): number => turns++;
    await read(live, 1);
    for (let i = 0; i < 5; i++) {
      void setImmediate().then(count);
      const until = performance.now() + 20;
      while (performance.now() < until);
      await read(live, 300);
    }
    t.ok(turns >= 4, `${turns} turns`);
  });

  test('which of the two is taken, and why', async (t) => {
    const names = (await listLiveInterfaces()).map(({ name, isLoopback }) => `${name} ${String(isLoopback)}`);
    t.ok(names.includes('c0 false') && names.includes('lo true'), names.join());
    const addresses = (await listLiveInterfaces()).find(({ name }) => name === 'lo')!.addresses;
    t.ok(addresses.includes('127.0.0.1'));
    const forced = { interface: 'c0', backend: 'ring' } as const;
    const refusals: [LiveCaptureOptions, string][] = [
      [{ ...forced, filter: 'udp' }, 'c0: cannot capture through the ring: a filter takes libpcap'],
      [
        { ...forced, interface: 'any' },
        'any: cannot capture through the ring: all interfaces at once take libpcap',
      ],
      [{ interface: 'nosuch0' }, 'nosuch0: found no interface of this name, expected one of lo, '],
    ];
    for (const [options, message] of refusals) {
      const error = await LiveCapture.open(options).catch((reason: unknown) => reason);
      t.match(error, { name: 'CaptureError' });
      t.ok((error as Error).message.startsWith(message), (error as Error).message);
    }
    t.equal(linkTypeOf(778), null, 'of a GRE interface');
  });

  test('without the rights, and without the addon', async (t) => {
    const hook = `export function resolve(name, context, next) {
      return next(name === 'cap' ? 'a-package-that-is-not-there' : name, context);
    }`;
    const script = (before: string): string => `
      import { register } from 'node:module';
      import { loadAddon } from '${ADDON_MODULE}';
      register('data:text/javascript,' + encodeURIComponent(${JSON.stringify(hook)}));
      const { LiveCapture } = await import('${CAPTURE_MODULE}');
      ${before};
      await LiveCapture.open({ interface: 'c0' }).catch((error) => console.log(error.name, error.message));`;
    const run = (before: string, environment: Record<string, string> = {}): string =>
      spawnSync(process.execPath, ['--input-type=module', '-e', script(before)], {
        encoding: 'utf8',
        env: { ...process.env, NODE_OPTIONS: '', ...environment },
      }).stdout;
    t.match(
      run('loadAddon().setEffective(0, 0)'),
      /^CaptureError c0: cannot capture: .*\(it takes root, or CAP_NET_RAW\)\n$/,
    );
    t.match(
      run('', { GREBE_ADDON: '/nonexistent' }),
      /^CaptureError live capture: live capture needs the optional package cap \(.*\): the native addon \/nonexistent cannot be loaded/,
    );
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'live', (namespace) => {
    Netns.connect(namespace, 'c0', namespace, 'c1');
    // Nothing but the tests' own frames is on the wire.
    for (const name of ['default', 'c0', 'c1']) namespace.sysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1);
  });
} else {
  defineTests();
}
