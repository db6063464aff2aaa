/**
 * Large segments in plain, slow code, to compare src/wire/split.ts and join.ts with: nothing of src/wire is
 * used here. Packets are arrays of their own; sums are in network order.
 */

/** A frame with its virtio-net header. */
export interface LargeFrame {
  readonly flags: number;
  readonly type: number;
  readonly headerLength: number;
  readonly size: number;
  readonly start: number;
  readonly field: number;
  readonly bytes: Uint8Array;
}

export function be16(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 256 + bytes[at + 1]!;
}

export function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = (value >> 8) & 0xff;
  bytes[at + 1] = value & 0xff;
}

export function be32(bytes: Uint8Array, at: number): number {
  return be16(bytes, at) * 65_536 + be16(bytes, at + 2);
}

export function put32(bytes: Uint8Array, at: number, value: number): void {
  put16(bytes, at, Math.floor(value / 65_536) % 65_536);
  put16(bytes, at + 2, value % 65_536);
}

/** RFC 1071, over pieces of which only the last may be odd. */
export function plainSum(...pieces: readonly Uint8Array[]): number {
  let total = 0;
  for (const piece of pieces) {
    for (let i = 0; i < piece.length; i += 2) total += piece[i]! * 256 + (piece[i + 1] ?? 0);
  }
  while (total > 0xffff) total = (total % 65_536) + Math.floor(total / 65_536);
  return total;
}

/** Where things are in an IP packet behind `link` bytes; null when it is not TCP or UDP in one piece. */
export interface Layout {
  readonly ip: number;
  readonly isIpv4: boolean;
  readonly protocol: number;
  readonly transport: number;
  /** Where the payload begins. */
  readonly payload: number;
  readonly checksum: number;
}

export function layoutOf(packet: Uint8Array, link: number): Layout | null {
  const isIpv4 = packet[link]! >> 4 === 4;
  const protocol = packet[link + (isIpv4 ? 9 : 6)]!;
  const transport = link + (isIpv4 ? (packet[link]! & 15) * 4 : 40);
  if (protocol !== 6 && protocol !== 17) return null;
  if (isIpv4 && (be16(packet, link + 6) & 0x3fff) !== 0) return null;
  const isTcp = protocol === 6;
  const header = isTcp ? (packet[transport + 12]! >> 4) * 4 : 8;
  const checksum = transport + (isTcp ? 16 : 6);
  return { ip: link, isIpv4, protocol, transport, payload: transport + header, checksum };
}

function pseudoHeader(packet: Uint8Array, layout: Layout): Uint8Array[] {
  const { ip, isIpv4, protocol, transport } = layout;
  const tail = packet.length - transport;
  const addresses = packet.subarray(ip + (isIpv4 ? 12 : 8), ip + (isIpv4 ? 20 : 40));
  return [addresses, Uint8Array.of(tail >> 16, (tail >> 8) & 255, tail & 255, 0), Uint8Array.of(0, protocol)];
}

/** The sum of the pseudo header alone: what NEEDS_CHECKSUM leaves in the field. */
export function partialSum(packet: Uint8Array, layout: Layout): number {
  const [addresses, length, protocol] = pseudoHeader(packet, layout) as [Uint8Array, Uint8Array, Uint8Array];
  return plainSum(addresses, Uint8Array.of(0, length[0]!), length.subarray(1, 3), protocol);
}

/** Writes lengths and checksums. */
export function finishPacket(packet: Uint8Array, layout: Layout): void {
  const { ip, isIpv4, protocol, transport, checksum } = layout;
  if (isIpv4) put16(packet, ip + 2, packet.length - ip);
  else put16(packet, ip + 4, packet.length - ip - 40);
  if (protocol === 17) put16(packet, transport + 4, packet.length - transport);
  finishIp(packet, layout);
  put16(packet, checksum, 0);
  let sum = 0xffff - plainSum(Uint8Array.of(0, 0), partialBytes(packet, layout), packet.subarray(transport));
  if (protocol === 17 && sum === 0) sum = 0xffff;
  put16(packet, checksum, sum);
}

function partialBytes(packet: Uint8Array, layout: Layout): Uint8Array {
  const sum = partialSum(packet, layout);
  return Uint8Array.of(sum >> 8, sum & 255);
}

export function finishIp(packet: Uint8Array, { ip, isIpv4, transport }: Layout): void {
  if (!isIpv4) return;
  put16(packet, ip + 10, 0);
  put16(packet, ip + 10, 0xffff - plainSum(packet.subarray(ip, transport)));
}

/** Whether all checksums of a packet are right. */
export function isIntact(packet: Uint8Array, layout: Layout): boolean {
  const { ip, isIpv4, transport } = layout;
  if (isIpv4 && plainSum(packet.subarray(ip, transport)) !== 0xffff) return false;
  return plainSum(partialBytes(packet, layout), packet.subarray(transport)) === 0xffff;
}

/** What the kernel makes of a frame that is written to a TUN, as packets on a wire. */
export function plainSplit(frame: LargeFrame, link: number): Uint8Array[] {
  if (frame.type === 0) {
    const packet = Uint8Array.from(frame.bytes);
    if ((frame.flags & 1) !== 0) {
      const sum = 0xffff - plainSum(packet.subarray(frame.start));
      put16(packet, frame.start + frame.field, sum === 0 && frame.field === 6 ? 0xffff : sum);
    }
    return [packet];
  }
  const layout = layoutOf(frame.bytes, link)!;
  const packets: Uint8Array[] = [];
  const isTcp = layout.protocol === 6;
  for (let at = layout.payload, i = 0; at < frame.bytes.length; at += frame.size, i++) {
    const payload = frame.bytes.subarray(at, at + frame.size);
    const packet = new Uint8Array(layout.payload + payload.length);
    packet.set(frame.bytes.subarray(0, layout.payload));
    packet.set(payload, layout.payload);
    const isLast = at + frame.size >= frame.bytes.length;
    if (layout.isIpv4) put16(packet, link + 4, (be16(frame.bytes, link + 4) + i) % 65_536);
    if (isTcp) {
      const { transport } = layout;
      put32(packet, transport + 4, (be32(frame.bytes, transport + 4) + at - layout.payload) % 4_294_967_296);
      if (!isLast) packet[transport + 13]! &= ~0x09;
      if (i > 0) packet[transport + 13]! &= ~0x80;
    }
    finishPacket(packet, layout);
    packets.push(packet);
  }
  return packets;
}
