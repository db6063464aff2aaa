/** Wireshark's opinion of what is made. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { createCapture } from '../../src/device/capture/capture-writer.js';
import { TrafficGenerator, linkTypeOf, type GenerateKind } from '../../src/traffic/generator.js';
import { TRAFFIC_LINKS, type TrafficLink } from '../../src/traffic/packet.js';
import { parseSizes } from '../../src/traffic/sizes.js';
import { SyntheticNetwork } from '../../src/traffic/synthetic-network.js';

const skip = spawnSync('tshark', ['--version']).status === 0 ? false : 'tshark is not installed';

const CHECKS = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`]);
const BAD = [
  '_ws.malformed',
  ...['ip', 'tcp', 'udp', 'icmp', 'icmpv6', 'gre'].map((protocol) => `${protocol}.checksum.status == "Bad"`),
  // Warnings and errors.
  '_ws.expert.severity >= 6291456',
].join(' or ');

function complaints(path: string): string[] {
  const run = spawnSync('tshark', [...CHECKS, '-r', path, '-Y', BAD], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return run.stdout.split('\n').filter((line) => line !== '');
}

async function capture(path: string, kind: GenerateKind, link: TrafficLink, packets: number): Promise<void> {
  const generator = new TrafficGenerator(new SyntheticNetwork(32), {
    ...{ kind, link, flows: 400, sizes: parseSizes('uniform:20-1600'), synShare: 0.1, ipv6Share: 0.4 },
    ...{ transitShare: 0.3, faultShare: 0, mixedLinkTypes: false, rate: 10_000, seed: 11 },
  });
  const writer = await createCapture(path, { format: 'pcap' });
  const id = writer.interfaceFor(linkTypeOf(link));
  for (let i = 0; i < packets; i++) {
    generator.next();
    writer.write(
      generator.seconds,
      generator.nanoseconds,
      id,
      generator.bytes,
      0,
      generator.length,
      generator.length,
    );
  }
  writer.commit();
}

t.test('tshark finds nothing bad in traffic without faults', { skip }, async (t) => {
  const path = join(t.testdir(), 'traffic.pcap');
  for (const kind of ['mixed', 'overlay'] as const) {
    for (const link of TRAFFIC_LINKS) {
      await capture(path, kind, link, 1200);
      t.same(complaints(path), [], `${kind}, ${link}`);
    }
  }
});

t.test('tshark would find it', { skip }, async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'traffic.pcap');
  await capture(path, 'mixed', 'raw', 5);
  const writer = await createCapture(join(folder, 'bad.pcap'), { format: 'pcap' });
  const id = writer.interfaceFor(linkTypeOf('raw'));
  const packet = readFileSync(path).subarray(40);
  packet[30]! ^= 1;
  writer.write(0, 0, id, packet, 0, 60, 60);
  writer.commit();
  t.not(complaints(join(folder, 'bad.pcap')).length, 0);
});
