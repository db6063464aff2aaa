/** When the flows of a traffic went over to another next hop. */
import type { Nanoseconds } from '../../network/time.js';

export interface Move {
  readonly at: Nanoseconds;
  readonly flow: number;
  /** Numbers of next hops. */
  readonly from: number;
  readonly to: number;
}

export class Moves {
  readonly list: Move[] = [];
  /** Last next hop by flow and direction. */
  private readonly last = new Map<number, number>();

  /** A packet of the flow took this next hop. */
  took(now: Nanoseconds, flow: number, direction: 0 | 1, nexthop: number): void {
    const key = 2 * flow + direction;
    const from = this.last.get(key);
    if (from === nexthop) return;
    this.last.set(key, nexthop);
    if (from !== undefined) this.list.push({ at: now, flow, from, to: nexthop });
  }
}
