/** ICMP errors of the routers inside of links and of the Internet, which the simulator does not have as nodes. */
import {
  IcmpError,
  icmpErrorLength,
  icmpSourceAt,
  mayAnswer,
  writeIcmpError,
} from '../../dataplane/icmp-error.js';
import { putBe16, putBe32 } from '../../wire/bytes.js';
import type { World } from '../core/world.js';

const LONGEST = 0xffff;
/** 100.64.0.0/10 (RFC 6598): where providers number their own routers. 14 bits of place, 8 of router. */
const SHARED_SPACE = 0x64400000;
/** A unique local prefix (RFC 4193), "grebe" in its global ID. */
const UNIQUE_LOCAL = [0xfd67, 0x7265, 0x6265];

/** Whether an error is about a packet that is too long, or too old. */
export type IcmpErrorKind = (typeof IcmpError)[keyof typeof IcmpError];

export class IcmpSender {
  constructor(private readonly world: World) {}

  /**
   * A new packet: the error about a packet with a checked header, or −1 when none may be sent (RFC 1122 §3.2.2).
   *
   * @param mtu next-hop MTU in bytes for TOO_BIG, else 0
   * @param place number of the link or place of the Internet, and of the router there: its address is made of them
   */
  error(packet: number, kind: IcmpErrorKind, mtu: number, place: number, router: number): number {
    const { packets, observer } = this.world;
    const { bytes } = packets;
    const ip = packets.start[packet]!;
    const length = packets.length[packet]!;
    const family = bytes[ip]! >>> 4;
    if (!mayAnswer(bytes, ip, length, family)) return -1;
    const total = icmpErrorLength(length, family, LONGEST);
    const error = packets.take(total);
    const at = packets.start[error]!;
    putRouterAddress(bytes, icmpSourceAt(at, family), family, place, router);
    writeIcmpError(bytes, packets.kernels, at, total, ip, family, kind, mtu);
    packets.length[error] = total;
    packets.born[error] = this.world.scheduler.now;
    if (observer !== null) observer.child(packet, error);
    return error;
  }
}

/** Writes 4 or 16 bytes of the address that a router of a place has. */
export function putRouterAddress(
  bytes: Uint8Array,
  at: number,
  family: number,
  place: number,
  router: number,
): void {
  if (family === 4) {
    putBe32(bytes, at, SHARED_SPACE + ((place & 0x3fff) << 8) + (router & 0xff));
    return;
  }
  UNIQUE_LOCAL.forEach((group, i) => putBe16(bytes, at + 2 * i, group));
  putBe16(bytes, at + 6, 0);
  putBe32(bytes, at + 8, place);
  putBe32(bytes, at + 12, router);
}
