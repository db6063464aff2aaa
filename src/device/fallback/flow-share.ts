/** Which worker a packet goes to, where no BPF program can decide: as gre-filter.ts, but slower. */
import { be16, be32 } from '../../wire/bytes.js';
import { EtherType, GreFlag, IPV6_HEADER } from '../../wire/protocol.js';

/** 0 to `workers` − 1: the same for all packets of a flow. `packet`: an IPv4 or IPv6 packet of any content. */
export function flowShare(packet: Uint8Array, workers: number): number {
  if (workers === 1) return 0;
  const isFour = packet[0]! >>> 4 === 4;
  const [source, bytes] = isFour ? [12, 4] : [8, 16];
  const gre = isFour ? (packet[0]! & 0x0f) * 4 : IPV6_HEADER;
  let hash = mix(0, packet, source, bytes);
  if (gre + 4 <= packet.length) {
    const flags = packet[gre]!;
    let inner = gre + 4;
    for (const flag of [GreFlag.CHECKSUM, GreFlag.KEY, GreFlag.SEQUENCE])
      if ((flags & flag) !== 0) inner += 4;
    const type = be16(packet, gre + 2);
    if (type === EtherType.IPV4) hash = mix(hash, packet, inner + 12, 8);
    else if (type === EtherType.IPV6) hash = mix(hash, packet, inner + 8, 32);
    else if (type === EtherType.TEB) hash = mix(hash, packet, inner, 12);
  }
  return (hash >>> 12) % workers;
}

/** Mixes `bytes` bytes, a multiple of 4, into the hash; nothing when the packet ends before. */
function mix(hash: number, packet: Uint8Array, at: number, bytes: number): number {
  if (at + bytes > packet.length) return hash;
  let mixed = hash;
  for (let i = at; i < at + bytes; i += 4) {
    mixed = Math.imul(mixed ^ be32(packet, i), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  return mixed;
}
