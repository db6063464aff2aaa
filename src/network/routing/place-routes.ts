/**
 * The routing table as one place sees it: what each class leads to, kept up to date when health changes and when
 * routes come and go. A change of health costs the classes that name the next hop, and those inside of them that
 * have no entries of their own here.
 */
import { DEFAULTS } from '../../config/config.js';
import { NO_MEMBERS, type MemberSet } from './member-sets.js';
import { isInScope, type Place } from './place.js';
import type { ClassEntries, ClassEntry, RouteClasses } from './route-classes.js';
import { bestOf, membersOf, type WeightedNexthop } from './select.js';

/** Health penalty of a next hop (by its number), as in PENALTIES. */
export type PenaltyOf = (nexthop: number) => number;

export class PlaceRoutes {
  /** By class, what its own entries lead to; null: there are none here. */
  private readonly own: (MemberSet | null)[];
  /** By class, the class whose entries are used: itself, or the nearest around it that has some; -1: none. */
  private readonly source: Int32Array;
  private configured: ClassEntries;
  private learned: ClassEntries;

  /** Begins with the configured entries of the classes, and with nothing learned. */
  constructor(
    private readonly classes: RouteClasses,
    private readonly place: Place,
    private readonly penaltyOf: PenaltyOf,
  ) {
    this.configured = classes.configured;
    this.learned = classes.none;
    this.own = classes.list.map((_, i) => this.select(i));
    this.source = new Int32Array(classes.list.length);
    for (const i of this.outerFirst([...classes.list.keys()])) this.findSource(i);
  }

  /**
   * The next hops of a class, by its number, and those that are out; empty: no route, drop. Equal sets are the same object, in all places
   * of one RouteClasses.
   */
  groupOf(number: number): MemberSet {
    const source = this.source[number]!;
    return source < 0 ? NO_MEMBERS : this.own[source]!;
  }

  /** The entries that a class uses here, best and others: for people. */
  entriesOf(number: number): readonly ClassEntry[] {
    const source = this.source[number]!;
    return source < 0 ? [] : this.entriesHere(source);
  }

  /** To be called when the penalty of a next hop is another. Answers the classes whose group has changed. */
  penaltyChanged(nexthop: number): number[] {
    const { configured, learned } = this;
    return this.reselect([...(configured.namedBy[nexthop] ?? []), ...(learned.namedBy[nexthop] ?? [])]);
  }

  /**
   * Puts in all that BGP has brought to this place, in place of what was there before.
   *
   * @param learned made by `arrange` of the same classes
   * @returns the classes whose group has changed
   */
  setLearned(learned: ClassEntries): number[] {
    const before = this.learned;
    this.learned = learned;
    return this.reselect(differing(before, learned));
  }

  /** The same for configured entries. */
  setConfigured(configured: ClassEntries): number[] {
    const before = this.configured;
    this.configured = configured;
    return this.reselect(differing(before, configured));
  }

  private reselect(touched: readonly number[]): number[] {
    const before = new Map<number, MemberSet>();
    const selected = new Map<number, MemberSet | null>();
    for (const i of touched) {
      const own = this.select(i);
      if (own === this.own[i]) continue;
      selected.set(i, own);
      for (const number of this.withDependents(i)) before.set(number, this.groupOf(number));
    }
    for (const [i, own] of selected) this.own[i] = own;
    for (const i of this.outerFirst([...selected.keys()])) {
      for (const number of this.withDependents(i)) this.findSource(number);
    }
    return [...before].flatMap(([number, group]) => (this.groupOf(number) === group ? [] : [number]));
  }

  /** The class, and those inside of it that have nothing of their own in between; outer ones first. */
  private withDependents(top: number): number[] {
    const { list } = this.classes;
    const found = [top];
    for (const i of found) found.push(...list[i]!.children.filter((child) => this.own[child] === null));
    return found;
  }

  private findSource(number: number): void {
    const { parent } = this.classes.list[number]!;
    this.source[number] = this.own[number] !== null ? number : parent < 0 ? -1 : this.source[parent]!;
  }

  private outerFirst(numbers: number[]): number[] {
    const { list } = this.classes;
    return numbers.sort((a, b) => list[a]!.length - list[b]!.length);
  }

  private select(number: number): MemberSet | null {
    const { sets, list } = this.classes;
    const entries = this.entriesHere(number);
    if (entries.length > 0) {
      const members = membersOf(bestOf(entries, ({ nexthop }) => this.penaltyOf(nexthop)));
      return sets.intern(members, this.outOf(number, members, entries));
    }
    const { connected } = list[number]!;
    return connected < 0 ? null : sets.intern([{ nexthop: connected, weight: 1 }]);
  }

  /**
   * Who else may come to have traffic of a class here, with the weight that they have or are likely to have: routes
   * that others are preferred to, and routes that are not there now. Not those that exist in other places only.
   */
  private outOf(
    number: number,
    members: readonly WeightedNexthop[],
    entries: readonly ClassEntry[],
  ): WeightedNexthop[] {
    const { possible } = this.classes.list[number]!;
    // One next hop has all the buckets, whoever else there is.
    if (members.length === 1 || members.length === possible.length) return [];
    const others = possible.filter((nexthop) => members.every((member) => member.nexthop !== nexthop));
    return others.flatMap((nexthop) => {
      const own = entries.filter((entry) => entry.nexthop === nexthop);
      if (own.length > 0) return membersOf(bestOf(own, () => 0));
      return this.existsElsewhere(number, nexthop) ? [] : { nexthop, weight: DEFAULTS.weight };
    });
  }

  private existsElsewhere(number: number, nexthop: number): boolean {
    const isOf = (entry: ClassEntry): boolean => entry.nexthop === nexthop;
    return this.configured.byClass[number]!.some(isOf) || this.learned.byClass[number]!.some(isOf);
  }

  private entriesHere(number: number): readonly ClassEntry[] {
    const configured = this.configured.byClass[number]!;
    const learned = this.learned.byClass[number]!;
    const all = learned.length === 0 ? configured : [...configured, ...learned];
    return all.every(({ scope }) => scope === null)
      ? all
      : all.filter(({ scope }) => isInScope(scope, this.place));
  }
}

function differing(before: ClassEntries, after: ClassEntries): number[] {
  return after.byClass.flatMap((entries, i) =>
    entries.length === 0 && before.byClass[i]!.length === 0 ? [] : [i],
  );
}
