/** An IP packet as hosts and routers read it: where its parts are, after its header has been checked. */
import { be16 } from '../../wire/bytes.js';
import { sumBytes } from '../../wire/checksum.js';
import { Ipv6Chain } from '../../wire/ipv6-chain.js';
import { IPV4_HEADER, IPV6_HEADER, Ipv4Flag } from '../../wire/protocol.js';
import { sumHeader4 } from './ip-header.js';

/** Made once for each node, and filled by `read`. */
export class IpPacket {
  /** Offset of the header. */
  at = 0;
  /** Bytes of the packet by its header, without padding. */
  length = 0;
  /** 4 or 6. */
  family = 4;
  /** Behind the header and, for IPv6, the extension headers; -1 where the chain of them is broken. */
  protocol = 0;
  /** Offset of that protocol's header. */
  transport = 0;
  /** Offset of the first byte behind the packet. */
  end = 0;
  /** Offsets of the addresses. */
  source = 0;
  destination = 0;
  /** Bytes of an address: 4 or 16. */
  addressBytes = 4;
  fragment = false;
  /** A fragment other than the first: `transport` points to no header. */
  laterFragment = false;
  /** IPv4 with DF, or IPv6. */
  dontFragment = false;
  private readonly chain = new Ipv6Chain();

  /** Reads the packet of `available` bytes at `at`; false for one that is cut off or wrong. */
  read(bytes: Uint8Array, at: number, available: number): boolean {
    this.at = at;
    if (available >= IPV4_HEADER && bytes[at]! >>> 4 === 4) return this.read4(bytes, at, available);
    return available >= IPV6_HEADER && bytes[at]! >>> 4 === 6 && this.read6(bytes, at, available);
  }

  private read4(bytes: Uint8Array, at: number, available: number): boolean {
    const header = (bytes[at]! & 0x0f) * 4;
    const length = be16(bytes, at + 2);
    if (header < IPV4_HEADER || length < header || length > available) return false;
    if ((header === IPV4_HEADER ? sumHeader4(bytes, at) : sumBytes(bytes, at, header)) !== 0xffff)
      return false;
    this.family = 4;
    this.length = length;
    this.protocol = bytes[at + 9]!;
    this.transport = at + header;
    this.end = at + length;
    this.source = at + 12;
    this.destination = at + 16;
    this.addressBytes = 4;
    const flags = bytes[at + 6]!;
    this.laterFragment = ((flags & 0x1f) | bytes[at + 7]!) !== 0;
    this.fragment = this.laterFragment || (flags & Ipv4Flag.MORE_FRAGMENTS) !== 0;
    this.dontFragment = (flags & Ipv4Flag.DONT_FRAGMENT) !== 0;
    return true;
  }

  private read6(bytes: Uint8Array, at: number, available: number): boolean {
    const length = IPV6_HEADER + be16(bytes, at + 4);
    if (length > available) return false;
    this.family = 6;
    this.length = length;
    this.end = at + length;
    this.source = at + 8;
    this.destination = at + 24;
    this.addressBytes = 16;
    this.dontFragment = true;
    this.chain.walk(bytes, at, length, false);
    this.protocol = this.chain.protocol;
    this.transport = this.chain.offset;
    this.fragment = this.chain.fragment;
    this.laterFragment = this.chain.laterFragment;
    if (this.laterFragment) this.protocol = this.chain.fragmentProtocol;
    return true;
  }
}
