/**
 * What a device counts, one block per worker in shared memory with that worker as its only writer; read by
 * the main thread. Whatever the pipeline delivered to a device is either in `tx_packets` or in one of
 * `tx_dropped_*`.
 */
export const DEVICE_COUNTERS = [
  /** Packets handed to the pipeline (after large segments were split), and their bytes. */
  'rx_packets',
  'rx_bytes',
  /** Calls of receive that brought packets; rx_packets / rx_batches is the batch size. */
  'rx_batches',
  /** Large segments that were split into several packets. */
  'rx_large',
  /** Frames longer than the device's buffers, cut by the kernel; dropped. */
  'rx_dropped_oversized',
  /** Frames that make no sense (a virtio-net header that lies, say); dropped. */
  'rx_dropped_invalid',
  /** Frames that the kernel dropped for us because its queue was full. */
  'rx_dropped_queue',
  /** Packets sent (before coalescing), their bytes, and the batches. */
  'tx_packets',
  'tx_bytes',
  'tx_batches',
  /** Large segments made of several packets. */
  'tx_large',
  /** Packets sent by the slow fallback because the next hop's link address is not known. */
  'tx_fallback',
  /** The kernel had no room, also after waiting (ENOBUFS, EAGAIN). */
  'tx_dropped_queue',
  /** Larger than the interface takes (EMSGSIZE). */
  'tx_dropped_size',
  /** The kernel has no route or no such interface (ENETUNREACH, EHOSTUNREACH, ENETDOWN, ENXIO). */
  'tx_dropped_unreachable',
  /** Any other error. */
  'tx_dropped_error',
] as const;

export type DeviceCounter = (typeof DEVICE_COUNTERS)[number];

/** Index of each counter in a block. */
export const DeviceCount = Object.fromEntries(DEVICE_COUNTERS.map((name, i) => [name, i])) as {
  readonly [K in DeviceCounter]: number;
};

/** A block of counters, all zero. */
export function createDeviceCounters(): Float64Array {
  return new Float64Array(new SharedArrayBuffer(DEVICE_COUNTERS.length * 8));
}
