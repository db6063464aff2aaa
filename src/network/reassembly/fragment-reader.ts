/**
 * One fragment, read and judged by itself (RFC 791 §3.2, RFC 8200 §4.5, RFC 7112 §5). What is wrong in its IP header
 * is not for here: such a packet counts as no fragment, and whoever checks headers drops it with its reason.
 */
import { be16, word } from '../../wire/bytes.js';
import { sumBytes } from '../../wire/checksum.js';
import {
  FRAGMENT_HEADER,
  IpProtocol,
  IPV4_HEADER,
  Ipv4Flag,
  IPV6_HEADER,
  LONGEST_IP,
} from '../../wire/protocol.js';
import type { ReassemblyReason } from './reassembly-reasons.js';

/** Words of a key: source (4), destination (4), ID, family and (IPv4) protocol. */
export const DATAGRAM_KEY_WORDS = 10;

/** Most bytes in front of a fragment's data that are kept; IPv6 headers in front of a fragment header are few. */
export const LONGEST_HEADER = 256;

const MOST_HEADERS = 8;
const NO_NEXT_HEADER = 59;
const ESP = 50;

/** Bytes of an upper-layer header without which the chain of headers is not complete; others: one byte. */
const LEAST_HEADER = new Map<number, number>([
  [IpProtocol.TCP, 20],
  [IpProtocol.UDP, 8],
  [IpProtocol.ICMPV6, 8],
  [IpProtocol.GRE, 4],
  [ESP, 8],
  [NO_NEXT_HEADER, 0],
]);

/** What was read of one packet; made once, filled by each `read`. */
export class FragmentReader {
  /** Of a packet that is a fragment: which datagram it belongs to. */
  readonly key = new Int32Array(DATAGRAM_KEY_WORDS);
  family = 0;
  /** Header bytes in front of the data (IPv6: in front of the fragment header), from the start of the packet. */
  headerLength = 0;
  /** IPv6: place in the header of the byte that announces the fragment header, and what is to stand there. */
  nextHeaderAt = 0;
  nextHeader = 0;
  /** Where the data lies in the datagram and in memory, and its length. */
  offset = 0;
  at = 0;
  length = 0;
  /** Whether more fragments follow. */
  more = false;
  ecn = 0;

  /** @param pass protocols (next headers) whose fragments are left as they are */
  constructor(private readonly pass: readonly number[]) {}

  /**
   * Reads the IP packet of up to `available` bytes at `ip`. False for one that is no fragment, or not to be joined;
   * then nothing else is to be asked.
   */
  read(bytes: Uint8Array, ip: number, available: number): boolean {
    const version = available < IPV4_HEADER ? 0 : bytes[ip]! >>> 4;
    if (version === 4) return this.read4(bytes, ip, available);
    return version === 6 && this.read6(bytes, ip, available);
  }

  /** What is wrong with the fragment that was read last; null for nothing. */
  fault(bytes: Uint8Array): ReassemblyReason | null {
    if (this.length <= 0) return 'empty';
    if (this.more && (this.length & 7) !== 0) return 'misaligned';
    if (this.overhead + this.offset + this.length > LONGEST_IP) return 'too_long';
    if (this.offset !== 0 || this.family === 4) return null;
    if (this.headerLength > LONGEST_HEADER || !this.isChainComplete(bytes)) return 'header_chain';
    return null;
  }

  /** Bytes that count for the length field beside the data: IPv4 header, or IPv6 extension headers. */
  get overhead(): number {
    return this.family === 4 ? this.headerLength : this.headerLength - IPV6_HEADER;
  }

  private read4(bytes: Uint8Array, ip: number, available: number): boolean {
    const flagsAndOffset = be16(bytes, ip + 6);
    if ((flagsAndOffset & 0x3fff) === 0) return false;
    const header = (bytes[ip]! & 0x0f) * 4;
    const total = be16(bytes, ip + 2);
    if (header < IPV4_HEADER || header > total || total > available) return false;
    if (sumBytes(bytes, ip, header) !== 0xffff || this.pass.includes(bytes[ip + 9]!)) return false;
    const { key } = this;
    key.fill(0);
    key[0] = word(bytes, ip + 12);
    key[4] = word(bytes, ip + 16);
    key[8] = be16(bytes, ip + 4);
    key[9] = (4 << 8) | bytes[ip + 9]!;
    this.family = 4;
    this.headerLength = header;
    this.offset = (flagsAndOffset & 0x1fff) * 8;
    this.more = (flagsAndOffset & (Ipv4Flag.MORE_FRAGMENTS << 8)) !== 0;
    this.at = ip + header;
    this.length = total - header;
    this.ecn = bytes[ip + 1]! & 3;
    return true;
  }

  private read6(bytes: Uint8Array, ip: number, available: number): boolean {
    if (available < IPV6_HEADER) return false;
    const total = IPV6_HEADER + be16(bytes, ip + 4);
    if (total > available || !this.findFragmentHeader(bytes, ip, ip + total)) return false;
    const fragment = ip + this.headerLength;
    const offsetAndMore = be16(bytes, fragment + 2);
    // An atomic fragment (RFC 6946) is a whole packet, and has nothing to do with any other.
    if ((offsetAndMore & 0xfff9) === 0 || this.pass.includes(bytes[fragment]!)) return false;
    const { key } = this;
    for (let i = 0; i < 8; i++) key[i] = word(bytes, ip + 8 + i * 4);
    key[8] = word(bytes, fragment + 4);
    key[9] = 6 << 8;
    this.family = 6;
    this.nextHeader = bytes[fragment]!;
    this.offset = offsetAndMore & 0xfff8;
    this.more = (offsetAndMore & 1) !== 0;
    this.at = fragment + FRAGMENT_HEADER;
    this.length = total - this.headerLength - FRAGMENT_HEADER;
    this.ecn = (bytes[ip + 1]! >>> 4) & 3;
    return true;
  }

  /** The first fragment header behind headers that every router may look at (RFC 8200 §4.5, per-fragment headers). */
  private findFragmentHeader(bytes: Uint8Array, ip: number, end: number): boolean {
    this.nextHeaderAt = 6;
    let at = ip + IPV6_HEADER;
    for (let walked = 0; walked <= MOST_HEADERS; walked++) {
      const next = bytes[ip + this.nextHeaderAt]!;
      if (at + FRAGMENT_HEADER > end) return false;
      if (next === IpProtocol.FRAGMENT) {
        this.headerLength = at - ip;
        return true;
      }
      if (!isOptionsHeader(next)) return false;
      this.nextHeaderAt = at - ip;
      at += (bytes[at + 1]! + 1) * 8;
    }
    return false;
  }

  /** Whether a first fragment holds all headers up to and with that of the upper layer, and no fragment header. */
  private isChainComplete(bytes: Uint8Array): boolean {
    const end = this.at + this.length;
    let next = this.nextHeader;
    let at = this.at;
    for (let walked = 0; walked <= MOST_HEADERS; walked++) {
      let size: number;
      if (isOptionsHeader(next)) size = at + 2 > end ? Infinity : (bytes[at + 1]! + 1) * 8;
      else if (next === IpProtocol.AUTHENTICATION) size = at + 2 > end ? Infinity : (bytes[at + 1]! + 2) * 4;
      else return next !== IpProtocol.FRAGMENT && at + (LEAST_HEADER.get(next) ?? 1) <= end;
      if (at + size > end) return false;
      next = bytes[at]!;
      at += size;
    }
    return false;
  }
}

function isOptionsHeader(next: number): boolean {
  return (
    next === IpProtocol.HOP_BY_HOP || next === IpProtocol.ROUTING || next === IpProtocol.DESTINATION_OPTIONS
  );
}
