/** The largest packet of each link, in the whole run and in spans of it. */
import type { Nanoseconds } from '../../network/time.js';
import type { Moments } from './moments.js';

/** A span of a link in which the largest packet is looked for: 0 as long as there was none. */
export interface LargestPacket {
  readonly bytes: number;
}

class Window implements LargestPacket {
  bytes = 0;

  constructor(
    readonly link: number,
    readonly from: Nanoseconds,
    readonly to: Nanoseconds,
  ) {}
}

export class LargestPackets {
  /** By link: since the last cut. To be raised by whoever sees a larger packet. */
  values = new Float64Array(16);
  private readonly whole = new Map<number, number>();
  private readonly windows: Window[] = [];
  /** When the last cut of each link was. */
  private readonly cutAt = new Map<number, Nanoseconds>();

  reserve(link: number): void {
    if (link < this.values.length) return;
    const larger = new Float64Array(2 * link);
    larger.set(this.values);
    this.values = larger;
  }

  /** Looks at a span of a link, from `from` to just before `to`. */
  watch(link: number, from: Nanoseconds, to: Nanoseconds, moments: Moments): LargestPacket {
    const window = new Window(link, from, to);
    this.windows.push(window);
    for (const time of [from, to]) {
      moments.at(time, () => {
        this.cut(link, time);
      });
    }
    return window;
  }

  /** The largest packet of a link so far. */
  of(link: number): number {
    return Math.max(this.values[link] ?? 0, this.whole.get(link) ?? 0);
  }

  /** Ends all spans, when the run is over. */
  finish(now: Nanoseconds): void {
    for (const link of new Set(this.windows.map((window) => window.link))) this.cut(link, now);
  }

  /** What came since the cut before belongs to all spans of the link that cover the time between. */
  private cut(link: number, now: Nanoseconds): void {
    const largest = this.values[link]!;
    const before = this.cutAt.get(link) ?? 0;
    for (const window of this.windows) {
      const covers = window.link === link && window.from <= before && now <= window.to;
      if (covers) window.bytes = Math.max(window.bytes, largest);
    }
    this.whole.set(link, this.of(link));
    this.cutAt.set(link, now);
    this.values[link] = 0;
  }
}
