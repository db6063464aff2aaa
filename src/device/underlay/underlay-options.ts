/** What the underlay devices are opened with. */
import type { SharedAdjacencies } from './adjacency.js';
import type { BasePortSpec, OpenedDevice } from '../port.js';

export interface UnderlayInterface {
  readonly name: string;
  /** The kernel's index. */
  readonly index: number;
  readonly mtu: number;
  /** Link address, 6 bytes. */
  readonly mac: Uint8Array;
}

export interface UnderlayOptions {
  /** For counters and messages. */
  readonly name: string;
  /** 1 to 64; each gets a port. */
  readonly workers: number;
  /** Our endpoint addresses, 4 or 16 bytes each: the sockets take what is sent to these. Empty: to any. */
  readonly locals: readonly Uint8Array[];
  readonly interfaces?: readonly UnderlayInterface[];
  readonly adjacencies: SharedAdjacencies;
  /** Size of each socket's queue in bytes. Default 8 MiB. */
  readonly receiveBufferBytes?: number;
}

/** An underlay device whose endpoint addresses may change while it runs. */
export interface UnderlayDevice<Spec extends BasePortSpec> extends OpenedDevice<Spec> {
  /** Takes what is sent to these addresses from now on. Nothing is lost or doubled by the change. */
  setLocals(locals: readonly Uint8Array[]): void;
}

/** Largest packet that all the interfaces carry; without interfaces the largest that IP has. */
export function leastMtu(interfaces: readonly UnderlayInterface[] | undefined): number {
  return Math.min(65_535, ...(interfaces ?? []).map(({ mtu }) => mtu));
}
