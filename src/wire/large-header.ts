/** Makes a packet's headers, and the virtio-net header before them, those of a large segment. */
import { putBe16, putLe16, swap16 } from './bytes.js';
import { fold } from './checksum.js';
import { putIpv4Length } from './ipv4-length.js';
import type { PayloadKernels } from './payload.js';
import { IpProtocol, IPV4_HEADER, IPV6_HEADER, TcpFlag } from './protocol.js';
import { TCP_CHECKSUM, UDP_CHECKSUM, VIRTIO_NET_HEADER, VirtioFlag, VirtioSegments } from './virtio-net.js';

const LAST_FLAGS = TcpFlag.FIN | TcpFlag.PSH;

/**
 * Writes the headers of the TCP or UDP packet at `offset`, whose IP header begins `link` bytes later and has
 * neither options nor extension headers.
 *
 * @param total bytes of the IP packet with all that is joined to it, up to 65,535
 * @param headers bytes of its IP and transport headers
 * @param size payload bytes of each segment
 * @param last offset of the last packet, which has the flags that end the segment
 */
export function writeLargeHeader(
  bytes: Uint8Array,
  { sum }: PayloadKernels,
  link: number,
  offset: number,
  total: number,
  headers: number,
  size: number,
  last: number,
): void {
  const header = offset - VIRTIO_NET_HEADER;
  const ip = offset + link;
  const isIpv4 = bytes[ip] === 0x45;
  const transport = ip + (isIpv4 ? IPV4_HEADER : IPV6_HEADER);
  const protocol = bytes[ip + (isIpv4 ? 9 : 6)]!;
  const isTcp = protocol === IpProtocol.TCP;
  if (isIpv4) {
    putIpv4Length(bytes, ip, total);
  } else {
    putBe16(bytes, ip + 4, total - IPV6_HEADER);
  }
  const addresses = ip + (isIpv4 ? 12 : 8);
  const tail = ip + total - transport;
  const pseudo = fold(sum(addresses, transport - addresses) + (protocol << 8) + swap16(tail));
  let kind: number = VirtioSegments.UDP;
  if (isTcp) {
    bytes[transport + 13]! |= bytes[last + (transport - offset) + 13]! & LAST_FLAGS;
    kind = isIpv4 ? VirtioSegments.TCP4 : VirtioSegments.TCP6;
    if ((bytes[transport + 13]! & TcpFlag.CWR) !== 0) kind |= VirtioSegments.ECN;
  } else {
    putBe16(bytes, transport + 4, tail);
  }
  const field = isTcp ? TCP_CHECKSUM : UDP_CHECKSUM;
  putLe16(bytes, transport + field, pseudo);
  bytes[header] = VirtioFlag.NEEDS_CHECKSUM;
  bytes[header + 1] = kind;
  putLe16(bytes, header + 2, headers + link);
  putLe16(bytes, header + 4, size);
  putLe16(bytes, header + 6, transport - offset);
  putLe16(bytes, header + 8, field);
}
