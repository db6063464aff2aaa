/** What arrives of numbered packets, for many flows at a time. */
import type { Nanoseconds } from '../../network/time.js';

/** Of one flow or of all. Times in nanoseconds. */
export interface ArrivalSummary {
  readonly sent: number;
  readonly received: number;
  /** Came behind one that was sent later, or a second time. */
  readonly outOfOrder: number;
  /** Longest time between two arrivals (or the first packet sent and the first arrival). */
  readonly longestGap: Nanoseconds;
}

export class Arrivals {
  private readonly sent: Uint32Array;
  private readonly received: Uint32Array;
  private readonly outOfOrder: Uint32Array;
  /** Number that is expected next. */
  private readonly next: Uint32Array;
  private readonly last: Float64Array;
  private readonly gaps: Float64Array;

  constructor(private readonly flows: number) {
    this.sent = new Uint32Array(flows);
    this.received = new Uint32Array(flows);
    this.outOfOrder = new Uint32Array(flows);
    this.next = new Uint32Array(flows);
    this.last = new Float64Array(flows);
    this.gaps = new Float64Array(flows);
  }

  /** Number for the next packet of a flow. */
  send(flow: number, now: Nanoseconds): number {
    if (this.sent[flow] === 0) this.last[flow] = now;
    return this.sent[flow]!++;
  }

  receive(flow: number, sequence: number, now: Nanoseconds): void {
    this.received[flow]!++;
    if (sequence >= this.next[flow]!) this.next[flow] = sequence + 1;
    else this.outOfOrder[flow]!++;
    const gap = now - this.last[flow]!;
    if (gap > this.gaps[flow]!) this.gaps[flow] = gap;
    this.last[flow] = now;
  }

  /** Of one flow. */
  of(flow: number): ArrivalSummary {
    return {
      sent: this.sent[flow]!,
      received: this.received[flow]!,
      outOfOrder: this.outOfOrder[flow]!,
      longestGap: this.gaps[flow]!,
    };
  }

  /** Of all together; the gap is the longest that any flow had. */
  total(): ArrivalSummary {
    const total = { sent: 0, received: 0, outOfOrder: 0, longestGap: 0 };
    for (let flow = 0; flow < this.flows; flow++) {
      const one = this.of(flow);
      total.sent += one.sent;
      total.received += one.received;
      total.outOfOrder += one.outOfOrder;
      total.longestGap = Math.max(total.longestGap, one.longestGap);
    }
    return total;
  }
}
