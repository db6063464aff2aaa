/** docs/dataplane.md §6.6: the outer headers. */
import type { TunnelSpec } from '../../src/dataplane/tables.js';
import { checksum, concat, write16, write32 } from './bytes.js';
import { finishIpv4 } from './fragment.js';
import { trafficClassOf, versionOf } from './ip.js';
import { ethertypeOf } from './link.js';

const GRE = 47;

/** Values that the implementation chose for one output. */
export interface OuterChoices {
  sequence: number;
  flowLabel: number;
}

/** Where such a value stands, in bytes from the start of the outer header. */
export function sequenceOffset(tunnel: TunnelSpec): number {
  return outerLength(tunnel) + 4 + (tunnel.checksum ? 4 : 0) + (tunnel.key === null ? 0 : 4);
}

export function greLength(tunnel: TunnelSpec): number {
  return 4 + (tunnel.checksum ? 4 : 0) + (tunnel.key === null ? 0 : 4) + (tunnel.sequence ? 4 : 0);
}

export function outerLength(tunnel: TunnelSpec): number {
  return tunnel.local.length === 4 ? 20 : 40;
}

/** The header with which a packet that came without one enters a gretap tunnel. */
export function madeEthernetHeader(tunnel: TunnelSpec, version: 4 | 6): Uint8Array {
  const header = new Uint8Array(14);
  header[0] = 2;
  header.set(tunnel.remote.slice(-4), 2);
  header[6] = 2;
  header.set(tunnel.local.slice(-4), 8);
  write16(header, 12, ethertypeOf(version));
  return header;
}

/** `payload` behind a GRE header; a given checksum covers both. */
function greOf(tunnel: TunnelSpec, protocol: number, payload: Uint8Array, sequence: number): Uint8Array {
  const header = new Uint8Array(greLength(tunnel));
  header[0] = (tunnel.checksum ? 0x80 : 0) + (tunnel.key === null ? 0 : 0x20) + (tunnel.sequence ? 0x10 : 0);
  write16(header, 2, protocol);
  let at = tunnel.checksum ? 8 : 4;
  if (tunnel.key !== null) {
    write32(header, at, tunnel.key);
    at += 4;
  }
  if (tunnel.sequence) write32(header, at, sequence);
  if (tunnel.checksum) write16(header, 4, checksum(header, payload));
  return concat(header, payload);
}

/** The outer packet around `packet`; `ethernetHeader` is what stands before it in a gretap tunnel. */
export function encapsulate(
  tunnel: TunnelSpec,
  packet: Uint8Array,
  ethernetHeader: Uint8Array,
  choices: OuterChoices,
): Uint8Array {
  const isEthernet = tunnel.mode === 'gretap';
  const protocol = isEthernet ? 0x6558 : ethertypeOf(versionOf(packet));
  const payload = isEthernet ? concat(ethernetHeader, packet) : packet;
  const gre = greOf(tunnel, protocol, payload, choices.sequence);
  const inner = trafficClassOf(packet);
  const dscp = tunnel.dscp ?? Math.floor(inner / 4);
  const trafficClass = dscp * 4 + (inner % 4);
  const header = new Uint8Array(outerLength(tunnel));
  if (header.length === 20) {
    header[0] = 0x45;
    header[1] = trafficClass;
    write16(header, 6, 0x4000);
    header[8] = tunnel.ttl;
    header[9] = GRE;
    header.set(tunnel.local, 12);
    header.set(tunnel.remote, 16);
    finishIpv4(header, header.length + gre.length);
  } else {
    write32(header, 0, 0x6000_0000 + trafficClass * 0x10_0000 + choices.flowLabel);
    write16(header, 4, gre.length);
    header[6] = GRE;
    header[7] = tunnel.ttl;
    header.set(tunnel.local, 8);
    header.set(tunnel.remote, 24);
  }
  return concat(header, gre);
}
