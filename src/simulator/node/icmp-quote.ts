/**
 * ICMP and ICMPv6 errors as a host reads them (RFC 792, RFC 1191, RFC 4443): what kind, and the packet that is
 * quoted. The form only is checked here; whether the quoted packet was ever sent is for the sender to say.
 */
import { be16, be32 } from '../../wire/bytes.js';
import {
  FRAGMENT_HEADER,
  ICMP_HEADER,
  IpProtocol,
  IPV4_HEADER,
  Ipv4Flag,
  IPV6_HEADER,
} from '../../wire/protocol.js';
import type { IpPacket } from './ip-packet.js';

export const Quote = { NONE: 0, UNREACHABLE: 1, TOO_BIG: 2, TIME_EXCEEDED: 3 } as const;

/** RFC 792: what is quoted of the payload at the least. */
const LEAST_QUOTE = 8;

/** Made once for each node, and filled by `read`. Offsets are into the packet that brought the error. */
export class IcmpQuote {
  /** One of Quote. */
  kind = 0;
  code = 0;
  /** With TOO_BIG: MTU of the next hop. */
  mtu = 0;
  /** Source address of the error. */
  from = 0;
  /** The quoted packet: family, offset, length when it was whole, protocol, offset of its transport header. */
  family = 4;
  at = 0;
  length = 0;
  protocol = 0;
  source = 0;
  destination = 0;
  transport = 0;
  /** First byte behind what is quoted; at least eight bytes of the transport header are there. */
  end = 0;

  /** Reads the ICMP message of a checked packet; false where it is no error of those kinds, or cut off. */
  read(bytes: Uint8Array, ip: IpPacket): boolean {
    const { transport: icmp, end, family } = ip;
    if (end < icmp + ICMP_HEADER) return false;
    this.family = family;
    this.kind = kindOf(family, bytes[icmp]!, bytes[icmp + 1]!);
    if (this.kind === Quote.NONE) return false;
    this.code = bytes[icmp + 1]!;
    this.mtu = family === 4 ? be16(bytes, icmp + 6) : be32(bytes, icmp + 4);
    this.from = ip.source;
    this.at = icmp + ICMP_HEADER;
    this.end = end;
    return family === 4 ? this.read4(bytes) : this.read6(bytes);
  }

  /** Port (or, of an echo request, identifier) that the quoted packet was sent from. */
  localPort(bytes: Uint8Array): number {
    return be16(bytes, this.isIcmp ? this.transport + 4 : this.transport);
  }

  get isIcmp(): boolean {
    return this.protocol === IpProtocol.ICMP || this.protocol === IpProtocol.ICMPV6;
  }

  private read4(bytes: Uint8Array): boolean {
    const { at, end } = this;
    if (end < at + IPV4_HEADER || bytes[at]! >>> 4 !== 4) return false;
    this.transport = at + (bytes[at]! & 0x0f) * 4;
    this.length = be16(bytes, at + 2);
    this.protocol = bytes[at + 9]!;
    this.source = at + 12;
    this.destination = at + 16;
    const laterFragment = (be16(bytes, at + 6) & 0x1fff) !== 0;
    // Nobody has to make smaller what anybody may cut.
    const mayBeCut = (bytes[at + 6]! & Ipv4Flag.DONT_FRAGMENT) === 0;
    return (
      !laterFragment && !(this.kind === Quote.TOO_BIG && mayBeCut) && end >= this.transport + LEAST_QUOTE
    );
  }

  private read6(bytes: Uint8Array): boolean {
    const { at, end } = this;
    if (end < at + IPV6_HEADER || bytes[at]! >>> 4 !== 6) return false;
    this.transport = at + IPV6_HEADER;
    this.length = IPV6_HEADER + be16(bytes, at + 4);
    this.protocol = bytes[at + 6]!;
    this.source = at + 8;
    this.destination = at + 24;
    if (this.protocol === IpProtocol.FRAGMENT && end >= this.transport + FRAGMENT_HEADER) {
      if (be16(bytes, this.transport + 2) >>> 3 !== 0) return false;
      this.protocol = bytes[this.transport]!;
      this.transport += FRAGMENT_HEADER;
    }
    return end >= this.transport + LEAST_QUOTE;
  }
}

function kindOf(family: number, type: number, code: number): number {
  if (family === 4) {
    if (type === 3) return code === 4 ? Quote.TOO_BIG : Quote.UNREACHABLE;
    return type === 11 ? Quote.TIME_EXCEEDED : Quote.NONE;
  }
  if (type === 1) return Quote.UNREACHABLE;
  if (type === 2) return Quote.TOO_BIG;
  return type === 3 ? Quote.TIME_EXCEEDED : Quote.NONE;
}
