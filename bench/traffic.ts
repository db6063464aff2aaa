/**
 * The packets of the benchmark, as images of their first bytes: from a random tunnel or from the overlay, TCP
 * or UDP, to a random destination. Far more images than there are packets in the pool, and every one another
 * flow: no branch predictor learns them, and tables do not stay in the caches because the same few entries
 * come again.
 */
import { writeFrame, type FrameSpec, type TcpSpec } from '../src/wire/build.js';
import { Random } from '../src/traffic/random.js';
import type { Network } from './network.js';

/** Bytes of the inner packet. IMIX: seven of 64, four of 576, one of 1,476. */
export type PacketSize = 64 | 1476 | 'imix';
const IMIX = [64, 64, 64, 64, 64, 64, 64, 576, 576, 576, 576, 1476];

/** Words of an image: outer header, GRE with key, inner header, TCP with 40 bytes, a little payload. */
export const IMAGE_WORDS = 24;

/** from-tunnel: GRE out of a tunnel. to-tunnel: plain, from the overlay. Both to where a route leads. */
export type Direction = 'from-tunnel' | 'to-tunnel';

export interface TrafficOptions {
  readonly direction: Direction;
  readonly count: number;
  readonly size: PacketSize;
  /** Share of SYN segments among all packets. */
  readonly synShare: number;
}

export interface Traffic {
  readonly count: number;
  /** IMAGE_WORDS words for each packet. What follows in a longer packet is payload that nobody reads. */
  readonly images: Int32Array;
  /** Bytes of each packet. */
  readonly lengths: Int32Array;
}

/** TCP among the packets, the rest is UDP. */
const TCP_SHARE = 0.8;
const MSS_VALUES = [1460, 1460, 1452, 1440, 1400, 1360, 1300, 536];

/** Options of SYN segments as systems send them: Linux, Windows, Darwin, MSS alone, and one behind a NOP. */
function synOptions(random: Random): number[] {
  const value = random.pick(MSS_VALUES);
  const mss = [2, 4, value >>> 8, value & 0xff];
  const time = [8, 10, random.below(256), random.below(256), 3, 4, 0, 0, 0, 0];
  switch (random.below(16)) {
    case 0:
      return mss;
    case 1:
      return [1, ...mss, 1, 1, 1];
    case 2:
    case 3:
      return [...mss, 1, 3, 3, 6, 1, 1, ...time, 4, 2, 0, 0];
    case 4:
    case 5:
    case 6:
      return [...mss, 1, 3, 3, 8, 1, 1, 4, 2];
    default:
      return [...mss, 4, 2, ...time, 1, 3, 3, 7];
  }
}

function tcpSpec(random: Random, syn: boolean): TcpSpec {
  const ports = {
    sourcePort: random.between(1024, 65535),
    destinationPort: random.pick([80, 443, 22, 25, 8080]),
  };
  if (syn) return { ...ports, syn: true, ack: random.chance(0.5), options: synOptions(random) };
  const time = [1, 1, 8, 10, random.below(256), 1, 2, 3, 4, 5, 6, 7];
  return { ...ports, ack: true, psh: random.chance(0.3), ...(random.chance(0.5) ? { options: time } : {}) };
}

/** Inside a random route. */
function destination(network: Network, random: Random): Uint8Array {
  const { address, length } = random.pick(network.routes);
  const host = length === 32 ? 0 : random.uint32() & ~(-1 << (32 - length));
  return address.map((byte, i) => byte | (host >>> (24 - 8 * i)));
}

function packetSpec(network: Network, size: number, options: TrafficOptions, random: Random): FrameSpec {
  const { direction, synShare } = options;
  const tunnel = random.pick(network.tunnels);
  const source = tunnel.allowedSources?.[0]?.address ?? Uint8Array.of(172, 16, 0, 0);
  const ip = {
    source: Uint8Array.of(source[0]!, source[1]!, random.below(256), random.below(256)),
    destination: destination(network, random),
    ttl: random.between(32, 128),
    tos: random.pick([0, 0, 0, 0, 0x48, 0xb8, 2]),
    id: random.below(65536),
    dontFragment: random.chance(0.8),
  };
  const syn = random.chance(synShare);
  const header = syn || random.chance(TCP_SHARE) ? { tcp: tcpSpec(random, syn) } : { udp: portsOf(random) };
  const transport = 'tcp' in header ? 20 + (((header.tcp.options?.length ?? 0) + 3) & ~3) : 8;
  const inner = { ip, ...header, payload: size - 20 - transport };
  if (direction === 'to-tunnel') return inner;
  const outer = { source: tunnel.remote, destination: tunnel.local, ttl: random.between(32, 255) };
  return {
    ip: { ...outer, id: random.below(65536) },
    gre: tunnel.key === null ? {} : { key: tunnel.key },
    inner,
  };
}

function portsOf(random: Random): { sourcePort: number; destinationPort: number } {
  return { sourcePort: random.between(1024, 65535), destinationPort: random.pick([53, 123, 443, 4500]) };
}

const SEED = 0x74726166;
const ROOM = 2048;

/** The same packets for the same network and options, every time. */
export function buildTraffic(network: Network, options: TrafficOptions): Traffic {
  const { count, size } = options;
  const random = new Random(SEED, count);
  const images = new Int32Array(new SharedArrayBuffer(count * IMAGE_WORDS * 4));
  const lengths = new Int32Array(new SharedArrayBuffer(count * 4));
  const frame = new Uint8Array(ROOM);
  const words = new Int32Array(frame.buffer, 0, IMAGE_WORDS);
  for (let i = 0; i < count; i++) {
    const bytes = size === 'imix' ? random.pick(IMIX) : size;
    lengths[i] = writeFrame(frame, 0, packetSpec(network, bytes, options, random));
    images.set(words, i * IMAGE_WORDS);
  }
  return { count, images, lengths };
}
