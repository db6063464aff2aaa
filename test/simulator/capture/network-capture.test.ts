import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { openCapture } from '../../../src/device/capture/capture-reader.js';
import { NetworkCapture } from '../../../src/simulator/capture/network-capture.js';
import { MILLISECOND, SECOND } from '../../../src/network/time.js';
import { Link } from '../../../src/simulator/link/link.js';
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import { readAll } from '../../device/capture-bytes.js';
import { newLab, newWorld, path, Sink } from '../node/lab.js';

/** 2026-01-01 00:00:00.250 UTC. */
const START = 1_767_225_600_250;

const four: FrameSpec = {
  ip: { source: '192.0.2.1', destination: '198.51.100.1' },
  udp: { sourcePort: 1, destinationPort: 2 },
  payload: 33,
};
const six: FrameSpec = { ...four, ip: { source: '2001:db8::1', destination: '2001:db8::2' } };

async function read(file: string) {
  const reader = await openCapture(file);
  const packets = (await readAll(reader)).map((packet) => ({
    ...packet,
    bytes: Uint8Array.from(packet.bytes),
  }));
  return { interfaces: reader.interfaces, packets };
}

t.test(
  'links are interfaces: raw IP, or Ethernet with the tag of the circuit, at virtual times',
  async (t) => {
    const dir = t.testdir();
    const file = join(dir, 'links.pcapng');
    const { world } = newWorld();
    const sink = new Sink(world, 'sink');
    const end = { node: sink, port: 0 };
    const links = ['r1.isp.down', 'cni1.down'].map((name) => new Link(world, name, path(), end, end));
    const capture = await NetworkCapture.create(file, START);
    links[0]!.capture = capture.tap('r1.isp.down');
    links[1]!.capture = capture.tap('cni1.down', { source: 'fra', destination: 'r1', vlan: 100 });
    world.scheduler.run(900 * MILLISECOND + 7);
    links[0]!.send(world.packets.build(four));
    links[1]!.send(world.packets.build(four));
    world.scheduler.run(10_000 * SECOND);
    links[1]!.send(world.packets.build(six));
    t.equal(capture.packets, 3);
    t.same(
      readdirSync(dir).filter((name) => name === 'links.pcapng'),
      [],
      'not before it is whole',
    );
    capture.commit();
    const { interfaces, packets } = await read(file);
    t.same(
      interfaces.map(({ name, linkType }) => [name, linkType]),
      [
        ['r1.isp.down', 101],
        ['cni1.down', 1],
      ],
    );
    t.same(
      packets.map(({ seconds, nanoseconds, interfaceId }) => [seconds, nanoseconds, interfaceId]),
      [
        [1_767_225_601, 150_000_007, 0],
        [1_767_225_601, 150_000_007, 1],
        [1_767_235_600, 250_000_000, 1],
      ],
    );
    t.same(packets[0]!.bytes, buildPacket(four));
    const addresses = {
      sourceMac: packets[1]!.bytes.slice(6, 12),
      destinationMac: packets[1]!.bytes.slice(0, 6),
    };
    t.same([...addresses.sourceMac.subarray(0, 2)], [2, 0]);
    t.notSame(addresses.sourceMac, addresses.destinationMac);
    t.same(packets[1]!.bytes, buildPacket({ ...four, ...addresses, link: 'ethernet', vlan: 100 }));
    t.same(packets[2]!.bytes, buildPacket({ ...six, ...addresses, link: 'ethernet', vlan: 100 }));
  },
);

t.test('the same seed writes the same bytes, another one does not', async (t) => {
  const dir = t.testdir();
  const write = async (name: string, seed: number): Promise<Buffer> => {
    const lab = newLab({}, {}, seed);
    const file = join(dir, name);
    const capture = await NetworkCapture.create(file, START);
    for (const { name: pop, attachment } of lab.edge.pops) {
      attachment.captureIn = capture.tap(`${pop} in`);
      attachment.captureOut = capture.tap(`${pop} out`);
    }
    const random = lab.world.random('client');
    const up = new Link(
      lab.world,
      'up',
      path({ loss: 0.1, jitter: MILLISECOND }),
      { node: lab.client, port: 0 },
      { node: { name: 'internet', receive: (packet) => lab.fromClient(packet) }, port: 0 },
    );
    for (let i = 0; i < 300; i++) {
      up.send(
        lab.world.packets.build({
          ip: { source: '8.8.8.8', destination: `192.0.2.${random.below(256)}` },
          udp: { sourcePort: i, destinationPort: 53 },
          payload: random.below(1600),
        }),
      );
      lab.world.scheduler.run(lab.world.scheduler.now + random.below(MILLISECOND));
    }
    lab.world.scheduler.run(10 * SECOND);
    capture.commit();
    return readFileSync(file);
  };
  const first = await write('1.pcapng', 1);
  t.ok(first.length > 100_000);
  t.ok(first.equals(await write('2.pcapng', 1)));
  t.notOk(first.equals(await write('3.pcapng', 2)));
});

t.test('a capture that is given up leaves nothing', async (t) => {
  const dir = t.testdir();
  const capture = await NetworkCapture.create(join(dir, 'links.pcapng'), START);
  capture.tap('a').packet(0, buildPacket(four), 0, 61);
  capture.abort();
  t.same(readdirSync(dir), []);
});
