/**
 * A scenario as the simulator sees it: names resolved, defaults applied, times in nanoseconds, addresses in
 * canonical text. Plain data; where each value stood in the file is kept aside (load.ts).
 */
import type { Region } from '../../config/config.js';
import type { NetworkConfig } from '../../config/network.js';
import type { NetworkChange } from '../../network/change/change-set.js';
import type { Nanoseconds } from '../../network/time.js';

export type { NetworkChange };

export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly seed: number;
  readonly duration: Nanoseconds;
  /** Wall-clock time of the virtual time 0 in captures and reports: milliseconds since 1970. */
  readonly start: number;
  readonly edge: EdgeSpec;
  readonly network: NetworkConfig;
  readonly providers: readonly ProviderSpec[];
  readonly sites: readonly SiteSpec[];
  /** Hosts on the Internet. */
  readonly hosts: readonly HostSpec[];
  readonly traffic: readonly TrafficSpec[];
  readonly timeline: readonly TimelineEvent[];
  readonly expect: readonly Expectation[];
}

/** Degrees: [latitude, longitude]. */
export type Coordinates = readonly [number, number];

export interface EdgeSpec {
  readonly asn: number;
  /** Anycast addresses that tunnels end on. */
  readonly endpoints: readonly string[];
  readonly pops: readonly PopSpec[];
  /** Whether an ICMP too-big that reaches any server is spread to all of all PoPs (RFC 7690). */
  readonly spread_too_big: boolean;
  /** Fragments from the Internet are put together before they are routed. */
  readonly reassembly: boolean;
  /** How long a change of the routing table takes to reach the PoPs, at the most. */
  readonly convergence: Nanoseconds;
  /** Servers take packets up in turns of this length, as real ones do with interrupts and batches. */
  readonly turn: Nanoseconds;
}

export interface PopSpec {
  readonly name: string;
  readonly region: Region;
  readonly location: Coordinates;
  readonly servers: number;
  /** Bits per second that the PoP takes from the Internet; null: without limit. */
  readonly capacity: number | null;
}

/** What a path does to packets, one way. */
export interface PathSpec {
  readonly delay: Nanoseconds;
  readonly jitter: Nanoseconds;
  /** Probabilities, 0 to 1. */
  readonly loss: number;
  readonly reorder: number;
  /** Bits per second; null: without limit. */
  readonly rate: number | null;
  /** Bytes that wait for the rate. */
  readonly queue: number;
  /** Bytes of the largest IP packet. */
  readonly mtu: number;
  /** Whether the router in front of a too narrow path says so (`send`), or says nothing (`filter`). */
  readonly too_big: 'send' | 'filter';
}

/** An Internet provider of a site. */
export interface ProviderSpec {
  readonly name: string;
  readonly location: Coordinates;
}

export interface SiteSpec {
  readonly name: string;
  readonly location: Coordinates;
  readonly routers: readonly RouterSpec[];
  readonly hosts: readonly HostSpec[];
  /** Between hosts and routers. */
  readonly lan: PathSpec;
}

export interface RouterSpec {
  readonly name: string;
  readonly uplinks: readonly UplinkSpec[];
  readonly circuits: readonly CircuitSpec[];
  /**
   * Tunnels that end here: those whose customer_gre_endpoint is an address of this router, also those that the
   * timeline puts in later. Derived by the loader.
   */
  readonly tunnels: readonly string[];
  /** Bytes that the router takes for the MTU of its side of the tunnels; null: what the edge's side has. */
  readonly tunnel_mtu: number | null;
  /** Where MSS is clamped, to what; null: not at all. `uplink` is the physical interface to the provider. */
  readonly mss_clamp: { readonly uplink: number | null; readonly tunnel: number | null };
  /** Where packets from the LAN to the Internet go: DSR or through the tunnels. */
  readonly egress: 'isp' | 'tunnel';
  /** How packets are shared among its tunnels: by flow, or all into the first of `tunnels` that works. */
  readonly tunnel_egress: 'ecmp' | 'primary';
  /** GRE of the customer's own, to another site: its packets are routed like any other (tunnel in tunnel). */
  readonly site_tunnels: readonly SiteTunnelSpec[];
  /**
   * `stateful`: what answers something that went out comes in, what is for a port that a host listens to, and echo
   * requests; no echo reply that nobody asked for.
   */
  readonly firewall: 'none' | 'stateful';
  /** Whether ICMP too-big is sent and let through. */
  readonly icmp: 'send' | 'filter';
  readonly bgp: readonly RouterBgpSpec[];
  /** Prefixes of the LAN behind it. */
  readonly prefixes: readonly string[];
}

/** One end of a GRE tunnel between two routers of the customer. */
export interface SiteTunnelSpec {
  readonly name: string;
  /** Address of this router, from the prefixes behind it; and the other router's. */
  readonly local: string;
  readonly remote: string;
  /** Bytes of the largest inner IP packet. */
  readonly mtu: number;
  /** What lies behind the other end. */
  readonly prefixes: readonly string[];
}

export interface UplinkSpec {
  /** `router.uplink`. */
  readonly name: string;
  readonly provider: string;
  /** Public address of the router here: end of tunnels. */
  readonly address: string;
  readonly down: PathSpec;
  readonly up: PathSpec;
}

/** The customer's side of an interconnect. */
export interface CircuitSpec {
  readonly interconnect: string;
  /** Tag that the router uses; differs from the edge's only by mistake. */
  readonly vlan: number | null;
  readonly path: PathSpec;
}

export interface RouterBgpSpec {
  /** Name of the session of the network. */
  readonly session: string;
  readonly asn: number;
  readonly md5_key: string | null;
  readonly hold_time: number;
  readonly graceful_restart: boolean;
  readonly announces: readonly AnnouncementSpec[];
}

export interface AnnouncementSpec {
  readonly prefix: string;
  /** `13335:60050`. */
  readonly communities: readonly string[];
  /** Times that the own ASN stands in the path beyond the first. */
  readonly prepend: number;
}

export interface HostSpec {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly location: Coordinates;
  /** Largest IP packet that it sends and takes. */
  readonly mtu: number;
  /** MSS that it offers; null: MTU less 40 (60). */
  readonly mss: number | null;
  /** Sets DF and lowers its packets when told too-big (RFC 1191); false: DF clear. */
  readonly path_mtu_discovery: boolean;
  /** TCP and UDP ports that answer. */
  readonly listens: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number }[];
}

interface TrafficBase {
  readonly name: string;
  /** When it begins and, if it does not end by itself, ends. */
  readonly at: Nanoseconds;
  readonly until: Nanoseconds | null;
}

/** `from` and `to` are names of hosts. */
export type TrafficSpec =
  | (TrafficBase & {
      readonly type: 'tcp';
      readonly from: string;
      readonly to: string;
      readonly port: number;
      /** How many connections, spread evenly over `over` from `at` on. */
      readonly connections: number;
      readonly over: Nanoseconds;
      /** Bytes that the server sends (`download`) and the client sends (`upload`) on each. */
      readonly download: number;
      readonly upload: number;
    })
  | (TrafficBase & {
      readonly type: 'udp';
      readonly from: string;
      readonly to: string;
      readonly port: number;
      readonly flows: number;
      /** Packets per second of each flow; bytes of the IP packet. */
      readonly rate: number;
      readonly size: number;
      /** Whether the other side sends each packet back. */
      readonly echo: boolean;
    })
  | (TrafficBase & {
      readonly type: 'ping';
      readonly from: string;
      readonly to: string;
      readonly interval: Nanoseconds;
      /** Bytes of the IP packet. */
      readonly size: number;
      readonly dont_fragment: boolean;
    })
  | (TrafficBase & { readonly type: 'traceroute'; readonly from: string; readonly to: string })
  | (TrafficBase & {
      readonly type: 'flood';
      /** `syn`: SYN from random sources; `reflection`: large UDP from port 53 or 123; `gre`: GRE from random sources. */
      readonly kind: 'syn' | 'reflection' | 'gre';
      /** Host names that it comes from (their places decide which PoPs it meets). */
      readonly from: readonly string[];
      /** Host name, or an address (of the edge's endpoints). */
      readonly to: string;
      /** Packets per second, all together. */
      readonly rate: number;
    })
  | (TrafficBase & {
      readonly type: 'capture';
      /** Path of a capture file, relative to the scenario; its IP packets enter at the host. */
      readonly file: string;
      readonly from: string;
    });

/**
 * What may fail or change. `target` is a name of the right kind; a server is `pop/number`, a link of a bundle
 * `interconnect/number`, both from 1. `cause` tells events apart that befall one target at a time: what one of them did
 * is `over` by itself, and what others did lasts. `restore` ends all that befell the target, also what `degrade` made
 * of its path.
 */
export type TimelineAction =
  | {
      readonly action: 'fail';
      readonly kind: FailureKind;
      readonly target: string;
      readonly cause: number;
    }
  | { readonly action: 'restore'; readonly kind: FailureKind; readonly target: string }
  | {
      readonly action: 'degrade';
      readonly kind: 'uplink' | 'circuit';
      readonly target: string;
      readonly path: Partial<PathSpec>;
      readonly cause: number;
    }
  | {
      readonly action: 'over';
      readonly of: 'fail' | 'degrade';
      readonly kind: FailureKind;
      readonly target: string;
      readonly cause: number;
    }
  | { readonly action: 'light_level'; readonly target: string; readonly dbm: number }
  | {
      readonly action: 'bgp_announce' | 'bgp_withdraw';
      readonly router: string;
      readonly session: string;
      readonly announcement: AnnouncementSpec;
    }
  | {
      readonly action: 'bgp_restart';
      readonly router: string;
      readonly session: string;
      readonly duration: Nanoseconds;
    }
  | { readonly action: 'relay_lost'; readonly cause: number }
  /** `cause`: of the loss that is over; null: all that there are. */
  | { readonly action: 'relay_restored'; readonly cause: number | null }
  | { readonly action: 'change'; readonly change: NetworkChange };

export const FAILURE_KINDS = [
  'tunnel',
  'uplink',
  'circuit',
  'link',
  'router',
  'provider',
  'server',
  'pop',
] as const;
export type FailureKind = (typeof FAILURE_KINDS)[number];

export type TimelineEvent = { readonly at: Nanoseconds; readonly note: string } & TimelineAction;

/** A span of virtual time; absent ends are those of the run. */
export interface Span {
  readonly from: Nanoseconds;
  readonly to: Nanoseconds;
}

export const TUNNEL_STATES = ['healthy', 'degraded', 'down'] as const;

/** Numbers are compared with the bounds, both included; null: no bound. */
export interface Bounds {
  readonly min: number | null;
  readonly max: number | null;
}

export type ExpectationCheck =
  /** All (or none) of the traffic's packets, connections or pings that begin in the span arrive. */
  | { readonly check: 'reach'; readonly traffic: string; readonly share: Bounds }
  /** Share of the bytes that go into these tunnels or interconnects together, among those named in `of`. */
  | {
      readonly check: 'share';
      readonly nexthops: readonly string[];
      readonly of: readonly string[];
      readonly share: Bounds;
    }
  /** Longest time without a delivered packet of this traffic. */
  | { readonly check: 'gap'; readonly traffic: string; readonly seconds: Bounds }
  /** From an event of the timeline (by note) to the first packet over another next hop. */
  | { readonly check: 'failover'; readonly event: string; readonly traffic: string; readonly seconds: Bounds }
  /** MSS of the SYN segments of this traffic as they arrive, the smallest and the largest. */
  | {
      readonly check: 'mss';
      readonly traffic: string;
      readonly at: 'client' | 'server';
      readonly bytes: Bounds;
    }
  /** Largest IP packet on a link (links.ts). */
  | { readonly check: 'largest_packet'; readonly link: string; readonly bytes: Bounds }
  /** Health of a tunnel at the end of the span, in a PoP or in all. */
  | {
      readonly check: 'health';
      readonly tunnel: string;
      readonly colo: string | null;
      readonly state: (typeof TUNNEL_STATES)[number];
    }
  /** Status of an interconnect at the end of the span. */
  | {
      readonly check: 'status';
      readonly interconnect: string;
      readonly status: 'active' | 'unhealthy' | 'pending';
    }
  | { readonly check: 'bgp'; readonly session: string; readonly state: 'established' | 'idle' }
  /** An alert of this name is raised (or not) in the span. */
  | { readonly check: 'alert'; readonly alert: string; readonly raised: boolean }
  /** Packets dropped for a reason, anywhere or at a node. */
  | { readonly check: 'drops'; readonly reason: string; readonly node: string | null; readonly count: Bounds }
  /** Bits per second that a traffic's packets arrive with, over the span. */
  | { readonly check: 'throughput'; readonly traffic: string; readonly bits_per_second: Bounds };

export type Expectation = { readonly name: string; readonly span: Span } & ExpectationCheck;
