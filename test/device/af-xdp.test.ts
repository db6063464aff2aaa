/** AF_XDP against the kernel: a veth pair in a namespace, the far end of it as a plain wire. */
import { execFileSync } from 'node:child_process';
import { test, type Test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { Verdict } from '../../src/dataplane/verdicts.js';
import { Adjacencies } from '../../src/device/underlay/adjacency.js';
import { pageAligned } from '../../src/device/af-xdp/layout.js';
import { openAfXdp } from '../../src/device/af-xdp/open.js';
import { makeAfXdpPort } from '../../src/device/af-xdp/port.js';
import { afXdpStagingBytes } from '../../src/device/af-xdp/rings.js';
import type { AfXdpOptions, AfXdpPortSpec } from '../../src/device/af-xdp/spec.js';
import { DeviceCount } from '../../src/device/device-counters.js';
import { loadAddon } from '../../src/device/native/addon.js';
import type { Port, PortMemory } from '../../src/device/port.js';
import type { UnderlayDevice, UnderlayInterface } from '../../src/device/underlay/underlay-options.js';
import { addressBytes, buildPacket, macBytes, type FrameSpec } from '../../src/wire/build.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { createSplitter } from '../../src/wire/split.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { EthernetWire } from './ethernet-wire.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const LOCAL4 = '198.51.100.1';
const LOCAL6 = '2001:db8::1';
const PEER4 = '198.51.100.2';
const PEER6 = '2001:db8::2';
const FLOWS = 60;

function interfaceOf(name: string): UnderlayInterface {
  const [link] = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', name], { encoding: 'utf8' })) as {
    ifindex: number;
    mtu: number;
    address: string;
  }[];
  return { name, index: link!.ifindex, mtu: link!.mtu, mac: macBytes(link!.address) };
}

/** A GRE packet to us from the peer, in its Ethernet frame. */
function gre({ payload, ...spec }: Partial<FrameSpec> = {}): Uint8Array {
  const ip = { source: '10.0.0.1', destination: '10.0.0.2' };
  return buildPacket({
    link: 'ethernet',
    sourceMac: PEER_MAC,
    destinationMac: OUR_MAC,
    ip: { source: PEER4, destination: LOCAL4 },
    gre: {},
    inner: { ip, udp: { sourcePort: 1, destinationPort: 2 }, payload },
    ...spec,
  });
}

interface Bench {
  readonly device: UnderlayDevice<AfXdpPortSpec>;
  readonly wire: EthernetWire;
  readonly adjacencies: Adjacencies;
  readonly port: (index?: number) => { port: Port; memory: PortMemory };
}

async function setUp(t: Test, options: Partial<AfXdpOptions> = {}): Promise<Bench> {
  const adjacencies = Adjacencies.create([addressBytes(PEER4), addressBytes(PEER6)]);
  const device = await openAfXdp({
    name: 'underlay',
    workers: 1,
    locals: [addressBytes(LOCAL4), addressBytes(LOCAL6)],
    interfaces: [interfaceOf('x0')],
    adjacencies: adjacencies.share(),
    ...options,
  });
  const wire = new EthernetWire(interfaceOf('x1').index);
  const opened: { port: Port; memory: PortMemory }[] = [];
  const port = (index = 0): (typeof opened)[0] => {
    const one = openPort(device.ports[index]!);
    opened.push(one);
    return one;
  };
  t.teardown(async () => {
    for (const one of opened) one.port.close();
    wire.close();
    await device.close();
  });
  return { device, wire, adjacencies, port };
}

function openPort(spec: AfXdpPortSpec): { port: Port; memory: PortMemory } {
  const { slots, vectors, regions } = vectorRegions(1);
  const stagingBytes = afXdpStagingBytes(spec);
  const pool = PacketPool.create({ slots, vectors, stagingBytes });
  const vector = PacketVector.create(pool, regions[0]!);
  const kernels = payloadKernels(pool.memory);
  const memory = {
    pool,
    vector,
    stagingOffset: pool.stagingOffset,
    stagingBytes,
    kernels,
    gathers: false,
    splitter: createSplitter(pool.bytes, kernels, false, vector),
  };
  return { port: makeAfXdpPort(spec, memory), memory };
}

/** All that comes within `ms` of silence, as copies. */
function receiveAll({ port, memory }: { port: Port; memory: PortMemory }, ms = 50): Uint8Array[] {
  const { pool, vector } = memory;
  const packets: Uint8Array[] = [];
  do {
    while (port.receive(vector, Side.UNDERLAY) > 0) {
      for (let i = 0; i < vector.count; i++)
        packets.push(pool.bytes.slice(vector.offset[i], vector.offset[i]! + vector.length[i]!));
    }
  } while (loadAddon().poll(Int32Array.from(port.pollFds), ms) > 0);
  return packets;
}

/** What a pipeline does: the packets of the vector go back to where they came from, rewritten in place. */
function sendBack({ pool, vector }: PortMemory): void {
  vector.extraCount = 0;
  for (let i = 0; i < vector.count; i++) {
    const at = vector.offset[i]!;
    const source = pool.bytes.slice(at + 12, at + 16);
    pool.bytes.copyWithin(at + 12, at + 16, at + 20);
    pool.bytes.set(source, at + 16);
    vector.verdict[i] = Verdict.delivered_underlay;
    vector.outOffset[i] = at;
    vector.outLength[i] = vector.length[i]!;
    vector.outLink[i] = LinkType.RAW;
  }
}

/** The peer's link address becomes known. */
function learn(adjacencies: Adjacencies): void {
  for (const address of [PEER4, PEER6]) {
    const target = macBytes(PEER_MAC);
    adjacencies.set(addressBytes(address), {
      interface: interfaceOf('x0').index,
      source: macBytes(OUR_MAC),
      target,
    });
  }
}

/** A packet that is known by its name, from the peer to us or the other way. */
function named(name: string, from: 'peer' | 'us' = 'peer', bytes = 0): Uint8Array {
  const payload = Buffer.concat([Buffer.from(name), new Uint8Array(bytes)]);
  if (from === 'peer') return gre({ payload });
  const ip = { source: LOCAL4, destination: PEER4 };
  return gre({ sourceMac: OUR_MAC, destinationMac: PEER_MAC, ip, payload });
}

/** One packet of a flow: routed IPv4, routed IPv6, or bridged. */
function innerOf(flow: number, i: number): FrameSpec {
  const udp = { sourcePort: i, destinationPort: 2 };
  if (flow % 4 === 0) return { ip: { source: `fd00::${flow + 1}`, destination: 'fd01::1' }, udp };
  const ip = { source: `10.0.${flow}.1`, destination: '10.0.0.2', id: i };
  if (flow % 4 === 1) return { ip, udp };
  return { link: 'ethernet', sourceMac: `02:00:00:00:01:${(flow + 16).toString(16)}`, ip, udp };
}

/** Cuts what is behind the IPv4 header of a frame into fragments. */
function fragments(frame: Uint8Array, size: number): Uint8Array[] {
  const data = frame.subarray(34);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += size) {
    const ip = { source: PEER4, destination: LOCAL4, id: 77, protocol: 47 };
    const moreFragments = at + size < data.length;
    const payload = data.subarray(at, at + size);
    const link = { link: 'ethernet', sourceMac: PEER_MAC, destinationMac: OUR_MAC } as const;
    parts.push(buildPacket({ ...link, ip: { ...ip, fragmentOffset: at, moreFragments }, payload }));
  }
  return parts;
}

/** As the control area behind the chunks says (native/src/xdp.h). */
function freeChunks({ pool, stagingOffset }: PortMemory, { umem }: AfXdpPortSpec): number {
  return pool.words[(pageAligned(stagingOffset) + (umem.chunks << umem.shift)) / 4 + 1]!;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** In front of what we send to the peer. */
const LINK_HEADER = `${PEER_MAC}${OUR_MAC}`.replaceAll(':', '') + '0800';

function defineTests(): void {
  test('GRE for us arrives with its IP header 4-aligned and room in front', async (t) => {
    const { wire, port } = await setUp(t);
    const opened = port();
    const { pool, vector } = opened.memory;
    const frames = [
      gre(),
      gre({ vlan: 0 }),
      gre({ ip: { source: PEER6, destination: LOCAL6 } }),
      gre({ ip: { source: PEER6, destination: LOCAL6, extensions: [{ header: 60 }] } }),
      gre({ gre: { key: 7, sequence: 1 }, payload: 1400 }),
    ];
    wire.send(frames);
    t.equal(opened.port.receive(vector, Side.UNDERLAY), frames.length);
    for (const [i, frame] of frames.entries()) {
      const offset = vector.offset[i]!;
      const header = i === 1 ? 18 : 14;
      t.equal(offset % 4, 0);
      t.ok(offset - 128 >= Math.floor((offset - opened.memory.stagingOffset) / 4096));
      t.equal(hex(pool.bytes.subarray(offset, offset + vector.length[i]!)), hex(frame.subarray(header)));
      t.equal(vector.link[i], LinkType.RAW);
      t.equal(vector.side[i], Side.UNDERLAY);
    }
    t.equal(opened.port.counters[DeviceCount.rx_packets], frames.length);
    t.equal(
      opened.port.counters[DeviceCount.rx_bytes],
      frames.reduce((sum, frame, i) => sum + frame.length - (i === 1 ? 18 : 14), 0),
    );
  });

  test('everything else goes to the kernel, which does not answer GRE', async (t) => {
    const { wire, port, device } = await setUp(t);
    const opened = port();
    wire.receive(0);
    wire.send([
      gre({ ip: { source: PEER4, destination: '198.51.100.77' } }),
      gre({ vlan: 5 }),
      gre({ gre: undefined, inner: undefined, udp: { destinationPort: 9 } }),
      gre({
        ip: { source: PEER6, destination: LOCAL6 },
        gre: undefined,
        inner: undefined,
        udp: { destinationPort: 9 },
      }),
      gre().subarray(0, 33),
      new Uint8Array(60),
    ]);
    t.strictSame(receiveAll(opened), []);
    const answers = wire.receive().map((frame) => [frame[12], frame[23], frame[20]].join(' '));
    t.ok(answers.length > 0, 'the kernel says that nobody listens on UDP port 9');
    wire.send([gre(), gre({ ip: { source: PEER6, destination: LOCAL6 } })]);
    t.equal(receiveAll(opened).length, 2);
    t.strictSame(wire.receive(100), [], 'and nothing about protocol 47');
    opened.port.close();
    await device.close();
    wire.send([gre()]);
    t.ok(wire.receive(100).length > 0, 'which it does once the device is closed');
  });

  test('fragments come together, by the raw sockets beside', async (t) => {
    const { wire, port } = await setUp(t, { workers: 2 });
    const whole = gre({ payload: 1600, ip: { source: PEER4, destination: LOCAL4, id: 77 } });
    wire.send(fragments(whole, 1480));
    t.strictSame(receiveAll(port(1)), []);
    const [packet, ...more] = receiveAll(port(0));
    t.equal(more.length, 0);
    t.equal(hex(packet!.subarray(20)), hex(whole.subarray(34)));
  });

  test('a packet is sent on from the chunk in which it came', async (t) => {
    const { wire, port, adjacencies } = await setUp(t);
    learn(adjacencies);
    const { port: device, memory } = port();
    const { vector, pool } = memory;
    wire.receive(0);
    for (let round = 0; round < 200; round++) {
      const names = Array.from({ length: 32 }, (_, i) => `${round} ${i}`);
      wire.send(names.map((name) => named(name)));
      for (let received = 0; received < names.length; received += vector.count) {
        device.receive(vector, Side.UNDERLAY);
        sendBack(memory);
        if (device.transmit(vector, Side.UNDERLAY) !== vector.count) t.fail('sent fewer');
        const frame = pool.bytes.subarray(vector.offset[0]! - 14, vector.offset[0]);
        if (vector.count > 0 && hex(frame) !== LINK_HEADER)
          t.fail('link header is not in front of the packet');
      }
      const back = wire.receive(2).map(hex);
      if (round === 0 || round === 199)
        t.strictSame(
          back,
          names.map((name) => hex(named(name, 'us'))),
        );
    }
    t.equal(device.counters[DeviceCount.tx_packets], 6400);
    t.equal(device.counters[DeviceCount.tx_bytes], device.counters[DeviceCount.rx_bytes]);
    t.equal(device.counters[DeviceCount.tx_fallback], 0);
  });

  test('packets from elsewhere in the pool are copied, more of them than a ring has room for', async (t) => {
    const { wire, port, adjacencies } = await setUp(t);
    learn(adjacencies);
    const { port: device, memory } = port();
    const { vector, pool } = memory;
    wire.receive(0);
    let count = 0;
    for (let round = 0; round < 30; round++) {
      vector.count = 256;
      for (let i = 0; i < vector.count; i++) {
        const packet = named(`${round} ${i}`).subarray(14);
        vector.offset[i] = pool.frameOffset(i, i % 3);
        vector.length[i] = packet.length;
        pool.bytes.set(packet, vector.offset[i]);
      }
      sendBack(memory);
      count += device.transmit(vector, Side.UNDERLAY);
    }
    t.equal(count, 30 * 256);
    t.strictSame(
      wire.receive().map(hex),
      Array.from({ length: count }, (_, i) => hex(named(`${i >> 8} ${i & 255}`, 'us'))),
    );
  });

  test('what has no known next hop is sent through the kernel', async (t) => {
    const { wire, port } = await setUp(t);
    const { port: device, memory } = port();
    wire.receive(0);
    wire.send([named('a')]);
    while (device.receive(memory.vector, Side.UNDERLAY) === 0);
    sendBack(memory);
    t.equal(device.transmit(memory.vector, Side.UNDERLAY), 1);
    t.equal(device.counters[DeviceCount.tx_fallback], 1);
    t.equal(device.counters[DeviceCount.tx_packets], 1);
    t.equal(hex(wire.receive()[0]!.subarray(0, 14)), LINK_HEADER);
  });

  test('frames that cannot be sent are counted', async (t) => {
    const { port, adjacencies } = await setUp(t);
    learn(adjacencies);
    const { port: device, memory } = port();
    const { vector, pool } = memory;
    vector.count = 2;
    for (let i = 0; i < 2; i++) {
      const packet = named('too long', 'peer', 1441).subarray(14);
      vector.offset[i] = pool.frameOffset(i, 0);
      vector.length[i] = packet.length;
      pool.bytes.set(packet, vector.offset[i]);
    }
    t.equal(vector.length[0], 1501);
    sendBack(memory);
    vector.outLink[1] = LinkType.ETHERNET;
    t.equal(device.transmit(vector, Side.UNDERLAY), 0);
    t.equal(device.counters[DeviceCount.tx_dropped_size], 1);
    t.equal(device.counters[DeviceCount.tx_dropped_error], 1);
  });

  for (const workers of [2, 3]) {
    test(`${workers} workers share one queue: each packet comes once, flows keep their order`, async (t) => {
      const { wire, port } = await setUp(t, { workers });
      const opened = Array.from({ length: workers }, (_, i) => port(i));
      const sent = Array.from({ length: 3000 }, (_, i) => {
        const flow = i % FLOWS;
        return gre({
          gre: {
            key: flow % 2 ? 5 : undefined,
            sequence: flow % 3 ? i : undefined,
            checksum: flow % 5 === 0,
          },
          inner: innerOf(flow, i),
        });
      });
      wire.send(sent);
      const received = opened.map((one) => receiveAll(one).map(hex));
      t.strictSame(received.flat().sort(), sent.map((frame) => hex(frame.subarray(14))).sort());
      for (const share of received) t.ok(share.length > 300, `a worker has ${share.length}`);
      // Each worker has all or nothing of a flow, in the order sent.
      const workerOf = new Map(received.flatMap((share, worker) => share.map((packet) => [packet, worker])));
      const placeOf = new Map(sent.map((frame, i) => [hex(frame.subarray(14)), i]));
      const ofFlow = sent.map((frame) => workerOf.get(hex(frame.subarray(14)))!);
      t.ok(ofFlow.every((worker, i) => worker === ofFlow[i % FLOWS]));
      for (const share of received) {
        const order = share.map((packet) => placeOf.get(packet)!);
        t.ok(order.every((place, i) => i === 0 || place > order[i - 1]!));
      }
    });
  }

  for (const workers of [1, 2, 6]) {
    test(`${workers} workers on four queues: each packet comes once`, async (t) => {
      const [made, far] = [`q${workers}`, `p${workers}`];
      const queues = ['numrxqueues', '4', 'numtxqueues', '4'];
      const peer = ['type', 'veth', 'peer', 'name', far, ...queues];
      execFileSync('ip', ['link', 'add', made, 'address', OUR_MAC, ...queues, ...peer]);
      for (const name of [made, far]) execFileSync('ip', ['link', 'set', name, 'up']);
      t.teardown(() => execFileSync('ip', ['link', 'delete', made]));
      const { port, device } = await setUp(t, { workers, interfaces: [interfaceOf(made)] });
      t.match(device.description, /4 queues/);
      const opened = Array.from({ length: workers }, (_, i) => port(i));
      t.equal(
        opened.flatMap((one) => one.port.pollFds).length,
        Math.max(4, workers) + 2,
        'and two raw sockets',
      );
      const wire = new EthernetWire(interfaceOf(far).index);
      const sent = Array.from({ length: 2000 }, (_, i) => gre({ inner: innerOf(i % FLOWS, i) }));
      wire.send(sent);
      const received = opened.flatMap((one) => receiveAll(one, 20).map(hex));
      t.strictSame(received.sort(), sent.map((frame) => hex(frame.subarray(14))).sort());
      wire.close();
    });
  }

  test('a worker that dies is replaced: nothing that waits is lost, no chunk either', async (t) => {
    const { wire, device, adjacencies } = await setUp(t);
    learn(adjacencies);
    const spec = device.ports[0]!;
    const [chunks, generations] = [spec.umem.chunks, 40];
    let received = 0;
    for (let generation = 0; generation < generations; generation++) {
      // Each has a batch in hand when it goes, and never gives it back; they hold all chunks together.
      const { port, memory } = openPort(spec);
      wire.send(Array.from({ length: 200 }, (_, i) => named(`${generation} ${i}`)));
      for (let i = 0; i < 2; i++) received += port.receive(memory.vector, Side.UNDERLAY);
      t.equal(memory.vector.count, 64);
      port.close();
    }
    const last = openPort(spec);
    t.teardown(() => last.port.close());
    received += receiveAll(last).length;
    t.equal(received, generations * 200);
    t.equal(last.port.counters[DeviceCount.rx_packets], received);
    t.equal(last.port.counters[DeviceCount.rx_dropped_queue], 0);
    last.port.receive(last.memory.vector, Side.UNDERLAY);
    t.equal(freeChunks(last.memory, spec) + spec.rings.fill, chunks);
  });

  test('overload is dropped and counted by the kernel, and passes', async (t) => {
    const { wire, port, adjacencies } = await setUp(t, { receiveBufferBytes: 1 << 20 });
    learn(adjacencies);
    const { port: device, memory } = port();
    const sent = 20_000;
    for (let i = 0; i < sent; i += 1000)
      wire.send(Array.from({ length: 1000 }, (_, k) => named(String(i + k))));
    const received = receiveAll({ port: device, memory }).length;
    t.ok(received >= 512 && received < 2000, `${received} were queued`);
    t.equal(device.counters[DeviceCount.rx_dropped_queue], sent - received);
    wire.send([named('after')]);
    t.equal(receiveAll({ port: device, memory }).length, 1);
  });

  test('what is longer than a chunk is counted', async (t) => {
    const { wire, port } = await setUp(t);
    execFileSync('ip', ['link', 'set', 'x1', 'mtu', '4000']);
    t.teardown(() => execFileSync('ip', ['link', 'set', 'x1', 'mtu', '1500']));
    execFileSync('ip', ['link', 'set', 'x0', 'mtu', '4000']);
    t.teardown(() => execFileSync('ip', ['link', 'set', 'x0', 'mtu', '1500']));
    const opened = port();
    wire.send([named('short'), named('long', 'peer', 3000)]);
    t.equal(receiveAll(opened).length, 1);
    t.equal(opened.port.counters[DeviceCount.rx_dropped_oversized], 1);
  });

  test('an MTU above 1774 takes larger chunks', async (t) => {
    execFileSync('ip', ['link', 'set', 'x1', 'mtu', '3800']);
    t.teardown(() => execFileSync('ip', ['link', 'set', 'x1', 'mtu', '1500']));
    execFileSync('ip', ['link', 'set', 'x0', 'mtu', '3800']);
    t.teardown(() => execFileSync('ip', ['link', 'set', 'x0', 'mtu', '1500']));
    const { wire, port, device } = await setUp(t, { interfaces: [interfaceOf('x0')] });
    t.equal(device.ports[0]!.umem.shift, 12);
    const opened = port();
    const frame = named('long', 'peer', 3700);
    wire.send([frame]);
    t.ok(
      receiveAll(opened)
        .map(hex)
        .includes(hex(frame.subarray(14))),
    );
  });

  test('addresses change while it runs', async (t) => {
    const { wire, port, device } = await setUp(t, { locals: [] });
    const opened = port();
    device.setLocals([addressBytes('192.0.2.9')]);
    wire.send([gre(), gre({ ip: { source: PEER4, destination: '192.0.2.9' } })]);
    t.equal(receiveAll(opened).length, 1);
    device.setLocals([addressBytes(LOCAL4)]);
    wire.send([gre(), gre({ ip: { source: PEER4, destination: '192.0.2.9' } })]);
    t.equal(receiveAll(opened).length, 1);
  });

  test('the program is there while the device is open', async (t) => {
    const xdpOf = (name: string): boolean =>
      execFileSync('ip', ['link', 'show', name], { encoding: 'utf8' }).includes('xdp');
    const { device } = await setUp(t);
    t.ok(xdpOf('x0'));
    t.match(device.description, /af_xdp on x0: generic mode, 1 queue, 1 worker/);
    await device.close();
    t.notOk(xdpOf('x0'));
  });

  test('it is refused with a reason', async (t) => {
    const adjacencies = Adjacencies.create([]).share();
    const x0 = interfaceOf('x0');
    const options = { name: 'underlay', workers: 1, locals: [], adjacencies };
    await t.rejects(openAfXdp(options), { name: 'AfXdpRefused', message: /name of an interface/ });
    await t.rejects(openAfXdp({ ...options, interfaces: [{ ...x0, mtu: 9000 }] }), {
      name: 'AfXdpRefused',
      message: /af_xdp on x0: packets of 9000 bytes/,
    });
    await t.rejects(openAfXdp({ ...options, interfaces: [{ ...x0, name: 'gone', index: 4711 }] }), {
      name: 'AfXdpRefused',
      message: /af_xdp on gone: .*ENODEV|No such device/,
    });
    const device = await openAfXdp({ ...options, interfaces: [x0] });
    await t.rejects(openAfXdp({ ...options, interfaces: [x0] }), {
      name: 'AfXdpRefused',
      message: /af_xdp on x0: another program has an AF_XDP socket on it/,
    });
    await device.close();
  });

  test('an interface that goes away is survived', async (t) => {
    execFileSync('ip', ['link', 'add', 'y0', 'address', OUR_MAC, 'type', 'veth', 'peer', 'name', 'y1']);
    for (const name of ['y0', 'y1']) execFileSync('ip', ['link', 'set', name, 'up']);
    const y0 = interfaceOf('y0');
    const { port, adjacencies } = await setUp(t, { interfaces: [y0] });
    adjacencies.set(addressBytes(PEER4), {
      interface: y0.index,
      source: macBytes(OUR_MAC),
      target: macBytes(PEER_MAC),
    });
    const { port: device, memory } = port();
    const { vector, pool } = memory;
    const sendOne = (): void => {
      const packet = named('x').subarray(14);
      vector.count = 1;
      vector.offset[0] = pool.frameOffset(0, 0);
      vector.length[0] = packet.length;
      pool.bytes.set(packet, vector.offset[0]);
      sendBack(memory);
      device.transmit(vector, Side.UNDERLAY);
    };
    sendOne();
    t.equal(device.counters[DeviceCount.tx_packets], 1);
    execFileSync('ip', ['link', 'set', 'y0', 'down']);
    for (let i = 0; i < 1500; i++) sendOne();
    t.equal(device.receive(vector, Side.UNDERLAY), 0);
    execFileSync('ip', ['link', 'delete', 'y0']);
    for (let i = 0; i < 1500; i++) sendOne();
    t.equal(device.receive(vector, Side.UNDERLAY), 0);
    const [packets, unreachable] = [DeviceCount.tx_packets, DeviceCount.tx_dropped_unreachable].map(
      (field) => device.counters[field]!,
    ) as [number, number];
    t.equal(packets + unreachable, 3001);
    t.ok(unreachable > 1500);
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'xdp', (namespace) => {
    Netns.connect(namespace, 'x0', namespace, 'x1', {
      macs: [OUR_MAC, PEER_MAC],
      addresses: [[`${LOCAL4}/24`, `${LOCAL6}/64`], []],
    });
    namespace.exec('ip', 'neighbour', 'add', PEER4, 'lladdr', PEER_MAC, 'dev', 'x0');
    namespace.exec('ip', 'neighbour', 'add', PEER6, 'lladdr', PEER_MAC, 'dev', 'x0');
    for (const name of ['all', 'x0', 'x1']) namespace.sysctl(`net/ipv4/conf/${name}/rp_filter`, 0);
  });
} else {
  defineTests();
}
