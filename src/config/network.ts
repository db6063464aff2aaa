/**
 * The resources of a virtual network as the rest of grebe sees them: defaults applied, addresses in canonical
 * text, names as in Cloudflare's API. A node's configuration has some of them (tunnels, routes), a scenario
 * has all. Plain data.
 */
import type { RouteConfig, TunnelConfig } from './config.js';
import type { HealthCheckConfig } from './health-check-config.js';

export * from './health-check-config.js';

/** Times of the virtual network are whole seconds from the beginning of its time, unless a name says otherwise. */
export type Seconds = number;

export const INTERCONNECT_KINDS = ['direct', 'partner', 'cloud'] as const;
export type InterconnectKind = (typeof INTERCONNECT_KINDS)[number];

export const INTERCONNECT_PRODUCTS = ['classic', 'express'] as const;
export type InterconnectProduct = (typeof INTERCONNECT_PRODUCTS)[number];

/** A circuit between a PoP and a customer's router (behaviour §5). */
export interface InterconnectConfig {
  /** Unique over tunnels and interconnects: routes name it as next hop. */
  readonly name: string;
  readonly description: string;
  /** PoP in which it ends, and the edge device there (for maintenance: redundant circuits end on different ones). */
  readonly colo: string;
  readonly device: string;
  /** 1: GRE over the circuit, or plain delivery towards the customer (`gre_less`). 2: no encapsulation. */
  readonly dataplane: 1 | 2;
  readonly kind: InterconnectKind;
  readonly product: InterconnectProduct;
  /** Our address on the circuit with /31: `192.0.2.0/31`; the customer's router has the other one. */
  readonly interface_address: string;
  /** Bits per second of one link of the circuit: 10 or 100 Gbit/s. */
  readonly speed: number;
  /** Links in the bundle (LACP, dataplane 1 only); 1 is no bundle. */
  readonly links: number;
  /** 802.1Q tag (dataplane 1 only), 1 to 4094. */
  readonly vlan: number | null;
  /** Bytes of the largest IP packet from the edge to the customer. */
  readonly mtu: number;
  /** Dataplane 1: packets to the customer without GRE (DSR); from the customer nothing is taken without GRE. */
  readonly gre_less: boolean;
  /** BFD for the BGP session (dataplane 1 only). */
  readonly bfd: boolean;
  /** Received optical power. Below −20 dBm the circuit is Unhealthy. */
  readonly light_level_dbm: number;
  readonly health_check: HealthCheckConfig;
}

/** A BGP session between the edge and a customer's router, over a tunnel or an interconnect. */
export interface BgpSessionConfig {
  readonly name: string;
  /** Name of the tunnel or interconnect. */
  readonly nexthop: string;
  readonly customer_asn: number;
  /** MD5 key (RFC 2385) on the edge's side; null: none. */
  readonly md5_key: string | null;
  /** Seconds; default 240 over an interconnect, 90 over a tunnel. The smaller of both sides is used. */
  readonly hold_time: Seconds;
}

/** A prefix that the edge advertises to the Internet for the customer: /24 or shorter, /48 or shorter. */
export interface AdvertisedPrefixConfig {
  readonly prefix: string;
}

export const MAINTENANCE_EVENTS = ['scheduled', 'updated', 'canceled'] as const;
export type MaintenanceEvent = (typeof MAINTENANCE_EVENTS)[number];

export interface MaintenanceConfig {
  readonly name: string;
  readonly colo: string;
  /** Null: the whole PoP. */
  readonly device: string | null;
  readonly starts: Seconds;
  readonly duration: Seconds;
  /** When the customer is told. */
  readonly announced: Seconds;
  readonly emergency: boolean;
}

/** Who wants to be told of what. */
export type AlertConfig =
  | {
      readonly name: string;
      readonly type: 'tunnel_health';
      /** Share of health checks after which the tunnel is healthy, 0 to 1: below it an alert is raised (SLO burn, behaviour §4). */
      readonly slo: number;
      /** Null: all. */
      readonly tunnels: readonly string[] | null;
    }
  | {
      readonly name: string;
      readonly type: 'maintenance';
      /** Null: all PoPs; all events. */
      readonly colo_names: readonly string[] | null;
      readonly events: readonly MaintenanceEvent[] | null;
    };

/**
 * An address behind the customer's router that every PoP asks for an echo every ten minutes, by its routes: it informs
 * and steers nothing (behaviour §4).
 */
export interface EndpointHealthCheckConfig {
  readonly name: string;
  /** IPv4 or IPv6 address, as in Cloudflare's API. */
  readonly endpoint: string;
}

export interface NetworkConfig {
  readonly tunnels: readonly TunnelConfig[];
  readonly interconnects: readonly InterconnectConfig[];
  readonly routes: readonly RouteConfig[];
  readonly bgp_sessions: readonly BgpSessionConfig[];
  readonly prefixes: readonly AdvertisedPrefixConfig[];
  readonly maintenance: readonly MaintenanceConfig[];
  readonly alerts: readonly AlertConfig[];
  readonly endpoint_health_checks: readonly EndpointHealthCheckConfig[];
}
