/** Functions of native/src/tun.c. */
import type { Pinned } from './pin-calls.js';

/** An open queue of a TUN or TAP interface. */
export interface TunQueue {
  /** Non-blocking, closed on exec. */
  readonly fd: number;
  /** The interface's name: the one asked for, or what the kernel made of a `%d` in it. */
  readonly name: string;
  /** Flags of the interface (TunFlag) as the kernel reports them. */
  readonly flags: number;
}

/** Flags of tunOpen, from <linux/if_tun.h> (IFF_…). */
export const TunFlag = {
  TUN: 0x0001,
  TAP: 0x0002,
  MULTI_QUEUE: 0x0100,
  /** Reported only: the interface stays when the last descriptor is closed. */
  PERSIST: 0x0800,
  /** No protocol information in front of each frame. */
  NO_PI: 0x1000,
  /** A virtio-net header in front of each frame. */
  VNET_HDR: 0x4000,
} as const;

/** Bits of tunSetOffload, from <linux/if_tun.h> (TUN_F_…): what the kernel may leave to whoever reads. */
export const TunOffload = {
  CHECKSUM: 0x01,
  TSO4: 0x02,
  TSO6: 0x04,
  TSO_ECN: 0x08,
  /** Since Linux 6.2, with the header's type for UDP segments. */
  USO4: 0x20,
  USO6: 0x40,
} as const;

export interface TunCalls {
  /**
   * Opens a queue of the interface `name`, making the interface when there is none. `path` is the control
   * device, /dev/net/tun. A name has up to 15 bytes.
   */
  tunOpen(path: string, name: string, flags: number): TunQueue;
  /** Sets the length in bytes of the virtio-net header, 10 and up, for all queues of the interface. */
  tunSetHeader(fd: number, bytes: number): void;
  /** Sets TunOffload bits, for all queues of the interface. EINVAL when the kernel does not know one. */
  tunSetOffload(fd: number, bits: number): void;
  /**
   * Reads frames until the queue is empty, the arrays are full, or less than `size` bytes of the room are left.
   * The first goes to memory[offset …], each next one at least `gap` bytes behind the end of the one before, and
   * whole cache lines from its beginning. Where they begin goes to `offsets`, their lengths to `lengths`: `size`
   * for a frame that may have been cut. Returns the number of frames, or −errno when the first read failed
   * (0 for EAGAIN).
   */
  tunRead(
    fd: number,
    memory: Pinned<Uint8Array>,
    offset: number,
    room: number,
    size: number,
    gap: number,
    offsets: Pinned<Int32Array>,
    lengths: Pinned<Int32Array>,
  ): number;
  /**
   * Writes `frames` frames, each gathered from pieces of the memory: for each frame `gather` holds the number
   * of pieces (1 to 1024) and then offset and length of each. results[i] becomes the bytes written or −errno.
   * Waits up to `patience` milliseconds for room. Throws RangeError for a broken list only.
   */
  tunWrite(
    fd: number,
    memory: Pinned<Uint8Array>,
    gather: Pinned<Int32Array>,
    frames: number,
    results: Pinned<Int32Array>,
    patience: number,
  ): void;
}
