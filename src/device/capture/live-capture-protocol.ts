/** What CapSource and its process (live-capture-process.ts) say to each other. */

/** Bytes captured of a packet; fixed by the package `cap`. */
export const LIVE_SNAPLEN = 65_535;

/** The process writes its packets, as a pcap file, to this descriptor. */
export const PACKET_DESCRIPTOR = 3;

export interface LiveCaptureSettings {
  interface: string;
  filter: string;
  queueBytes: number;
  kernelBufferBytes: number;
}

/** From the process. The parent sends nothing but STOP. */
export type LiveCaptureMessage =
  | { kind: 'started' }
  | { kind: 'failed'; problem: string }
  /** Packets dropped so far. */
  | { kind: 'dropped'; count: number }
  /** All that was captured has been written. */
  | { kind: 'ended' };

export const STOP = 'stop';
