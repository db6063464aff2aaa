/** docs/dataplane.md §7a: echo requests for our own addresses (RFC 792, RFC 4443 §4). */
import { concat, onesSum, read16, replaceWord, write16, write32 } from './bytes.js';
import { finishIpv4 } from './fragment.js';
import { isUnicastSource } from './icmp.js';
import { destinationOf, headerLengthOf, sourceOf, trafficClassOf, versionOf } from './ip.js';

const ICMP = 1;
const ICMPV6 = 58;

/** What comes before an ICMPv6 message when its checksum is taken; nothing for ICMP. */
function pseudoHeader(packet: Uint8Array, size: number): Uint8Array {
  if (versionOf(packet) === 4) return new Uint8Array(0);
  const tail = new Uint8Array(8);
  write32(tail, 0, size);
  tail[7] = ICMPV6;
  return concat(sourceOf(packet), destinationOf(packet), tail);
}

function isEchoRequest(packet: Uint8Array): boolean {
  const isIpv4 = versionOf(packet) === 4;
  const header = isIpv4 ? 20 : 40;
  const message = packet.slice(header);
  if (headerLengthOf(packet) !== header || packet[isIpv4 ? 9 : 6] !== (isIpv4 ? ICMP : ICMPV6)) return false;
  const isFragment = isIpv4 && (read16(packet, 6) & 0x3fff) !== 0;
  if (isFragment || message.length < 8 || !isUnicastSource(packet)) return false;
  if (message[0] !== (isIpv4 ? 8 : 128) || message[1] !== 0) return false;
  return onesSum(concat(pseudoHeader(packet, message.length), message)) === 0xffff;
}

/** The reply to an echo request, or null when the packet is none that is answered. */
export function echoReply(packet: Uint8Array): Uint8Array | null {
  if (!isEchoRequest(packet)) return null;
  const isIpv4 = versionOf(packet) === 4;
  const message = packet.slice(isIpv4 ? 20 : 40);
  replaceWord(message, 0, isIpv4 ? 0 : 129 * 256, 2);
  const dscp = Math.floor(trafficClassOf(packet) / 4);
  const header = new Uint8Array(isIpv4 ? 20 : 40);
  if (isIpv4) {
    header[0] = 0x45;
    header[1] = dscp * 4;
    write16(header, 6, 0x4000);
    header[8] = 64;
    header[9] = ICMP;
    header.set(destinationOf(packet), 12);
    header.set(sourceOf(packet), 16);
    finishIpv4(header, packet.length);
  } else {
    write32(header, 0, 0x6000_0000 + dscp * 4 * 0x10_0000);
    write16(header, 4, message.length);
    header[6] = ICMPV6;
    header[7] = 64;
    header.set(destinationOf(packet), 8);
    header.set(sourceOf(packet), 24);
  }
  return concat(header, message);
}
