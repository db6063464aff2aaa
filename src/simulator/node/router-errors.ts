/** ICMP errors of a customer's router about packets that it does not pass on. */
import {
  icmpErrorLength,
  icmpSourceAt,
  mayAnswer,
  writeIcmpError,
  type IcmpError,
} from '../../dataplane/icmp-error.js';
import { RateLimit } from '../../dataplane/rate-limit.js';
import { IpProtocol } from '../../wire/protocol.js';
import { MILLISECOND } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { IpPacket } from './ip-packet.js';
import { ETHERNET_MTU } from './router-interface.js';

const ERRORS_PER_SECOND = 1000;

export class RouterErrors {
  private readonly limit = new RateLimit(ERRORS_PER_SECOND);

  constructor(private readonly world: World) {}

  /**
   * A new packet: the error about a packet that is still there; −1 when none may be sent.
   *
   * @param ip of the packet
   * @param source the router's address for it, 4 or 16 bytes
   */
  make(
    packet: number,
    ip: IpPacket,
    source: Uint8Array,
    kind: typeof IcmpError.TOO_BIG | typeof IcmpError.TIME_EXCEEDED,
    mtu: number,
  ): number {
    const { packets, scheduler, observer } = this.world;
    const { bytes } = packets;
    const { at, length, family } = ip;
    if (!mayAnswer(bytes, at, length, family)) return -1;
    this.limit.advance(scheduler.now / MILLISECOND);
    if (!this.limit.take()) return -1;
    const total = icmpErrorLength(length, family, ETHERNET_MTU);
    const error = packets.take(total);
    const to = packets.start[error]!;
    for (let i = 0; i < source.length; i++) bytes[icmpSourceAt(to, family) + i] = source[i]!;
    writeIcmpError(bytes, packets.kernels, to, total, at, family, kind, mtu);
    packets.length[error] = total;
    packets.flow[error] = packets.flow[packet]!;
    packets.born[error] = scheduler.now;
    if (observer !== null) observer.child(packet, error);
    return error;
  }
}

/** Whether a packet with a checked header is an ICMP too-big. */
export function isTooBig(bytes: Uint8Array, ip: IpPacket): boolean {
  if (ip.laterFragment || ip.end < ip.transport + 2) return false;
  if (ip.protocol === IpProtocol.ICMP) return bytes[ip.transport] === 3 && bytes[ip.transport + 1] === 4;
  return ip.protocol === IpProtocol.ICMPV6 && bytes[ip.transport] === 2;
}
