/**
 * Keepalives of Cisco routers (IOS, "GRE Tunnel Keepalive"): the router puts the answer into the question. Inside
 * the GRE packet lies an IPv4 packet from our endpoint to its own, with a GRE header of protocol type 0; who
 * takes the outer header off and forwards the rest has answered, with no need to know keepalives. Default deny
 * would drop it (the source is no customer's), so that it is known here. None is known over IPv6.
 *
 * Only what is exactly that qualifies. The answer goes where the question says that it came from, is shorter, and
 * is GRE that nobody decapsulates: it can neither be aimed at anybody else nor go round.
 */
import { be16, word } from '../wire/bytes.js';
import { GRE_HEADER, GreFlag, IPV4_HEADER, IpProtocol } from '../wire/protocol.js';
import { ttlOf } from './forwarding.js';

/**
 * Whether the checked IPv4 packet of `length` bytes at `inner` is a keepalive of the tunnel through which it came
 * in an IPv4 packet at `outer`.
 *
 * @param key that of the tunnel as `word` reads it from a packet
 * @param keyed whether the tunnel has one
 */
export function isKeepalive(
  bytes: Uint8Array,
  outer: number,
  inner: number,
  length: number,
  key: number,
  keyed: boolean,
): boolean {
  const gre = inner + IPV4_HEADER;
  const size = length - IPV4_HEADER;
  // prettier-ignore
  if (
    bytes[inner] !== 0x45 || bytes[inner + 9] !== IpProtocol.GRE || (be16(bytes, inner + 6) & 0x3fff) !== 0 ||
    word(bytes, inner + 12) !== word(bytes, outer + 16) || word(bytes, inner + 16) !== word(bytes, outer + 12) ||
    ttlOf(bytes, inner, 4) <= 1 || size < GRE_HEADER || be16(bytes, gre + 2) !== 0
  ) {
    return false;
  }
  const flags = be16(bytes, gre);
  if (flags === 0) return true;
  return (
    flags === GreFlag.KEY << 8 && keyed && size >= GRE_HEADER + 4 && word(bytes, gre + GRE_HEADER) === key
  );
}
