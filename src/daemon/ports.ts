/** The ports of a worker, of whatever kind. */
import {
  mapsStaging,
  openPort,
  portStagingBytes,
  receiveRingBytes,
  sendsInPieces,
  type PortSpec,
} from '../device/open-port.js';
import type { Port, PortMemory } from '../device/port.js';
import { SyntheticPort, type SyntheticPortSpec } from './synthetic-port.js';

export type AnyPortSpec = PortSpec | SyntheticPortSpec;

export function openAnyPort(spec: AnyPortSpec, memory: PortMemory): Port {
  return spec.kind === 'synthetic' ? new SyntheticPort(spec, memory) : openPort(spec, memory);
}

/** Bytes of staging memory that the port of this specification wants. */
export function stagingBytesOf(spec: AnyPortSpec): number {
  return spec.kind === 'synthetic' ? 0 : portStagingBytes(spec);
}

/** Bytes that packets take in the port's receive rings. */
export function ringBytesOf(spec: AnyPortSpec): number {
  return spec.kind === 'synthetic' ? 0 : receiveRingBytes(spec);
}

/** Whether the port sends packets in pieces. */
export function gathers(spec: AnyPortSpec): boolean {
  return spec.kind !== 'synthetic' && sendsInPieces(spec);
}

/** Whether the port can only be made once the one of the thread before has been closed. */
export function isMadeLate(spec: AnyPortSpec): boolean {
  return spec.kind !== 'synthetic' && mapsStaging(spec);
}
