/** Resources of a virtual network with the defaults that the readers of files give them. */
import type { RouteConfig, TunnelConfig } from '../../src/config/config.js';
import {
  HEALTH_CHECK_DEFAULTS,
  type BgpSessionConfig,
  type InterconnectConfig,
  type NetworkConfig,
} from '../../src/config/network.js';
import { EMPTY_NETWORK } from '../../src/network/change/network-state.js';

/** @param host last number of the customer's endpoint, and of the link's addresses */
export function tunnelConfig(name: string, host: number, more: Partial<TunnelConfig> = {}): TunnelConfig {
  return {
    name,
    description: '',
    cloudflare_gre_endpoint: '198.51.100.1',
    customer_gre_endpoint: `203.0.113.${host}`,
    interface_address: `10.100.0.${2 * host}/31`,
    interface_address6: null,
    key: null,
    checksum: false,
    sequence: false,
    mode: 'gre',
    ttl: 64,
    mtu: 1476,
    mss_clamp: { from_tunnel: 'auto', to_tunnel: 'auto' },
    clear_dont_fragment_bit: false,
    allowed_sources: null,
    dscp: 'inherit',
    health_check: HEALTH_CHECK_DEFAULTS,
    automatic_return_routing: false,
    interconnect: null,
    ...more,
  };
}

/** Dataplane 2; `host` is the last number of its address on the circuit. */
export function interconnectConfig(
  name: string,
  host: number,
  more: Partial<InterconnectConfig> = {},
): InterconnectConfig {
  return {
    name,
    description: '',
    colo: 'fra',
    device: 'edge1',
    dataplane: 2,
    kind: 'direct',
    product: 'classic',
    interface_address: `172.16.0.${host}/31`,
    speed: 10e9,
    links: 1,
    vlan: null,
    mtu: 1500,
    gre_less: false,
    bfd: false,
    light_level_dbm: -5,
    health_check: HEALTH_CHECK_DEFAULTS,
    ...more,
  };
}

export function routeConfig(prefix: string, nexthop: string, more: Partial<RouteConfig> = {}): RouteConfig {
  return { prefix, nexthop, priority: 100, weight: 1, description: '', scope: null, ...more };
}

export function sessionConfig(
  name: string,
  nexthop: string,
  more: Partial<BgpSessionConfig> = {},
): BgpSessionConfig {
  return { name, nexthop, customer_asn: 65_001, md5_key: null, hold_time: 90, ...more };
}

/** Two tunnels and a circuit for one prefix. */
export const ACME: NetworkConfig = {
  ...EMPTY_NETWORK,
  tunnels: [tunnelConfig('acme_1', 1), tunnelConfig('acme_2', 2)],
  interconnects: [interconnectConfig('cni_1', 0)],
  prefixes: [{ prefix: '192.0.2.0/24' }],
  routes: [
    routeConfig('192.0.2.0/24', 'acme_1'),
    routeConfig('192.0.2.0/24', 'acme_2', { priority: 200 }),
    routeConfig('192.0.2.0/28', 'cni_1', { scope: { colo_regions: ['WEUR'], colo_names: [] } }),
  ],
};
