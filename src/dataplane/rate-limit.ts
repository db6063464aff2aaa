/** Token bucket for ICMP errors (RFC 1812 §4.3.2.8). Time comes in as a number; no clock in here. */
export class RateLimit {
  private tokens: number;
  private last = 0;

  /** @param perSecond tokens a second, and the size of the bucket; Infinity is no limit */
  constructor(private readonly perSecond: number) {
    this.tokens = perSecond;
  }

  /** Tells the time in milliseconds, from any origin; it may stand still, steps back count as none. */
  advance(nowMs: number): void {
    if (nowMs > this.last) {
      this.tokens = Math.min(this.perSecond, this.tokens + ((nowMs - this.last) / 1000) * this.perSecond);
    }
    this.last = nowMs;
  }

  /** Takes a token; false when there is none. */
  take(): boolean {
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}
