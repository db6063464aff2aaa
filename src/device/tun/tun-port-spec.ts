/** What a worker needs to use a queue of a TUN or TAP, and the memory that it takes. */
import { HEADROOM } from '../../dataplane/packet-pool.js';
import type { BasePortSpec } from '../port.js';

export interface TunPortSpec extends BasePortSpec {
  readonly kind: 'tun' | 'tap';
  readonly fd: number;
  /** Frames have virtio-net headers: large segments are cut and made. */
  readonly offload: boolean;
  /** The kernel takes large UDP segments as well. */
  readonly udp: boolean;
}

/** Frames read in one call at most. */
export const TUN_FRAMES = 64;

/** Room for the longest frame: an IP packet of 65,535 bytes behind an Ethernet header with its tag. */
export const TUN_FRAME_BYTES = 65_600;

/** Bytes of frames after which a read call ends: what fills a vector, and stays in the second-level cache. */
const READ_BYTES = 5 * 65_536;

/** Bytes of a port's staging area: frames lie in it one close behind the other. */
export function tunStagingBytes(): number {
  return READ_BYTES + 2 * HEADROOM + TUN_FRAME_BYTES;
}
