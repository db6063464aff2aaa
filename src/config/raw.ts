/**
 * The file's values as the schema lets them through. What the schema refused has been taken out, so that
 * anything may be missing here, also what is required.
 */
import type { Mode, MssLimit, Region, RouteScope } from './config.js';

export interface RawConfig {
  node?: { name?: string; colo?: string; region?: Region };
  dataplane?: { max_nesting_depth?: number };
  tunnels?: (RawTunnel | undefined)[];
  routes?: (RawRoute | undefined)[];
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
}

export type RawMssLimit = MssLimit | false;

export interface RawRoute {
  prefix?: string;
  nexthop?: string;
  priority?: number;
  weight?: number;
  description?: string;
  scope?: { [K in keyof RouteScope]?: (RouteScope[K][number] | undefined)[] };
}
