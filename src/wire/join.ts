/**
 * Consecutive packets of a flow into large segments: what a network card with receive offload does, here for
 * the frames that go to the kernel through a TUN or TAP with virtio-net headers. It is the exact inverse of
 * split.ts: a frame made here, cut again, gives the packets that went in, to the last bit (of IPv4
 * packets with DF and one ID for all, which RFC 6864 gives no meaning, the IDs excepted).
 *
 * Packets of one flow leave in the order in which they came. A packet whose checksum is wrong leaves as it is.
 * No payload is copied: a frame is a list of pieces.
 */
import { be16, le16, swap16 } from './bytes.js';
import { fold } from './checksum.js';
import { writeLargeHeader } from './large-header.js';
import type { PayloadKernels } from './payload.js';
import {
  ETHERNET_HEADER,
  IpProtocol,
  IPV4_HEADER,
  IPV6_HEADER,
  TCP_HEADER,
  TcpFlag,
  UDP_HEADER,
} from './protocol.js';
import { BARRIER, createTransportOf } from './transport-of.js';
import { VIRTIO_NET_HEADER } from './virtio-net.js';

export interface JoinOptions {
  /** Most packets that are added between two calls of `reset`. */
  readonly packets: number;
  /** Frames have a link header (TAP). */
  readonly ethernet: boolean;
  /** Whether the kernel takes large UDP segments (Linux 6.2 and up). */
  readonly udp: boolean;
}

export interface Joiner {
  /** Forgets all packets. */
  reset(): void;
  /**
   * Adds the next packet (TAP: frame) to send, as `length` bytes at `offset`, with VIRTIO_NET_HEADER bytes
   * free before it.
   */
  add(offset: number, length: number): void;
  /**
   * Writes the virtio-net headers, and the headers of packets that others were joined to; fills `gather`,
   * `packets` and `bytes`. Returns the number of frames.
   */
  finish(): number;
  /** For each frame the number of its pieces, then offset and length of each; shared memory. */
  readonly gather: Int32Array;
  /** For each frame: packets in it, and their bytes as they were added. */
  readonly packets: Int32Array;
  readonly bytes: Int32Array;
}

/** Flows in sight at a time; one that takes another's place only ends its large segment. A power of two. */
const FLOWS = 256;
/** Longest IP packet. */
const MAX_IP = 65_535;
/** Most packets in a frame: of TCP what one writev takes, of UDP what the kernel itself joins (UDP_GRO_CNT_MAX). */
const MAX_TCP_PACKETS = 512;
const MAX_UDP_PACKETS = 64;

const NOBODY = -1;
/** Whether a head's checksums are right: not looked at yet, right, or not. */
const UNKNOWN = 0;
const RIGHT = 1;
const WRONG = 2;
/** How the IPv4 IDs of a frame's packets go on. */
const ID_OPEN = 0;
const ID_COUNTS = 1;
const ID_STAYS = 2;

/** Flags with which a packet can be joined at all, and those with which it ends a segment. */
const PLAIN_FLAGS = TcpFlag.ACK | TcpFlag.ECE;
const LAST_FLAGS = TcpFlag.FIN | TcpFlag.PSH;
const FIRST_FLAGS = TcpFlag.CWR;
/** What may differ in a header's fourth word (data offset, flags, window), as a little-endian word. */
const SAME_FLAGS = ~((LAST_FLAGS | FIRST_FLAGS) << 8);

/** `bytes`: the whole memory of the kernels. */
export function createJoiner(bytes: Uint8Array, kernels: PayloadKernels, options: JoinOptions): Joiner {
  const { sum } = kernels;
  const { ethernet, udp } = options;
  const capacity = options.packets;
  const link = ethernet ? ETHERNET_HEADER : 0;
  const transportOf = createTransportOf(bytes, ethernet);
  const view = new DataView(bytes.buffer);
  const words = new Int32Array(bytes.buffer);

  // For each packet, by the order of adding.
  const offsets = new Int32Array(capacity);
  const lengths = new Int32Array(capacity);
  /** The packet joined behind this one. */
  const nexts = new Int32Array(capacity);
  /** 1: joined to an earlier one. */
  const joined = new Uint8Array(capacity);
  // For each packet to which others may be joined (a head): bytes of its headers and of its payload …
  const headers = new Int32Array(capacity);
  const sizes = new Int32Array(capacity);
  // … and of the frame so far: packets, length of the IP packet, the sequence number that comes next, the last
  // packet, whether checksums are right, how IDs go on.
  const members = new Int32Array(capacity);
  const totals = new Int32Array(capacity);
  const expected = new Int32Array(capacity);
  const tails = new Int32Array(capacity);
  const checked = new Uint8Array(capacity);
  const numbering = new Uint8Array(capacity);
  /** The head that packets of a flow are joined to, by the flow's hash. */
  const flows = new Int32Array(FLOWS).fill(NOBODY);
  /** The hashes of all flows that have one, or have had. A batch has few. */
  const seen = new Int32Array(capacity);
  let seenCount = 0;

  const gather = new Int32Array(new SharedArrayBuffer(3 * capacity * 4));
  const packets = new Int32Array(capacity);
  const frameBytes = new Int32Array(capacity);
  let count = 0;

  function reset(): void {
    count = 0;
    forget();
  }

  function forget(): void {
    for (let i = 0; i < seenCount; i++) flows[seen[i]!] = NOBODY;
    seenCount = 0;
  }

  function add(offset: number, length: number): void {
    const k = count++;
    offsets[k] = offset;
    lengths[k] = length;
    nexts[k] = NOBODY;
    joined[k] = 0;
    members[k] = 1;
    if (!ethernet && (offset & 3) === 0 && continues(k, offset >> 2, length)) return;
    const transport = transportOf(offset, length);
    if (transport <= 0) {
      if (transport === BARRIER) forget();
      return;
    }

    const ip = offset + link;
    const isIpv4 = transport - ip === IPV4_HEADER;
    const isTcp = bytes[ip + (isIpv4 ? 9 : 6)] === IpProtocol.TCP;
    const tail = offset + length - transport;
    let header = UDP_HEADER;
    let mayFollow: boolean;
    let mayLead: boolean;
    let isLast = false;
    if (isTcp) {
      header = (bytes[transport + 12]! >>> 4) * 4;
      const flags = bytes[transport + 13]!;
      isLast = (flags & LAST_FLAGS) !== 0;
      const isData =
        header >= TCP_HEADER && tail > header && (flags & ~(PLAIN_FLAGS | LAST_FLAGS | FIRST_FLAGS)) === 0;
      mayFollow = isData && (flags & (TcpFlag.ACK | FIRST_FLAGS)) === TcpFlag.ACK;
      mayLead = isData && (flags & TcpFlag.ACK) !== 0 && !isLast;
    } else {
      mayFollow = mayLead =
        udp && tail > UDP_HEADER && be16(bytes, transport + 4) === tail && le16(bytes, transport + 6) !== 0;
    }

    const flow = flowOf(view.getInt32(transport, true), view.getInt32(transport - 4, true));
    const head = flows[flow]!;
    const size = tail - header;
    if (head !== NOBODY && isSameFlow(head, ip, transport)) {
      if (mayFollow && follows(head, ip, transport, header, size) && isRight(head, ip, transport)) {
        join(head, k, size, isTcp);
        const isFull = members[head]! >= (isTcp ? MAX_TCP_PACKETS : MAX_UDP_PACKETS);
        if (isLast || size < sizes[head]! || isFull) flows[flow] = NOBODY;
        return;
      }
      flows[flow] = NOBODY;
    }
    if (!mayLead) return;
    flows[flow] = k;
    seen[seenCount++] = flow;
    headers[k] = transport - ip + header;
    sizes[k] = size;
    totals[k] = length - link;
    tails[k] = k;
    checked[k] = UNKNOWN;
    numbering[k] = ID_OPEN;
    if (isTcp) expected[k] = (view.getInt32(transport + 4) + size) | 0;
  }

  function flowOf(ports: number, destination: number): number {
    const hash = Math.imul(Math.imul(ports, 0x9e3779b1) ^ destination, 0x85ebca6b);
    return (hash ^ (hash >>> 15)) & (FLOWS - 1);
  }

  /**
   * The common case in words: the packet at word `at` is just what its flow's large segment waits for, and is
   * joined. False for all else, of which `add` finds out by bytes what it is.
   */
  function continues(k: number, at: number, length: number): boolean {
    const first = words[at]!;
    const isIpv4 = (first & 0xff) === 0x45;
    const tail = at + (isIpv4 ? 5 : 10);
    if (length < (isIpv4 ? 40 : 60)) return false;
    const flow = flowOf(words[tail]!, words[tail - 1]!);
    const head = flows[flow]!;
    if (head === NOBODY || (offsets[head]! & 3) !== 0 || checked[head] === WRONG) return false;
    const shift = (offsets[head]! >> 2) - at;
    const second = words[at + 1]!;
    const third = words[at + 2]!;
    const size = length - headers[head]!;
    if (size <= 0 || size > sizes[head]! || totals[head]! + size > MAX_IP) return false;

    let differences: number;
    let total = 0;
    let isTcp: boolean;
    if (isIpv4) {
      // version and TOS; flags and fragment offset; TTL and protocol; addresses and ports
      differences = (first ^ words[at + shift]!) & 0xffff;
      differences |= (second ^ words[at + shift + 1]!) & ~0xffff;
      differences |= (third ^ words[at + shift + 2]!) & 0xffff;
      differences |= words[at + 3]! ^ words[at + shift + 3]!;
      differences |= words[at + 4]! ^ words[at + shift + 4]!;
      differences |= words[at + 5]! ^ words[at + shift + 5]!;
      if (differences !== 0 || swap16(first >>> 16) !== length) return false;
      isTcp = (third & 0xff00) === IpProtocol.TCP << 8;
      total = (first & 0xffff) + (first >>> 16) + (second & 0xffff) + (second >>> 16);
      total += (third & 0xffff) + (third >>> 16);
    } else {
      // version, traffic class, flow label; next header and hop limit; addresses and ports
      differences = (first ^ words[at + shift]!) | ((second ^ words[at + shift + 1]!) & ~0xffff);
      for (let i = at + 2; i <= tail; i++) differences |= words[i]! ^ words[i + shift]!;
      if (differences !== 0 || swap16(second & 0xffff) !== length - IPV6_HEADER) return false;
      isTcp = (second & 0xff0000) === IpProtocol.TCP << 16;
    }

    let isLast = false;
    const bytesOfTail = length - (isIpv4 ? IPV4_HEADER : IPV6_HEADER);
    const fourth = words[tail + 1]!;
    if (isTcp) {
      const flags = words[tail + 3]!;
      const number = (swap16(fourth & 0xffff) << 16) | swap16(fourth >>> 16);
      // acknowledgement number, flags and window, urgent pointer
      differences = (number ^ expected[head]!) | (words[tail + 2]! ^ words[tail + shift + 2]!);
      differences |= ((flags ^ words[tail + shift + 3]!) & SAME_FLAGS) | (flags & (FIRST_FLAGS << 8));
      differences |= (words[tail + 4]! ^ words[tail + shift + 4]!) & ~0xffff;
      for (let i = tail + 5; i < at + (headers[head]! >> 2); i++)
        differences |= words[i]! ^ words[i + shift]!;
      if (differences !== 0) return false;
      isLast = (flags & (LAST_FLAGS << 8)) !== 0;
    } else if (swap16(fourth & 0xffff) !== bytesOfTail || fourth >>> 16 === 0) {
      return false;
    }

    if (checked[head] === UNKNOWN && !isHeadRight(head, (tail - at) * 4)) return false;
    const addresses = isIpv4 ? at + 3 : at + 2;
    if (isIpv4) {
      total += (words[at + 3]! & 0xffff) + (words[at + 3]! >>> 16);
      total += (words[at + 4]! & 0xffff) + (words[at + 4]! >>> 16);
      if (fold(total) !== 0xffff || !countsOn(head, swap16(second & 0xffff))) return false;
    }
    total = sum(addresses << 2, length - ((addresses - at) << 2));
    total += ((isTcp ? IpProtocol.TCP : IpProtocol.UDP) << 8) + swap16(bytesOfTail);
    if (fold(total) !== 0xffff) return false;
    join(head, k, size, isTcp);
    const isFull = members[head]! >= (isTcp ? MAX_TCP_PACKETS : MAX_UDP_PACKETS);
    if (isLast || size < sizes[head]! || isFull) flows[flow] = NOBODY;
    return true;
  }

  /** Addresses, protocol and ports; on a TAP the Ethernet addresses as well. */
  function isSameFlow(head: number, ip: number, transport: number): boolean {
    const other = offsets[head]! + link;
    const shift = other - ip;
    if (bytes[ip]! >>> 4 !== bytes[other]! >>> 4) return false;
    const isIpv4 = transport - ip === IPV4_HEADER;
    if (bytes[ip + (isIpv4 ? 9 : 6)] !== bytes[other + (isIpv4 ? 9 : 6)]) return false;
    let differences = view.getInt32(transport, true) ^ view.getInt32(transport + shift, true);
    for (let at = isIpv4 ? ip + 12 : ip + 8; at < transport; at += 4) {
      differences |= view.getInt32(at, true) ^ view.getInt32(at + shift, true);
    }
    for (let at = ip - link; at < ip - 2; at += 4) {
      differences |= view.getInt32(at, true) ^ view.getInt32(at + shift, true);
    }
    return differences === 0;
  }

  /** Whether a packet of the same flow is the head's continuation, alike in all that segments share. */
  function follows(head: number, ip: number, transport: number, header: number, size: number): boolean {
    const other = offsets[head]! + link;
    const shift = other - ip;
    if (size > sizes[head]! || totals[head]! + size > MAX_IP) return false;
    if (headers[head] !== transport - ip + header) return false;
    let differences: number;
    if (transport - ip === IPV4_HEADER) {
      // version and TOS; TTL (and protocol); DF and the reserved bit
      differences = (view.getInt32(ip, true) ^ view.getInt32(other, true)) & 0xffff;
      differences |= (view.getInt32(ip + 8, true) ^ view.getInt32(other + 8, true)) & 0xffff;
      differences |= bytes[ip + 6]! ^ bytes[other + 6]!;
      if (differences !== 0 || !countsOn(head, be16(bytes, ip + 4))) return false;
    } else {
      // version, traffic class, flow label; next header, hop limit
      differences = view.getInt32(ip, true) ^ view.getInt32(other, true);
      differences |= (view.getInt32(ip + 4, true) ^ view.getInt32(other + 4, true)) >>> 16;
      if (differences !== 0) return false;
    }
    if (header === UDP_HEADER) return true;
    // sequence and acknowledgement number; flags and window; urgent pointer; options
    if (view.getInt32(transport + 4) !== expected[head]) return false;
    const before = transport + shift;
    differences = view.getInt32(transport + 8, true) ^ view.getInt32(before + 8, true);
    differences |= (view.getInt32(transport + 12, true) ^ view.getInt32(before + 12, true)) & SAME_FLAGS;
    differences |= (view.getInt32(transport + 16, true) ^ view.getInt32(before + 16, true)) >>> 16;
    for (let at = TCP_HEADER; at < header; at += 4) {
      differences |= view.getInt32(transport + at, true) ^ view.getInt32(before + at, true);
    }
    return differences === 0;
  }

  /** IDs go up by one, or with DF stay the same; as the first two packets do, so all do. */
  function countsOn(head: number, id: number): boolean {
    const other = offsets[head]! + link;
    const step = (id - be16(bytes, other + 4)) & 0xffff;
    const counts = step === members[head];
    const stays = step === 0 && (bytes[other + 6]! & 0x40) !== 0;
    if (numbering[head] === ID_COUNTS) return counts;
    if (numbering[head] === ID_STAYS) return stays;
    if (counts) numbering[head] = ID_COUNTS;
    else if (stays) numbering[head] = ID_STAYS;
    return counts || stays;
  }

  /** Whether both packets' checksums are right. */
  function isRight(head: number, ip: number, transport: number): boolean {
    return isHeadRight(head, transport - ip) && isIntact(ip, transport, ipLength(ip));
  }

  function isHeadRight(head: number, header: number): boolean {
    if (checked[head] === UNKNOWN) {
      const ip = offsets[head]! + link;
      checked[head] = isIntact(ip, ip + header, lengths[head]! - link) ? RIGHT : WRONG;
    }
    return checked[head] === RIGHT;
  }

  function ipLength(ip: number): number {
    return bytes[ip] === 0x45 ? be16(bytes, ip + 2) : be16(bytes, ip + 4) + IPV6_HEADER;
  }

  function isIntact(ip: number, transport: number, length: number): boolean {
    const isIpv4 = transport - ip === IPV4_HEADER;
    if (isIpv4 && sum(ip, IPV4_HEADER) !== 0xffff) return false;
    // The addresses stand right before the transport header, which makes them one range to sum.
    const addresses = ip + (isIpv4 ? 12 : 8);
    const protocol = bytes[ip + (isIpv4 ? 9 : 6)]!;
    const total = sum(addresses, ip + length - addresses) + (protocol << 8) + swap16(ip + length - transport);
    return fold(total) === 0xffff;
  }

  function join(head: number, k: number, size: number, isTcp: boolean): void {
    joined[k] = 1;
    nexts[tails[head]!] = k;
    tails[head] = k;
    members[head]!++;
    totals[head]! += size;
    if (isTcp) expected[head] = (expected[head]! + size) | 0;
  }

  function finish(): number {
    let frames = 0;
    let at = 0;
    for (let k = 0; k < count; k++) {
      if (joined[k] === 1) continue;
      const offset = offsets[k]! - VIRTIO_NET_HEADER;
      const pieces = members[k]!;
      view.setInt32(offset, 0);
      view.setInt32(offset + 4, 0);
      view.setInt32(offset + 8, 0);
      if (pieces > 1) {
        const last = offsets[tails[k]!]!;
        writeLargeHeader(bytes, kernels, link, offsets[k]!, totals[k]!, headers[k]!, sizes[k]!, last);
      }
      packets[frames] = pieces;
      let total = lengths[k]!;
      gather[at] = pieces;
      gather[at + 1] = offset;
      gather[at + 2] = total + VIRTIO_NET_HEADER;
      at += 3;
      for (let next = nexts[k]!; next !== NOBODY; next = nexts[next]!) {
        const before = headers[k]! + link;
        gather[at] = offsets[next]! + before;
        gather[at + 1] = lengths[next]! - before;
        at += 2;
        total += lengths[next]!;
      }
      frameBytes[frames++] = total;
    }
    return frames;
  }

  return { reset, add, finish, gather, packets, bytes: frameBytes };
}
