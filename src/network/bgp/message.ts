/** BGP messages (RFC 4271 §4) as far as the model needs them, and the words that routers' logs have for errors. */
import type { Announcement } from './announcement.js';

export type BgpMessage =
  | OpenMessage
  | { readonly type: 'keepalive' }
  | {
      readonly type: 'update';
      readonly announced: readonly Announcement[];
      /** Prefixes. */
      readonly withdrawn: readonly string[];
    }
  /** An UPDATE without content: all routes have been sent (RFC 4724 §2). */
  | { readonly type: 'end_of_rib' }
  | { readonly type: 'notification'; readonly error: BgpError };

export interface OpenMessage {
  readonly type: 'open';
  readonly asn: number;
  /** Seconds; 0: no hold timer. */
  readonly holdTime: number;
  /** Seconds that the sender's peer is to keep its routes for it (RFC 4724); null: without the capability. */
  readonly restartTime: number | null;
}

/** Code, subcode (RFC 4271 §4.5, RFC 4486, RFC 9384) and what logs write for it. */
export const BGP_ERRORS = {
  wrong_as: [2, 2, 'peer in wrong AS'],
  hold_time_refused: [2, 6, 'unacceptable hold time'],
  hold_timer: [4, 0, 'hold time expired'],
  too_many_prefixes: [6, 1, 'maximum number of prefixes reached'],
  unconfigured: [6, 3, 'peer de-configured'],
  bfd_down: [6, 10, 'BFD down'],
} as const satisfies Record<string, readonly [number, number, string]>;

export type BgpError = keyof typeof BGP_ERRORS;

/** `4/0 (hold time expired)`. */
export function describeError(error: BgpError): string {
  const [code, subcode, text] = BGP_ERRORS[error];
  return `${code}/${subcode} (${text})`;
}
