/**
 * The TCP connection below a BGP session, as far as the session notices it: segments that take their time, that are
 * sent again while the path is down (with time-outs that double), and that arrive in order. What opens or refuses a
 * connection is not sent again here; whoever connects repeats its SYN itself.
 */
import type { BgpMessage } from './message.js';
import { RETRANSMISSION } from './timers.js';

export type Side = 'edge' | 'customer';

export function otherSide(side: Side): Side {
  return side === 'edge' ? 'customer' : 'edge';
}

export type Segment =
  /** With the key of the TCP MD5 signature (RFC 2385); null: unsigned. */
  | { readonly type: 'syn'; readonly connection: number; readonly md5Key: string | null }
  | { readonly type: 'syn_ack' | 'rst' | 'fin'; readonly connection: number }
  | { readonly type: 'message'; readonly connection: number; readonly message: BgpMessage };

interface InFlight {
  readonly at: number;
  readonly to: Side;
  readonly segment: Segment;
}

/** What one side has sent and the other not yet confirmed. */
interface Unconfirmed {
  readonly segments: Segment[];
  /** Nanoseconds: the next retransmission, and the time-out that led to it. */
  due: number;
  timeout: number;
}

export class Wire {
  private up = true;
  private inFlight: InFlight[] = [];
  private readonly unconfirmed: Readonly<Record<Side, Unconfirmed>> = {
    edge: { segments: [], due: Infinity, timeout: 0 },
    customer: { segments: [], due: Infinity, timeout: 0 },
  };

  /** @param latency nanoseconds from one side to the other */
  constructor(private readonly latency: number) {}

  /** When `take` has something to do, in nanoseconds; Infinity: never. */
  get next(): number {
    const { edge, customer } = this.unconfirmed;
    return Math.min(this.inFlight[0]?.at ?? Infinity, edge.due, customer.due);
  }

  /** Whether the path carries packets both ways. */
  setPath(up: boolean): void {
    this.up = up;
  }

  send(now: number, from: Side, segment: Segment): void {
    if (segment.type === 'syn' || segment.type === 'syn_ack' || segment.type === 'rst') {
      if (this.up) this.launch(now, from, segment);
      return;
    }
    const waiting = this.unconfirmed[from];
    if (this.up && waiting.segments.length === 0) {
      this.launch(now, from, segment);
      return;
    }
    if (waiting.segments.length === 0) {
      waiting.timeout = RETRANSMISSION;
      waiting.due = now + RETRANSMISSION;
    }
    waiting.segments.push(segment);
  }

  /** The side has given up the connection: nothing more of it is sent again. */
  forget(side: Side, connection: number): void {
    const waiting = this.unconfirmed[side];
    const kept = waiting.segments.filter((segment) => segment.connection !== connection);
    waiting.segments.splice(0, waiting.segments.length, ...kept);
    if (kept.length === 0) waiting.due = Infinity;
  }

  /** Does what is due until and including `now`: retransmissions first, then one arrival, null if none is due. */
  take(now: number): { to: Side; segment: Segment } | null {
    for (const side of ['edge', 'customer'] as const) {
      if (this.unconfirmed[side].due <= now) this.retransmit(side);
    }
    if (this.inFlight.length === 0 || this.inFlight[0]!.at > now) return null;
    return this.inFlight.shift() ?? null;
  }

  private retransmit(side: Side): void {
    const waiting = this.unconfirmed[side];
    if (!this.up) {
      waiting.timeout *= 2;
      waiting.due += waiting.timeout;
      return;
    }
    for (const segment of waiting.segments.splice(0)) this.launch(waiting.due, side, segment);
    waiting.due = Infinity;
  }

  /** The latency is the same for all, so that what is launched later arrives later. */
  private launch(now: number, from: Side, segment: Segment): void {
    const at = now + this.latency;
    const behind = this.inFlight.findIndex((other) => other.at > at);
    const entry = { at, to: otherSide(from), segment };
    if (behind < 0) this.inFlight.push(entry);
    else this.inFlight.splice(behind, 0, entry);
  }
}
