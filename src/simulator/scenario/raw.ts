/** A scenario's values as the schema lets them through; anything may be missing, as in src/config/raw.ts. */
import type { Region } from '../../config/config.js';
import type {
  RawAlert,
  RawBgpSession,
  RawEndpointHealthCheck,
  RawInterconnect,
  RawMaintenance,
} from '../../config/raw-network.js';
import type { RawRoute, RawTunnel } from '../../config/raw.js';
import type { RouterSpec } from './scenario.js';

export type RawNamed<T> = Record<string, T>;
type List<T> = (T | undefined)[];

export interface RawScenario extends RawResources {
  name?: string;
  description?: string;
  seed?: number;
  duration?: string;
  start?: string;
  edge?: RawEdge;
  providers?: List<string> | RawNamed<RawProvider>;
  sites?: RawNamed<RawSite>;
  hosts?: RawNamed<RawHost>;
  traffic?: RawNamed<RawTraffic>;
  timeline?: List<RawEvent>;
  expect?: List<RawExpectation>;
}

/** Of the file, and of `put` in an event. */
export interface RawResources {
  tunnels?: List<RawTunnel>;
  interconnects?: List<RawInterconnect>;
  routes?: List<RawRoute>;
  bgp_sessions?: List<RawBgpSession>;
  prefixes?: List<string>;
  maintenance?: List<RawMaintenance>;
  alerts?: List<RawAlert>;
  endpoint_health_checks?: List<RawEndpointHealthCheck>;
}

export type RawLocation = string | List<number>;

export interface RawEdge {
  asn?: number;
  endpoints?: List<string>;
  pops?: List<string> | RawPops;
  servers?: number;
  capacity?: string;
  spread_too_big?: boolean;
  reassembly?: boolean;
  convergence?: string;
  turn?: string;
}

/** PoPs by name; three names are keys of their own, and their values no PoPs. */
export type RawPops = RawNamed<RawPop | number | string>;

export interface RawPop {
  at?: RawLocation;
  region?: Region;
  servers?: number;
  capacity?: string;
}

export interface RawPath {
  delay?: string;
  jitter?: string;
  loss?: string;
  reorder?: string;
  rate?: string;
  queue?: string;
  mtu?: number;
  too_big?: 'send' | 'filter';
}

export interface RawProvider {
  at?: RawLocation;
}

export interface RawHost {
  at?: RawLocation;
  address?: string | List<string>;
  mtu?: number;
  mss?: number;
  path_mtu_discovery?: boolean;
  listens?: List<number | string>;
}

export interface RawSite {
  at?: RawLocation;
  prefixes?: List<string>;
  routers?: RawNamed<RawRouter>;
  hosts?: RawNamed<RawHost>;
  lan?: RawPath;
}

export interface RawRouter {
  prefixes?: List<string>;
  uplinks?: RawNamed<string | RawUplink>;
  circuits?: List<string> | RawNamed<RawCircuit>;
  tunnel_mtu?: number;
  mss_clamp?: { uplink?: number; tunnel?: number };
  egress?: RouterSpec['egress'];
  tunnel_egress?: RouterSpec['tunnel_egress'];
  firewall?: RouterSpec['firewall'];
  icmp?: RouterSpec['icmp'];
  bgp?: RawNamed<RawRouterBgp>;
  site_tunnels?: RawNamed<RawSiteTunnel>;
}

export interface RawUplink extends RawPath {
  address?: string;
  provider?: string;
  down?: RawPath;
  up?: RawPath;
}

export interface RawCircuit extends RawPath {
  vlan?: number;
}

export interface RawAnnouncement {
  prefix?: string;
  prepend?: number;
  communities?: List<string>;
}

export interface RawRouterBgp {
  asn?: number;
  md5_key?: string;
  hold_time?: string;
  graceful_restart?: boolean;
  announces?: List<string | RawAnnouncement>;
}

export interface RawSiteTunnel {
  local?: string;
  remote?: string;
  mtu?: number;
  prefixes?: List<string>;
}

export interface RawTraffic {
  tcp?: string;
  udp?: string;
  ping?: string;
  traceroute?: string;
  flood?: 'syn' | 'reflection' | 'gre';
  capture?: string;
  at?: string;
  until?: string;
  connections?: number;
  over?: string;
  download?: string;
  upload?: string;
  flows?: number;
  rate?: string;
  size?: number;
  echo?: boolean;
  interval?: string;
  dont_fragment?: boolean;
  from?: string | List<string>;
  to?: string;
}

export interface RawEvent extends RawPath {
  at?: string;
  note?: string;
  for?: string;
  fail?: string;
  restore?: string;
  degrade?: string;
  light_level?: string;
  dbm?: number;
  bgp_announce?: string;
  bgp_withdraw?: string;
  bgp_restart?: string;
  session?: string;
  prepend?: number;
  communities?: List<string>;
  relay?: 'lost' | 'restored';
  put?: RawResources;
  remove?: { [K in keyof RawResources]?: List<string> };
}

export interface RawExpectation {
  name?: string;
  from?: string;
  to?: string;
  at?: string;
  min?: number | string;
  max?: number | string;
  is?: number | string;
  within?: number | string;
  reach?: string;
  share?: string | List<string>;
  of?: List<string>;
  gap?: string;
  failover?: string;
  traffic?: string;
  mss?: string;
  side?: 'client' | 'server';
  largest_packet?: string;
  health?: string;
  colo?: string;
  status?: string;
  bgp?: string;
  alert?: string;
  raised?: boolean;
  drops?: string;
  node?: string;
  throughput?: string;
}
