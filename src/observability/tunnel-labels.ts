/**
 * Which tunnels have a label of their own, and the sum of the others. A label, once given, stays with its
 * tunnel until the tunnel is gone; the sum of the others grows by what each of them has grown, so that it
 * never falls when one of them goes or gets a label.
 */
import type { PacketsAndBytes, TunnelSnapshot } from './snapshot.js';

type Direction = 'decapsulated' | 'encapsulated';
const DIRECTIONS: readonly Direction[] = ['decapsulated', 'encapsulated'];

type Traffic = Readonly<Record<Direction, PacketsAndBytes>>;

export interface LabelledTunnels {
  readonly named: readonly TunnelSnapshot[];
  /** Number of tunnels without a label. */
  readonly others: number;
  /** Traffic of these and of those that were among them; null while there was none. */
  readonly otherTraffic: Traffic | null;
}

const NONE: Traffic = {
  decapsulated: { packets: 0, bytes: 0 },
  encapsulated: { packets: 0, bytes: 0 },
};

export class TunnelLabels {
  private labelled = new Set<string>();
  private lastSeen = new Map<string, Traffic>();
  private sum: Traffic | null = null;

  /** @param limit tunnels that may have a label, 0 and up */
  constructor(private readonly limit: number) {}

  /** Divides the tunnels of a snapshot; snapshots are to come in the order in which they were taken. */
  divide(tunnels: readonly TunnelSnapshot[]): LabelledTunnels {
    const present = new Set(tunnels.map(({ name }) => name));
    this.labelled = new Set([...this.labelled].filter((name) => present.has(name)));
    const named: TunnelSnapshot[] = [];
    const others = new Map<string, Traffic>();
    for (const tunnel of tunnels) {
      if (this.labelled.size < this.limit) this.labelled.add(tunnel.name);
      if (this.labelled.has(tunnel.name)) named.push(tunnel);
      else others.set(tunnel.name, tunnel);
    }
    for (const [name, traffic] of others) {
      this.sum = grown(this.sum ?? NONE, this.lastSeen.get(name) ?? NONE, traffic);
    }
    this.lastSeen = others;
    return { named, others: others.size, otherTraffic: this.sum };
  }
}

/** `sum` and what has come to it from `before` to `now`; a tunnel that counts from zero again has grown by `now`. */
function grown(sum: Traffic, before: Traffic, now: Traffic): Traffic {
  const [decapsulated, encapsulated] = DIRECTIONS.map((direction) => {
    const from = now[direction].packets < before[direction].packets ? NONE[direction] : before[direction];
    return {
      packets: sum[direction].packets + now[direction].packets - from.packets,
      bytes: sum[direction].bytes + now[direction].bytes - from.bytes,
    };
  });
  return { decapsulated: decapsulated!, encapsulated: encapsulated! };
}
