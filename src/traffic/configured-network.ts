/** A configuration's tunnels and routes, as traffic sees them. */
import { isInside, isSameAddress, networkOf } from '../config/address.js';
import type { Prefix, RouteSpec, TablesSpec, TunnelSpec } from '../dataplane/tables.js';
import type { Family, TrafficNetwork, TrafficTunnel } from './network.js';

/** Hosts behind a tunnel that has neither allowed sources nor routes (RFC 1918, RFC 4193). */
const PRIVATE4: Prefix = { address: Uint8Array.of(192, 168, 0, 0), length: 16 };
const PRIVATE6: Prefix = { address: Uint8Array.of(0xfd, ...new Array<number>(15).fill(0)), length: 48 };

export class ConfiguredNetwork implements TrafficNetwork {
  readonly maxNestingDepth: number;
  private readonly tunnels: readonly TrafficTunnel[];
  private readonly sending: readonly TrafficTunnel[];
  private readonly routes4: readonly RouteSpec[];
  private readonly routes6: readonly RouteSpec[];
  /** Routes by prefix length and prefix, longest first. */
  private readonly lengths4: readonly (readonly [number, ReadonlyMap<string, RouteSpec>])[];
  private readonly lengths6: readonly (readonly [number, ReadonlyMap<string, RouteSpec>])[];

  constructor(spec: TablesSpec) {
    this.maxNestingDepth = spec.maxNestingDepth;
    const v4 = spec.routes.filter((route) => route.address.length === 4);
    const v6 = spec.routes.filter((route) => route.address.length === 16);
    this.lengths4 = byLength(v4);
    this.lengths6 = byLength(v6);
    // Behind connected routes are no hosts, only the tunnels' other ends.
    this.routes4 = v4.filter((route) => route.connected !== true);
    this.routes6 = v6.filter((route) => route.connected !== true);
    this.tunnels = spec.tunnels.map((tunnel, index) => ({
      name: tunnel.name,
      local: tunnel.local,
      remote: tunnel.remote,
      key: tunnel.key,
      checksum: tunnel.checksum,
      sequence: tunnel.sequence,
      gretap: tunnel.mode === 'gretap',
      mtu: tunnel.mtu,
      clearDontFragment: tunnel.clearDontFragment,
      allowedSources: tunnel.allowedSources,
      sources4: sourcesOf(tunnel, index, this.routes4, PRIVATE4),
      sources6: sourcesOf(tunnel, index, this.routes6, PRIVATE6),
    }));
    this.sending = this.tunnels.filter((tunnel) => tunnel.sources4.length + tunnel.sources6.length > 0);
  }

  get senders(): number {
    return this.sending.length;
  }

  sender(index: number): TrafficTunnel {
    return this.sending[index]!;
  }

  routes(family: Family): number {
    return (family === 4 ? this.routes4 : this.routes6).length;
  }

  route(family: Family, index: number): Prefix {
    return (family === 4 ? this.routes4 : this.routes6)[index]!;
  }

  nexthops(destination: Uint8Array): readonly TrafficTunnel[] {
    for (const [length, routes] of destination.length === 4 ? this.lengths4 : this.lengths6) {
      const route = routes.get(networkOf(destination, length).join());
      if (route !== undefined) return route.nexthops.map(({ tunnel }) => this.tunnels[tunnel]!);
    }
    return [];
  }

  hasEndpoints(source: Uint8Array, destination: Uint8Array): boolean {
    return this.tunnels.some((t) => isSameAddress(t.remote, source) && isSameAddress(t.local, destination));
  }

  hasKey(source: Uint8Array, destination: Uint8Array, key: number | null): boolean {
    return this.tunnels.some(
      (t) => t.key === key && isSameAddress(t.remote, source) && isSameAddress(t.local, destination),
    );
  }

  isLocal(address: Uint8Array): boolean {
    return this.tunnels.some((tunnel) => isSameAddress(tunnel.local, address));
  }
}

function byLength(routes: readonly RouteSpec[]): (readonly [number, ReadonlyMap<string, RouteSpec>])[] {
  const lengths = new Map<number, Map<string, RouteSpec>>();
  for (const route of routes) {
    const same = lengths.get(route.length) ?? new Map<string, RouteSpec>();
    same.set(networkOf(route.address, route.length).join(), route);
    lengths.set(route.length, same);
  }
  return [...lengths].sort(([a], [b]) => b - a);
}

/** Where a tunnel's hosts are: in the allowed sources, else behind its routes, else anywhere private. */
function sourcesOf(
  tunnel: TunnelSpec,
  index: number,
  routes: readonly RouteSpec[],
  otherwise: Prefix,
): readonly Prefix[] {
  const size = otherwise.address.length;
  const routed = routes.filter((route) => route.nexthops.some((hop) => hop.tunnel === index));
  if (tunnel.allowedSources === null) return routed.length > 0 ? routed : [otherwise];
  const allowed = tunnel.allowedSources.filter((prefix) => prefix.address.length === size);
  // A list that allows everything says nothing about where the hosts are.
  const inside = routed.filter((route) =>
    allowed.some(
      (prefix) => prefix.length <= route.length && isInside(route.address, prefix.address, prefix.length),
    ),
  );
  return inside.length > 0 ? inside : allowed;
}
