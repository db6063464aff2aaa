/**
 * Automatic return routing as a stage of the edge's pipeline, whatever tunnels there are at the moment. Flows are known
 * to the whole edge at once: the answer may enter at another PoP than the one that the customer's packets came to
 * (behaviour §3 knows no place for a pin). Whether the tunnel works is each PoP's own view.
 */
import type { NetworkConfig } from '../../config/network.js';
import type { PacketPool } from '../../dataplane/packet-pool.js';
import type { SteerStage } from '../../dataplane/pipeline.js';
import { ReturnRouting } from '../../network/return-routing.js';

export class ReturnSteering {
  /** Names of the next hops, by number. */
  private names: readonly string[] = [];
  private readonly routing = new ReturnRouting({ nexthops: [] });
  private readonly inner: SteerStage;
  /** By PoP, next hops that are down there. */
  private readonly down = new Map<number, Set<string>>();

  constructor(pool: PacketPool, network: NetworkConfig) {
    this.inner = this.routing.stage(
      pool,
      (pop, nexthop) => this.down.get(pop)?.has(this.names[nexthop]!) !== true,
    );
    this.setNetwork(network);
  }

  /** Takes up other tunnels. */
  setNetwork({ tunnels, interconnects }: NetworkConfig): void {
    const before = this.names;
    this.names = [...tunnels, ...interconnects].map(({ name }) => name);
    const numbers = new Map(this.names.map((name, number) => [name, number]));
    const nexthops = [
      ...tunnels.map(({ automatic_return_routing }) => automatic_return_routing),
      ...interconnects.map(() => false),
    ];
    this.routing.setNexthops(nexthops, (number) => numbers.get(before[number]!) ?? -1);
  }

  /** For the edge. */
  readonly stage: SteerStage = (vector, scratch, nowMs) => {
    this.inner(vector, scratch, nowMs);
  };

  /** Where a next hop is down, its flows take the routes. */
  setHealth(pop: number, nexthop: string, isDown: boolean): void {
    const names = this.down.get(pop) ?? new Set();
    if (isDown) this.down.set(pop, names.add(nexthop));
    else names.delete(nexthop);
  }
}
