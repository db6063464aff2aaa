/**
 * fixtures/demo.pcap: ten seconds on the underlay of the node in fixtures/demo.yaml, from fixed seeds.
 * Several streams merged by time, so that each thing worth seeing is there in a number that reads well.
 */
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../src/config/load.js';
import { createCapture } from '../src/device/capture/capture-writer.js';
import { compile } from '../src/network/compile.js';
import { ConfiguredNetwork } from '../src/traffic/configured-network.js';
import { linkTypeOf, TrafficGenerator, type TrafficOptions } from '../src/traffic/generator.js';
import { parseSizes, weightedSizes } from '../src/traffic/sizes.js';

export const DEMO_CONFIG = fileURLToPath(new URL('../../fixtures/demo.yaml', import.meta.url));
export const DEMO_CAPTURE = fileURLToPath(new URL('../../fixtures/demo.pcap', import.meta.url));

const SECONDS = 10;

/** Mostly small packets: the capture is part of the repository. */
const SMALL = weightedSizes('small', [
  { size: 64, weight: 140 },
  { size: 128, weight: 40 },
  { size: 576, weight: 13 },
  { size: 1400, weight: 7 },
]);

interface Stream extends Partial<TrafficOptions> {
  readonly packets: number;
}

const COMMON: Omit<TrafficOptions, 'rate'> = {
  kind: 'mixed',
  link: 'ethernet',
  flows: 200,
  sizes: SMALL,
  synShare: 0.04,
  ipv6Share: 0.15,
  transitShare: 0.15,
  faultShare: 0,
  mixedLinkTypes: false,
  seed: 1,
};

const STREAMS: readonly Stream[] = [
  // The customers' answers to the Internet, and what the Internet sends to them.
  { packets: 3400, seed: 1 },
  // The same on the other port of the router, which tags.
  { packets: 400, seed: 2, link: 'vlan' },
  // Larger than any tunnel's MTU, without DF: grebe has to fragment.
  { packets: 40, seed: 3, kind: 'internet', sizes: parseSizes('1500'), synShare: 0, ipv6Share: 0, flows: 20 },
  // Every fault, a few times each.
  { packets: 280, seed: 4, kind: 'tunnel', faultShare: 1 },
  { packets: 80, seed: 5, kind: 'internet', faultShare: 1 },
];

interface TimedPacket {
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly bytes: Uint8Array;
}

/** Writes the demo capture under a name. @throws CaptureError */
export async function writeDemoCapture(path: string): Promise<void> {
  const network = new ConfiguredNetwork(compile(loadConfig(DEMO_CONFIG)));
  const packets = STREAMS.flatMap((stream) => packetsOf(network, stream));
  packets.sort((a, b) => a.seconds - b.seconds || a.nanoseconds - b.nanoseconds);
  const writer = await createCapture(path, { format: 'pcap', resolution: 'micro' });
  const id = writer.interfaceFor(linkTypeOf('ethernet'));
  for (const { seconds, nanoseconds, bytes } of packets) {
    writer.write(seconds, nanoseconds, id, bytes, 0, bytes.length, bytes.length);
  }
  writer.commit();
}

function packetsOf(network: ConfiguredNetwork, { packets, ...options }: Stream): TimedPacket[] {
  const generator = new TrafficGenerator(network, { ...COMMON, rate: packets / SECONDS, ...options });
  return Array.from({ length: packets }, () => {
    generator.next();
    const { seconds, nanoseconds, bytes, length } = generator;
    return { seconds, nanoseconds, bytes: bytes.slice(0, length) };
  });
}
