/** What traffic is made for: tunnels, and the prefixes that are routed into them. */
import type { Prefix } from '../dataplane/tables.js';
import type { Random } from './random.js';

export type Family = 4 | 6;

/** The part of a tunnel that its traffic shows. */
export interface TrafficTunnel {
  readonly name: string;
  /** Our endpoint and the customer's, 4 or 16 bytes. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly key: number | null;
  readonly checksum: boolean;
  readonly sequence: boolean;
  readonly gretap: boolean;
  /** Largest inner IP packet in bytes. */
  readonly mtu: number;
  readonly clearDontFragment: boolean;
  /** Null: any inner source is allowed. */
  readonly allowedSources: readonly Prefix[] | null;
  /** Where the customer's hosts are; empty when this tunnel brings nothing of a family. */
  readonly sources4: readonly Prefix[];
  readonly sources6: readonly Prefix[];
}

export interface TrafficNetwork {
  readonly maxNestingDepth: number;
  /** Tunnels that the customers can send through (some inner source is allowed). */
  readonly senders: number;
  /** `index` from 0 to `senders` − 1. */
  sender(index: number): TrafficTunnel;
  /** Number of routed prefixes of a family. */
  routes(family: Family): number;
  /** `index` from 0 to `routes(family)` − 1. */
  route(family: Family, index: number): Prefix;
  /** Tunnels that packets to this destination may take: those of the longest prefix; empty without one. */
  nexthops(destination: Uint8Array): readonly TrafficTunnel[];
  /** Whether any tunnel has these endpoints, from the view of a packet that arrives. */
  hasEndpoints(source: Uint8Array, destination: Uint8Array): boolean;
  /** Whether a tunnel of these endpoints takes packets with this key (null: without). */
  hasKey(source: Uint8Array, destination: Uint8Array, key: number | null): boolean;
  /** Whether GRE to this address is for us. */
  isLocal(address: Uint8Array): boolean;
}

/** A random address in a prefix. */
export function addressIn(prefix: Prefix, random: Random): Uint8Array {
  const address = new Uint8Array(prefix.address.length);
  // Short prefixes hold addresses that no packet should have; eight draws find another all but surely.
  for (let attempt = 0; attempt < 8; attempt++) {
    fillHost(address, prefix, random);
    if (isOrdinary(address)) break;
  }
  return address;
}

function fillHost(address: Uint8Array, prefix: Prefix, random: Random): void {
  for (let i = 0; i < address.length; i += 4) {
    const bits = random.uint32();
    for (let j = 0; j < 4; j++) {
      const kept = Math.min(8, Math.max(0, prefix.length - (i + j) * 8));
      const hostMask = 0xff >>> kept;
      address[i + j] = (prefix.address[i + j]! & ~hostMask) | ((bits >>> (8 * j)) & hostMask);
    }
  }
}

/** Neither "this network", loopback, multicast nor reserved (RFC 6890). */
function isOrdinary(address: Uint8Array): boolean {
  const first = address[0]!;
  return address.length === 4 ? first !== 0 && first !== 127 && first < 224 : first !== 0xff && first !== 0;
}
