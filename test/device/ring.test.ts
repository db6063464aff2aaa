/** The TPACKET_V3 ring against the kernel: a veth pair in a namespace. */
import { execFileSync } from 'node:child_process';
import { test, type Test } from 'tap';
import { PacketPool } from '../../src/dataplane/packet-pool.js';
import { loadAddon } from '../../src/device/native/addon.js';
import { PacketRing, ringBytes, type RingOptions } from '../../src/device/ring/packet-ring.js';
import { BpfAssembler, DROP } from '../../src/device/underlay/bpf.js';
import { enteredNamespace, Netns, runInside } from '../support/netns.js';
import { EthernetWire } from './ethernet-wire.js';

const BLOCKS = 32;

function indexOf(name: string): number {
  const [link] = JSON.parse(execFileSync('ip', ['-j', 'link', 'show', name], { encoding: 'utf8' })) as {
    ifindex: number;
  }[];
  return link!.ifindex;
}

interface Opened {
  readonly ring: PacketRing;
  readonly pool: PacketPool;
  readonly wire: EthernetWire;
}

function setUp(t: Test, options: Partial<RingOptions> = {}): Opened {
  const { blocks = BLOCKS } = options;
  const pool = PacketPool.create({ slots: 1, stagingBytes: ringBytes(blocks) });
  const ring = new PacketRing(
    { index: indexOf('r0'), ...options, blocks },
    { bytes: pool.bytes, offset: pool.stagingOffset },
  );
  const wire = new EthernetWire(indexOf('r1'));
  t.teardown(() => {
    wire.close();
    ring.close();
  });
  return { ring, pool, wire };
}

/** A frame of any protocol, known by its number. */
function frame(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(number);
  bytes.set([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5]);
  new DataView(bytes.buffer).setUint32(14, number);
  return bytes;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Whether something is there to be received; waits for it as long as it takes. */
function isReady({ ring }: Opened): boolean {
  return loadAddon().poll(Int32Array.of(ring.fd), -1) > 0;
}

/** Takes so many frames, less those that the kernel drops beyond `dropped`. */
function receiveAll(opened: Opened, sent: number, dropped = 0): string[] {
  const { ring, pool } = opened;
  const frames: string[] = [];
  while (frames.length + ring.dropped - dropped < sent) {
    isReady(opened);
    for (let count = ring.receive(); count > 0; count = ring.receive()) {
      for (let i = 0; i < count; i++)
        frames.push(hex(pool.bytes.subarray(ring.offset[i], ring.offset[i]! + ring.length[i]!)));
    }
  }
  return frames;
}

/** With a tag behind the link addresses, as it is on the wire. */
function tagged(bytes: Uint8Array, tag: number, protocol = 0x8100): Uint8Array {
  const header = [protocol >> 8, protocol & 0xff, tag >> 8, tag & 0xff];
  return Uint8Array.of(...bytes.subarray(0, 12), ...header, ...bytes.subarray(12));
}

function defineTests(): void {
  test('frames come whole and in order, with their time and room in front', async (t) => {
    const opened = setUp(t);
    const { ring, wire } = opened;
    const before = Date.now() / 1000;
    wire.send([frame(1, 60), frame(2, 1514)]);
    t.ok(isReady(opened));
    t.equal(ring.receive(), 2);
    t.strictSame([...ring.length.subarray(0, 2)], [60, 1514]);
    t.strictSame([...ring.originalLength.subarray(0, 2)], [60, 1514]);
    t.equal((ring.offset[0]! + 14) % 4, 0, 'the header behind Ethernet is aligned');
    const time = ring.time[0]! + ring.time[1]! / 1e9;
    t.ok(time > before - 1 && time < Date.now() / 1000 + 1);
    t.equal(ring.receive(), 0);
    t.ok(ring.isEmpty);

    const sent = Array.from({ length: 5000 }, (_, i) => frame(i, 60 + (i % 1400)));
    wire.send(sent);
    t.strictSame(receiveAll(opened, sent.length), sent.map(hex));
    t.equal(ring.dropped, 0);
    t.equal(ring.takeError(), 0);
  });

  test('what finds the ring full is counted, and it goes on', async (t) => {
    const opened = setUp(t, { blocks: 2 });
    const { ring, wire } = opened;
    wire.send(Array.from({ length: 5000 }, (_, i) => frame(i, 1000)));
    const received = receiveAll(opened, 5000).length;
    t.ok(received > 100 && received < 1000, `${received} had room`);
    t.equal(ring.dropped, 5000 - received);
    wire.send([frame(6000, 100)]);
    t.strictSame(receiveAll(opened, 1, ring.dropped), [hex(frame(6000, 100))]);
  });

  test('tags that the kernel has taken out are put back', async (t) => {
    const opened = setUp(t);
    const { ring, wire } = opened;
    const sent = [
      ...[frame(1, 60), tagged(frame(2, 60), 0x2064), tagged(frame(3, 1510), 0xefff, 0x88a8), frame(4, 60)],
      tagged(tagged(frame(5, 60), 20), 10),
    ];
    wire.send(sent);
    t.strictSame(receiveAll(opened, sent.length), sent.map(hex));
    // Through several receives of a block, and several blocks.
    const many = Array.from({ length: 3000 }, (_, i) =>
      i % 3 === 0 ? frame(i, 60) : tagged(frame(i, 60 + (i % 200)), i),
    );
    wire.send(many);
    t.strictSame(receiveAll(opened, many.length), many.map(hex));
    wire.send([tagged(frame(7, 100), 7)]);
    t.ok(isReady(opened));
    t.equal(ring.receive(), 1);
    t.strictSame([ring.length[0], ring.originalLength[0]], [104, 104]);
  });

  test('a filter says what is taken, and how much of it', async (t) => {
    const program = new BpfAssembler().load(4, 14).when('ge', 2, 'some').answer(DROP).label('some');
    const filter = program.when('ge', 3, 'little').answer(40).label('little').answer(8).assemble();
    const opened = setUp(t, { filter });
    const { ring, wire } = opened;
    wire.send([frame(1, 100), frame(2, 100), tagged(frame(2, 100), 9), tagged(frame(3, 100), 9)]);
    t.ok(isReady(opened));
    t.equal(ring.receive(), 3);
    t.strictSame([...ring.length.subarray(0, 3)], [40, 44, 8], 'a tag needs the link addresses in front');
    t.strictSame([...ring.originalLength.subarray(0, 3)], [100, 104, 100]);
  });

  test('what this machine sends is taken when asked for', async (t) => {
    const { ring: incoming, wire } = setUp(t);
    const both = setUp(t, { outgoing: true });
    const here = new EthernetWire(indexOf('r0'));
    t.teardown(() => here.close());
    here.send([frame(1, 60)]);
    wire.send([frame(2, 60)]);
    t.strictSame(receiveAll(both, 2), [frame(1, 60), frame(2, 60)].map(hex));
    t.ok(isReady({ ...both, ring: incoming }));
    t.equal(incoming.receive(), 1);
  });

  test('promiscuous, for as long as it is open', async (t) => {
    const promiscuity = (): string => execFileSync('ip', ['-d', 'link', 'show', 'r0'], { encoding: 'utf8' });
    const { ring } = setUp(t, { promiscuous: true });
    t.match(promiscuity(), 'promiscuity 1');
    ring.close();
    t.match(promiscuity(), 'promiscuity 0');
  });

  test('shut, it takes no more; closed, it leaves its memory empty', async (t) => {
    const opened = setUp(t, { blocks: 2 });
    const { ring, wire, pool } = opened;
    wire.send([frame(1, 60)]);
    t.ok(isReady(opened));
    ring.shut();
    wire.send([frame(2, 60)]);
    t.strictSame(receiveAll(opened, 1), [hex(frame(1, 60))]);
    t.ok(ring.isEmpty);
    const at = ring.offset[0]!;
    ring.close();
    ring.close();
    t.equal(ring.dropped, 0);
    t.ok(pool.bytes.subarray(at, at + 60).every((byte) => byte === 0));
  });

  test('what cannot be opened is an error', async (t) => {
    t.throws(() => setUp(t, { index: 4711 }), { code: 'ENODEV', syscall: 'bind' });
    const { bytes, stagingOffset: offset } = PacketPool.create({ slots: 1, stagingBytes: ringBytes(2) });
    const index = indexOf('r0');
    t.throws(() => new PacketRing({ index, blocks: 0x7fffffff }, { bytes, offset }), { code: 'EINVAL' });
    t.throws(() => new PacketRing({ index, blocks: 3 }, { bytes, offset }), RangeError);
    t.throws(
      () => new PacketRing({ index, blocks: 2 }, { bytes: new Uint8Array(1 << 20), offset: 0 }),
      RangeError,
    );
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
