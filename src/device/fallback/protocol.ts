/**
 * What a package device and its helper process say to each other.
 *
 * The npm packages `raw-socket` and `cap` live on an event loop, and crash with their process; a worker blocks
 * in poll. So the package runs in a process of its own, and each worker has a channel to it: a pair of
 * sockets that keeps the bounds of packets.
 *
 *     network ── package ── helper process ──(channel)── worker
 *
 * To the worker go IP packets and notices; from the worker come IP packets (raw-socket) or frames (cap).
 */

export interface HelperSettings {
  readonly package: 'raw-socket' | 'cap';
  /** cap: where to capture. */
  readonly interface: string | null;
  /** cap: its link address, as hex digits. */
  readonly mac: string | null;
  /** Our addresses, as hex digits of 4 or 16 bytes. */
  readonly locals: readonly string[];
  /** Number of channels: descriptors FIRST_CHANNEL and up. */
  readonly workers: number;
}

/** Standard streams, then the IPC channel, then the workers' channels. */
export const FIRST_CHANNEL = 4;

/** From the helper, once. */
export type HelperMessage =
  { readonly kind: 'started' } | { readonly kind: 'failed'; readonly problem: string };

/** To the helper: other local addresses. */
export interface LocalsMessage {
  readonly locals: readonly string[];
}

/**
 * A notice in a channel looks like a packet of IP version 0: a zero byte, its kind, two bytes unused, and a
 * count (32 bits, little-endian) to be added.
 */
export const NOTICE_BYTES = 8;
export const Notice = {
  /** Packets that found the channel full. */
  RECEIVE_DROPPED: 1,
  /** Packets that the package could not send. */
  SEND_FAILED: 2,
} as const;
