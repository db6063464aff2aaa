/**
 * What follows from a configuration, worked out before a packet meets it: sizes, MSS limits, the routes that
 * apply on this node, and what is odd about all that. Data only; `grebe check` prints it.
 */
import type { Config, NodeConfig, RouteConfig, TunnelConfig } from '../config/config.js';
import { positionOf } from '../config/load.js';
import { overheadOfTunnel, type Overhead } from '../config/overhead.js';
import { checkChange } from './check-change.js';
import { checkHealth } from './check-health.js';
import { checkNode } from './check-node.js';
import { checkOverlay } from './check-overlay.js';
import { checkRoutes } from './check-routes.js';
import { checkTunnels } from './check-tunnels.js';
import { Findings, type Finding, type Severity } from './finding.js';
import { autoMss, mssOf, type MssPair } from './mss.js';
import { selectRoutes, sharesOf, type RouteSelection, type SelectedRoute } from './routes.js';

/** Ready for JSON, hence the names. */
export interface CheckReport {
  readonly node: NodeConfig;
  readonly tunnels: readonly TunnelReport[];
  /** The routes that this node uses, in the order of the file. */
  readonly routes: readonly RouteReport[];
  /** The gravest first, then in the order of the file. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<Severity, number>>;
}

/** Sizes in bytes. */
export interface TunnelReport {
  readonly name: string;
  readonly mode: TunnelConfig['mode'];
  readonly cloudflare_gre_endpoint: string;
  readonly customer_gre_endpoint: string;
  readonly key: number | null;
  readonly overhead: Overhead;
  /** Largest inner IP packet. */
  readonly mtu: number;
  /** The outer IP packet that carries it. */
  readonly outer_size: number;
  /** What grebe limits the MSS to, by direction and inner family; 0: left as it is. */
  readonly mss_clamp: { readonly from_tunnel: MssPair; readonly to_tunnel: MssPair };
  /** The MSS that fits the tunnel MTU, and where somebody else has to clamp to it. */
  readonly mss_advice: MssPair & { readonly dsr: string; readonly with_egress: string };
}

export interface RouteReport {
  readonly prefix: string;
  readonly priority: number;
  readonly nexthops: readonly {
    readonly tunnel: string;
    readonly weight: number;
    readonly percent: number;
  }[];
  /** Routes of the same prefix that wait behind these. */
  readonly backups: readonly Pick<RouteConfig, 'nexthop' | 'priority' | 'weight'>[];
}

/** Never throws for a Config made by `parseConfig`. */
export function checkConfig(config: Config): CheckReport {
  const selection = selectRoutes(config);
  const found = collect(config, selection);
  checkChange(config, found);
  const findings = found.sorted();
  const counts: Record<Severity, number> = { error: 0, warning: 0, info: 0 };
  for (const { severity } of findings) counts[severity]++;
  return {
    node: config.node,
    tunnels: config.tunnels.map(reportTunnel),
    routes: selection.selected.map((route) => reportRoute(config, route)),
    findings,
    counts,
  };
}

/** The findings alone about a configuration that the door has let in, without the reports on tunnels and routes. */
export function findingsOf(config: Config): Finding[] {
  return collect(config, selectRoutes(config)).sorted();
}

function collect(config: Config, selection: RouteSelection): Findings {
  const findings = new Findings((path) => positionOf(config, path));
  checkTunnels(config, selection, findings);
  checkRoutes(config, selection, findings);
  checkOverlay(config, findings);
  checkHealth(config, findings);
  checkNode(config, findings);
  return findings;
}

function reportTunnel(tunnel: TunnelConfig): TunnelReport {
  const { name, mode, cloudflare_gre_endpoint, customer_gre_endpoint, key, mtu, mss_clamp } = tunnel;
  const overhead = overheadOfTunnel(tunnel);
  return {
    name,
    mode,
    cloudflare_gre_endpoint,
    customer_gre_endpoint,
    key,
    overhead,
    mtu,
    outer_size: mtu + overhead.total,
    mss_clamp: { from_tunnel: mssOf(mss_clamp.from_tunnel, mtu), to_tunnel: mssOf(mss_clamp.to_tunnel, mtu) },
    mss_advice: adviceFor(tunnel),
  };
}

/**
 * Where to clamp (docs/config.md, MSS): a clamp limits what the side that receives the
 * SYN or SYN-ACK sends, so it has to sit where the customer's SYN-ACK passes.
 */
function adviceFor({ mtu, mss_clamp }: TunnelConfig): TunnelReport['mss_advice'] {
  const mss = autoMss(mtu);
  const values = `${mss.v4} (IPv4) and ${mss.v6} (IPv6)`;
  const { from_tunnel, to_tunnel } = mss_clamp;
  const itself =
    from_tunnel === 'off' || to_tunnel === 'off'
      ? `grebe does not (from_tunnel: ${from_tunnel}, to_tunnel: ${to_tunnel})`
      : 'grebe does so';
  return {
    ...mss,
    dsr: `answers leave by the customer's own ISP: clamp to ${values} at the customer's physical egress interface, not on the tunnel, which never sees the SYN-ACK`,
    with_egress: `both ways through the tunnel: clamp to ${values} on the tunnel interface; ${itself}`,
  };
}

function reportRoute(config: Config, { prefix, priority, nexthops, backups }: SelectedRoute): RouteReport {
  return {
    prefix,
    priority,
    nexthops: sharesOf(nexthops).map((share) => ({ ...share, tunnel: config.tunnels[share.tunnel]!.name })),
    backups: backups.map((i) => {
      const { nexthop, priority, weight } = config.routes[i]!;
      return { nexthop, priority, weight };
    }),
  };
}
