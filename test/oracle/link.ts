/** docs/dataplane.md §1 (frames) and §6.7 (the link header on the way out). */
import { concat, read16, read32, write16, write32 } from './bytes.js';
import { Drop } from './outcome.js';

export interface OpenedFrame {
  /** The link header, 0 to 20 bytes. */
  header: Uint8Array;
  version: 4 | 6;
  /** What lies behind it. */
  rest: Uint8Array;
}

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const ETHERTYPE_VLAN = 0x8100;

function versionOfEthertype(ethertype: number): 4 | 6 {
  if (ethertype === ETHERTYPE_IPV4) return 4;
  if (ethertype === ETHERTYPE_IPV6) return 6;
  throw new Drop('ethertype_unsupported');
}

export function ethertypeOf(version: 4 | 6): number {
  return version === 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6;
}

function versionOfFamily(family: number): 4 | 6 | null {
  if (family === 2) return 4;
  if ([10, 24, 28, 30].includes(family)) return 6;
  return null;
}

function swap32(value: number): number {
  const bytes = new Uint8Array(4);
  write32(bytes, 0, value);
  return read32(bytes.reverse(), 0);
}

/** Length of an Ethernet header with at most one tag, or null when the frame ends before it does. */
export function ethernetHeaderLength(bytes: Uint8Array): number | null {
  if (bytes.length < 14) return null;
  const length = read16(bytes, 12) === ETHERTYPE_VLAN ? 18 : 14;
  return bytes.length < length ? null : length;
}

function cut(bytes: Uint8Array, length: number, version: (header: Uint8Array) => 4 | 6): OpenedFrame {
  if (bytes.length < length) throw new Drop('frame_truncated');
  const header = bytes.slice(0, length);
  return { header, version: version(header), rest: bytes.slice(length) };
}

function openRaw(bytes: Uint8Array): OpenedFrame {
  if (bytes.length === 0) throw new Drop('ip_truncated');
  const version = bytes[0]! >> 4;
  if (version === 4 || version === 6) return { header: new Uint8Array(0), version, rest: bytes };
  throw new Drop(bytes.length < 20 ? 'ip_truncated' : 'ip_bad_version');
}

function openFamily(bytes: Uint8Array, bothOrders: boolean): OpenedFrame {
  return cut(bytes, 4, (header) => {
    const family = read32(header, 0);
    const version = versionOfFamily(family) ?? (bothOrders ? versionOfFamily(swap32(family)) : null);
    if (version === null) throw new Drop('ethertype_unsupported');
    return version;
  });
}

export function openFrame(link: number, bytes: Uint8Array): OpenedFrame {
  switch (link) {
    case 0:
      return openFamily(bytes, true);
    case 1: {
      const length = ethernetHeaderLength(bytes);
      if (length === null) throw new Drop('frame_truncated');
      return cut(bytes, length, (header) => versionOfEthertype(read16(header, length - 2)));
    }
    case 101:
      return openRaw(bytes);
    case 108:
      return openFamily(bytes, false);
    case 113:
      return cut(bytes, 16, (header) => versionOfEthertype(read16(header, 14)));
    case 228:
      return cut(bytes, 0, () => 4);
    case 229:
      return cut(bytes, 0, () => 6);
    case 276:
      return cut(bytes, 20, (header) => versionOfEthertype(read16(header, 0)));
    default:
      throw new Drop('link_unsupported');
  }
}

/** Addresses swapped, tag kept. */
export function reverseEthernet(header: Uint8Array): Uint8Array {
  return concat(header.slice(6, 12), header.slice(0, 6), header.slice(12));
}

/** The family's number in the byte order in which the frame had it. */
function reverseFamily(header: Uint8Array, version: 4 | 6): Uint8Array {
  const reversed = header.slice();
  const big = versionOfFamily(read32(header, 0)) !== null;
  const family = big ? read32(header, 0) : swap32(read32(header, 0));
  if (versionOfFamily(family) === version) return reversed;
  const value = version === 4 ? 2 : 24;
  write32(reversed, 0, big ? value : swap32(value));
  return reversed;
}

/** The link header with which an IP packet goes back to where a frame came from. */
export function replyLink(
  link: number,
  header: Uint8Array,
  version: 4 | 6,
): { link: number; header: Uint8Array } {
  const out = link === 1 ? reverseEthernet(header) : header.slice();
  switch (link) {
    case 0:
    case 108:
      return { link, header: reverseFamily(header, version) };
    case 1:
      write16(out, out.length - 2, ethertypeOf(version));
      return { link, header: out };
    case 113:
      write16(out, 0, 4);
      write16(out, 14, ethertypeOf(version));
      return { link, header: out };
    case 276:
      out[10] = 4;
      write16(out, 0, ethertypeOf(version));
      return { link, header: out };
    case 228:
    case 229:
      // A link type of one family cannot carry the other: raw IP can.
      return { link: link === (version === 4 ? 228 : 229) ? link : 101, header: out };
    default:
      return { link, header: out };
  }
}
