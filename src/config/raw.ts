/**
 * The file's values as the schema lets them through. What the schema refused has been taken out, so that
 * anything may be missing here, also what is required.
 */
import type { Mode, MssLimit, Region, RouteScope } from './config.js';
import type { LogFormat, LogLevel, OverlayType, UnderlayType } from './daemon-config.js';
import type { HealthCheckConfig } from './health-check-config.js';

export interface RawConfig {
  node?: { name?: string; colo?: string; region?: Region };
  dataplane?: { max_nesting_depth?: number };
  tunnels?: (RawTunnel | undefined)[];
  routes?: (RawRoute | undefined)[];
  daemon?: RawDaemon;
}

export interface RawTunnel {
  name?: string;
  description?: string;
  cloudflare_gre_endpoint?: string;
  local?: string;
  customer_gre_endpoint?: string;
  remote?: string;
  interface_address?: string;
  interface_address6?: string;
  key?: number | string;
  checksum?: boolean;
  sequence?: boolean;
  mode?: Mode;
  ttl?: number;
  mtu?: number;
  mss_clamp?: RawMssLimit | { from_tunnel?: RawMssLimit; to_tunnel?: RawMssLimit };
  clear_dont_fragment_bit?: boolean;
  allowed_sources?: (string | undefined)[];
  dscp?: number | 'inherit';
  health_check?: RawHealthCheck;
  automatic_return_routing?: boolean;
  interconnect?: string;
}

export type RawHealthCheck = { -readonly [K in keyof HealthCheckConfig]?: NonNullable<HealthCheckConfig[K]> };

export type RawMssLimit = MssLimit | false;

export interface RawRoute {
  prefix?: string;
  nexthop?: string;
  priority?: number;
  weight?: number;
  description?: string;
  scope?: { [K in keyof RouteScope]?: (RouteScope[K][number] | undefined)[] };
}

export interface RawDaemon {
  workers?: number;
  underlay?: {
    type?: UnderlayType;
    interface?: string | (string | undefined)[];
    receive_buffer?: number;
    packets_per_second?: number;
    faults?: number;
    seed?: number;
  };
  overlay?: {
    type?: OverlayType;
    name?: string;
    mtu?: 'auto' | number;
    addresses?: (string | undefined)[];
    routes?: (string | undefined)[];
    offload?: boolean;
  };
  icmp_errors_per_second?: number;
  busy_poll?: boolean;
  control?: { socket?: string; group?: string };
  metrics?: { listen?: string | false; max_tunnels?: number };
  log?: { level?: LogLevel; format?: LogFormat };
}
