/**
 * BFD between the edge and a customer's router (RFC 5880, asynchronous mode), on interconnects of dataplane 1: it
 * takes the BGP session down long before the hold timer would. Where traffic goes is decided by health checks all the
 * same; BFD does not make tunnels fail over faster (behaviour §5).
 */
import { MILLISECOND, SECOND } from '../time.js';

export interface BfdOptions {
  /** Nanoseconds from packet to packet while the session is up, the same both ways. */
  readonly interval: number;
  /** Packets that have to be missing. */
  readonly multiplier: number;
}

/** What most routers are set to: down after 900 ms. */
export const BFD_DEFAULTS: BfdOptions = { interval: 300 * MILLISECOND, multiplier: 3 };

/** While a session is not up, packets go once a second (RFC 5880 §6.8.3); Down, Init and Up take two of them. */
const BRING_UP = 2 * SECOND;

export class Bfd {
  private up = false;
  /** When packets came, modulo the interval. */
  private phase = 0;
  private upAt = Infinity;
  private downAt = Infinity;

  constructor(private readonly options: BfdOptions = BFD_DEFAULTS) {}

  get isUp(): boolean {
    return this.up;
  }

  /** When `advance` has something to do, in nanoseconds. */
  get next(): number {
    return Math.min(this.upAt, this.downAt);
  }

  /** The path begins or ceases to carry packets. */
  setPath(now: number, up: boolean): void {
    const { interval, multiplier } = this.options;
    if (!up) {
      this.upAt = Infinity;
      const last = this.phase + Math.floor((now - this.phase) / interval) * interval;
      if (this.up && this.downAt === Infinity) this.downAt = last + multiplier * interval;
      return;
    }
    if (!this.up) {
      this.upAt = now + BRING_UP;
      return;
    }
    const nextPacket = this.phase + Math.ceil((now - this.phase) / interval) * interval;
    if (nextPacket <= this.downAt) this.downAt = Infinity;
    else this.upAt = this.downAt + BRING_UP;
  }

  /** What happens until and including `now`: `down` when the session went down, `up` when it came up. */
  advance(now: number): 'up' | 'down' | null {
    if (this.downAt <= now) {
      this.downAt = Infinity;
      this.up = false;
      return 'down';
    }
    if (this.upAt > now) return null;
    this.phase = this.upAt;
    this.upAt = Infinity;
    this.up = true;
    return 'up';
  }
}
