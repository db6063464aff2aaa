/** A whole network as it is planned: what the edge is configured with, and the customer's routers around it. */
import type { Region } from '../../config/config.js';
import type { NetworkConfig } from '../../config/network.js';
import type { CustomerBgp } from '../bgp/session-options.js';
import type { Pop } from '../maintenance/survival.js';

/** Parts of a scenario that decide whether the design is sound. */
export interface Design {
  readonly network: NetworkConfig;
  readonly edge: {
    readonly asn: number;
    readonly endpoints: readonly string[];
    readonly pops: readonly { readonly name: string; readonly region: Region }[];
  };
  /** Wall-clock time of the network's second 0: milliseconds since 1970. */
  readonly start: number;
  readonly routers: readonly DesignRouter[];
}

/** A customer's router, as scenarios have it. */
export interface DesignRouter {
  readonly name: string;
  readonly uplinks: readonly { readonly provider: string; readonly address: string }[];
  readonly circuits: readonly { readonly interconnect: string; readonly vlan: number | null }[];
  /** Names of the tunnels that end here. */
  readonly tunnels: readonly string[];
  readonly egress: 'isp' | 'tunnel';
  readonly bgp: readonly RouterBgp[];
}

export interface RouterBgp extends CustomerBgp {
  /** Name of the session. */
  readonly session: string;
}

export function popsOf({ edge }: Design): Pop[] {
  return edge.pops.map(({ name, region }) => ({ colo: name, region }));
}
