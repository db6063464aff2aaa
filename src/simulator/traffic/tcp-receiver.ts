/**
 * The receiving half of a TCP connection: what has come, in order and ahead of it, and when that is to be
 * acknowledged (RFC 5681 §4.2: at least every second full segment, at once where something is missing).
 */
import { MILLISECOND, type Nanoseconds } from '../../network/time.js';

/** How long an acknowledgment waits for company (Linux's least). */
const DELAY = 40 * MILLISECOND;
/** Stretches that are kept ahead of a gap. */
const MOST_STRETCHES = 256;

export class TcpReceiver {
  /** Next position expected, as the sender counts (the SYN is 0). */
  next = 0;
  /** When a delayed acknowledgment is due; Infinity: none is. */
  deadline: Nanoseconds = Infinity;
  /** Whether an acknowledgment is due at once. */
  urgent = false;
  /** Begin and end of what came ahead, in order. */
  private readonly ahead: number[] = [];
  private unacknowledged = 0;

  /**
   * Takes a segment from `from` up to `to` (exclusive); `segment` bytes are a full one.
   */
  take(from: number, to: number, segment: number, now: Nanoseconds): void {
    if (from > this.next) this.keep(from, to);
    if (from > this.next || to <= this.next) {
      this.urgent = true;
      return;
    }
    const hadGap = this.ahead.length > 0;
    this.next = to;
    while (this.ahead.length > 0 && this.ahead[0]! <= this.next) {
      this.next = Math.max(this.next, this.ahead[1]!);
      this.ahead.splice(0, 2);
    }
    this.unacknowledged += to - from;
    if (hadGap || this.unacknowledged >= 2 * segment) this.urgent = true;
    else if (this.deadline === Infinity) this.deadline = now + DELAY;
  }

  /** An acknowledgment goes out. */
  acknowledged(): void {
    this.unacknowledged = 0;
    this.urgent = false;
    this.deadline = Infinity;
  }

  private keep(from: number, to: number): void {
    const { ahead } = this;
    let i = 0;
    while (i < ahead.length && ahead[i + 1]! < from) i += 2;
    if (i === ahead.length) {
      if (ahead.length < 2 * MOST_STRETCHES) ahead.push(from, to);
      return;
    }
    // Joined with all stretches that it touches.
    let begin = from;
    let end = to;
    let touched = i;
    while (touched < ahead.length && ahead[touched]! <= end) {
      begin = Math.min(begin, ahead[touched]!);
      end = Math.max(end, ahead[touched + 1]!);
      touched += 2;
    }
    if (touched === i && ahead.length >= 2 * MOST_STRETCHES) return;
    ahead.splice(i, touched - i, begin, end);
  }
}
