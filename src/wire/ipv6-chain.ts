/**
 * The chain of IPv6 extension headers (RFC 8200 §4), walked with bounds. One walker for all who look
 * behind it: GRE for us, flow hash, MSS clamp, ICMP errors.
 */
import { be16 } from './bytes.js';
import { IpProtocol, IPV6_HEADER } from './protocol.js';

/** Extension headers that are walked at the most; a longer chain counts as one without end. */
const MAX_HEADERS = 8;

/** What a walk found; made once and filled by each walk. */
export class Ipv6Chain {
  /** Protocol at the end of the chain, or −1 when the chain ran out of the packet or was too long. */
  protocol = -1;
  /** Byte offset of that protocol's header. */
  offset = 0;
  /** Whether a fragment header that is not atomic (RFC 6946) was met; the walk stops at it unless offset is 0. */
  fragment = false;
  /** Whether it was a fragment other than the first: what lies behind is not a transport header. */
  laterFragment = false;
  /** Next header that the first non-atomic fragment header names, or −1. */
  fragmentProtocol = -1;

  /**
   * Walks from the IPv6 header at `start`, whose packet is `length` bytes long (40 and up). Hop-by-hop,
   * routing and destination options are always passed, an authentication header only with `throughAh`;
   * a first fragment's header is passed, behind a later one nothing is looked at.
   */
  walk(bytes: Uint8Array, start: number, length: number, throughAh: boolean): void {
    const end = start + length;
    let next = bytes[start + 6]!;
    let at = start + IPV6_HEADER;
    this.fragment = false;
    this.laterFragment = false;
    this.fragmentProtocol = -1;
    this.protocol = -1;
    for (let walked = 0; walked <= MAX_HEADERS; walked++) {
      let size: number;
      if (next === IpProtocol.FRAGMENT) {
        size = 8;
        if (at + size > end) return;
        const offsetAndMore = be16(bytes, at + 2);
        if ((offsetAndMore & 0xfff9) !== 0) {
          if (!this.fragment) this.fragmentProtocol = bytes[at]!;
          this.fragment = true;
          if (offsetAndMore >>> 3 !== 0) {
            this.laterFragment = true;
            return;
          }
        }
      } else if (
        next === IpProtocol.HOP_BY_HOP ||
        next === IpProtocol.ROUTING ||
        next === IpProtocol.DESTINATION_OPTIONS
      ) {
        if (at + 8 > end) return;
        size = (bytes[at + 1]! + 1) * 8;
      } else if (next === IpProtocol.AUTHENTICATION && throughAh) {
        if (at + 8 > end) return;
        size = (bytes[at + 1]! + 2) * 4;
      } else {
        this.protocol = next;
        this.offset = at;
        return;
      }
      if (at + size > end) return;
      next = bytes[at]!;
      at += size;
    }
  }
}
