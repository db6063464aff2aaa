/**
 * What a run of a scenario found: everything that the terminal, JSON, JUnit and the HTML report show. Plain data,
 * and a function of scenario and seed alone: nothing of the machine, the clock on the wall or the number of
 * threads is in it. Times are seconds of virtual time since the scenario's start (decimals down to nanoseconds),
 * sizes bytes of IP packets, rates bits per second. Lists stand in the order of the scenario.
 */
import type { Region } from '../../config/config.js';
import type { Coordinates, Expectation, ExpectationCheck, TUNNEL_STATES } from '../scenario/scenario.js';

export type Seconds = number;
export type TunnelState = (typeof TUNNEL_STATES)[number];
export type InterconnectStatus = (ExpectationCheck & { check: 'status' })['status'];
export type BgpState = (ExpectationCheck & { check: 'bgp' })['state'];
export type { Coordinates, Region };

/** Changes with the meaning of a field; new fields do not change it. */
export const RESULTS_FORMAT = 1;

export interface Results {
  readonly format: typeof RESULTS_FORMAT;
  readonly scenario: ScenarioSummary;
  /** Whether all expectations hold. */
  readonly passed: boolean;
  readonly expectations: readonly ExpectationResult[];
  readonly topology: Topology;
  /** Events of the timeline, in the order in which they happened. */
  readonly timeline: readonly TimelineResult[];
  /** What followed: transitions, status changes, alerts, BGP, and what else nodes had to say, by time. */
  readonly events: readonly EventResult[];
  readonly series: SeriesAxis;
  /** Tunnels, then interconnects. */
  readonly nexthops: readonly NexthopResult[];
  readonly health: readonly HealthResult[];
  readonly interconnects: readonly InterconnectResult[];
  readonly bgp: readonly BgpResult[];
  readonly alerts: readonly AlertResult[];
  readonly traffic: readonly TrafficResult[];
  readonly links: readonly LinkResult[];
  readonly drops: readonly DropResult[];
  readonly work: WorkResult;
}

export interface ScenarioSummary {
  readonly name: string;
  readonly description: string;
  /** As the user named it. */
  readonly file: string;
  readonly seed: number;
  readonly duration: Seconds;
  /** Wall-clock time of the virtual time 0: milliseconds since 1970. */
  readonly start: number;
}

export interface ExpectationResult {
  readonly name: string;
  readonly check: Expectation['check'];
  readonly passed: boolean;
  /** Sentences without a full stop: `acme_1 carries 68 % to 72 % of the bytes of acme_1 and acme_2`, `it carries 70.3 %`. */
  readonly expected: string;
  readonly found: string;
  /** Span of time that it is about. */
  readonly from: Seconds;
  readonly to: Seconds;
  /** Where it stands in the scenario; null where no file gave it. */
  readonly line: number | null;
  readonly column: number | null;
}

/** What happens between `count` bins of `width` seconds each; the last may be cut short by the end. */
export interface SeriesAxis {
  readonly width: Seconds;
  readonly count: number;
}

/** A total for each bin of the axis; empty where all are 0. */
export type Series = readonly number[];

/** Packets and bytes of inner IP packets, in all and in each bin. */
export interface Flowing {
  readonly packets: number;
  readonly bytes: number;
  readonly packets_series: Series;
  readonly bytes_series: Series;
}

/** The scenario's traffic over a tunnel or interconnect. The edge's own packets, health probes, are not counted. */
export interface NexthopResult {
  readonly name: string;
  readonly kind: 'tunnel' | 'interconnect';
  readonly to_customer: Flowing;
  readonly from_customer: Flowing;
  /** By PoP, those with packets only. */
  readonly colos: readonly {
    readonly colo: string;
    readonly to_customer: PacketsAndBytes;
    readonly from_customer: PacketsAndBytes;
  }[];
}

export interface PacketsAndBytes {
  readonly packets: number;
  readonly bytes: number;
}

/** Health of a tunnel (or interconnect with health checks), over all PoPs that probe it. */
export interface HealthResult {
  readonly tunnel: string;
  /** PoPs that probe it; all begin healthy. */
  readonly colos: number;
  /** By time. A PoP that does not stand here stayed healthy. */
  readonly transitions: readonly HealthTransition[];
  /** How many PoPs see it in which state at the end. */
  readonly end: { readonly [S in TunnelState]: number };
}

export interface HealthTransition {
  readonly at: Seconds;
  readonly colo: string;
  readonly from: TunnelState;
  readonly to: TunnelState;
}

export interface InterconnectResult {
  readonly name: string;
  readonly colo: string;
  /** The first is that at 0. */
  readonly statuses: readonly { readonly at: Seconds; readonly status: InterconnectStatus }[];
}

export interface BgpResult {
  readonly session: string;
  readonly nexthop: string;
  /** The first is that at 0. `reason`: why the session left the state before, empty at 0. */
  readonly states: readonly { readonly at: Seconds; readonly state: BgpState; readonly reason: string }[];
}

export interface AlertResult {
  readonly at: Seconds;
  /** Name of the alert as the scenario configures it, and whether it was raised or ended. */
  readonly name: string;
  readonly raised: boolean;
  readonly text: string;
}

export interface TimelineResult {
  readonly at: Seconds;
  readonly note: string;
  /** The action in words: `fail tunnel acme_1`. */
  readonly text: string;
  readonly outcome: 'done' | 'refused';
  /** What changed, or why it was refused: lines of the diff of a change of the configuration. */
  readonly lines: readonly string[];
}

export interface EventResult {
  readonly at: Seconds;
  /** `health`, `status`, `bgp`, `alert`, `timeline`, `routing`, `maintenance`, or a node's own word. */
  readonly kind: string;
  readonly text: string;
}

export interface TrafficResult {
  readonly name: string;
  readonly type: string;
  readonly from: string;
  readonly to: string;
  readonly flows: number;
  /**
   * Packets that either side sent, and those of them that came to the other, also shortly after the end of the run.
   * Fragments count as one when put together.
   */
  readonly sent: PacketsAndBytes;
  readonly delivered: PacketsAndBytes;
  /** Sent less delivered. */
  readonly lost: number;
  /** Longest time without a delivered packet while it lasted; null: nothing was delivered. */
  readonly longest_gap: { readonly from: Seconds; readonly to: Seconds } | null;
  /** One-way delay of what was delivered; null: nothing was. */
  readonly delay: { readonly least: Seconds; readonly mean: Seconds; readonly most: Seconds } | null;
  /** Round trips of pings, echoes and TCP handshakes; null: none was completed. */
  readonly rtt: { readonly least: Seconds; readonly mean: Seconds; readonly most: Seconds } | null;
  /** TCP; null for other traffic. */
  readonly connections: {
    readonly opened: number;
    readonly completed: number;
    readonly failed: number;
  } | null;
  /** Smallest and largest MSS of SYN segments as they arrived; null: none did. */
  readonly mss: {
    readonly client: { readonly least: number; readonly most: number } | null;
    readonly server: { readonly least: number; readonly most: number } | null;
  };
  readonly sent_series: Series;
  readonly delivered_series: Series;
  readonly delivered_bytes_series: Series;
  /** What nodes did not let through: reasons with packets of this traffic. */
  readonly drops: readonly { readonly reason: string; readonly packets: number }[];
  /** Next hops that its packets took, and how many. */
  readonly nexthops: readonly {
    readonly nexthop: string;
    readonly packets: number;
    readonly bytes: number;
  }[];
}

export interface LinkResult {
  readonly name: string;
  readonly packets: number;
  readonly bytes: number;
  /** Bytes of the largest IP packet; 0: none. */
  readonly largest_packet: number;
}

export interface DropResult {
  readonly node: string;
  readonly reason: string;
  readonly packets: number;
  readonly series: Series;
}

export interface WorkResult {
  readonly events: number;
  /** Packets taken over by a node or link, each time counted. */
  readonly packet_hops: number;
}

/** For a drawing: what there is, where, and what joins it. */
export interface Topology {
  readonly pops: readonly {
    readonly name: string;
    readonly region: Region;
    readonly location: Coordinates;
    readonly servers: number;
  }[];
  readonly providers: readonly { readonly name: string; readonly location: Coordinates }[];
  readonly sites: readonly {
    readonly name: string;
    readonly location: Coordinates;
    readonly prefixes: readonly string[];
    readonly routers: readonly string[];
    readonly hosts: readonly string[];
  }[];
  /** Hosts on the Internet. */
  readonly hosts: readonly {
    readonly name: string;
    readonly location: Coordinates;
    readonly addresses: readonly string[];
  }[];
  readonly tunnels: readonly {
    readonly name: string;
    readonly edge: string;
    readonly customer: string;
    readonly router: string | null;
    /** Uplink that has the customer endpoint; null: a circuit has, or a router itself. */
    readonly uplink: string | null;
    /** Interconnect that its packets take; null: the Internet. */
    readonly interconnect: string | null;
    readonly mtu: number;
  }[];
  /** `a` and `b` name nodes above; uplinks join router and provider, circuits router and PoP, LANs host and site. */
  readonly links: readonly {
    readonly name: string;
    readonly kind: 'uplink' | 'circuit' | 'lan';
    readonly a: string;
    readonly b: string;
    readonly mtu: number;
    readonly rate: number | null;
    readonly delay: Seconds;
  }[];
}
