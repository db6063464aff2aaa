/** Ports of every kind that a worker can open. */
import { makeAfPacketPort, type AfPacketPortSpec } from './af-packet/af-packet-port.js';
import { frameRingStagingBytes, ringBytesTaken } from './af-packet/frame-ring.js';
import { makeAfXdpPort } from './af-xdp/port.js';
import { afXdpStagingBytes } from './af-xdp/rings.js';
import type { AfXdpPortSpec } from './af-xdp/spec.js';
import { DiscardPort, type DiscardPortSpec } from './discard.js';
import { makePackagePort, type PackagePortSpec } from './fallback/package-port.js';
import type { Port, PortMemory } from './port.js';
import { makeRawPort, type RawPortSpec } from './raw/raw-port.js';
import { TunPort } from './tun/tun-port.js';
import { tunStagingBytes, type TunPortSpec } from './tun/tun-port-spec.js';

export type PortSpec =
  AfPacketPortSpec | AfXdpPortSpec | DiscardPortSpec | PackagePortSpec | RawPortSpec | TunPortSpec;

/** Makes the worker's port. */
export function openPort(spec: PortSpec, memory: PortMemory): Port {
  switch (spec.kind) {
    case 'af_packet':
      return makeAfPacketPort(spec, memory);
    case 'af_xdp':
      return makeAfXdpPort(spec, memory);
    case 'raw':
      return makeRawPort(spec, memory);
    case 'raw-socket':
    case 'cap':
      return makePackagePort(spec, memory);
    case 'tun':
    case 'tap':
      return new TunPort(spec, memory);
    case 'discard':
      return new DiscardPort(spec);
  }
}

/** Bytes of staging memory that a port wants. */
export function portStagingBytes(spec: PortSpec): number {
  switch (spec.kind) {
    case 'af_packet':
      return frameRingStagingBytes(spec.rings);
    case 'af_xdp':
      return afXdpStagingBytes(spec);
    case 'tun':
    case 'tap':
      return tunStagingBytes();
    default:
      return 0;
  }
}

/**
 * Whether the port lays kernel memory over its staging area: then it may only be made when the port of the
 * thread before has been closed.
 */
export function mapsStaging(spec: PortSpec): boolean {
  return spec.kind === 'af_packet' || spec.kind === 'af_xdp';
}

/** Whether the port sends packets whose body is elsewhere (PacketVector.bodies) from where it is, and cuts large segments. */
export function sendsInPieces(spec: PortSpec): boolean {
  return spec.kind === 'af_packet' || spec.kind === 'af_xdp' || spec.kind === 'raw';
}

/** Bytes that packets take in the port's receive rings, as its worker last saw; 0 for a port that has none. */
export function receiveRingBytes(spec: PortSpec): number {
  return spec.kind === 'af_packet' ? ringBytesTaken(spec.rings) : 0;
}
