/**
 * Frames: link headers off on the way in, back on (with the addresses reversed) on the way out.
 *
 * Stage 1 of the pipeline. Reads the vector's offset, length and link; writes ip, length, family and
 * linkLength, or a verdict.
 */
import { be16 } from '../wire/bytes.js';
import { ETHERNET_HEADER, EtherType, VLAN_TAG } from '../wire/protocol.js';
import { LinkType } from './link-type.js';
import { Side, type PacketVector } from './packet-vector.js';
import { Step, type Scratch } from './scratch.js';
import { Verdict } from './verdicts.js';

export const SLL_HEADER = 16;
export const SLL2_HEADER = 20;
const NULL_HEADER = 4;
/** Ethertype of IPv4 in the upper half of a word, as the machine reads it. */
const ETHERTYPE_IPV4_NATIVE = 0x0008_0000;
/** Room for the longest link header that is kept. */
const LONGEST_HEADER = 24;

/** Packet type of a cooked frame that the capturing host sends. */
const SLL_OUTGOING = 4;
const AF_INET = 2;
/** AF_INET6 of NetBSD and OpenBSD, FreeBSD, Darwin, Linux; the first is written when a family changes. */
const AF_INET6 = [24, 28, 30, 10];

export function frameStage(vector: PacketVector, bytes: Uint8Array, s: Scratch): void {
  const n = vector.count;
  const { offset, length, link, side, verdict } = vector;
  const { step, ip, length: available, family, linkLength, ethernet, frameLength } = s;
  for (let i = 0; i < n; i++) {
    const start = offset[i]!;
    const size = length[i]!;
    const kind = link[i]!;
    let header = 0;
    let announced = 0;
    let bad = 0;
    if (kind === LinkType.ETHERNET) {
      header = ETHERNET_HEADER;
      let type = be16(bytes, start + 12);
      if (type === EtherType.VLAN) {
        header = ETHERNET_HEADER + VLAN_TAG;
        type = be16(bytes, start + 16);
      }
      announced = type === EtherType.IPV4 ? 4 : type === EtherType.IPV6 ? 6 : 0;
      if (announced === 0) bad = Verdict.ethertype_unsupported;
      if (size < header) bad = Verdict.frame_truncated;
    } else if (kind !== LinkType.RAW) {
      header = otherHeader(kind);
      if (header < 0) {
        bad = Verdict.link_unsupported;
      } else if (size < header) {
        bad = Verdict.frame_truncated;
      } else {
        announced = otherFamily(bytes, start, kind);
        if (announced === 0) bad = Verdict.ethertype_unsupported;
      }
    }
    step[i] = bad === 0 ? Step.CAREFUL : Step.DONE;
    verdict[i] = bad;
    ip[i] = start + header;
    available[i] = size - header;
    family[i] = announced;
    linkLength[i] = header;
    ethernet[i] = kind === LinkType.ETHERNET && side[i] === Side.OVERLAY ? header : 0;
    frameLength[i] = 0;
  }
}

function otherHeader(kind: number): number {
  switch (kind) {
    case LinkType.IPV4:
    case LinkType.IPV6:
      return 0;
    case LinkType.NULL:
    case LinkType.LOOP:
      return NULL_HEADER;
    case LinkType.LINUX_SLL:
      return SLL_HEADER;
    case LinkType.LINUX_SLL2:
      return SLL2_HEADER;
    default:
      return -1;
  }
}

/** Family that the link header at `start` announces; 0 when it is neither IPv4 nor IPv6. */
function otherFamily(bytes: Uint8Array, start: number, kind: number): number {
  switch (kind) {
    case LinkType.IPV4:
      return 4;
    case LinkType.IPV6:
      return 6;
    case LinkType.LINUX_SLL:
      return familyOfEtherType(be16(bytes, start + 14));
    case LinkType.LINUX_SLL2:
      return familyOfEtherType(be16(bytes, start));
    default: {
      const b0 = bytes[start]!;
      const b3 = bytes[start + 3]!;
      if (bytes[start + 1] !== 0 || bytes[start + 2] !== 0) return 0;
      if (b0 === 0) return familyOfAf(b3);
      return kind === LinkType.NULL && b3 === 0 ? familyOfAf(b0) : 0;
    }
  }
}

export function familyOfEtherType(type: number): number {
  return type === EtherType.IPV4 ? 4 : type === EtherType.IPV6 ? 6 : 0;
}

function familyOfAf(af: number): number {
  if (af === AF_INET) return 4;
  return AF_INET6.includes(af) ? 6 : 0;
}

/**
 * The same as putReversedLink for an Ethernet header in front of an IPv4 packet, in words: both ends, `from`
 * (where the old header ends) and `to`, are 4-aligned. The two bytes before the new header become 0.
 */
export function turnEthernet(words: Int32Array, from: number, to: number, length: number): void {
  const tagged = length === ETHERNET_HEADER + VLAN_TAG ? 1 : 0;
  const source = (from >> 2) - 4 - tagged;
  const target = (to >> 2) - 4 - tagged;
  const a0 = words[source]!;
  const a1 = words[source + 1]!;
  const a2 = words[source + 2]!;
  const a3 = words[source + 3]!;
  const tag = words[source + 4]!;
  words[target] = a2 << 16;
  words[target + 1] = (a2 >>> 16) | (a3 << 16);
  words[target + 2] = (a0 >>> 16) | (a1 << 16);
  if (tagged === 0) {
    words[target + 3] = (a1 >>> 16) | ETHERTYPE_IPV4_NATIVE;
  } else {
    words[target + 3] = (a1 >>> 16) | (a3 & 0xffff0000);
    words[target + 4] = (tag & 0xffff) | ETHERTYPE_IPV4_NATIVE;
  }
}

const header = new Uint8Array(LONGEST_HEADER);

/**
 * Writes the link header found at `from` again so that it ends at `to`, for a packet of `family` that goes
 * back out of the interface that it came in by: Ethernet addresses swapped, 802.1Q tag kept, cooked packet
 * type "outgoing". Source and target may overlap. Answers the offset of the new frame.
 */
export function putReversedLink(
  bytes: Uint8Array,
  from: number,
  length: number,
  link: number,
  to: number,
  family: number,
): number {
  const at = to - length;
  if (length === 0) return at;
  for (let i = 0; i < length; i++) header[i] = bytes[from + i]!;
  const type = family === 4 ? EtherType.IPV4 : EtherType.IPV6;
  for (let i = 0; i < length; i++) bytes[at + i] = header[i]!;
  switch (link) {
    case LinkType.ETHERNET:
      for (let i = 0; i < 6; i++) {
        bytes[at + i] = header[6 + i]!;
        bytes[at + 6 + i] = header[i]!;
      }
      bytes[to - 2] = type >>> 8;
      bytes[to - 1] = type;
      break;
    case LinkType.LINUX_SLL:
      bytes[at] = 0;
      bytes[at + 1] = SLL_OUTGOING;
      bytes[at + 14] = type >>> 8;
      bytes[at + 15] = type;
      break;
    case LinkType.LINUX_SLL2:
      bytes[at] = type >>> 8;
      bytes[at + 1] = type;
      bytes[at + 10] = SLL_OUTGOING;
      break;
    default: {
      // BSD null and loop: the family's byte stands first or last.
      const last = header[0] === 0 ? 3 : 0;
      if (familyOfAf(header[last]!) !== family) bytes[at + last] = family === 4 ? AF_INET : AF_INET6[0]!;
    }
  }
  return at;
}
