/**
 * Which prefixes would be without a working path if something were lost (behaviour §5: a deployment survives the
 * unplanned loss of any single circuit with no hand on it). Worked out from routes and scopes, PoP by PoP, as traffic
 * would be routed after health checks and BGP have done their part.
 */
import { PrefixIndex } from '../prefix-index.js';
import { isInScope, type Place } from '../routing/place.js';
import { networkIn, type Network } from '../routing/prefix-rules.js';
import type { RouteEntry } from '../routing/route-entry.js';
import type { Loss } from './losses.js';
import { isSamePlace } from './window.js';

/** A PoP; its name is known. */
export interface Pop extends Place {
  readonly colo: string;
}

export interface Stranded {
  readonly prefix: string;
  /** PoPs in which its packets would have no working path. */
  readonly colos: readonly string[];
  /** Whether those are all PoPs that are left. */
  readonly everywhere: boolean;
}

/** A prefix with its entries, and where the longest prefix around it stands; −1: nowhere. */
interface Routed extends Network {
  readonly prefix: string;
  readonly entries: readonly RouteEntry[];
  readonly parent: number;
  /** Whether it fares alike in all PoPs: no entry of its own or around it has a scope. */
  alike: boolean;
}

export class Survival {
  private readonly routed: readonly Routed[];
  /** Prefixes that could be led over a next hop, of their own or by a prefix around them. */
  private readonly using = new Map<string, number[]>();

  /**
   * @param entries configured routes and those that BGP may bring
   * @throws RangeError for an entry whose prefix is none
   */
  constructor(
    entries: readonly RouteEntry[],
    private readonly pops: readonly Pop[],
  ) {
    const byPrefix = new Map<string, RouteEntry[]>();
    for (const entry of entries) {
      byPrefix.set(entry.prefix, [...(byPrefix.get(entry.prefix) ?? []), entry]);
    }
    const networks = Array.from(byPrefix, ([prefix, same]) => ({
      prefix,
      entries: same,
      ...networkIn(prefix),
    }));
    const index = new PrefixIndex(networks);
    this.routed = networks.map((network) => ({
      ...network,
      parent: index.lookup(network.address, network.length - 1),
      alike: true,
    }));
    this.routed.forEach((routed, i) => {
      for (let at = i; at >= 0; at = this.routed[at]!.parent) {
        for (const { nexthop, scope } of this.routed[at]!.entries) {
          if (scope !== null) routed.alike = false;
          const users = this.using.get(nexthop) ?? [];
          if (users.at(-1) !== i) users.push(i);
          this.using.set(nexthop, users);
        }
      }
    });
  }

  /** Prefixes that have a path now and would not have one without what is lost together. */
  without(...losses: readonly Loss[]): Stranded[] {
    const lost = new Set(losses.flatMap(({ nexthops }) => nexthops));
    const pops = this.pops.filter(
      ({ colo }) => !losses.some((loss) => loss.colo !== null && isSamePlace(loss.colo, colo)),
    );
    // Packets that enter nowhere are lost with every prefix.
    if (pops.length === 0 && this.pops.length > 0) {
      return this.routed.map(({ prefix }) => ({ prefix, colos: [], everywhere: true }));
    }
    const affected = new Set([...lost].flatMap((nexthop) => this.using.get(nexthop) ?? []));
    return [...affected]
      .sort((a, b) => a - b)
      .map((i) => this.strand(i, pops, lost))
      .filter(({ colos }) => colos.length > 0);
  }

  /** Prefixes for which a PoP has no route at all: their packets are dropped there as it is. */
  holes(): Stranded[] {
    return this.routed
      .map((routed, i) => ({
        prefix: routed.prefix,
        colos: this.select(i, this.pops, (pop) => !this.hasRoute(i, pop)),
      }))
      .filter(({ colos }) => colos.length > 0)
      .map((hole) => ({ ...hole, everywhere: hole.colos.length === this.pops.length }));
  }

  private strand(i: number, pops: readonly Pop[], lost: ReadonlySet<string>): Stranded {
    const colos = this.select(i, pops, (pop) => this.works(i, pop, NOTHING) && !this.works(i, pop, lost));
    return { prefix: this.routed[i]!.prefix, colos, everywhere: colos.length === pops.length };
  }

  /** Names of the PoPs of which it is true; asked once where all fare alike. */
  private select(i: number, pops: readonly Pop[], holds: (pop: Pop) => boolean): string[] {
    const [first] = pops;
    const chosen = !this.routed[i]!.alike ? pops.filter(holds) : first && holds(first) ? pops : [];
    return chosen.map(({ colo }) => colo);
  }

  /**
   * Whether packets for the prefix get a working next hop in the PoP. A route that BGP brought goes with its path; a
   * configured one stays and, being longer, keeps packets from a shorter prefix that would work.
   */
  private works(i: number, pop: Pop, lost: ReadonlySet<string>): boolean {
    for (let at = i; at >= 0; at = this.routed[at]!.parent) {
      const here = this.routed[at]!.entries.filter(({ scope }) => isInScope(scope, pop));
      if (here.some(({ nexthop }) => !lost.has(nexthop))) return true;
      if (here.some(({ origin }) => origin === 'static')) return false;
    }
    return false;
  }

  private hasRoute(i: number, pop: Pop): boolean {
    for (let at = i; at >= 0; at = this.routed[at]!.parent) {
      if (this.routed[at]!.entries.some(({ scope }) => isInScope(scope, pop))) return true;
    }
    return false;
  }
}

const NOTHING: ReadonlySet<string> = new Set();
