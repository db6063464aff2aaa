/** The answer to TCP that nobody listens for (RFC 9293 §3.10.7.1). */
import { be32, putBe16, putBe32 } from '../../wire/bytes.js';
import type { PayloadKernels } from '../../wire/payload.js';
import { IpProtocol, TCP_HEADER, TcpFlag } from '../../wire/protocol.js';
import { sealIpv4, sealTransport } from './ip-header.js';
import type { IpPacket } from './ip-packet.js';

const RST = 0x04;
const ACK = 0x10;

/** Whether the segment is a reset: those are not answered. */
export function isReset(bytes: Uint8Array, ip: IpPacket): boolean {
  return (bytes[ip.transport + 13]! & RST) !== 0;
}

/**
 * Writes the reset that answers the segment described by `ip`, which is none itself, to `at`.
 *
 * @returns its length in bytes
 */
export function putReset(bytes: Uint8Array, kernels: PayloadKernels, at: number, ip: IpPacket): number {
  const { transport: tcp, family, addressBytes } = ip;
  const flags = bytes[tcp + 13]!;
  const header = family === 4 ? 20 : 40;
  const answer = at + header;
  if (family === 4) {
    putBe32(bytes, at, 0x4500_0000 | (header + TCP_HEADER));
    putBe32(bytes, at + 4, 0x4000);
    putBe32(bytes, at + 8, (64 << 24) | (IpProtocol.TCP << 16));
  } else {
    putBe32(bytes, at, 0x6000_0000);
    putBe32(bytes, at + 4, (TCP_HEADER << 16) | (IpProtocol.TCP << 8) | 64);
  }
  const addresses = answer - 2 * addressBytes;
  kernels.copy(addresses, ip.destination, addressBytes);
  kernels.copy(addresses + addressBytes, ip.source, addressBytes);
  if (family === 4) sealIpv4(bytes, at);

  const hasAck = (flags & ACK) !== 0;
  const data = ip.end - tcp - (bytes[tcp + 12]! >>> 4) * 4;
  const taken = data + ((flags & TcpFlag.SYN) === 0 ? 0 : 1) + ((flags & TcpFlag.FIN) === 0 ? 0 : 1);
  kernels.copy(answer, tcp + 2, 2);
  kernels.copy(answer + 2, tcp, 2);
  putBe32(bytes, answer + 4, hasAck ? be32(bytes, tcp + 8) : 0);
  putBe32(bytes, answer + 8, hasAck ? 0 : (be32(bytes, tcp + 4) + taken) | 0);
  putBe16(bytes, answer + 12, 0x5000 | (hasAck ? RST : RST | ACK));
  putBe16(bytes, answer + 14, 0);
  putBe32(bytes, answer + 16, 0);
  sealTransport(bytes, kernels, at, family, IpProtocol.TCP, answer, TCP_HEADER);
  return header + TCP_HEADER;
}
