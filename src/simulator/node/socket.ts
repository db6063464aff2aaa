/** Who listens at a port of a host. */
import type { IcmpQuote } from './icmp-quote.js';
import type { IpPacket } from './ip-packet.js';

export interface Socket {
  /**
   * Takes over a packet whose header and checksum are right. `ip` tells its parts until the host's next packet; of
   * ICMP only echo replies come.
   */
  receive(packet: number, ip: IpPacket): void;
  /**
   * Whether this socket may have sent what an ICMP error quotes (RFC 5927 §4.1): nobody else's word changes what
   * the host knows about a path.
   */
  hasSent(quote: IcmpQuote): boolean;
  /** Such an error came; a path MTU that it tells is in effect already. The packet stays the host's. */
  failed(quote: IcmpQuote): void;
}
