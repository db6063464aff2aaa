/**
 * Tables: everything that the pipeline reads beside the packet, flat and in shared memory. Built whole
 * from a specification: a new configuration is a new set that workers take up between two vectors. Two things
 * change while workers run, each of them one word that is read on its own: the sequence counters, and the MTU
 * in effect for a tunnel (with the MSS limits made of it), which path MTU discovery lowers.
 */
import { AllowedSources, type AllowedSourcesData, type Prefix } from './allowed-sources.js';
import { buildEcmpGroups, EcmpSets, hashName, type EcmpMember } from './ecmp.js';
import { buildEndpointTable, type EndpointTable } from './endpoint-table.js';
import { buildFib4, type Fib4 } from './fib4.js';
import { buildFib6, type Fib6 } from './fib6.js';
import { buildTunnelTable, putMtu, TUNNEL_WORDS, TunnelField, type TunnelSpec } from './tunnel-table.js';

export type { TunnelSpec } from './tunnel-table.js';
export type { Prefix } from './allowed-sources.js';

/** One prefix and the tunnels of its best priority. */
export interface RouteSpec extends Prefix {
  /** Indexes into `tunnels`, and weights from 1 up. At least one. */
  readonly nexthops: readonly { readonly tunnel: number; readonly weight: number }[];
  /** It stems from a tunnel's interface address, not from a route of the configuration. Told to people only. */
  readonly connected?: true;
}

/** An address of our own, inside a tunnel: packets for it have arrived. */
export interface LocalAddress {
  /** 4 or 16 bytes, network order. */
  readonly address: Uint8Array;
  /** The tunnel whose interface address it is. Packets that come in by another one have arrived as well. */
  readonly tunnel: number;
}

export interface TablesSpec {
  readonly tunnels: readonly TunnelSpec[];
  /** At most one route for each prefix. */
  readonly routes: readonly RouteSpec[];
  /** Our interface addresses; each wins over any route for it. */
  readonly locals: readonly LocalAddress[];
  /** How many GRE headers for us may be taken off one packet, 1 and up. */
  readonly maxNestingDepth: number;
}

/** Group of the FIB for destinations that nothing but a default route matches. */
export const DEFAULT_GROUP4 = 0;
export const DEFAULT_GROUP6 = 1;
/** Group of our own addresses. */
const LOCAL_GROUP = 2;

/** In place of a tunnel in a group: no route. */
export const NO_ROUTE = -1;

/** What another thread needs to open the same tables: structured-cloneable, all memory shared. */
export interface SharedTables {
  readonly tunnelCount: number;
  readonly maxNestingDepth: number;
  readonly endpoints: EndpointTable;
  readonly allowed: AllowedSourcesData;
  /** Records of all tunnels, and behind them that of ourselves (tunnel-table.ts). */
  readonly tunnels: Int32Array;
  readonly fib4: Fib4;
  readonly fib6: Fib6;
  /** [first bucket, number of buckets] of each group. */
  readonly groups: Int32Array;
  /** Tunnel of each bucket. */
  readonly buckets: Int32Array;
  /** Next sequence number of each tunnel, shared by all workers. */
  readonly sequences: Int32Array;
}

export class Tables {
  readonly allowed: AllowedSources;

  private constructor(readonly shared: SharedTables) {
    this.allowed = new AllowedSources(shared.allowed);
  }

  get tunnelCount(): number {
    return this.shared.tunnelCount;
  }

  /**
   * @throws EndpointConflict when no packet could tell two tunnels apart
   * @throws RangeError when a route names a tunnel that is not there or has no next hop
   */
  static build(spec: TablesSpec): Tables {
    const { tunnels } = spec;
    const allowed = AllowedSources.build(tunnels.map((t) => t.allowedSources));
    const endpoints = buildEndpointTable(
      tunnels.map((t) => ({ ...t, gretap: t.mode === 'gretap' })),
      allowed,
    );
    const fib = buildFibs(spec);
    return new Tables({
      tunnelCount: tunnels.length,
      maxNestingDepth: spec.maxNestingDepth,
      endpoints,
      allowed: allowed.data,
      tunnels: buildTunnelTable(tunnels),
      ...fib,
      sequences: new Int32Array(new SharedArrayBuffer(Math.max(1, tunnels.length) * 4)),
    });
  }

  /** Opens tables built by another thread. */
  static open(shared: SharedTables): Tables {
    return new Tables(shared);
  }

  share(): SharedTables {
    return this.shared;
  }

  /**
   * Puts another MTU in effect for a tunnel, at once and for all workers: bytes of the largest inner IP packet,
   * from 68 up; null goes back to the configured one. It never rises above the configured one. MSS limits of
   * `auto` follow; numbers and `off` stay.
   *
   * @throws RangeError for another MTU, or a tunnel that is not there
   */
  setPathMtu(tunnel: number, mtu: number | null): void {
    this.checkTunnel(tunnel);
    putMtu(this.shared.tunnels, tunnel, mtu);
  }

  /**
   * The MTU in effect for a tunnel: bytes of the largest inner IP packet.
   *
   * @throws RangeError for a tunnel that is not there
   */
  effectiveMtu(tunnel: number): number {
    this.checkTunnel(tunnel);
    return Atomics.load(this.shared.tunnels, tunnel * TUNNEL_WORDS + TunnelField.MTU);
  }

  private checkTunnel(tunnel: number): void {
    const { tunnelCount } = this.shared;
    if (!(Number.isInteger(tunnel) && tunnel >= 0 && tunnel < tunnelCount)) {
      throw new RangeError(`tunnel ${tunnel} of ${tunnelCount}`);
    }
  }
}

function buildFibs({
  routes,
  tunnels,
  locals,
}: TablesSpec): Pick<SharedTables, 'fib4' | 'fib6' | 'groups' | 'buckets'> {
  const identities = tunnels.map((t) => hashName(t.name));
  const defaults: EcmpMember[][] = [[], []];
  defaults[DEFAULT_GROUP4] = defaults[DEFAULT_GROUP6] = [{ member: NO_ROUTE, identity: 0, weight: 1 }];
  // Ourselves: the record behind the last tunnel's.
  defaults[LOCAL_GROUP] = [{ member: tunnels.length, identity: 0, weight: 1 }];
  const sets = new EcmpSets();
  const v4: { prefix: number; length: number; group: number }[] = [];
  const v6: { address: Uint8Array; length: number; group: number }[] = [];
  const add = ({ address, length }: Prefix, group: number): void => {
    if (address.length === 4) v4.push({ prefix: hostOrder(address), length, group });
    else v6.push({ address, length, group });
  };

  for (const route of routes) {
    const set = route.nexthops.map(({ tunnel, weight }) => {
      const identity = identities[tunnel];
      if (identity === undefined) throw new RangeError(`route to tunnel ${tunnel} of ${tunnels.length}`);
      return { member: tunnel, identity, weight };
    });
    if (set.length === 0) throw new RangeError('route without next hop');
    const { address, length } = route;
    if (length === 0) {
      defaults[address.length === 4 ? DEFAULT_GROUP4 : DEFAULT_GROUP6] = set;
      continue;
    }
    add(route, defaults.length + sets.intern(set));
  }
  // Of two routes for one prefix the FIBs take the last.
  for (const { address } of locals) add({ address, length: address.length * 8 }, LOCAL_GROUP);
  return { fib4: buildFib4(v4), fib6: buildFib6(v6), ...buildEcmpGroups([...defaults, ...sets.sets]) };
}

function hostOrder(address: Uint8Array): number {
  return ((address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!) >>> 0;
}
