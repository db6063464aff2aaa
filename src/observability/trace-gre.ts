/** The gre node: fields of a GRE header (RFC 2784, RFC 2890). */
import { be16, be32 } from '../wire/bytes.js';
import { sumBytes } from '../wire/checksum.js';
import { EtherType, GRE_HEADER, GRE_VERSION_MASK, GreFlag } from '../wire/protocol.js';
import { etherTypeName, hex, type Fields } from './trace-fields.js';
import { checksum } from './trace-ip.js';

export interface GreInfo {
  /** Offset of the header, of what it carries, and of the end of that. */
  readonly at: number;
  readonly payload: number;
  readonly end: number;
  readonly type: number;
  readonly hasChecksum: boolean;
  /** Null when the packet has none. */
  readonly key: number | null;
}

/** Decodes the GRE header in `bytes[at, end)`; null when it is cut off or wrong, as the fields then say. */
export function decodeGre(f: Fields, bytes: Uint8Array, at: number, end: number): GreInfo | null {
  const there = end - at;
  if (there < GRE_HEADER) {
    f.wrongAt(at, there, 'GRE header', `${there} bytes`, `cut off: ${GRE_HEADER} bytes are needed`);
    return null;
  }
  const flags = bytes[at]!;
  const version = bytes[at + 1]! & GRE_VERSION_MASK;
  const options = [
    (flags & GreFlag.CHECKSUM) !== 0 ? 'checksum' : '',
    (flags & GreFlag.KEY) !== 0 ? 'key' : '',
    (flags & GreFlag.SEQUENCE) !== 0 ? 'sequence' : '',
  ].filter((option) => option !== '');
  f.at(at, 2, 'flags', hex(be16(bytes, at), 4), options.join(', ') || 'no options');
  if (version !== 0) f.wrongAt(at + 1, 1, 'version', version, 'not 0');
  else if ((flags & GreFlag.ROUTING) !== 0) f.wrongAt(at, 1, 'bit 1', 'set', 'routing present');
  else if ((flags & GreFlag.RESERVED) !== 0) f.wrongAt(at, 1, 'bits 4, 5', 'set', 'reserved');
  else f.at(at + 1, 1, 'version', 0);
  if (f.hasWrong) return null;
  const type = be16(bytes, at + 2);
  const isCarried = type === EtherType.IPV4 || type === EtherType.IPV6 || type === EtherType.TEB;
  f.at(at + 2, 2, 'protocol type', etherTypeName(type));
  const payload = at + GRE_HEADER + 4 * options.length;
  if (payload > end) {
    f.wrongAt(at, there, 'GRE header', `${there} bytes`, `cut off: its flags ask for ${payload - at}`);
    return null;
  }
  let option = at + GRE_HEADER;
  const hasChecksum = (flags & GreFlag.CHECKSUM) !== 0;
  if (hasChecksum) {
    const found = hex(be16(bytes, option), 4);
    if (sumBytes(bytes, at, there) === 0xffff) f.at(option, 2, 'checksum', found, 'correct');
    else {
      const right = hex(checksum(bytes, at, there, GRE_HEADER), 4);
      f.wrongAt(option, 2, 'checksum', found, `wrong, ${right} would be right`);
      return null;
    }
    option += 4;
  }
  let key: number | null = null;
  if ((flags & GreFlag.KEY) !== 0) {
    key = be32(bytes, option);
    f.at(option, 4, 'key', key);
    option += 4;
  }
  if ((flags & GreFlag.SEQUENCE) !== 0) f.at(option, 4, 'sequence', be32(bytes, option), 'not looked at');
  if (!isCarried) {
    f.wrongFact('payload', etherTypeName(type), 'not IPv4, IPv6 or Ethernet');
    return null;
  }
  return { at, payload, end, type, hasChecksum, key };
}
