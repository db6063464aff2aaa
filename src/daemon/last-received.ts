/** When each tunnel was last heard of, found by looking at its counter once a second. */
import { COUNTERS_PER_TUNNEL, TunnelCounter, TUNNEL_COUNTERS } from '../dataplane/counters.js';
import type { Totals } from './totals.js';

const FIRST = TUNNEL_COUNTERS + TunnelCounter.DECAPSULATED_PACKETS;

export class LastReceived {
  private names: readonly string[] = [];
  private packets: Float64Array = new Float64Array(0);
  /** Milliseconds since 1970; 0 is never. */
  private times: Float64Array = new Float64Array(0);

  /** The tunnels are these from now on; what is known of them by name stays. */
  takeUp(names: readonly string[]): void {
    const before = new Map(this.names.map((name, i) => [name, i]));
    const carry = (values: Float64Array): Float64Array =>
      Float64Array.from(names, (name) => values[before.get(name) ?? -1] ?? 0);
    this.packets = carry(this.packets);
    this.times = carry(this.times);
    this.names = names;
  }

  /** @param blocks the counters of the workers that run */
  sample(blocks: readonly Float64Array[], totals: Totals, now = Date.now()): void {
    const { names, packets, times } = this;
    for (let i = 0; i < names.length; i++) {
      let sum = totals.ofTunnel(names[i]!)?.[TunnelCounter.DECAPSULATED_PACKETS] ?? 0;
      for (const block of blocks) sum += block[FIRST + i * COUNTERS_PER_TUNNEL]!;
      if (sum !== packets[i]) times[i] = now;
      packets[i] = sum;
    }
  }

  /** Seconds since a tunnel, by its number, was heard of; null: never. */
  secondsSince(tunnel: number, now = Date.now()): number | null {
    const time = this.times[tunnel] ?? 0;
    return time === 0 ? null : Math.max(0, Math.round((now - time) / 1000));
  }
}
