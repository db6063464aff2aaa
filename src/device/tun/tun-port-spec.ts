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

/** Frames read in one call. */
export const TUN_FRAMES = 64;

/** Room for the longest frame: an IP packet of 65,535 bytes behind an Ethernet header with its tag. */
export const TUN_FRAME_BYTES = 65_600;

/** From one frame's place in the staging area to the next: an odd number of cache lines. */
export const TUN_STRIDE = (Math.ceil((HEADROOM + TUN_FRAME_BYTES) / 64) | 1) * 64;

/** Bytes of a port's staging area: address space, as the kernel's pages are taken only when touched. */
export function tunStagingBytes(): number {
  return TUN_FRAMES * TUN_STRIDE;
}
