/**
 * Steering: other next hops for a group while workers run, for one view or another (docs/dataplane.md §12).
 *
 * A group has as many buckets as its largest set needs, always. A new set is dealt into a run of buckets that
 * nothing uses, and one store of that run's first bucket puts it in effect: a worker sees the old run or the new
 * one. Equal sets share a run, over groups and views, so that 300 PoPs that agree cost what one costs.
 *
 * Who steers keeps a book in its own memory; workers read groups and buckets alone.
 */
import { BucketDealer, DEFAULT_BUCKETS, type EcmpGroups, type EcmpMember, nameOfSet } from './ecmp.js';

/** A group whose set may change. */
export interface SteeredGroup {
  /** Its entries in each row: its own, and a default group's when a default route names it. */
  readonly entries: readonly number[];
  /** Most members that a set of it can have, 1 and up. */
  readonly most: number;
  /** What all views have at first. */
  readonly set: readonly EcmpMember[];
}

/** What another thread needs to steer: structured-cloneable. */
export interface SharedSteering extends EcmpGroups {
  readonly views: number;
  /** Groups of a view: entries of one row. */
  readonly groupCount: number;
  readonly steered: readonly SteeredGroup[];
  /** Buckets in use from the start; those behind are in reserve. */
  readonly dealt: number;
  /** Not 0 once somebody steers. */
  readonly steerer: Int32Array;
}

/** Buckets with one set dealt into them. */
interface Run {
  readonly start: number;
  readonly name: string;
  /** Groups and views that it is in effect for. */
  uses: number;
}

/** All runs of one size. */
interface Size {
  readonly runs: Map<string, Run>;
  /** First buckets of runs that nothing uses, the one longest free first. */
  readonly free: number[];
}

/**
 * So many runs of a size must be free before the first of them is dealt again, as long as there is a reserve: a worker
 * that was held up in the middle of a vector may still read one, and would take another group's next hops. Dealing
 * this many takes some 50 ms (64 took 4 ms, within which a busy machine does hold threads up), and 8 MB.
 */
const QUARANTINE = 1024;
const LEAST_QUARANTINE = 64;
const QUARANTINED_BUCKETS = QUARANTINE * DEFAULT_BUCKETS;

function quarantineOf(count: number): number {
  return Math.max(LEAST_QUARANTINE, Math.min(QUARANTINE, Math.floor(QUARANTINED_BUCKETS / count)));
}

/** The least reserve for runs of this size, in buckets. */
export function leastReserve(count: number): number {
  return (quarantineOf(count) + 1) * count;
}

export class GroupSteering {
  private readonly sizes = new Map<number, Size>();
  private readonly names = new WeakMap<readonly EcmpMember[], string>();
  private readonly dealer = new BucketDealer();
  /** The run in effect for each group, view by view. */
  private readonly current: Run[] = [];
  private next: number;

  /** @throws Error when these tables are steered by somebody else already */
  constructor(private readonly shared: SharedSteering) {
    if (Atomics.compareExchange(shared.steerer, 0, 0, 1) !== 0) {
      throw new Error('these tables are steered by another thread');
    }
    this.next = shared.dealt;
    for (let view = 0; view < shared.views; view++) {
      for (const { entries, set } of shared.steered) {
        const { runs } = this.sizeOf(this.countOf(entries[0]!));
        const name = this.nameOf(set);
        const run = runs.get(name) ?? { start: shared.groups[2 * entries[0]!]!, name, uses: 0 };
        runs.set(name, run);
        run.uses++;
        this.current.push(run);
      }
    }
  }

  /**
   * Puts a set in effect for one group of one view. Both are checked by the caller, and the members.
   *
   * @throws RangeError for more members than the group can have, a weight that is not above 0, or when the reserve
   *   is used up
   */
  set(view: number, group: number, members: readonly EcmpMember[]): void {
    const { groups, groupCount, steered } = this.shared;
    const { entries, most } = steered[group]!;
    if (members.length > most) {
      throw new RangeError(`group ${group} has room for ${most} next hops, not for ${members.length}`);
    }
    const at = view * steered.length + group;
    const before = this.current[at]!;
    const name = this.nameOf(members);
    if (before.name === name) return;
    const count = this.countOf(entries[0]!);
    const size = this.sizeOf(count);
    const run = size.runs.get(name) ?? this.deal(size, count, name, members);
    run.uses++;
    this.current[at] = run;
    for (const entry of entries) Atomics.store(groups, 2 * (view * groupCount + entry), run.start);
    before.uses--;
    if (before.uses > 0) return;
    size.runs.delete(before.name);
    size.free.push(before.start);
  }

  private countOf(entry: number): number {
    return this.shared.groups[2 * entry + 1]!;
  }

  private sizeOf(count: number): Size {
    let size = this.sizes.get(count);
    if (size === undefined) this.sizes.set(count, (size = { runs: new Map(), free: [] }));
    return size;
  }

  /** Sets are told apart by their members; one that was seen before, by itself. */
  private nameOf(set: readonly EcmpMember[]): string {
    let name = this.names.get(set);
    if (name === undefined) this.names.set(set, (name = nameOfSet(set)));
    return name;
  }

  private deal(size: Size, count: number, name: string, members: readonly EcmpMember[]): Run {
    const start = this.takeBuckets(size.free, count);
    if (start === undefined) {
      throw new RangeError(`no buckets are left for another set of next hops (${this.next} in use)`);
    }
    try {
      this.dealer.deal(members, this.shared.buckets.subarray(start, start + count));
    } catch (error) {
      size.free.push(start);
      throw error;
    }
    const run: Run = { start, name, uses: 0 };
    size.runs.set(name, run);
    return run;
  }

  private takeBuckets(free: number[], count: number): number | undefined {
    const start = this.next;
    if (free.length > quarantineOf(count) || start + count > this.shared.buckets.length) return free.shift();
    this.next += count;
    return start;
  }
}
