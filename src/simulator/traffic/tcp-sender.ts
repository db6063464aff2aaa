/**
 * The sending half of a TCP connection, without its packets: what may be sent, what has to be sent again, and how
 * fast. Slow start and congestion avoidance (RFC 5681, with the initial window of RFC 6928), NewReno fast recovery
 * (RFC 6582), retransmission timer (RFC 6298, with Linux's bounds).
 *
 * Positions count from the SYN, which is 0; the first byte of data is 1. They are whole numbers beyond 2^32.
 */
import { MILLISECOND, SECOND, type Nanoseconds } from '../../network/time.js';

const FIRST_RTO = SECOND;
const LEAST_RTO = 200 * MILLISECOND;
const LONGEST_RTO = 60 * SECOND;
const INITIAL_SEGMENTS = 10;
const INITIAL_BYTES = 14_600;
const DUPLICATES = 3;
const NONE = -1;

/** What an acknowledgment asks for. */
export const AckResult = {
  /** It is of the past or the future: nothing changes. */
  IGNORED: 0,
  /** It acknowledges, or is a duplicate: see whether more may be sent. */
  SEND: 1,
  /** The segment at `una` is to be sent again at once. */
  RETRANSMIT: 2,
} as const;

export class TcpSender {
  /** First position that is not acknowledged; next to send; first never sent. */
  una = 0;
  nxt = 0;
  max = 0;
  /** Bytes of data in a segment, by MSS and path MTU. */
  segment = 536;
  cwnd = 0;
  ssthresh = Infinity;
  /** What the other side takes, from `una` on. */
  peerWindow = 65_535;
  /** Timeouts of the segment at `una` in a row. */
  timeouts = 0;
  /** When the timer fires; Infinity: it stands still. */
  deadline: Nanoseconds = Infinity;
  private duplicates = 0;
  private inRecovery = false;
  /** Recovery ends when this is acknowledged, and none begins below it. */
  private recover = NONE;
  private rto: Nanoseconds = FIRST_RTO;
  private smoothed: Nanoseconds = NONE;
  private variation: Nanoseconds = 0;
  /** The segment that the round trip is measured with ends here; NONE: none is. */
  private timed = NONE;
  private timedAt: Nanoseconds = 0;

  get flight(): number {
    return this.max - this.una;
  }

  /** Smoothed round trip; -1 before the first measurement. */
  get roundTrip(): Nanoseconds {
    return this.smoothed;
  }

  /** The handshake is over, and the segment size known. */
  open(): void {
    const { segment } = this;
    this.cwnd = Math.min(INITIAL_SEGMENTS * segment, Math.max(2 * segment, INITIAL_BYTES));
  }

  /** Bytes that may be sent at `nxt`. */
  get room(): number {
    return this.una + Math.min(this.cwnd, this.peerWindow) - this.nxt;
  }

  /** A segment up to `end` (exclusive) goes out, which began at `nxt` or (again) at `una`. */
  sent(end: number, now: Nanoseconds): void {
    if (end > this.max) {
      // Only what is sent for the first time is timed (Karn).
      if (this.timed === NONE) {
        this.timed = end;
        this.timedAt = now;
      }
      this.max = end;
    }
    if (this.deadline === Infinity) this.deadline = now + this.rto;
  }

  /**
   * Takes an acknowledgment.
   *
   * @param ack position
   * @param isPlain without data, and with the window that is known: may be a duplicate
   */
  acknowledged(ack: number, isPlain: boolean, now: Nanoseconds): number {
    if (ack > this.max || ack < this.una) return AckResult.IGNORED;
    if (ack > this.una) return this.advance(ack, now);
    if (!isPlain || this.flight === 0) return AckResult.SEND;
    return this.duplicate();
  }

  /** The timer fired: everything that is not acknowledged counts as lost. */
  timeOut(now: Nanoseconds): void {
    if (this.timeouts === 0) this.ssthresh = Math.max(this.flight / 2, 2 * this.segment);
    this.timeouts++;
    this.cwnd = this.segment;
    this.inRecovery = false;
    this.duplicates = 0;
    this.recover = this.max;
    this.timed = NONE;
    this.nxt = this.una;
    this.rto = Math.min(this.rto * 2, LONGEST_RTO);
    this.deadline = now + this.rto;
  }

  /** The path takes smaller segments only: what is not acknowledged is sent again, for no fault of the network. */
  resegment(segment: number): void {
    this.segment = segment;
    this.timed = NONE;
    this.nxt = this.una;
  }

  private advance(ack: number, now: Nanoseconds): number {
    const { segment } = this;
    const bytes = ack - this.una;
    if (this.timed !== NONE && ack >= this.timed) this.measure(now - this.timedAt);
    else if (this.timeouts > 0) this.restoreRto();
    this.una = ack;
    if (this.nxt < ack) this.nxt = ack;
    this.timeouts = 0;
    this.duplicates = 0;
    this.deadline = ack === this.max ? Infinity : now + this.rto;
    if (this.inRecovery) {
      if (ack < this.recover) {
        // A partial acknowledgment: the next segment is lost too.
        this.cwnd = Math.max(this.cwnd - bytes, 0) + segment;
        return AckResult.RETRANSMIT;
      }
      this.inRecovery = false;
      this.cwnd = Math.min(this.ssthresh, Math.max(this.flight, segment) + segment);
    } else if (this.cwnd < this.ssthresh) {
      this.cwnd += Math.min(bytes, 2 * segment);
    } else {
      this.cwnd += Math.max((segment * Math.min(bytes, segment)) / this.cwnd, 1);
    }
    return AckResult.SEND;
  }

  private duplicate(): number {
    const { segment } = this;
    this.duplicates++;
    if (this.inRecovery) {
      this.cwnd += segment;
      return AckResult.SEND;
    }
    if (this.duplicates !== DUPLICATES || this.una <= this.recover) return AckResult.SEND;
    this.ssthresh = Math.max(this.flight / 2, 2 * segment);
    this.recover = this.max;
    this.inRecovery = true;
    this.timed = NONE;
    this.cwnd = this.ssthresh + DUPLICATES * segment;
    return AckResult.RETRANSMIT;
  }

  private measure(sample: Nanoseconds): void {
    this.timed = NONE;
    if (this.smoothed === NONE) {
      this.smoothed = sample;
      this.variation = sample / 2;
    } else {
      this.variation = 0.75 * this.variation + 0.25 * Math.abs(this.smoothed - sample);
      this.smoothed = 0.875 * this.smoothed + 0.125 * sample;
    }
    this.restoreRto();
  }

  /** Ends the back-off of the timer, as soon as anything new is acknowledged. */
  private restoreRto(): void {
    const wanted =
      this.smoothed === NONE ? FIRST_RTO : this.smoothed + Math.max(4 * this.variation, MILLISECOND);
    this.rto = Math.round(Math.min(Math.max(wanted, LEAST_RTO), LONGEST_RTO));
  }
}
