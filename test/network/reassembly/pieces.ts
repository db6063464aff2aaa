/** Packets cut into fragments in every way, right and wrong. */
import { buildPacket, type FrameSpec } from '../../../src/wire/build.js';
import type { Prng } from '../../fuzz/prng.js';

/** Bytes in front of the data that is cut: the IPv4 header, or IPv6 header and per-fragment headers. */
export interface Cut {
  readonly packet: Uint8Array;
  readonly header: number;
}

const HOSTS4 = ['192.0.2.1', '192.0.2.2'];
const HOSTS6 = ['2001:db8::1', '2001:db8::2'];

/** A whole packet of a few hosts. */
export function wholePacket(prng: Prng, size: number): Cut {
  const six = prng.chance(0.5);
  const hosts = six ? HOSTS6 : HOSTS4;
  const addresses = { source: prng.pick(hosts), destination: prng.pick(hosts) };
  const behind = prng.pick<FrameSpec>([{ udp: {} }, { tcp: {} }, { icmp: { type: six ? 128 : 8 } }]);
  if (six) {
    const extensions = prng.pick([
      [],
      [],
      [{ header: 0 }],
      [{ header: 0 }, { header: 43, size: 24 }],
      [{ header: 0, size: prng.pick([208, 216, 224]) }],
    ]);
    const ip = { ...addresses, extensions, flowLabel: prng.below(1 << 20), tos: prng.pick([0, 2]) };
    const header =
      40 + extensions.reduce((sum, extension) => sum + ('size' in extension ? extension.size : 8), 0);
    const inside = prng.chance(0.2) ? [{ header: 60, size: 16 }] : [];
    return {
      packet: buildPacket({
        ip: { ...ip, extensions: [...extensions, ...inside] },
        ...behind,
        payload: size,
      }),
      header,
    };
  }
  const options = prng.chance(0.2) ? [0x94, 4, 0, 0, 1, 1, 1, 0] : [];
  const ip = {
    ...addresses,
    id: prng.below(4),
    options,
    tos: prng.pick([0, 2]),
    dontFragment: prng.chance(0.2),
  };
  return { packet: buildPacket({ ip, ...behind, payload: size }), header: 20 + options.length };
}

export interface Fields {
  offset: number;
  more: boolean;
  data: Uint8Array;
}

/** The data of a packet in pieces; all but the last are multiples of 8 bytes. */
export function pieces({ packet, header }: Cut, size: () => number): Fields[] {
  const found: Fields[] = [];
  for (let at = header; at < packet.length;) {
    const end = Math.min(packet.length, at + 8 * Math.max(1, Math.floor(size() / 8)));
    found.push({ offset: at - header, more: end < packet.length, data: packet.slice(at, end) });
    at = end;
  }
  return found;
}

/** A fragment of the packet: its headers, and what `fields` says. */
export function fragmentOf({ packet, header }: Cut, id: number, { offset, more, data }: Fields): Uint8Array {
  if (packet[0]! >> 4 === 6) {
    let announcer = 6;
    for (let at = 40; at < header; at += 8 + packet[at + 1]! * 8) announcer = at;
    const bytes = new Uint8Array([...packet.slice(0, header), ...new Uint8Array(8), ...data]);
    bytes[header] = packet[announcer]!;
    bytes[announcer] = 44;
    const length = bytes.length - 40;
    bytes.set([length >> 8, length & 255], 4);
    bytes.set([offset >> 8, (offset & 0xf8) | Number(more), 0, 0, id >> 8, id & 255], header + 2);
    return bytes;
  }
  const bytes = new Uint8Array([...packet.slice(0, header), ...data]);
  bytes.set([bytes.length >> 8, bytes.length & 255], 2);
  bytes.set([(bytes[6]! & 0x40) | (more ? 0x20 : 0) | (offset >> 11), (offset >> 3) & 255], 6);
  return withChecksum(bytes, header);
}

/** With the right header checksum (IPv4). */
export function withChecksum(bytes: Uint8Array, header: number): Uint8Array {
  bytes.set([0, 0], 10);
  let sum = 0;
  for (let i = 0; i < header; i += 2) sum += bytes[i]! * 256 + bytes[i + 1]!;
  while (sum > 65_535) sum = (sum & 65_535) + (sum >>> 16);
  bytes.set([(65_535 - sum) >> 8, (65_535 - sum) & 255], 10);
  return bytes;
}

/** Random order. */
export function shuffled<T>(prng: Prng, list: readonly T[]): T[] {
  return list
    .map((item) => ({ item, key: prng.next() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}
