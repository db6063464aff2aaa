import type { CaptureOption } from './pcapng-options.js';

/** What PacketCursor.next() answers. */
export const Cursor = {
  /** The source has ended. */
  END: -1,
  /** Nothing is there at the moment: `await fill()`, then ask again. */
  FILL: 0,
  /** A packet is current. */
  PACKET: 1,
} as const;

/** An interface that a capture has packets of. */
export interface CaptureInterface {
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** Most bytes captured of a packet; 0 = no limit. */
  readonly snaplen: number;
  readonly name: string | null;
  /** Whether its times are finer than a microsecond. */
  readonly nanoseconds: boolean;
  /** Options of a pcapng interface block, as a writer takes them. Empty for pcap. */
  readonly options: readonly CaptureOption[];
}

/**
 * A source of packets in order, read without an object per packet:
 *
 *     for (;;) {
 *       const state = cursor.next();
 *       if (state === Cursor.END) break;
 *       if (state === Cursor.FILL) { await cursor.fill(); continue; }
 *       use(cursor.data, cursor.position, cursor.length);
 *     }
 *
 * The fields describe the current packet until the next call of next(); its bytes stay where they are
 * until the next call of fill().
 */
export interface PacketCursor {
  /** The file or interface, for messages. */
  readonly path: string;
  readonly interfaces: readonly CaptureInterface[];

  /** The memory that holds the packet; may be another object after fill(). */
  readonly data: Uint8Array;
  /** Index in `data` of the frame's first byte. */
  readonly position: number;
  /** Bytes of the frame that were captured. */
  readonly length: number;
  /** Bytes that the frame had on the wire. */
  readonly originalLength: number;
  /** Time of capture: seconds since 1970-01-01 00:00 UTC, a whole number. */
  readonly seconds: number;
  /** 0 to 999,999,999. */
  readonly nanoseconds: number;
  /** LINKTYPE_ number. */
  readonly linkType: number;
  /** Index in `interfaces`. */
  readonly interfaceId: number;
  /** 1 for the first packet; 0 before it. */
  readonly packetNumber: number;
  /** Bytes of pcapng options that the packet has; mostly 0. */
  readonly optionsLength: number;

  /** Bytes of the file used so far, and in all (null: not known), as a progress bar wants them. */
  readonly bytesRead: number;
  readonly totalBytes: number | null;

  /** Goes to the next packet: Cursor.PACKET, FILL or END. Throws CaptureError for a malformed file. */
  next(): number;
  /** Brings more bytes. Throws CaptureError. */
  fill(): Promise<void>;
  /** The pcapng options of the current packet (a copy), as a writer takes them. */
  options(): CaptureOption[];
  close(): Promise<void>;
}
