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

/** The resources of a node's configuration, as they are written. */
export function resourcesOfNode({ tunnels, routes }: Config): NetworkConfig {
  return { ...EMPTY_NETWORK, tunnels, routes };
}

/**
 * The network that a node makes of them. It has no interconnects and looks for none: the kernel's routes decide
 * where outer packets leave (check-node.ts says so).
 */
export function networkOfNode(config: Config): NetworkConfig {
  const resources = resourcesOfNode(config);
  const { tunnels } = resources;
  // Mostly there is none, and one copy of a large network in memory is enough.
  if (tunnels.every(({ interconnect }) => interconnect === null)) return resources;
  return { ...resources, tunnels: tunnels.map((tunnel) => ({ ...tunnel, interconnect: null })) };
}
