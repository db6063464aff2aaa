/** Resources of a network as the schema lets them through; anything may be missing, as in raw.ts. */
import type { InterconnectKind, InterconnectProduct, MaintenanceEvent } from './network.js';
import type { RawHealthCheck, RawRoute, RawTunnel } from './raw.js';
import type { ConfigPath } from './problem.js';

export interface RawInterconnect {
  name?: string;
  description?: string;
  colo?: string;
  device?: string;
  dataplane?: 1 | 2;
  kind?: InterconnectKind;
  product?: InterconnectProduct;
  interface_address?: string;
  speed?: string;
  links?: number;
  vlan?: number;
  mtu?: number;
  gre_less?: boolean;
  bfd?: boolean;
  light_level_dbm?: number;
  health_check?: RawHealthCheck;
}

export interface RawBgpSession {
  name?: string;
  nexthop?: string;
  customer_asn?: number;
  md5_key?: string;
  hold_time?: string;
}

export interface RawMaintenance {
  name?: string;
  colo?: string;
  device?: string;
  starts?: string;
  duration?: string;
  announced?: string;
  emergency?: boolean;
}

export interface RawAlert {
  name?: string;
  type?: 'tunnel_health' | 'maintenance';
  slo?: string;
  tunnels?: (string | undefined)[];
  colo_names?: (string | undefined)[];
  events?: (MaintenanceEvent | undefined)[];
}

export interface RawEndpointHealthCheck {
  name?: string;
  endpoint?: string;
}

/** A resource and where it stands, which need not be one list: changes of a network put some in later. */
export interface Entry<Raw> {
  readonly raw: Raw;
  readonly path: ConfigPath;
}

export interface RawNetwork {
  readonly tunnels: readonly Entry<RawTunnel>[];
  readonly interconnects: readonly Entry<RawInterconnect>[];
  readonly routes: readonly Entry<RawRoute>[];
  readonly bgp_sessions: readonly Entry<RawBgpSession>[];
  readonly prefixes: readonly Entry<string>[];
  readonly maintenance: readonly Entry<RawMaintenance>[];
  readonly alerts: readonly Entry<RawAlert>[];
  readonly endpoint_health_checks: readonly Entry<RawEndpointHealthCheck>[];
}
