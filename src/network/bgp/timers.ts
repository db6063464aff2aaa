/**
 * Times of a BGP session. Virtual time is in whole nanoseconds; what stands in messages and configurations is in
 * seconds. What behaviour §3 names is marked with it, the rest are choices among what routers do.
 */

import { MILLISECOND } from '../time.js';

/** Seconds for which the edge keeps the routes of a peer that restarts (behaviour §3; RFC 4724, helper only). */
export const GRACEFUL_RESTART_TIME = 120;

/** Seconds between two attempts to connect. RFC 4271 advises 120, data centers use 10. */
export const CONNECT_RETRY = 10;

/** A SYN is sent again after 1 and 3 seconds (RFC 6298: 1 s, doubled each time), and given up after 7. */
export const SYN_TIMES: readonly number[] = [0, 1, 3];
export const CONNECT_TIMEOUT = 7;

/** Seconds to wait for the peer's OPEN (RFC 4271 §8.2.2, "a large value", 4 minutes). */
export const OPEN_HOLD_TIME = 240;

/** First retransmission time-out of an established TCP connection in nanoseconds (Linux: 200 ms), doubled each time. */
export const RETRANSMISSION = 200 * MILLISECOND;

/**
 * Hold time of a session in seconds: the smaller of both sides (RFC 4271 §4.2); 0: neither hold timer nor
 * keepalives.
 */
export function negotiateHoldTime(own: number, peer: number): number {
  return Math.min(own, peer);
}

/** Seconds between two keepalives: a third of the hold time, but not under one second (RFC 4271 §4.4). */
export function keepaliveOf(holdTime: number): number {
  return Math.max(1, Math.floor(holdTime / 3));
}
