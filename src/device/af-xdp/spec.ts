/** What AF_XDP is opened with, and what a worker needs to make its port of it. */
import type { SharedAdjacencies } from '../underlay/adjacency.js';
import type { BasePortSpec } from '../port.js';
import type { FallbackSockets } from '../raw/fallback-sender.js';
import type { GreSockets } from '../raw/gre-socket.js';
import type { UnderlayOptions } from '../underlay/underlay-options.js';
import type { RingSizes, SharedUmem } from './layout.js';

/** `interfaces` names at least one, of Ethernet. `receiveBufferBytes` is for all queues together. */
export interface AfXdpOptions extends UnderlayOptions {
  /**
   * Where the program runs: `generic` (any interface; the kernel's SKB mode, the default), or `driver`, which
   * is faster where the driver has it and refused elsewhere. A veth in driver mode hands over packets of the
   * local kernel with unfinished checksums.
   */
  readonly mode?: 'generic' | 'driver';
}

/** A worker's socket on one queue of one interface. */
export interface XdpSocket {
  /** The kernel's index of the interface. */
  readonly index: number;
  readonly fd: number;
}

export interface AfXdpPortSpec extends BasePortSpec {
  readonly kind: 'af_xdp';
  /** Number of the worker, from 0. */
  readonly port: number;
  readonly umem: SharedUmem;
  readonly rings: RingSizes;
  readonly sockets: readonly XdpSocket[];
  /**
   * Of the first worker: raw sockets for what the program leaves to the kernel, which is fragments (they get
   * put together) and what comes through other interfaces.
   */
  readonly remainder: GreSockets | null;
  readonly fallback: FallbackSockets;
  readonly adjacencies: SharedAdjacencies;
}

/** Why AF_XDP cannot be had here: a sentence for people. Another underlay may do. */
export class AfXdpRefused extends Error {
  override readonly name = 'AfXdpRefused';
}
