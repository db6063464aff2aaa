/**
 * The configuration as the rest of grebe sees it: defaults applied, names as in Cloudflare's API, addresses
 * in canonical text. It is plain data (JSON, structured clone); where each value stood in the file is kept
 * aside, see `positionOf` in load.ts.
 */
import type { DaemonConfig } from './daemon-config.js';
import type { HealthCheckConfig } from './health-check-config.js';

/** Cloudflare's region codes (Magic Transit, traffic steering). */
export const REGIONS = ['AFR', 'APAC', 'EEUR', 'ENAM', 'ME', 'OC', 'SAM', 'WEUR', 'WNAM'] as const;
export type Region = (typeof REGIONS)[number];

/** Payload of a tunnel: IP packets (`gre`) or Ethernet frames (`gretap`). */
export const MODES = ['gre', 'gretap'] as const;
export type Mode = (typeof MODES)[number];

/** Bounds of numbers, both ends included. */
export const LIMITS = {
  max_nesting_depth: [1, 8],
  key: [0, 0xffff_ffff],
  ttl: [1, 255],
  /** 576: RFC 791's size that every host takes. Above, the outer packet's 16-bit length is the bound. */
  mtu: [576, 65_535],
  /** 88: Linux's TCP_MIN_MSS; less leaves no room for data behind TCP's options. */
  mss: [88, 65_535],
  dscp: [0, 63],
  priority: [0, 0x7fff_ffff],
  weight: [1, 256],
} as const;

export const DEFAULTS = { max_nesting_depth: 1, ttl: 64, priority: 100, weight: 1, path_mtu: 1500 } as const;

export interface Config {
  readonly node: NodeConfig;
  readonly dataplane: DataplaneConfig;
  readonly tunnels: readonly TunnelConfig[];
  readonly routes: readonly RouteConfig[];
  readonly daemon: DaemonConfig;
}

/** The machine that this configuration is for: decides which scoped routes apply. */
export interface NodeConfig {
  readonly name: string;
  /** PoP (data center) of the node, compared with `scope.colo_names` without regard to case. */
  readonly colo: string | null;
  readonly region: Region | null;
}

export interface DataplaneConfig {
  /** How many GRE headers for us may be taken off one packet, 1 to 8. */
  readonly max_nesting_depth: number;
}

/** `auto`: tunnel MTU less 40 (IPv4) or 60 (IPv6); a number: that MSS in bytes, for both; `off`: untouched. */
export type MssLimit = 'auto' | 'off' | number;

export interface TunnelConfig {
  /** 1 to 15 letters, digits, `-`, `_`; unique. */
  readonly name: string;
  readonly description: string;
  /** Our end: source of what we send, destination of what we receive. */
  readonly cloudflare_gre_endpoint: string;
  /** Their end, of the same family. */
  readonly customer_gre_endpoint: string;
  /** Our address on the tunnel with its length: `10.100.0.8/31`. The customer has the other address. */
  readonly interface_address: string | null;
  readonly interface_address6: string | null;
  /** RFC 2890 key, 32 bits; null: packets without key. */
  readonly key: number | null;
  /** Sent with a checksum (RFC 2784), and packets without one refused. */
  readonly checksum: boolean;
  /** Sent with sequence numbers (RFC 2890). Received ones are not looked at. */
  readonly sequence: boolean;
  readonly mode: Mode;
  /** TTL or hop limit of the outer header. */
  readonly ttl: number;
  /** Largest inner IP packet in bytes. */
  readonly mtu: number;
  /** By direction: packets that come out of the tunnel, packets that go into it. */
  readonly mss_clamp: { readonly from_tunnel: MssLimit; readonly to_tunnel: MssLimit };
  readonly clear_dont_fragment_bit: boolean;
  /** Prefixes that inner sources must lie in; null: any source. An empty list denies all. */
  readonly allowed_sources: readonly string[] | null;
  /** DSCP of the outer header, 0 to 63. */
  readonly dscp: number | 'inherit';
  readonly health_check: HealthCheckConfig;
  /** The first packet of a flow out of this tunnel pins the flow's answers to it (behaviour §3). */
  readonly automatic_return_routing: boolean;
  /** Name of the interconnect that the outer packets take (CNI, dataplane 1); null: the Internet. */
  readonly interconnect: string | null;
}

export interface RouteConfig {
  /** Without host bits: `192.0.2.0/24`. */
  readonly prefix: string;
  /** Name of a tunnel (an address in the file has become the name of its tunnel). */
  readonly nexthop: string;
  /** Lower wins. */
  readonly priority: number;
  /** Share among the routes of equal priority, 1 to 256. */
  readonly weight: number;
  readonly description: string;
  /** Where the route exists; null: everywhere. */
  readonly scope: RouteScope | null;
}

/** A route exists on nodes of these regions and on nodes of these PoPs. At least one list has entries. */
export interface RouteScope {
  readonly colo_regions: readonly Region[];
  readonly colo_names: readonly string[];
}

/** Other names that the file may use, from iproute2 habit. */
export const ALIASES = { local: 'cloudflare_gre_endpoint', remote: 'customer_gre_endpoint' } as const;
