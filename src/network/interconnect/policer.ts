/**
 * The policer on what a customer sends to the edge (behaviour §5): a token bucket on bytes and virtual time, kept as
 * the time at which the bucket would be full again (the virtual scheduling form of the generic cell rate algorithm,
 * ITU-T I.371). At 1 Gbit/s a byte is 8 ns, so that all is whole numbers and nothing gets lost by rounding.
 *
 * In any span of time it lets through no more than burst + rate × span.
 */
import type { InterconnectConfig, NetworkConfig } from '../../config/network.js';
import { INGRESS_RATE, rulesOf } from './rules.js';

const NANOSECONDS = 1e9;

/**
 * Bytes that may come at once: 5 ms at 1 Gbit/s, as makers of routers advise. (The real figure is not published.)
 */
export const INGRESS_BURST = 625_000;

export class Policer {
  /** Nanoseconds that a byte takes, and that the whole bucket takes. */
  private readonly perByte: number;
  private readonly depth: number;
  private fullAt = 0;

  /**
   * @param rate bits per second, above 0
   * @param burst bytes of the bucket, which is full at first; a packet larger than that never passes
   */
  constructor(rate: number = INGRESS_RATE, burst: number = INGRESS_BURST) {
    this.perByte = (8 * NANOSECONDS) / rate;
    this.depth = burst * this.perByte;
  }

  /**
   * Lets a packet through or not.
   *
   * @param bytes of the IP packet as it is on the circuit, the outer header of GRE included
   * @param now nanoseconds; must not go back
   */
  take(bytes: number, now: number): boolean {
    const full = Math.max(this.fullAt, now) + bytes * this.perByte;
    if (full - now > this.depth) return false;
    this.fullAt = full;
    return true;
  }
}

/**
 * Policers by next hop, tunnels first and then interconnects: of tunnels over a circuit (dataplane 1) and of circuits
 * without GRE (dataplane 2). Null: what comes from there is not policed.
 */
export function policersOf({ tunnels, interconnects }: NetworkConfig): (Policer | null)[] {
  return [
    ...tunnels.map(({ interconnect }) => (interconnect === null ? null : new Policer())),
    ...interconnects.map((circuit) => (isPoliced(circuit) ? new Policer() : null)),
  ];
}

function isPoliced(circuit: InterconnectConfig): boolean {
  return rulesOf(circuit).policedBy === 'connection';
}
