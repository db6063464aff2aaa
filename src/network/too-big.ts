/**
 * Reads "fragmentation needed" (RFC 792 and RFC 1191) and "packet too big" (RFC 4443 §3.2) about a GRE packet:
 * what MTU it tells, and what of our packet it quotes. Checks the form only, not whether it is true.
 */
import { GRE_HEADER, GreFlag, ICMP_HEADER, IpProtocol, IPV4_HEADER, IPV6_HEADER } from '../wire/protocol.js';

/** What an error tells. Sizes in bytes. */
export interface TooBig {
  /** MTU of the next hop; 0: a router older than RFC 1191 that does not say. */
  readonly mtu: number;
  /** Outer addresses of the quoted packet. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Length of the quoted packet when it was whole, outer header included. */
  readonly length: number;
  /** The first two bytes of its GRE header. */
  readonly flags: number;
  /** Its protocol type. */
  readonly protocol: number;
  /** Its GRE key; null when it has none, or the quotation ends before. */
  readonly key: number | null;
}

/** Why it is none that we look at. */
export type NotTooBig = 'malformed' | 'other_type' | 'not_gre' | 'fragment';

/** GRE flags in the first two bytes (RFC 2784, RFC 2890). */
export const GRE_CHECKSUM = GreFlag.CHECKSUM << 8;
export const GRE_KEY = GreFlag.KEY << 8;
export const GRE_SEQUENCE = GreFlag.SEQUENCE << 8;
/** All of them, the reserved bits and the version. */
export const GRE_FLAGS = 0xffff;

/**
 * @param message an ICMP (family 4) or ICMPv6 (family 6) message whose checksum is right, without its IP header
 */
export function readTooBig(message: Uint8Array, family: 4 | 6): TooBig | NotTooBig {
  if (message.length < ICMP_HEADER) return 'malformed';
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  return family === 4 ? readTooBig4(message, view) : readTooBig6(message, view);
}

function readTooBig4(message: Uint8Array, view: DataView): TooBig | NotTooBig {
  // Destination unreachable, fragmentation needed.
  if (message[0] !== 3 || message[1] !== 4) return 'other_type';
  const quoted = ICMP_HEADER;
  if (message.length < quoted + IPV4_HEADER || message[quoted]! >>> 4 !== 4) return 'malformed';
  const header = (message[quoted]! & 0x0f) * 4;
  if (header < IPV4_HEADER) return 'malformed';
  if (message[quoted + 9] !== IpProtocol.GRE) return 'not_gre';
  // Ours may not be fragmented (RFC 1191 §3), and are none.
  if ((view.getUint16(quoted + 6) & 0x7fff) !== 0x4000) return 'fragment';
  return readGre(view, quoted + header, {
    mtu: view.getUint16(6),
    source: message.slice(quoted + 12, quoted + 16),
    destination: message.slice(quoted + 16, quoted + 20),
    length: view.getUint16(quoted + 2),
  });
}

function readTooBig6(message: Uint8Array, view: DataView): TooBig | NotTooBig {
  // Packet too big; RFC 4443: the code is not looked at.
  if (message[0] !== 2) return 'other_type';
  const quoted = ICMP_HEADER;
  if (message.length < quoted + IPV6_HEADER || message[quoted]! >>> 4 !== 6) return 'malformed';
  const next = message[quoted + 6];
  if (next === IpProtocol.FRAGMENT) return 'fragment';
  // We send no extension headers.
  if (next !== IpProtocol.GRE) return 'not_gre';
  return readGre(view, quoted + IPV6_HEADER, {
    mtu: view.getUint32(4),
    source: message.slice(quoted + 8, quoted + 24),
    destination: message.slice(quoted + 24, quoted + 40),
    length: view.getUint16(quoted + 4) + IPV6_HEADER,
  });
}

function readGre(
  view: DataView,
  at: number,
  quote: Pick<TooBig, 'mtu' | 'source' | 'destination' | 'length'>,
): TooBig | NotTooBig {
  // RFC 792: at least eight bytes behind the IP header.
  if (view.byteLength < at + 2 * GRE_HEADER) return 'malformed';
  const flags = view.getUint16(at);
  const key = at + GRE_HEADER + ((flags & GRE_CHECKSUM) === 0 ? 0 : 4);
  const hasKey = (flags & GRE_KEY) !== 0 && view.byteLength >= key + 4;
  return { ...quote, flags, protocol: view.getUint16(at + 2), key: hasKey ? view.getUint32(key) : null };
}
