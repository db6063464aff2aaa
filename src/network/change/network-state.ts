/** The network in effect, as plain data. It changes through apply.ts only, whole, and never in place. */
import type { Config } from '../../config/config.js';
import type { NetworkConfig } from '../../config/network.js';

export interface NetworkState {
  /** Counts the changes that were let in; a state without any has 0. */
  readonly version: number;
  readonly network: NetworkConfig;
}

export const EMPTY_NETWORK: NetworkConfig = {
  tunnels: [],
  interconnects: [],
  routes: [],
  bgp_sessions: [],
  prefixes: [],
  maintenance: [],
  alerts: [],
  endpoint_health_checks: [],
};

export const EMPTY_STATE: NetworkState = { version: 0, network: EMPTY_NETWORK };

/** The resources of a node's configuration. */
export function networkOfNode({ tunnels, routes }: Config): NetworkConfig {
  return { ...EMPTY_NETWORK, tunnels, routes };
}
