/** docs/dataplane.md §10: ICMP errors. */
import type { TunnelSpec } from '../../src/dataplane/tables.js';
import { checksum, concat, write16, write32 } from './bytes.js';
import { finishIpv4 } from './fragment.js';
import { destinationOf, sourceOf, transportOf, versionOf } from './ip.js';

const ICMP = 1;
const ICMPV6 = 58;
const ICMP_ERRORS = [3, 4, 5, 11, 12];
const LARGEST_IPV4 = 576;
const LARGEST_IPV6 = 1280;

/** Whether no error may be sent about this packet. */
export function isSuppressed(packet: Uint8Array): boolean {
  const transport = transportOf(packet, { walkAuthentication: false });
  if (transport.fragment === 'later') return true;
  const type = packet[transport.at];
  if (!isUnicastSource(packet)) return true;
  if (versionOf(packet) === 4) {
    if (transport.protocol === ICMP && type !== undefined && ICMP_ERRORS.includes(type)) return true;
    return destinationOf(packet)[0]! >= 224;
  }
  return transport.protocol === ICMPV6 && type !== undefined && type < 128;
}

/** Whether there is somebody to answer: not for unspecified, loopback, multicast and broadcast sources. */
export function isUnicastSource(packet: Uint8Array): boolean {
  const source = sourceOf(packet);
  if (source.length === 4) return source[0] !== 0 && source[0] !== 127 && source[0]! < 224;
  const isZeroButLast = source.slice(0, 15).every((byte) => byte === 0);
  return !(isZeroButLast && source[15]! <= 1) && source[0] !== 0xff;
}

export interface IcmpError {
  kind: 'time exceeded' | 'too big';
  /** Tunnel that the packet was to enter. */
  toEnter: TunnelSpec;
  /** Tunnel through which the error goes, or null. */
  through: TunnelSpec | null;
  /** Whether it goes to the overlay. */
  toOverlay: boolean;
}

function quote(packet: Uint8Array, largest: number, headers: number, through: TunnelSpec | null): Uint8Array {
  return packet.slice(0, Math.min(largest, through?.mtu ?? largest) - headers);
}

function icmpv4(packet: Uint8Array, error: IcmpError): Uint8Array {
  const message = new Uint8Array(8);
  message[0] = error.kind === 'too big' ? 3 : 11;
  message[1] = error.kind === 'too big' ? 4 : 0;
  if (error.kind === 'too big') write16(message, 6, error.toEnter.mtu);
  const quoted = quote(packet, LARGEST_IPV4, 28, error.through);
  write16(message, 2, checksum(message, quoted));
  const header = new Uint8Array(20);
  header[0] = 0x45;
  header[1] = 0xc0;
  write16(header, 6, 0x4000);
  header[8] = 64;
  header[9] = ICMP;
  header.set(error.toOverlay ? error.toEnter.icmpSourceToOverlay4 : error.toEnter.icmpSource4, 12);
  header.set(sourceOf(packet), 16);
  finishIpv4(header, 28 + quoted.length);
  return concat(header, message, quoted);
}

function icmpv6(packet: Uint8Array, error: IcmpError): Uint8Array {
  const message = new Uint8Array(8);
  message[0] = error.kind === 'too big' ? 2 : 3;
  if (error.kind === 'too big') write32(message, 4, error.toEnter.mtu);
  const quoted = quote(packet, LARGEST_IPV6, 48, error.through);
  const header = new Uint8Array(40);
  header[0] = 0x60;
  write16(header, 4, 8 + quoted.length);
  header[6] = ICMPV6;
  header[7] = 64;
  header.set(error.toEnter.icmpSource6, 8);
  header.set(sourceOf(packet), 24);
  const pseudo = new Uint8Array(8);
  write32(pseudo, 0, 8 + quoted.length);
  pseudo[7] = ICMPV6;
  write16(message, 2, checksum(header.slice(8), pseudo, message, quoted));
  return concat(header, message, quoted);
}

/** The error about `packet`, which is as it arrived. */
export function icmpError(packet: Uint8Array, error: IcmpError): Uint8Array {
  return versionOf(packet) === 4 ? icmpv4(packet, error) : icmpv6(packet, error);
}
