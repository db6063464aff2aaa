/** Echo requests and replies (RFC 792, RFC 4443 §4). */
import { be16, le16, putBe16, putLe16 } from '../../wire/bytes.js';
import { updateChecksum } from '../../wire/checksum.js';
import { EchoType, Ipv4Flag } from '../../wire/protocol.js';
import { DEFAULT_TTL, sealIpv4 } from './ip-header.js';
import type { IpPacket } from './ip-packet.js';

/**
 * Turns an echo request into its reply, in place: addresses swapped, a new TTL, the rest as it came (RFC 1122
 * §3.2.2.6). DF stays as the request had it.
 */
export function answerEcho(bytes: Uint8Array, ip: IpPacket): void {
  const { source, destination, addressBytes, transport, at, family } = ip;
  for (let i = 0; i < addressBytes; i++) {
    const byte = bytes[source + i]!;
    bytes[source + i] = bytes[destination + i]!;
    bytes[destination + i] = byte;
  }
  const before = le16(bytes, transport);
  bytes[transport] = family === 4 ? EchoType.REPLY4 : EchoType.REPLY6;
  putLe16(bytes, transport + 2, updateChecksum(le16(bytes, transport + 2), before, le16(bytes, transport)));
  if (family === 4) {
    bytes[at + 8] = DEFAULT_TTL;
    putBe16(bytes, at + 6, be16(bytes, at + 6) & (Ipv4Flag.DONT_FRAGMENT << 8));
    sealIpv4(bytes, at);
  } else {
    bytes[at + 7] = DEFAULT_TTL;
  }
}
