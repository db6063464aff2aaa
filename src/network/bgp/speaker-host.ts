/** What a side of a BGP session is told, what it tells of itself, and what it asks of the session around it. */
import type { BgpMessage } from './message.js';
import type { Segment, Side } from './wire.js';

export const BGP_STATES = ['idle', 'connect', 'active', 'open_sent', 'open_confirm', 'established'] as const;
export type BgpState = (typeof BGP_STATES)[number];

export interface SpeakerOptions {
  readonly side: Side;
  readonly asn: number;
  /** The ASN that the peer has to have. */
  readonly peerAsn: number;
  /** Key of the TCP MD5 signature (RFC 2385); null: none. */
  readonly md5Key: string | null;
  /** Seconds, 0 or from 3 up. */
  readonly holdTime: number;
  /** Seconds for which the peer is asked to keep routes (RFC 4724); null: without graceful restart. */
  readonly restartTime: number | null;
  /** Own address and the peer's, for the log. */
  readonly address: string;
  readonly peerAddress: string;
}

/** What a side needs of the session around it. */
export interface SpeakerHost {
  newConnection(): number;
  send(segment: Segment): void;
  forget(connection: number): void;
  /** A line of the router's log. */
  log(text: string): void;
  changed(state: BgpState): void;
  established(): void;
  /** The session left `established`; `graceful`: the routes are to be kept for a while. */
  lost(graceful: boolean): void;
  /** An UPDATE or the end of the routes. */
  received(message: BgpMessage): void;
}
