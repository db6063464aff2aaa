/**
 * Large segments into packets: what a network card with segmentation offload does, here for the frames that
 * the kernel hands over through a TUN or TAP with virtio-net headers. Each packet gets its own IP ID, lengths,
 * sequence number, flags and complete checksums; the payload is copied and summed in one pass.
 *
 * Nothing in the virtio-net header is believed that the packet itself does not confirm.
 */
import { be16, le16, putBe16, putLe16, swap16 } from './bytes.js';
import { Ipv6Chain } from './ipv6-chain.js';
import type { PayloadKernels } from './payload.js';
import {
  ETHERNET_HEADER,
  EtherType,
  IpProtocol,
  IPV4_HEADER,
  IPV6_HEADER,
  TCP_HEADER,
  TcpFlag,
  UDP_HEADER,
  VLAN_TAG,
} from './protocol.js';
import { TCP_CHECKSUM, UDP_CHECKSUM, VirtioFlag, VirtioSegments } from './virtio-net.js';

/** What a frame is. */
export const FrameKind = {
  /** Its headers contradict each other or the frame's length. */
  INVALID: 0,
  /** One packet, where it is; its checksum is complete now. */
  WHOLE: 1,
  /** Several packets, to be taken by `take`. */
  LARGE: 2,
} as const;

export interface Splitter {
  /**
   * Looks at a frame of `length` bytes at `at`, with its virtio-net header at `header`; completes the checksum
   * of an ordinary one, and changes nothing in a large one. Returns a FrameKind. What was left of an earlier large
   * frame is forgotten.
   */
  begin(header: number, at: number, length: number): number;
  /**
   * Begins with a large TCP or UDP segment over IPv4 without options that `begin` has found good before: `length`
   * bytes at `at`, its IP header at `ip`, behind headers that each packet gets as they are; `payload` and `size` as
   * then.
   */
  resume(at: number, length: number, ip: number, payload: number, size: number): void;
  /** Where the payload that is left of the large frame begins, and how much of it a packet gets. */
  readonly payload: number;
  readonly size: number;
  /**
   * Writes up to `limit` packets of the large frame, packet i to `to + i × step` with its offset and length in
   * offsets[index + i] and lengths[index + i], which counts the payload also where that is left (Bodies). Returns their number; 0 when all have been taken. The frame must
   * stay as it is until then. `step` is a multiple of 4, and IP headers are 4-aligned (frameAlignment), here
   * and in the frame.
   */
  take(
    offsets: Int32Array,
    lengths: Int32Array,
    index: number,
    limit: number,
    to: number,
    step: number,
  ): number;
  /** Bytes of the longest packet that `take` has yet to give; 0 when none is left. */
  left(): number;
}

// A number that is imported is loaded anew for each packet (docs/architecture.md).
const LAST_ONLY = TcpFlag.FIN | TcpFlag.PSH;
const FIRST_ONLY = TcpFlag.CWR;

/** Where payload is left, for packets that `take` gives without it. */
export interface Bodies {
  /** For each packet: where its payload is in the large frame, and its length. */
  readonly bodyOffset: Int32Array;
  readonly bodyLength: Int32Array;
}

/**
 * `bytes`: the whole memory of the kernels. `ethernet`: frames have a link header (TAP). With `bodies`, payload stays in
 * the large frame: it is summed and not copied.
 */
export function createSplitter(
  bytes: Uint8Array,
  kernels: PayloadKernels,
  ethernet: boolean,
  bodies: Bodies | null = null,
): Splitter {
  const { sum, copy, copySum } = kernels;
  const view = new DataView(bytes.buffer);
  const words = new Int32Array(bytes.buffer);
  const chain = new Ipv6Chain();

  // The large frame in work: where its headers begin, in the frame's bytes and from there.
  let frame = 0;
  let network = 0;
  let transport = 0;
  let headers = 0;
  let isIpv4 = false;
  let isTcp = false;
  // The payload not taken yet, and what becomes of each packet's changing fields.
  let source = 0;
  let end = 0;
  let size = 0;
  /** Whether the changing fields have been taken out of the headers. */
  let isPrepared = false;
  let identification = 0;
  let sequence = 0;
  /** Flags of the next packet, as if it were the last. */
  let flags = 0;
  /** Sums of the headers without the fields that change; the transport's with the pseudo header. */
  let networkSum = 0;
  let transportSum = 0;

  /** Bytes in front of the IP header, or −1 when what is behind them is not IP. */
  function linkHeader(at: number, length: number): number {
    if (!ethernet) return 0;
    let link = ETHERNET_HEADER;
    if (length < link) return -1;
    if (be16(bytes, at + 12) === EtherType.VLAN) link += VLAN_TAG;
    if (length < link) return -1;
    const type = be16(bytes, at + link - 2);
    return type === EtherType.IPV4 || type === EtherType.IPV6 ? link : -1;
  }

  /** NEEDS_CHECKSUM of a frame that is one packet. */
  function complete(header: number, at: number, length: number): number {
    const start = le16(bytes, header + 6);
    const offset = le16(bytes, header + 8);
    const field = start + offset;
    if (start < IPV4_HEADER || field + 2 > length) return FrameKind.INVALID;
    const checksum = ~sum(at + start, length - start) & 0xffff;
    // Only in UDP does 0 say that there is no checksum (RFC 768); elsewhere 0xffff is not what a sum can be.
    putLe16(bytes, at + field, checksum === 0 && offset === UDP_CHECKSUM ? 0xffff : checksum);
    return FrameKind.WHOLE;
  }

  /** Whether the IP header and those behind it are what the virtio-net header says, to the last byte. */
  function agrees(ip: number, length: number, start: number, protocol: number): boolean {
    if (length < IPV4_HEADER) return false;
    const version = bytes[ip]! >>> 4;
    isIpv4 = version === 4;
    if (isIpv4) {
      const isFragment = (be16(bytes, ip + 6) & 0x3fff) !== 0;
      const header = (bytes[ip]! & 15) * 4;
      if (header < IPV4_HEADER || header !== start || be16(bytes, ip + 2) !== length) return false;
      if (isFragment || bytes[ip + 9] !== protocol) return false;
    } else {
      if (version !== 6 || length < IPV6_HEADER || be16(bytes, ip + 4) + IPV6_HEADER !== length) return false;
      chain.walk(bytes, ip, length, false);
      if (chain.protocol !== protocol || chain.offset !== ip + start || chain.fragment) return false;
    }
    return start + (isTcp ? TCP_HEADER : UDP_HEADER) < length;
  }

  function begin(header: number, at: number, length: number): number {
    source = end = 0;
    const kind = bytes[header + 1]! & ~VirtioSegments.ECN;
    const needsChecksum = (bytes[header]! & VirtioFlag.NEEDS_CHECKSUM) !== 0;
    if (kind === VirtioSegments.NONE) return needsChecksum ? complete(header, at, length) : FrameKind.WHOLE;
    const link = linkHeader(at, length);
    size = le16(bytes, header + 4);
    isTcp = kind === VirtioSegments.TCP4 || kind === VirtioSegments.TCP6;
    if ((!isTcp && kind !== VirtioSegments.UDP) || link < 0 || size === 0 || !needsChecksum) {
      return FrameKind.INVALID;
    }
    const start = le16(bytes, header + 6) - link;
    const field = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
    if (!agrees(at + link, length - link, start, isTcp ? IpProtocol.TCP : IpProtocol.UDP)) {
      return FrameKind.INVALID;
    }
    if (isTcp && isIpv4 !== (kind === VirtioSegments.TCP4)) return FrameKind.INVALID;
    const header4 = isTcp ? (bytes[at + link + start + 12]! >>> 4) * 4 : UDP_HEADER;
    if (header4 < UDP_HEADER || (isTcp && header4 < TCP_HEADER) || le16(bytes, header + 8) !== field) {
      return FrameKind.INVALID;
    }
    headers = link + start + header4;
    if (headers >= length) return FrameKind.INVALID;
    frame = at;
    network = link;
    transport = link + start;
    source = at + headers;
    end = at + length;
    isPrepared = false;
    return FrameKind.LARGE;
  }

  function resume(at: number, length: number, ip: number, payload: number, segment: number): void {
    frame = at;
    network = ip - at;
    transport = network + IPV4_HEADER;
    headers = payload - at;
    isIpv4 = true;
    isTcp = bytes[ip + 9] === IpProtocol.TCP;
    source = payload;
    end = at + length;
    size = segment;
    isPrepared = false;
  }

  /** Takes the changing fields out of the headers, and the sums of the rest. */
  function prepare(): void {
    const ip = frame + network;
    const at = frame + transport;
    const field = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
    isPrepared = true;
    if (isIpv4) {
      identification = be16(bytes, ip + 4);
      putBe16(bytes, ip + 2, 0);
      putBe16(bytes, ip + 4, 0);
      putBe16(bytes, ip + 10, 0);
      networkSum = sum(ip, transport - network);
    }
    // The field holds the pseudo header's sum over the whole length, which each packet replaces by its own.
    const pseudo = le16(bytes, at + field) + (~swap16(end - at) & 0xffff);
    putLe16(bytes, at + field, 0);
    if (isTcp) {
      sequence = view.getInt32(at + 4);
      flags = bytes[at + 13]!;
      view.setInt32(at + 4, 0);
      bytes[at + 13] = 0;
    } else {
      putBe16(bytes, at + 4, 0);
    }
    transportSum = pseudo + sum(at, headers - transport);
  }

  function take(
    offsets: Int32Array,
    lengths: Int32Array,
    index: number,
    limit: number,
    to: number,
    step: number,
  ): number {
    if (!isPrepared) prepare();
    // What stays the same for all packets of the frame, out of the closure's way.
    const [from, link, before, all, total] = [frame, network, transport, headers, end];
    const [ipv4, tcp, full, ipSum, tailSum] = [isIpv4, isTcp, size, networkSum, transportSum];
    const start = words[(from + link) >> 2]! & 0xffff;
    const fragment = words[(from + link + 4) >> 2]! & ~0xffff;
    const life = words[(from + link + (ipv4 ? 8 : 4)) >> 2]!;
    const window = words[(from + before + 12) >> 2]!;
    const urgent = words[(from + before + 16) >> 2]! & ~0xffff;
    let next = source;
    let [id, number, bits] = [identification, sequence, flags];
    let taken = 0;
    for (; taken < limit && next < total; taken++, to += step) {
      const payload = next + full < total ? full : total - next;
      const length = all + payload;
      const ip = (to + link) >> 2;
      const at = (to + before) >> 2;
      copy(to, from, all);
      let sums = tailSum;
      if (bodies === null) {
        sums += copySum(to + all, next, payload);
      } else {
        sums += sum(next, payload);
        bodies.bodyOffset[index + taken] = next;
        bodies.bodyLength[index + taken] = payload;
      }
      next += payload;

      if (ipv4) {
        const bytesOfPacket = swap16(length - link);
        const ownId = swap16(id);
        let ownSum = ipSum + bytesOfPacket + ownId;
        ownSum = (ownSum & 0xffff) + (ownSum >>> 16);
        ownSum = ~(ownSum + (ownSum >>> 16)) & 0xffff;
        words[ip] = start | (bytesOfPacket << 16);
        words[ip + 1] = ownId | fragment;
        words[ip + 2] = (life & 0xffff) | (ownSum << 16);
        id = (id + 1) & 0xffff;
      } else {
        words[ip + 1] = (life & ~0xffff) | swap16(length - link - 40);
      }

      const bytesOfTail = swap16(length - before);
      if (tcp) {
        const own = next < total ? bits & ~LAST_ONLY : bits;
        sums += bytesOfTail + (own << 8) + swap16(number >>> 16) + swap16(number & 0xffff);
        sums = (sums & 0xffff) + (sums >>> 16);
        sums = ~(sums + (sums >>> 16)) & 0xffff;
        words[at + 1] = (swap16(number & 0xffff) << 16) | swap16(number >>> 16);
        words[at + 3] = window | (own << 8);
        words[at + 4] = sums | urgent;
        number = (number + payload) | 0;
        bits &= ~FIRST_ONLY;
      } else {
        sums += 2 * bytesOfTail;
        sums = (sums & 0xffff) + (sums >>> 16);
        sums = ~(sums + (sums >>> 16)) & 0xffff;
        // 0 would say that there is no checksum (RFC 768).
        words[at + 1] = bytesOfTail | ((sums === 0 ? 0xffff : sums) << 16);
      }
      offsets[index + taken] = to;
      lengths[index + taken] = length;
    }
    source = next;
    identification = id;
    sequence = number;
    flags = bits;
    return taken;
  }

  function left(): number {
    return source < end ? headers + Math.min(size, end - source) : 0;
  }

  return {
    ...{ begin, resume, take, left },
    get payload(): number {
      return source;
    },
    get size(): number {
      return size;
    },
  };
}
