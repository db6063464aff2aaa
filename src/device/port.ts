/**
 * A port is one worker's share of a device (a queue of a TUN, a socket of a fanout group). The main thread
 * opens devices, because only it has the privileges and outlives its workers; a worker gets what it needs as
 * plain data (a PortSpec: file descriptors, names, shared memory) and makes its port of it. A worker that is
 * replaced leaves the descriptors open, so that the kernel's queues hold the packets until the next one reads.
 */
import type { PacketPool } from '../dataplane/packet-pool.js';
import type { PacketVector } from '../dataplane/packet-vector.js';
import type { PayloadKernels } from '../wire/payload.js';
import type { Splitter } from '../wire/split.js';
import type { Device } from './device.js';

/** Memory that a port works in. */
export interface PortMemory {
  readonly pool: PacketPool;
  /** The vector into which this port receives. Its region holds at least VECTOR_SLOTS slots. */
  readonly vector: PacketVector;
  /** First byte in the pool of this port's staging area (64-byte aligned) and its length. */
  readonly stagingOffset: number;
  readonly stagingBytes: number;
  readonly kernels: PayloadKernels;
  /**
   * Whether the other side sends packets in pieces (PacketVector.bodies) and cuts large segments (PacketVector.large), so
   * that they may be received so.
   */
  readonly gathers: boolean;
  /**
   * Cuts the overlay's large segments, for the port that receives them and for the one that sends what came in one
   * piece. Its bodies are those of the overlay's vector where the underlay gathers. One for a thread: V8 makes a second
   * one half as fast.
   */
  readonly splitter: Splitter;
}

/** A device as a worker uses it. `receive` is always called with the port's own vector. */
export interface Port extends Device {
  /** Descriptors that become readable when `receive` has something to do; empty: must be asked in turns. */
  readonly pollFds: readonly number[];
  /** DEVICE_COUNTERS, shared with the main thread. */
  readonly counters: Float64Array;
  /**
   * Milliseconds until `receive` wants to be called even though no descriptor is readable; Infinity when
   * there is no such time.
   */
  readonly waitMs: number;
}

/** What every PortSpec has. */
export interface BasePortSpec {
  readonly name: string;
  /** Largest IP packet in bytes that the device carries. */
  readonly mtu: number;
  readonly counters: Float64Array;
}

/** A device as the main thread holds it. */
export interface OpenedDevice<Spec extends BasePortSpec = BasePortSpec> {
  readonly name: string;
  /** `tun`, `tap`, `af_packet`, `raw` … */
  readonly kind: string;
  /** One line for people: what was taken and why, such as "af_packet on eth0: next hop known". */
  readonly description: string;
  readonly mtu: number;
  /** One for each worker. */
  readonly ports: readonly Spec[];
  /** Closes descriptors and removes what was created. */
  close(): Promise<void>;
}
