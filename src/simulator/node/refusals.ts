/** What a host answers to a packet that nobody listens for (RFC 1122 §4.1.3.1, RFC 9293 §3.5.2). */
import {
  icmpErrorLength,
  icmpSourceAt,
  IcmpError,
  mayAnswer,
  writeIcmpError,
} from '../../dataplane/icmp-error.js';
import type { Packets } from '../core/packets.js';
import type { IpPacket } from './ip-packet.js';
import { isReset, putReset } from './tcp-reset.js';

/** A new packet: the reset for a segment; −1 for one that is a reset itself. */
export function resetFor(packets: Packets, ip: IpPacket): number {
  if (isReset(packets.bytes, ip)) return -1;
  const answer = packets.take();
  packets.length[answer] = putReset(packets.bytes, packets.kernels, packets.start[answer]!, ip);
  return answer;
}

/** A new packet: "port unreachable" about a datagram; −1 when nothing may be answered. @param mtu of the host */
export function unreachableFor(packets: Packets, ip: IpPacket, mtu: number): number {
  const { bytes, kernels } = packets;
  const { at, length, family, destination, addressBytes } = ip;
  if (!mayAnswer(bytes, at, length, family)) return -1;
  const total = icmpErrorLength(length, family, mtu);
  const answer = packets.take();
  const to = packets.start[answer]!;
  kernels.copy(icmpSourceAt(to, family), destination, addressBytes);
  writeIcmpError(bytes, kernels, to, total, at, family, IcmpError.PORT_UNREACHABLE, 0);
  packets.length[answer] = total;
  return answer;
}
