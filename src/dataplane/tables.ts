/**
 * Tables: everything that the pipeline reads beside the packet, flat and in shared memory. Built whole
 * from a specification, never changed afterwards (but for the sequence counters): a new configuration is
 * a new set that workers take up between two vectors.
 */
import { AllowedSources, type AllowedSourcesData, type Prefix } from './allowed-sources.js';
import { buildEcmpGroups, EcmpSets, hashName, type EcmpMember } from './ecmp.js';
import { buildEndpointTable, type EndpointTable } from './endpoint-table.js';
import { buildFib4, type Fib4 } from './fib4.js';
import { buildFib6, type Fib6 } from './fib6.js';
import { buildTunnelTable, type TunnelSpec } from './tunnel-table.js';

export type { TunnelSpec } from './tunnel-table.js';
export type { Prefix } from './allowed-sources.js';

/** One prefix and the tunnels of its best priority. */
export interface RouteSpec extends Prefix {
  /** Indexes into `tunnels`, and weights from 1 up. At least one. */
  readonly nexthops: readonly { readonly tunnel: number; readonly weight: number }[];
}

export interface TablesSpec {
  readonly tunnels: readonly TunnelSpec[];
  /** At most one route for each prefix. */
  readonly routes: readonly RouteSpec[];
  /** How many GRE headers for us may be taken off one packet, 1 and up. */
  readonly maxNestingDepth: number;
}

/** Group of the FIB for destinations that nothing but a default route matches. */
export const DEFAULT_GROUP4 = 0;
export const DEFAULT_GROUP6 = 1;

/** In place of a tunnel in a group: no route. */
export const NO_ROUTE = -1;

/** What another thread needs to open the same tables: structured-cloneable, all memory shared. */
export interface SharedTables {
  readonly tunnelCount: number;
  readonly maxNestingDepth: number;
  readonly endpoints: EndpointTable;
  readonly allowed: AllowedSourcesData;
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
    const { tunnels, routes } = spec;
    const allowed = AllowedSources.build(tunnels.map((t) => t.allowedSources));
    const endpoints = buildEndpointTable(
      tunnels.map((t) => ({ ...t, gretap: t.mode === 'gretap' })),
      allowed,
    );
    const fib = buildFibs(routes, tunnels);
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
}

function buildFibs(
  routes: readonly RouteSpec[],
  tunnels: readonly TunnelSpec[],
): Pick<SharedTables, 'fib4' | 'fib6' | 'groups' | 'buckets'> {
  const identities = tunnels.map((t) => hashName(t.name));
  const defaults: EcmpMember[][] = [[], []];
  defaults[DEFAULT_GROUP4] = defaults[DEFAULT_GROUP6] = [{ member: NO_ROUTE, identity: 0, weight: 1 }];
  const sets = new EcmpSets();
  const v4: { prefix: number; length: number; group: number }[] = [];
  const v6: { address: Uint8Array; length: number; group: number }[] = [];

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
    const group = defaults.length + sets.intern(set);
    if (address.length === 4) {
      const prefix = ((address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!) >>> 0;
      v4.push({ prefix, length, group });
    } else {
      v6.push({ address, length, group });
    }
  }
  return { fib4: buildFib4(v4), fib6: buildFib6(v6), ...buildEcmpGroups([...defaults, ...sets.sets]) };
}
