/**
 * Fragmentation of an IPv4 packet before it enters a tunnel (RFC 791 §3.2, example procedure; RFC 6864
 * for the ID).
 */
import { be16, putBe16, putLe16, word } from '../wire/bytes.js';
import { sumBytes } from '../wire/checksum.js';
import { IPV4_HEADER, Ipv4Flag } from '../wire/protocol.js';
import { mix } from './hash.js';

const OPTION_END = 0;
const OPTION_NOP = 1;
/** Options with this bit stand in every fragment. */
const OPTION_COPIED = 0x80;

/** Whether the packet is a fragment whose data ends beyond what an IP packet can hold (RFC 791 §3.2). */
export function endsBeyondLimit(bytes: Uint8Array, ip: number, length: number): boolean {
  const offset = (be16(bytes, ip + 6) & 0x1fff) * 8;
  return offset + length - (bytes[ip]! & 0x0f) * 4 > 65_535;
}

/** How a packet is to be cut; made once, filled for each packet by `plan`. */
export class FragmentPlan {
  count = 0;
  /** Header bytes of the first fragment (the packet's own) and of the others. */
  firstHeader = 0;
  otherHeader = 0;
  /** Payload bytes of the first fragment and of the others but the last. */
  firstPayload = 0;
  otherPayload = 0;
  private total = 0;
  private id = 0;
  private readonly options = new Uint8Array(40);

  /** Plans the fragments of the checked packet of `length` bytes at `ip` for an MTU of 68 and up. */
  plan(bytes: Uint8Array, ip: number, length: number, mtu: number): void {
    this.firstHeader = (bytes[ip]! & 0x0f) * 4;
    this.otherHeader = IPV4_HEADER + this.collectCopiedOptions(bytes, ip);
    this.firstPayload = (mtu - this.firstHeader) & ~7;
    this.otherPayload = (mtu - this.otherHeader) & ~7;
    this.total = length;
    const rest = length - this.firstHeader - this.firstPayload;
    // The last fragment needs no multiple of 8: it takes what fits in the MTU.
    this.count = 1;
    for (let left = rest; left > 0; this.count++) {
      left -= left <= mtu - this.otherHeader ? left : this.otherPayload;
    }
    this.id = be16(bytes, ip + 4);
    if (this.id === 0 && (bytes[ip + 6]! & Ipv4Flag.DONT_FRAGMENT) !== 0) this.id = idFor(bytes, ip, length);
  }

  /** Payload bytes of fragment `index`, and where they start behind the packet's header. */
  payloadStart(index: number): number {
    return index === 0 ? 0 : this.firstPayload + (index - 1) * this.otherPayload;
  }

  payloadLength(index: number): number {
    const left = this.total - this.firstHeader - this.payloadStart(index);
    return index === this.count - 1 ? left : index === 0 ? this.firstPayload : this.otherPayload;
  }

  headerLength(index: number): number {
    return index === 0 ? this.firstHeader : this.otherHeader;
  }

  /** Writes the IPv4 header of fragment `index` of the packet at `ip` to `at`. */
  writeHeader(bytes: Uint8Array, ip: number, at: number, index: number): void {
    const header = this.headerLength(index);
    for (let i = 0; i < IPV4_HEADER; i++) bytes[at + i] = bytes[ip + i]!;
    for (let i = IPV4_HEADER; i < header; i++) {
      bytes[at + i] = index === 0 ? bytes[ip + i]! : this.options[i - IPV4_HEADER]!;
    }
    bytes[at] = 0x40 | (header >>> 2);
    putBe16(bytes, at + 2, header + this.payloadLength(index));
    putBe16(bytes, at + 4, this.id);
    const own = be16(bytes, ip + 6);
    const more = index < this.count - 1 ? Ipv4Flag.MORE_FRAGMENTS << 8 : own & (Ipv4Flag.MORE_FRAGMENTS << 8);
    putBe16(bytes, at + 6, more | ((own & 0x1fff) + (this.payloadStart(index) >>> 3)));
    putLe16(bytes, at + 10, 0);
    putLe16(bytes, at + 10, ~sumBytes(bytes, at, header) & 0xffff);
  }

  /** Collects the options that every fragment carries, padded to a multiple of 4; answers their length. */
  private collectCopiedOptions(bytes: Uint8Array, ip: number): number {
    const end = ip + this.firstHeader;
    let used = 0;
    let at = ip + IPV4_HEADER;
    while (at < end) {
      const kind = bytes[at]!;
      if (kind === OPTION_END) break;
      if (kind === OPTION_NOP) {
        at++;
        continue;
      }
      const length = at + 1 < end ? bytes[at + 1]! : 0;
      if (length < 2 || at + length > end) break;
      if ((kind & OPTION_COPIED) !== 0) {
        for (let i = 0; i < length; i++) this.options[used++] = bytes[at + i]!;
      }
      at += length;
    }
    while ((used & 3) !== 0) this.options[used++] = OPTION_END;
    return used;
  }
}

/**
 * An ID for a packet that came with DF and ID 0 and is now to be fragmented: from its addresses, length and
 * first bytes, so that any worker gives the same. Not 0.
 */
function idFor(bytes: Uint8Array, ip: number, length: number): number {
  const header = (bytes[ip]! & 0x0f) * 4;
  let h = mix(word(bytes, ip + 12), word(bytes, ip + 16));
  h = mix(h, length);
  const end = Math.min(length, header + 32) & ~3;
  for (let i = header; i < end; i += 4) h = mix(h, word(bytes, ip + i));
  const id = (h ^ (h >>> 16)) & 0xffff;
  return id === 0 ? 1 : id;
}
