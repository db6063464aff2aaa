/** Captures for replay tests: frames with times to files, and back. */
import { openCapture } from '../../src/device/capture/capture-reader.js';
import { createCapture } from '../../src/device/capture/capture-writer.js';
import { LinkType } from '../../src/dataplane/link-type.js';
import { buildPacket, type FrameSpec } from '../../src/wire/build.js';
import { readAll, type ReadPacket } from '../device/capture-bytes.js';

export interface TimedFrame {
  bytes: Uint8Array;
  /** Default Ethernet. */
  link?: number;
  /** Default 1,700,000,000 s and so many microseconds as frames stand before it. */
  seconds?: number;
  nanoseconds?: number;
}

/** Writes the frames; `.pcapng` in the name chooses that format. Times have nanoseconds. */
export async function writeFrames(path: string, frames: readonly TimedFrame[]): Promise<string> {
  const writer = await createCapture(path, { resolution: 'nano' });
  writer.interfaceFor(frames[0]?.link ?? LinkType.ETHERNET);
  frames.forEach(({ bytes, link = LinkType.ETHERNET, seconds = 1_700_000_000, nanoseconds }, i) => {
    const id = writer.interfaceFor(link);
    writer.write(seconds, nanoseconds ?? i * 1000, id, bytes, 0, bytes.length, bytes.length);
  });
  writer.commit();
  return path;
}

export interface Capture {
  packets: ReadPacket[];
  /** Link types of the interfaces, in order. */
  links: number[];
}

export async function readFrames(path: string): Promise<Capture> {
  const reader = await openCapture(path);
  const packets = await readAll(reader);
  await reader.close();
  return { packets, links: reader.interfaces.map(({ linkType }) => linkType) };
}

export const OURS = '198.51.100.1';
export const CUSTOMER = '203.0.113.10';

/** A packet that comes out of a tunnel: GRE from the customer, UDP inside. */
export function fromTunnel(n: number, more: Partial<FrameSpec> = {}): Uint8Array {
  return buildPacket({
    link: 'ethernet',
    ip: { source: CUSTOMER, destination: OURS },
    gre: { key: 42 },
    inner: {
      ip: { source: '192.0.2.1', destination: '192.88.99.7', id: n },
      udp: { sourcePort: 1000 + n, destinationPort: 53 },
      payload: 20,
    },
    ...more,
  });
}

/** A packet that goes into a tunnel: UDP to the customer's prefix. */
export function toTunnel(n: number, more: Partial<FrameSpec> = {}): FrameSpec {
  return {
    link: 'ethernet',
    ip: { source: '192.88.99.7', destination: '192.0.2.1', id: n },
    udp: { sourcePort: 53, destinationPort: 1000 + n },
    payload: 20,
    ...more,
  };
}
