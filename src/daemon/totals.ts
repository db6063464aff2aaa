/** What workers that are gone have counted, so that no number ever falls. */
import { COUNTERS_PER_TUNNEL, TUNNEL_COUNTERS } from '../dataplane/counters.js';
import { STATISTICS, Stat } from './worker-memory.js';
import type { WorkerThread } from './worker-thread.js';

export class Totals {
  /** Verdicts and what is counted beside them, as in a block of counters. */
  readonly counters = new Float64Array(TUNNEL_COUNTERS);
  /** Packets that workers had in hand when they failed. */
  lost = 0;
  private readonly tunnels = new Map<string, Float64Array>();

  /** Adds the counters of a thread that is gone; `names` are the tunnels that it counted for. */
  add(thread: WorkerThread, names: readonly string[]): void {
    addBlock(this.counters, thread.counters, TUNNEL_COUNTERS);
    this.lost += thread.statistics[Stat.IN_HAND]!;
    names.forEach((name, i) => {
      const at = TUNNEL_COUNTERS + i * COUNTERS_PER_TUNNEL;
      const block = thread.counters.subarray(at, at + COUNTERS_PER_TUNNEL);
      if (block.every((value) => value === 0)) return;
      const sum = this.tunnels.get(name);
      if (sum === undefined) this.tunnels.set(name, block.slice());
      else addBlock(sum, block, COUNTERS_PER_TUNNEL);
    });
  }

  /** Counters of a tunnel (TunnelCounter), or null when nothing was counted for it. */
  ofTunnel(name: string): Float64Array | null {
    return this.tunnels.get(name) ?? null;
  }

  /** Forgets the tunnels that are not among these. */
  keepTunnels(names: ReadonlySet<string>): void {
    for (const name of this.tunnels.keys()) if (!names.has(name)) this.tunnels.delete(name);
  }
}

/** The same for one worker's place: numbers that are told for each worker. */
export class PlaceTotals {
  readonly statistics = new Float64Array(STATISTICS);
  received = 0;

  add(thread: WorkerThread): void {
    addBlock(this.statistics, thread.statistics, STATISTICS);
    this.received += thread.received;
  }
}

function addBlock(sum: Float64Array, block: Float64Array, length: number): void {
  for (let i = 0; i < length; i++) sum[i]! += block[i]!;
}
