/**
 * The routing table of a whole network by prefix. Each prefix is a class: packets whose longest match it is fare
 * alike in any one place. What a class leads to there may come from a covering prefix, when no entry of its own
 * exists in that place; so one FIB of all prefixes serves all places, and only its groups differ.
 */
import { PrefixIndex } from '../prefix-index.js';
import { MemberSets } from './member-sets.js';
import { networkIn, type Network } from './prefix-rules.js';
import type { RouteEntry } from './route-entry.js';

export interface RouteClass extends Network {
  readonly prefix: string;
  /** The class of the longest prefix around this one; -1: there is none. */
  readonly parent: number;
  /** Classes of which this is the parent. */
  readonly children: readonly number[];
  /** Next hop whose interface network this is, for places where there is no entry; -1: none. */
  readonly connected: number;
  /** Next hops that entries of this prefix may ever have, by number. */
  readonly possible: readonly number[];
  /** How many next hops the class can have at once, at the most: of this prefix or of one around it. */
  readonly most: number;
}

/** An entry with its next hop by number. */
export interface ClassEntry extends Omit<RouteEntry, 'nexthop'> {
  readonly nexthop: number;
}

/** A set of entries over the classes, the same for all places. */
export interface ClassEntries {
  /** Entries of each class, of all scopes. */
  readonly byClass: readonly (readonly ClassEntry[])[];
  /** Classes that have entries over a next hop, by its number. */
  readonly namedBy: readonly (readonly number[])[];
}

/** A prefix, and a next hop (by name) that may have it. */
export type PossibleRoute = Pick<RouteEntry, 'prefix' | 'nexthop'>;

export interface RouteClassesInput {
  /** Names of tunnels and interconnects, by number. */
  readonly nexthops: readonly string[];
  readonly entries: readonly RouteEntry[];
  /** Routes that may come beyond the entries, by BGP or by a change: the tables have room for them. */
  readonly later: readonly PossibleRoute[];
  /** Networks of interface addresses, all different. */
  readonly connected: readonly { readonly prefix: string; readonly nexthop: number }[];
}

export class RouteClasses {
  /** In the order of entries, routes that may come, connected networks. */
  readonly list: readonly RouteClass[];
  readonly sets: MemberSets;
  readonly configured: ClassEntries;
  /** No entries. */
  readonly none: ClassEntries;
  private readonly numbers: ReadonlyMap<string, number>;
  private readonly nexthops: ReadonlyMap<string, number>;

  /** @throws RangeError for a route over an unknown next hop, and for text that is no prefix */
  constructor({ nexthops, entries, later, connected }: RouteClassesInput) {
    const possible = new Map<string, Set<string>>();
    for (const { prefix, nexthop } of [...entries, ...later]) {
      const same = possible.get(prefix);
      if (same === undefined) possible.set(prefix, new Set([nexthop]));
      else same.add(nexthop);
    }
    for (const { prefix } of connected) if (!possible.has(prefix)) possible.set(prefix, new Set());
    this.sets = new MemberSets(nexthops);
    this.nexthops = new Map(nexthops.map((name, i) => [name, i]));
    this.numbers = new Map([...possible.keys()].map((prefix, i) => [prefix, i]));
    this.list = classesOf(
      possible,
      new Map(connected.map(({ prefix, nexthop }) => [prefix, nexthop])),
      this.nexthops,
    );
    this.configured = this.arrange(entries);
    this.none = this.arrange([]);
  }

  /**
   * Entries by class and by next hop.
   *
   * @throws RangeError for an entry over an unknown next hop, or of a prefix that is no class
   */
  arrange(entries: readonly RouteEntry[]): ClassEntries {
    const byClass = this.list.map((): ClassEntry[] => []);
    const namedBy = Array.from(this.nexthops, () => new Set<number>());
    for (const entry of entries) {
      const number = this.numberOf(entry.prefix);
      const nexthop = this.nexthops.get(entry.nexthop);
      if (nexthop === undefined)
        throw new RangeError(`route ${entry.prefix} to the unknown next hop ${entry.nexthop}`);
      byClass[number]!.push({ ...entry, nexthop });
      namedBy[nexthop]!.add(number);
    }
    return { byClass, namedBy: namedBy.map((classes) => [...classes]) };
  }

  has(prefix: string): boolean {
    return this.numbers.has(prefix);
  }

  /** @throws RangeError for a prefix that is no class */
  numberOf(prefix: string): number {
    const number = this.numbers.get(prefix);
    if (number === undefined) throw new RangeError(`${prefix} is none of the prefixes that the tables have`);
    return number;
  }
}

function classesOf(
  possible: ReadonlyMap<string, ReadonlySet<string>>,
  connected: ReadonlyMap<string, number>,
  nexthops: ReadonlyMap<string, number>,
): RouteClass[] {
  const prefixes = [...possible.keys()];
  const networks = prefixes.map(networkIn);
  const index = new PrefixIndex(networks);
  const parents = networks.map(({ address, length }) => index.lookup(address, length - 1));
  const children = prefixes.map((): number[] => []);
  parents.forEach((parent, i) => children[parent]?.push(i));
  const most = Array.from(possible.values(), ({ size }) => Math.max(1, size));
  const outerFirst = [...networks.keys()].sort((a, b) => networks[a]!.length - networks[b]!.length);
  for (const i of outerFirst) most[i] = Math.max(most[i]!, most[parents[i]!] ?? 1);
  return prefixes.map((prefix, i) => ({
    prefix,
    ...networks[i]!,
    parent: parents[i]!,
    children: children[i]!,
    connected: connected.get(prefix) ?? -1,
    possible: Array.from(possible.get(prefix)!).flatMap((name) => nexthops.get(name) ?? []),
    most: most[i]!,
  }));
}
