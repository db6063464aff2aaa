/**
 * Ourselves as a host: packets for the interface addresses of our tunnels (docs/dataplane.md §7a). Echo requests
 * are answered here, so that the other side of a tunnel can ping ours whatever the kernel behind the overlay
 * knows of it; nothing is kept of them, and any worker answers any. All else is the kernel's business.
 */
import { be16, le16, putBe16, putBe32, putLe16, putWord, word } from '../wire/bytes.js';
import { fold, sumBytes, updateChecksum } from '../wire/checksum.js';
import type { PayloadKernels } from '../wire/payload.js';
import {
  EchoType,
  ICMP_HEADER,
  IPV4_FRAGMENT_BITS,
  IPV4_HEADER,
  IPV6_HEADER,
  IpProtocol,
  Ipv4Flag,
} from '../wire/protocol.js';
import { isUnicastSource } from './icmp-error.js';
import type { LinkBack } from './link-back.js';
import { LinkType } from './link-type.js';
import type { OuterHeader } from './outer-header.js';
import { Side, sideOf, type PacketVector } from './packet-vector.js';
import { flowHash } from './route.js';
import type { Scratch } from './scratch.js';
import type { Tables } from './tables.js';
import { TUNNEL_WORDS, TunnelField } from './tunnel-table.js';
import { Verdict } from './verdicts.js';

const TTL = 64;
/** The DSCP in a TOS or traffic class. */
const DSCP_MASK = 0xfc;

/**
 * Whether somebody here takes a packet for one of our own addresses, so that the overlay does not get it: `length`
 * bytes of an IP packet at `at`, good only during the call. Its verdict is delivered_overlay all the same.
 *
 * @param tunnel that it came out of; −1: none
 */
export type LocalTaker = (
  this: void,
  bytes: Uint8Array,
  at: number,
  length: number,
  tunnel: number,
) => boolean;

export class LocalHost {
  constructor(
    private readonly bytes: Uint8Array,
    private readonly kernels: PayloadKernels,
    private readonly tables: Tables,
    private readonly scratch: Scratch,
    private readonly outer: OuterHeader,
    private readonly link: LinkBack,
  ) {}

  /**
   * Answers packet `i`, which is for one of our addresses, if it is an echo request that came out of a tunnel or
   * from the overlay, as an IP packet: the request becomes its reply, in place. False for any other packet.
   */
  answer(vector: PacketVector, i: number): boolean {
    const { ip, length, family, ethernet } = this.scratch;
    const back = vector.tunnelIn[i]!;
    const isOverlay = sideOf(vector.side[i]!) === Side.OVERLAY;
    // Who has the Ethernet address that a frame is for, answers it: the kernel.
    if ((back < 0 && !isOverlay) || ethernet[i] !== 0) return false;
    const at = ip[i]!;
    const total = length[i]!;
    // Nothing is left out of a reply (RFC 1122 §3.2.2.6): one that does not fit is left to the kernel too.
    if (back >= 0 && total > this.tables.shared.tunnels[back * TUNNEL_WORDS + TunnelField.MTU]!) return false;
    if (!isUnicastSource(this.bytes, at, family[i]!)) return false;
    const isReply = family[i] === 4 ? this.reply4(at, total) : this.reply6(at, total);
    if (!isReply) return false;
    vector.verdict[i] = Verdict.answered_echo;
    if (isOverlay) {
      vector.outOffset[i] = at;
      vector.outLength[i] = total;
      vector.outLink[i] = LinkType.RAW;
    } else {
      this.sendBack(vector, i, back);
    }
    return true;
  }

  /** Through the tunnel that the request came out of. */
  private sendBack(vector: PacketVector, i: number, tunnel: number): void {
    const at = this.scratch.ip[i]!;
    const length = this.scratch.length[i]!;
    const family = this.scratch.family[i]!;
    const outerFamily = this.outer.family(tunnel, family);
    const outer = this.outer.start(tunnel, at, 0);
    const start = this.link.put(vector, i, outer, outerFamily);
    this.outer.put(tunnel, at, length, family, 0, flowHash(this.bytes, at, length, family));
    vector.tunnelOut[i] = tunnel;
    vector.outOffset[i] = start;
    vector.outLength[i] = at + length - start;
    vector.outLink[i] = this.link.type(vector, i, outerFamily);
  }

  private reply4(ip: number, length: number): boolean {
    const { bytes } = this;
    const icmp = ip + IPV4_HEADER;
    const size = length - IPV4_HEADER;
    // prettier-ignore
    if (
      bytes[ip] !== 0x45 || bytes[ip + 9] !== IpProtocol.ICMP || (be16(bytes, ip + 6) & IPV4_FRAGMENT_BITS) !== 0 ||
      size < ICMP_HEADER || be16(bytes, icmp) !== EchoType.REQUEST4 << 8 || this.kernels.sum(icmp, size) !== 0xffff
    ) {
      return false;
    }
    const source = word(bytes, ip + 12);
    putWord(bytes, ip + 12, word(bytes, ip + 16));
    putWord(bytes, ip + 16, source);
    bytes[ip + 1] = bytes[ip + 1]! & DSCP_MASK;
    putBe16(bytes, ip + 4, 0);
    putBe16(bytes, ip + 6, Ipv4Flag.DONT_FRAGMENT << 8);
    bytes[ip + 8] = TTL;
    putLe16(bytes, ip + 10, 0);
    putLe16(bytes, ip + 10, ~sumBytes(bytes, ip, IPV4_HEADER) & 0xffff);
    this.putType(icmp, EchoType.REPLY4);
    return true;
  }

  private reply6(ip: number, length: number): boolean {
    const { bytes } = this;
    const icmp = ip + IPV6_HEADER;
    const size = length - IPV6_HEADER;
    if (bytes[ip + 6] !== IpProtocol.ICMPV6 || size < ICMP_HEADER) return false;
    // Pseudo-header (RFC 8200 §8.1): addresses, length, next header; the last two in network order.
    const pseudo =
      sumBytes(bytes, ip + 8, 32) + (((size & 0xff) << 8) | (size >>> 8)) + (IpProtocol.ICMPV6 << 8);
    if (be16(bytes, icmp) !== EchoType.REQUEST6 << 8) return false;
    if (fold(this.kernels.sum(icmp, size) + pseudo) !== 0xffff) return false;
    for (let k = 8; k < 24; k += 4) {
      const source = word(bytes, ip + k);
      putWord(bytes, ip + k, word(bytes, ip + 16 + k));
      putWord(bytes, ip + 16 + k, source);
    }
    const dscp = (be16(bytes, ip) >>> 4) & DSCP_MASK;
    putBe32(bytes, ip, 0x60000000 | (dscp << 20));
    bytes[ip + 7] = TTL;
    this.putType(icmp, EchoType.REPLY6);
    return true;
  }

  /** Another ICMP type, of code 0; the checksum follows by RFC 1624. */
  private putType(icmp: number, type: number): void {
    const { bytes } = this;
    const before = le16(bytes, icmp);
    bytes[icmp] = type;
    putLe16(bytes, icmp + 2, updateChecksum(le16(bytes, icmp + 2), before, le16(bytes, icmp)));
  }
}
