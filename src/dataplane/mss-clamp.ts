/**
 * MSS clamp: lowers the maximum segment size option of TCP SYN and SYN-ACK segments (RFC 879, RFC 6691),
 * with the checksum kept right by RFC 1624. Never raises, never adds.
 */
import { be16, le16, putBe16, putLe16 } from '../wire/bytes.js';
import { updateChecksum } from '../wire/checksum.js';
import { Ipv6Chain } from '../wire/ipv6-chain.js';
import { IpProtocol, TCP_HEADER, TcpFlag } from '../wire/protocol.js';

/** Bits of the answer of `clampMss`. */
export const Clamp = { LOWERED: 1, MALFORMED: 2 } as const;

const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;

/**
 * Walks the options of the TCP header at `tcp` (its packet ends before `end`), if it is a SYN, and lowers
 * every MSS above `limit`. An option list that lies about its length is left from there on.
 */
export function clampMss(bytes: Uint8Array, tcp: number, end: number, limit: number): number {
  if (tcp + TCP_HEADER > end || (bytes[tcp + 13]! & TcpFlag.SYN) === 0) return 0;
  const optionsEnd = tcp + (bytes[tcp + 12]! >>> 4) * 4;
  if (optionsEnd < tcp + TCP_HEADER || optionsEnd > end) return Clamp.MALFORMED;
  let result = 0;
  let at = tcp + TCP_HEADER;
  while (at < optionsEnd) {
    const kind = bytes[at]!;
    if (kind === OPTION_END) break;
    if (kind === OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < optionsEnd ? bytes[at + 1]! : 0;
    if (length < 2 || at + length > optionsEnd) return result | Clamp.MALFORMED;
    if (kind === OPTION_MSS) {
      if (length !== 4) return result | Clamp.MALFORMED;
      if (be16(bytes, at + 2) > limit) {
        setMss(bytes, tcp, at + 2, limit);
        result |= Clamp.LOWERED;
      }
    }
    at += length;
  }
  return result;
}

function setMss(bytes: Uint8Array, tcp: number, at: number, value: number): void {
  let before = le16(bytes, at);
  putBe16(bytes, at, value);
  let after = le16(bytes, at);
  if (((at - tcp) & 1) !== 0) {
    // At an odd offset the two bytes lie in two words of the sum, each in the other's place.
    before = ((before & 0xff) << 8) | (before >>> 8);
    after = ((after & 0xff) << 8) | (after >>> 8);
  }
  putLe16(bytes, tcp + 16, updateChecksum(le16(bytes, tcp + 16), before, after));
}

const chain = new Ipv6Chain();

/**
 * Offset of the TCP header of a checked packet, or −1 when it has none that could be looked at (another
 * protocol, a fragment other than the first).
 */
export function findTcp(bytes: Uint8Array, ip: number, length: number, family: number): number {
  if (family === 4) {
    const laterFragment = (bytes[ip + 6]! & 0x1f) | bytes[ip + 7]!;
    if (bytes[ip + 9] !== IpProtocol.TCP || laterFragment !== 0) return -1;
    return ip + (bytes[ip]! & 0x0f) * 4;
  }
  chain.walk(bytes, ip, length, true);
  return chain.protocol === IpProtocol.TCP ? chain.offset : -1;
}
