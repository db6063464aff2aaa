/**
 * Tables: everything that the pipeline reads beside the packet, flat and in shared memory. Built whole
 * from a specification: a new configuration is a new set that workers take up between two vectors. Three things
 * change while workers run, each of them one word that is read on its own: the sequence counters; the MTU
 * in effect for a tunnel (with the MSS limits made of it), which path MTU discovery lowers; and the next hops of a
 * group in a view, which health and routing steer (group-steering.ts).
 */
import { AllowedSources, type AllowedSourcesData, type Prefix } from './allowed-sources.js';
import { bucketCount, buildEcmpGroups, EcmpSets, hashName, type EcmpMember } from './ecmp.js';
import { buildEndpointTable, type EndpointTable } from './endpoint-table.js';
import { buildFib4, type Fib4 } from './fib4.js';
import { buildFib6, type Fib6 } from './fib6.js';
import { createSteererWords, GroupReader } from './group-reader.js';
import {
  GroupSteering,
  leastReserve,
  type ReaderWord,
  type SharedSteering,
  type SteeredGroup,
} from './group-steering.js';
import { buildTunnelTable, putMtu, TUNNEL_WORDS, TunnelField, type TunnelSpec } from './tunnel-table.js';

export type { TunnelSpec } from './tunnel-table.js';
export type { Prefix } from './allowed-sources.js';

/** A tunnel or plain next hop of a route. */
export interface NextHop {
  /** Index into `tunnels`. */
  readonly tunnel: number;
  /** Relative share, from 1 up. */
  readonly weight: number;
}

/** One prefix and the tunnels of its best priority. */
export interface RouteSpec extends Prefix {
  /** At least one, unless there is a `group`. */
  readonly nexthops: readonly NextHop[];
  /** Index into `groups`: the next hops are that group's, and change with it. `nexthops` is then for people only. */
  readonly group?: number;
  /** It stems from a tunnel's interface address, not from a route of the configuration. Told to people only. */
  readonly connected?: true;
}

/** Destinations whose next hops may change while workers run (Tables.setGroup). */
export interface GroupSpec {
  /** The next hops at first, in all views. None: no route. */
  readonly nexthops: readonly NextHop[];
  /** The most that there can ever be, 1 and up; with 1 the group costs no more than a word. Default: as many as now. */
  readonly most?: number;
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
  /** Default none. */
  readonly groups?: readonly GroupSpec[];
  /** Rows of groups over the same routes, one for each place that chooses next hops by itself. Default 1. */
  readonly views?: number;
}

/** Group of the FIB for destinations that nothing but a default route matches. */
export const DEFAULT_GROUP4 = 0;
export const DEFAULT_GROUP6 = 1;
/** Group of our own addresses. */
const LOCAL_GROUP = 2;
/** The groups of the specification come behind it. */
const FIRST_STEERED = 3;

/** Most buckets kept in reserve for sets to come, 256 MB of memory that costs nothing before it is used. */
const LARGEST_RESERVE = 1 << 26;

/** In place of a tunnel in a group: no route. */
export const NO_ROUTE = -1;

/** What another thread needs to open the same tables: structured-cloneable, all memory shared. */
export interface SharedTables extends SharedSteering {
  readonly tunnelCount: number;
  readonly maxNestingDepth: number;
  readonly endpoints: EndpointTable;
  readonly allowed: AllowedSourcesData;
  /** Records of all tunnels, and behind them that of ourselves (tunnel-table.ts). */
  readonly tunnels: Int32Array;
  readonly fib4: Fib4;
  readonly fib6: Fib6;
  /** Next sequence number of each tunnel, shared by all workers. */
  readonly sequences: Int32Array;
}

export class Tables {
  readonly allowed: AllowedSources;
  private steering: GroupSteering | undefined;
  private readonly readers = new Set<ReaderWord>();

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
      tunnels.map((t) => (t.mode === 'plain' ? null : { ...t, gretap: t.mode === 'gretap' })),
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

  /** Rows of groups; a vector's `view` is below. */
  get views(): number {
    return this.shared.views;
  }

  /**
   * Puts other next hops in effect for a group in one view, for all workers, each with one of its next vectors. A
   * flow moves only if its next hop goes out, or one that comes in takes it over (bucket-dealer.ts). One thread steers
   * a set of tables, through one object: the first to call this. Threads that read meanwhile are told to `addReader`.
   *
   * @param group index into the specification's `groups`
   * @param members tunnels or plain next hops, identities as `hashName` of their names; none: no route. Not to be
   *   changed afterwards: a set that comes again is known by its array
   * @throws RangeError for a view, group or tunnel that is not there, more members than the group can have, a
   *   weight that is not above 0, or when the reserve of buckets is used up
   * @throws Error when another thread steers
   */
  setGroup(view: number, group: number, members: readonly EcmpMember[]): void {
    const { views, steered } = this.shared;
    checkIndex('view', view, views);
    checkIndex('group', group, steered.length);
    for (const { member } of members) this.checkTunnel(member);
    this.steering ??= new GroupSteering(this.shared, this.readers);
    this.steering.set(view, group, members);
  }

  /**
   * Somebody who runs pipelines over these tables in another thread than the one that steers, from before it begins
   * until `removeReader`: buckets that it may still read are not dealt to others. Called on the object that steers.
   */
  addReader(reader: ReaderWord): void {
    this.readers.add(reader);
  }

  /** When that thread has ended, of whatever kind its end is. */
  removeReader(reader: ReaderWord): void {
    this.readers.delete(reader);
  }

  /** For that thread to say when it reads; one object for each word. */
  reader({ words, at }: ReaderWord): GroupReader {
    return new GroupReader(this.shared.steerer, words, at);
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
    checkIndex('tunnel', tunnel, this.shared.tunnelCount);
  }
}

function checkIndex(what: string, index: number, count: number): void {
  if (!(Number.isInteger(index) && index >= 0 && index < count)) {
    throw new RangeError(`${what} ${index} of ${count}`);
  }
}

function buildFibs({
  routes,
  tunnels,
  locals,
  groups = [],
  views = 1,
}: TablesSpec): Pick<SharedTables, 'fib4' | 'fib6' | keyof SharedSteering> {
  const identities = tunnels.map((t) => hashName(t.name));
  const defaults: EcmpMember[][] = [[], []];
  defaults[DEFAULT_GROUP4] = defaults[DEFAULT_GROUP6] = [{ member: NO_ROUTE, identity: 0, weight: 1 }];
  // Ourselves: the record behind the last tunnel's.
  defaults[LOCAL_GROUP] = [{ member: tunnels.length, identity: 0, weight: 1 }];
  const toSet = (nexthops: readonly NextHop[]): EcmpMember[] =>
    nexthops.map(({ tunnel, weight }) => {
      const identity = identities[tunnel];
      if (identity === undefined) throw new RangeError(`route to tunnel ${tunnel} of ${tunnels.length}`);
      return { member: tunnel, identity, weight };
    });
  const steered = groups.map(({ nexthops, most }, i) => {
    const set = toSet(nexthops);
    return { entries: [FIRST_STEERED + i], most: Math.max(1, set.length, most ?? 0), set };
  });
  const sets = new EcmpSets();
  const v4: { prefix: number; length: number; group: number }[] = [];
  const v6: { address: Uint8Array; length: number; group: number }[] = [];
  const add = ({ address, length }: Prefix, group: number): void => {
    if (address.length === 4) v4.push({ prefix: hostOrder(address), length, group });
    else v6.push({ address, length, group });
  };

  for (const route of routes) {
    const { address, length, group } = route;
    const own = address.length === 4 ? DEFAULT_GROUP4 : DEFAULT_GROUP6;
    if (group !== undefined) {
      checkIndex('group', group, groups.length);
      if (length === 0) steered[group]!.entries.push(own);
      else add(route, FIRST_STEERED + group);
      continue;
    }
    const set = toSet(route.nexthops);
    if (set.length === 0) throw new RangeError('route without next hop');
    if (length === 0) defaults[own] = set;
    else add(route, FIRST_STEERED + groups.length + sets.intern(set));
  }
  // Of two routes for one prefix the FIBs take the last.
  for (const { address } of locals) add({ address, length: address.length * 8 }, LOCAL_GROUP);
  const all = [...defaults, ...steered.map(({ set }) => set), ...sets.sets];
  const most = [...defaults.map(() => 1), ...steered.map((group) => group.most)];
  const reserve = reserveFor(steered, views);
  const built = buildEcmpGroups(all, undefined, { views, most, reserve });
  shareEntries(built.groups, all.length, steered);
  return {
    fib4: buildFib4(v4),
    fib6: buildFib6(v6),
    ...built,
    views,
    groupCount: all.length,
    steered,
    dealt: built.buckets.length - reserve,
    steerer: createSteererWords(),
  };
}

/** Buckets for sets to come: as many as all groups of all views could need, but for the largest networks. */
function reserveFor(steered: readonly SteeredGroup[], views: number): number {
  const counts = steered.map(({ most }) => bucketCount(most));
  const all = views * counts.reduce((sum, count) => sum + count, 0);
  const most = counts.reduce((largest, count) => Math.max(largest, count), 0);
  return Math.min(all, LARGEST_RESERVE) + leastReserve(most);
}

/** A default route has its own entry in each row: that of a group with the same run. */
function shareEntries(groups: Int32Array, groupCount: number, steered: readonly SteeredGroup[]): void {
  for (let row = 0; row < groups.length; row += 2 * groupCount) {
    for (const { entries } of steered) {
      const [own, ...others] = entries as [number, ...number[]];
      for (const other of others) groups.copyWithin(row + 2 * other, row + 2 * own, row + 2 * own + 2);
    }
  }
}

function hostOrder(address: Uint8Array): number {
  return ((address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!) >>> 0;
}
