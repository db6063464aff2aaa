/** TCP segments as endpoints read and write them (RFC 9293 §3.1; window scale: RFC 7323 §2). */
import { be16, be32, putBe16, putBe32, putLe16, swap16 } from '../../wire/bytes.js';
import { fold, sumBytes } from '../../wire/checksum.js';
import { IpProtocol, TCP_HEADER, TcpFlag } from '../../wire/protocol.js';
import type { IpPacket } from '../node/ip-packet.js';

/** Options of a SYN: MSS, no-operation, window scale. */
export const SYN_OPTIONS = 8;
/** MSS of those who do not say (RFC 9293 §3.7.1), for IPv4 and IPv6. */
export const DEFAULT_MSS4 = 536;
export const DEFAULT_MSS6 = 1220;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const OPTION_WINDOW_SCALE = 3;

/** Made once, and filled by `read`. */
export class TcpSegment {
  sourcePort = 0;
  /** 32 bits, signed or not: only differences are looked at. */
  sequence = 0;
  acknowledgment = 0;
  flags = 0;
  /** As it stands in the header, unscaled. */
  window = 0;
  /** Offset and bytes of what it carries. */
  data = 0;
  dataLength = 0;
  /** Options of a SYN; 0 and -1 without. */
  mss = 0;
  shift = -1;

  /** Reads the segment of a checked packet; false where its header is cut off. */
  read(bytes: Uint8Array, ip: IpPacket): boolean {
    const tcp = ip.transport;
    const header = (bytes[tcp + 12]! >>> 4) * 4;
    if (header < TCP_HEADER || tcp + header > ip.end) return false;
    this.sourcePort = be16(bytes, tcp);
    this.sequence = be32(bytes, tcp + 4);
    this.acknowledgment = be32(bytes, tcp + 8);
    this.flags = bytes[tcp + 13]!;
    this.window = be16(bytes, tcp + 14);
    this.data = tcp + header;
    this.dataLength = ip.end - this.data;
    this.mss = 0;
    this.shift = -1;
    if ((this.flags & TcpFlag.SYN) !== 0) this.readOptions(bytes, tcp + TCP_HEADER, this.data);
    return true;
  }

  has(flag: number): boolean {
    return (this.flags & flag) !== 0;
  }

  private readOptions(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to;) {
      const kind = bytes[at]!;
      if (kind === OPTION_END) return;
      if (kind === OPTION_NOP) {
        at++;
        continue;
      }
      const length = at + 1 < to ? bytes[at + 1]! : 0;
      if (length < 2 || at + length > to) return;
      if (kind === OPTION_MSS && length === 4) this.mss = be16(bytes, at + 2);
      if (kind === OPTION_WINDOW_SCALE && length === 3) this.shift = Math.min(bytes[at + 2]!, 14);
      at += length;
    }
  }
}

/** Sum of the pseudo header without the length, native order. */
export function tcpPseudoSum(source: Uint8Array, destination: Uint8Array): number {
  return fold(
    sumBytes(source, 0, source.length) + sumBytes(destination, 0, destination.length) + (IpProtocol.TCP << 8),
  );
}

/**
 * Writes a TCP header in front of `dataLength` bytes that are there already.
 *
 * @param pseudo of tcpPseudoSum
 * @param dataSum sum of the data, native order
 * @param mss in a SYN: the MSS and the window scale are written as options; else 0
 */
export function putTcpHeader(
  bytes: Uint8Array,
  tcp: number,
  sourcePort: number,
  destinationPort: number,
  sequence: number,
  acknowledgment: number,
  flags: number,
  window: number,
  mss: number,
  shift: number,
  dataLength: number,
  pseudo: number,
  dataSum: number,
): void {
  const header = mss === 0 ? TCP_HEADER : TCP_HEADER + SYN_OPTIONS;
  putBe16(bytes, tcp, sourcePort);
  putBe16(bytes, tcp + 2, destinationPort);
  putBe32(bytes, tcp + 4, sequence);
  putBe32(bytes, tcp + 8, acknowledgment);
  putBe16(bytes, tcp + 12, (header << 10) | flags);
  putBe16(bytes, tcp + 14, window);
  putBe32(bytes, tcp + 16, 0);
  if (mss !== 0) {
    putBe32(bytes, tcp + 20, (OPTION_MSS << 24) | (4 << 16) | mss);
    putBe32(bytes, tcp + 24, (OPTION_NOP << 24) | (OPTION_WINDOW_SCALE << 16) | (3 << 8) | shift);
  }
  const sum = pseudo + swap16(header + dataLength) + sumBytes(bytes, tcp, header) + dataSum;
  putLe16(bytes, tcp + 16, ~fold(sum) & 0xffff);
}
