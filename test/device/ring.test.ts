/** The TPACKET_V3 ring against the kernel: a veth pair in a namespace. */
import { execFileSync } from 'node:child_process';
import { test, type Test } from 'tap';
import { LinkType } from '../../src/dataplane/link-type.js';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { PacketVector, Side, vectorRegions } from '../../src/dataplane/packet-vector.js';
import { BpfAssembler, DROP } from '../../src/device/underlay/bpf.js';
import { DeviceCount } from '../../src/device/device-counters.js';
import { loadAddon } from '../../src/device/native/addon.js';
import {
  openRing,
  RingPort,
  ringStagingBytes,
  type RingPortSpec,
} from '../../src/device/ring/packet-ring.js';
import { payloadKernels } from '../../src/wire/payload.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { EthernetWire } from './ethernet-wire.js';

function indexOf(name: string): number {
  const [link] = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', name], { encoding: 'utf8' })) as {
    ifindex: number;
  }[];
  return link!.ifindex;
}

interface Opened {
  readonly port: RingPort;
  readonly vector: PacketVector;
  readonly pool: PacketPool;
}

function openPort(t: Test, spec: RingPortSpec): Opened {
  const { slots, vectors, regions } = vectorRegions(1);
  const stagingBytes = ringStagingBytes(spec);
  const pool = PacketPool.create({ slots, vectors, stagingBytes });
  const vector = PacketVector.create(pool, regions[0]!);
  const kernels = payloadKernels(pool.memory);
  const port = new RingPort(spec, { pool, vector, stagingOffset: pool.stagingOffset, stagingBytes, kernels });
  t.teardown(() => port.close());
  return { port, vector, pool };
}

function setUp(
  t: Test,
  options: { blocks?: number; filter?: Int32Array } = {},
): { spec: RingPortSpec; wire: EthernetWire } {
  const spec = openRing({ name: 'ring', index: indexOf('r0'), mtu: 1500, ...options });
  const wire = new EthernetWire(indexOf('r1'));
  t.teardown(() => {
    wire.close();
    loadAddon().closeDescriptor(spec.fd);
  });
  return { spec, wire };
}

/** A frame of any protocol, known by its number. */
function frame(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(number);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
  new DataView(bytes.buffer).setUint32(14, number);
  return bytes;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Waits for the kernel and takes what there is, until there is nothing for `ms`. */
function receiveAll({ port, vector, pool }: Opened, ms = 60): string[] {
  const frames: string[] = [];
  do {
    while (port.receive(vector, Side.OVERLAY) > 0) {
      for (let i = 0; i < vector.count; i++)
        frames.push(hex(pool.bytes.subarray(vector.offset[i], vector.offset[i]! + vector.length[i]!)));
    }
  } while (loadAddon().poll(Int32Array.from(port.pollFds), ms) > 0);
  return frames;
}

function defineTests(): void {
  test('frames come whole and in order, with their time and room in front', async (t) => {
    const { spec, wire } = setUp(t);
    const opened = openPort(t, spec);
    const { port, vector } = opened;
    const before = Date.now() / 1000;
    wire.send([frame(1, 60), frame(2, 1514)]);
    t.ok(loadAddon().poll(Int32Array.of(spec.fd), 1000) > 0);
    t.equal(port.receive(vector, Side.OVERLAY), 2);
    t.strictSame([...vector.length.subarray(0, 2)], [60, 1514]);
    t.strictSame([...port.originalLength.subarray(0, 2)], [60, 1514]);
    t.strictSame([vector.link[1], vector.side[1]], [LinkType.ETHERNET, Side.OVERLAY]);
    t.equal((vector.offset[0]! + 14) % 4, 0, 'the header behind Ethernet is aligned');
    const time = port.time[0]! + port.time[1]! / 1e9;
    t.ok(time > before - 1 && time < Date.now() / 1000 + 1);
    t.equal(port.receive(vector, Side.OVERLAY), 0);
    t.equal(port.transmit(), 0);

    const sent = Array.from({ length: 5000 }, (_, i) => frame(i, 60 + (i % 1400)));
    wire.send(sent);
    t.strictSame(receiveAll(opened), sent.map(hex));
    t.equal(port.counters[DeviceCount.rx_packets], 5002);
    t.equal(port.counters[DeviceCount.rx_dropped_queue], 0);
  });

  test('what finds the ring full is counted, and it goes on', async (t) => {
    const { spec, wire } = setUp(t, { blocks: 2 });
    const opened = openPort(t, spec);
    wire.send(Array.from({ length: 5000 }, (_, i) => frame(i, 1000)));
    const received = receiveAll(opened).length;
    t.ok(received > 100 && received < 1000, `${received} had room`);
    t.equal(opened.port.counters[DeviceCount.rx_dropped_queue], 5000 - received);
    wire.send([frame(6000, 100)]);
    t.strictSame(receiveAll(opened), [hex(frame(6000, 100))]);
  });

  test('another port goes on where the first one was', async (t) => {
    const { spec, wire } = setUp(t);
    const first = openPort(t, spec);
    wire.send([frame(1, 60)]);
    t.equal(receiveAll(first).length, 1);
    wire.send([frame(2, 60), frame(3, 60)]);
    t.strictSame(receiveAll(openPort(t, spec)), [frame(2, 60), frame(3, 60)].map(hex));
  });

  test('a filter says what is taken, and how much of it', async (t) => {
    const taken = new BpfAssembler().load(4, 14).when('eq', 2, 'cut').answer(DROP).label('cut').answer(40);
    const { spec, wire } = setUp(t, { filter: taken.assemble() });
    const opened = openPort(t, spec);
    wire.send([frame(1, 100), frame(2, 100)]);
    t.ok(loadAddon().poll(Int32Array.of(spec.fd), 1000) > 0);
    t.equal(opened.port.receive(opened.vector, Side.UNDERLAY), 1);
    t.equal(opened.vector.length[0], 40);
    t.equal(opened.port.originalLength[0], 100);
  });

  test('what cannot be opened is an error', async (t) => {
    t.throws(() => openRing({ name: 'ring', index: 4711, mtu: 1500 }), { code: 'ENODEV', syscall: 'bind' });
    t.throws(() => openRing({ name: 'ring', index: indexOf('r0'), mtu: 1500, blocks: 0x7fffffff }), {
      code: 'EINVAL',
    });
  });
}

if (enteredNamespace() === null) {
  runInside(test, import.meta.url, 'ring', (namespace) => {
    // Nothing but the test's own frames is on the wire.
    Netns.connect(namespace, 'r0', namespace, 'r1');
    for (const name of ['r0', 'r1']) namespace.sysctl(`net/ipv6/conf/${name}/disable_ipv6`, 1);
  });
} else {
  defineTests();
}
