/** Findings about tunnels: sizes, MSS, who may send what, and the addresses that errors come from. */
import { DEFAULTS, type Config, type TunnelConfig } from '../config/config.js';
import { isGiven } from '../config/load.js';
import { overheadOfTunnel } from '../config/overhead.js';
import type { ConfigPath } from '../config/problem.js';
import { checkInterfaces } from './check-interfaces.js';
import { describeClone, findEndpointConflicts } from './clones.js';
import type { Findings } from './finding.js';
import { autoMss } from './mss.js';
import type { RouteSelection } from './routes.js';

/** Smallest MTU of a link that carries IPv6 (RFC 8200, section 5). */
const IPV6_MINIMUM_MTU = 1280;

/** What is known about the inner packets of a tunnel. */
interface Use {
  /** Some route of this node sends into it. */
  readonly routed: boolean;
  /** IPv6 is meant to pass: a route, an allowed source or an interface address says so. */
  readonly ipv6: boolean;
}

export function checkTunnels(config: Config, selection: RouteSelection, findings: Findings): void {
  const { tunnels } = config;
  if (tunnels.length === 0)
    findings.add('warning', 'no_tunnels', ['tunnels'], 'no tunnels: every packet is dropped');
  const { clones, keyedBesideUnkeyed } = findEndpointConflicts(config);
  for (const clone of clones) {
    findings.add(
      'error',
      'tunnels_indistinguishable',
      ['tunnels', clone.tunnel],
      describeClone(config, clone),
    );
  }
  for (const { tunnel, first } of keyedBesideUnkeyed) {
    const message = `same endpoints as ${tunnels[first]!.name}, which has no key: allowed, packets with key ${tunnels[tunnel]!.key ?? ''} are for this tunnel, those without for ${tunnels[first]!.name}`;
    findings.add('info', 'key_beside_no_key', ['tunnels', tunnel], message);
  }
  const uses = usesOf(config, selection);
  tunnels.forEach((tunnel, i) => {
    const path = ['tunnels', i];
    checkMtu(config, tunnel, uses[i]!, path, findings);
    checkMss(tunnel, uses[i]!, path, findings);
    checkSources(tunnel, path, findings);
    checkIcmpSources(tunnel, uses[i]!, path, findings);
    checkOptions(tunnel, path, findings);
    if (!uses[i]!.routed) {
      const elsewhere = config.routes.some((route) => route.nexthop === tunnel.name);
      const why = elsewhere
        ? 'no route to this tunnel is used on this node'
        : 'no route has this tunnel as next hop';
      const peer = tunnel.interface_address ?? tunnel.interface_address6;
      const none = peer === null ? 'none are sent into it' : `none but those for ${peer} are sent into it`;
      findings.add('info', 'tunnel_without_route', path, `${why}: packets can come out of it, ${none}`);
    }
  });
  checkInterfaces(config, selection, findings);
}

function usesOf({ tunnels }: Config, { selected }: RouteSelection): Use[] {
  const routed = new Set<number>();
  const routed6 = new Set<number>();
  for (const { address, nexthops } of selected) {
    for (const { tunnel } of nexthops) (address.length === 16 ? routed6 : routed).add(tunnel);
  }
  return tunnels.map(({ interface_address6, allowed_sources }, i) => ({
    routed: routed.has(i) || routed6.has(i),
    ipv6:
      routed6.has(i) ||
      interface_address6 !== null ||
      (allowed_sources ?? []).some((prefix) => prefix.includes(':')),
  }));
}

function checkMtu(
  config: Config,
  tunnel: TunnelConfig,
  use: Use,
  path: ConfigPath,
  findings: Findings,
): void {
  const { mtu } = tunnel;
  const { total } = overheadOfTunnel(tunnel);
  const at = isGiven(config, [...path, 'mtu']) ? [...path, 'mtu'] : path;
  if (mtu + total > DEFAULTS.path_mtu) {
    const fits = DEFAULTS.path_mtu - total;
    const message = `mtu ${mtu} and ${total} bytes of overhead make outer packets of ${mtu + total} bytes; where the path takes ${DEFAULTS.path_mtu}, large packets are lost (outer packets carry DF). Set mtu: ${fits}, or leave it out`;
    findings.add('warning', 'outer_packet_too_large', at, message);
  }
  const ipv6Possible = use.ipv6 || tunnel.allowed_sources === null;
  if (mtu < IPV6_MINIMUM_MTU && ipv6Possible) {
    const message = `mtu ${mtu} is below ${IPV6_MINIMUM_MTU}, the least that IPv6 needs (RFC 8200, section 5): IPv6 hosts need not send smaller packets, and may not be able to talk through this tunnel`;
    findings.add('warning', 'mtu_below_ipv6_minimum', at, message);
  }
}

function checkMss(tunnel: TunnelConfig, use: Use, path: ConfigPath, findings: Findings): void {
  const { from_tunnel, to_tunnel } = tunnel.mss_clamp;
  const at = [...path, 'mss_clamp'];
  const same = from_tunnel === to_tunnel;
  const directions = same
    ? [{ limit: from_tunnel, at, where: '' }]
    : [
        { limit: from_tunnel, at: [...at, 'from_tunnel'], where: ' for packets out of the tunnel' },
        { limit: to_tunnel, at: [...at, 'to_tunnel'], where: ' for packets into the tunnel' },
      ];
  const fits = autoMss(tunnel.mtu);
  for (const { limit, at, where } of directions) {
    if (limit === 'off') {
      const message = `MSS is not clamped${where}: TCP then needs the ICMP "packet too big" of every path; where a firewall drops it, ping works and TCP hangs`;
      findings.add('warning', 'mss_clamp_off', at, message);
    } else if (limit !== 'auto' && limit > fits.v4) {
      const confused = limit === tunnel.mtu ? ` (${limit} is the MTU, not the MSS)` : '';
      const message = `MSS ${limit}${where} is above ${fits.v4}, which is what mtu ${tunnel.mtu} has room for${confused}: full segments will not fit`;
      findings.add('warning', 'mss_clamp_too_large', at, message);
    } else if (limit !== 'auto' && limit > fits.v6 && use.ipv6) {
      const message = `MSS ${limit}${where} is right for IPv4 but above ${fits.v6}, which is what mtu ${tunnel.mtu} has room for with IPv6`;
      findings.add('warning', 'mss_clamp_too_large', at, message);
    }
  }
}

function checkSources({ allowed_sources }: TunnelConfig, path: ConfigPath, findings: Findings): void {
  if (allowed_sources === null) {
    const message =
      'no allowed_sources: whoever can forge the customer endpoint can inject packets with any inner source (RFC 2827, CERT VU#636397)';
    findings.add('warning', 'no_allowed_sources', path, message);
  } else if (allowed_sources.length === 0) {
    const message = 'allowed_sources is empty: every packet that comes out of this tunnel is dropped';
    findings.add('info', 'allowed_sources_empty', [...path, 'allowed_sources'], message);
  }
}

function checkIcmpSources(tunnel: TunnelConfig, use: Use, path: ConfigPath, findings: Findings): void {
  const isOuter6 = tunnel.cloudflare_gre_endpoint.includes(':');
  if (use.ipv6 && tunnel.interface_address6 === null && !isOuter6) {
    const message =
      'no interface_address6: ICMPv6 errors such as "packet too big" have a link-local source (fe80::200:5efe:…), which the next router must not forward';
    findings.add('info', 'no_icmpv6_source', path, message);
  }
  if (use.routed && tunnel.interface_address === null && isOuter6) {
    const message =
      'no interface_address: ICMP errors for IPv4 have the dummy source 192.0.0.8 (RFC 7600), which filters may drop';
    findings.add('info', 'no_icmpv4_source', path, message);
  }
}

function checkOptions(tunnel: TunnelConfig, path: ConfigPath, findings: Findings): void {
  if (tunnel.sequence) {
    const message =
      'sequence numbers of several workers and nodes are not in one order: a receiver that enforces the order drops packets';
    findings.add('info', 'sequence_numbers', [...path, 'sequence'], message);
  }
  if (tunnel.clear_dont_fragment_bit) {
    const message =
      'DF is cleared on IPv4 packets into this tunnel: large ones are fragmented and senders never learn the path MTU; a last resort, and without effect on IPv6';
    findings.add('info', 'dont_fragment_cleared', [...path, 'clear_dont_fragment_bit'], message);
  }
}
