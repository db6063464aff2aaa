/**
 * What a circuit is like at the moment: why it is down, which links work, how much light comes in; and what follows
 * for status, rate and next hop. Changes come as calls; time plays no part.
 */
import type { InterconnectConfig } from '../../config/network.js';
import { Bundle } from './bundle.js';
import { CIRCUIT_MTU, rulesOf, type Delivery } from './rules.js';

export type CircuitStatus = 'active' | 'unhealthy' | 'pending';

/** Received power in dBm below which a circuit is Unhealthy (behaviour §5). */
export const LEAST_LIGHT = -20;

/** What a circuit does for the link that stands for it. Both ways the same, but for the policer. */
export interface CircuitLink {
  readonly up: boolean;
  /** Bits per second; 0 when it is down. */
  readonly rate: number;
  /** Bytes of the largest IP packet on the circuit, outer headers included. */
  readonly mtu: number;
}

/** What routing and dataplane see of the circuit. */
export interface CircuitNexthop {
  readonly name: string;
  /** `plain`: routes may name it. `gre`: only tunnels over it are next hops. */
  readonly delivery: Delivery;
  /** Largest IP packet of the customer that gets through to it. */
  readonly mtu: number;
  /** Whether it carries traffic: the link is up, and the BGP session where one has to be. */
  readonly up: boolean;
  /** Why it is not up, as part of a sentence; null: it is. */
  readonly reason: string | null;
}

export class CircuitState {
  readonly bundle: Bundle;
  /** In the order in which they came: a circuit may be broken and in maintenance at a time. */
  private readonly causes = new Set<string>();
  private light: number;
  private ethernet = true;
  private bgpUp = true;
  private pending: boolean;

  /**
   * @param options.pending it has not been up yet and is not now
   * @param options.minimumLinks of a bundle, for it to carry anything
   */
  constructor(
    private readonly config: InterconnectConfig,
    options: { readonly pending?: boolean; readonly minimumLinks?: number } = {},
  ) {
    this.bundle = new Bundle(config.links, config.speed, options.minimumLinks ?? 1);
    this.light = config.light_level_dbm;
    this.pending = options.pending ?? false;
  }

  /** Takes it down for a cause, in words: `cut`, `maintenance`; the same again has no effect. */
  fail(cause: string): void {
    this.causes.add(cause);
  }

  /** The cause is over; it is up again when no other is left. */
  restore(cause: string): void {
    this.causes.delete(cause);
  }

  /** A circuit that was pending is ready. */
  provision(): void {
    this.pending = false;
  }

  /** Whether Ethernet frames get through where there is light. */
  setEthernet(up: boolean): void {
    this.ethernet = up;
  }

  /** Whether the BGP session over it is established: dataplane 1 carries no traffic without (behaviour §5). */
  setBgp(up: boolean): void {
    this.bgpUp = up;
  }

  /** Received power in dBm. */
  setLight(dbm: number): void {
    this.light = dbm;
  }

  get lightLevel(): number {
    return this.light;
  }

  /** Why not even BGP gets through, as part of a sentence; null: it does. */
  get reason(): string | null {
    if (this.pending) return 'not yet provisioned';
    const [cause] = this.causes;
    if (cause !== undefined) return cause;
    if (!this.ethernet) return 'no Ethernet';
    return this.bundle.isUp ? null : `${this.bundle.linksUp} of ${this.bundle.links} links up`;
  }

  /** Dim light alone does not stop packets. */
  get isUp(): boolean {
    return this.reason === null;
  }

  /** Active: light and Ethernet are up. Unhealthy: down, or light below −20 dBm. Pending: not up yet. */
  get status(): CircuitStatus {
    if (this.pending) return 'pending';
    return this.isUp && this.light >= LEAST_LIGHT ? 'active' : 'unhealthy';
  }

  get link(): CircuitLink {
    return { up: this.isUp, rate: this.isUp ? this.bundle.totalRate : 0, mtu: CIRCUIT_MTU };
  }

  get nexthop(): CircuitNexthop {
    const { delivery, mtu, bgp } = rulesOf(this.config);
    const reason =
      this.reason ?? (bgp === 'required' && !this.bgpUp ? 'its BGP session is not established' : null);
    return {
      name: this.config.name,
      delivery: delivery.toCustomer,
      mtu: Math.min(this.config.mtu, mtu.toCustomer),
      up: reason === null,
      reason,
    };
  }
}
