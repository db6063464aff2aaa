/**
 * Steering: other next hops for a group while workers run, for one view or another (docs/dataplane.md §12).
 *
 * A group has as many buckets as its largest set needs, always. A new set is dealt into a run of buckets that
 * nothing uses, and one store of that run's first bucket puts it in effect: a worker sees the old run or the new
 * one. Equal sets share a run, over groups and views, so that 300 PoPs that agree cost what one costs.
 *
 * Who steers keeps a book in its own memory; workers read groups and buckets alone.
 */
import { BucketDealer } from './bucket-dealer.js';
import { DEFAULT_BUCKETS, type EcmpGroups, type EcmpMember, nameOfSet } from './ecmp.js';
import { SteererWord } from './group-reader.js';

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
  /** Words of SteererWord. */
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
  /** Runs out of use, the one longest so first. */
  readonly free: FreeRun[];
}

interface FreeRun {
  readonly start: number;
  /** Who has begun to read in this epoch or later does not read it. */
  readonly epoch: number;
}

/** The word of somebody who reads groups (group-reader.ts). */
export interface ReaderWord {
  readonly words: Int32Array;
  readonly at: number;
}

/** Runs in reserve beside those that groups need, for readers that stand still: fewer where they are large. */
const SPARE_RUNS = 1024;
const LEAST_SPARE_RUNS = 64;
const SPARE_BUCKETS = SPARE_RUNS * DEFAULT_BUCKETS;

/** The least reserve where runs have up to `count` buckets, in buckets. */
export function leastReserve(count: number): number {
  const spare = Math.min(SPARE_RUNS * count, Math.max(SPARE_BUCKETS, LEAST_SPARE_RUNS * count));
  return spare + count;
}

export class GroupSteering {
  private readonly sizes = new Map<number, Size>();
  private readonly names = new WeakMap<readonly EcmpMember[], string>();
  private readonly dealer = new BucketDealer();
  /** The run in effect for each group, view by view. */
  private readonly current: Run[] = [];
  private next: number;

  /**
   * @param readers of other threads, as they come and go
   * @throws Error when these tables are steered by somebody else already
   */
  constructor(
    private readonly shared: SharedSteering,
    private readonly readers: ReadonlySet<ReaderWord>,
  ) {
    if (Atomics.compareExchange(shared.steerer, SteererWord.CLAIMED, 0, 1) !== 0) {
      throw new Error('these tables are steered by another thread');
    }
    this.next = shared.dealt;
    const own = new Set(shared.steered.flatMap(({ entries }) => entries));
    // Groups that are not steered share runs too, and theirs never go out of use.
    const fixed = new Set<number>();
    for (let entry = 0; entry < shared.groupCount; entry++) {
      if (!own.has(entry)) fixed.add(shared.groups[2 * entry]!);
    }
    for (let view = 0; view < shared.views; view++) {
      for (const { entries, set } of shared.steered) {
        const { runs } = this.sizeOf(this.countOf(entries[0]!));
        const name = this.nameOf(set);
        const start = shared.groups[2 * entries[0]!]!;
        const run = runs.get(name) ?? { start, name, uses: fixed.has(start) ? 1 : 0 };
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
   *   is used up (by sets in effect, and by runs that somebody may still read)
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
    size.free.push({ start: before.start, epoch: this.nextEpoch() });
  }

  /** Comes after the store of the group: who reads the epoch reads the group with it. */
  private nextEpoch(): number {
    const { steerer } = this.shared;
    const epoch = Atomics.load(steerer, SteererWord.EPOCH);
    const next = (epoch + 1) | 0;
    Atomics.store(steerer, SteererWord.EPOCH, next === 0 ? 1 : next);
    return Atomics.load(steerer, SteererWord.EPOCH);
  }

  private isRead({ epoch }: FreeRun): boolean {
    for (const { words, at } of this.readers) {
      const begun = Atomics.load(words, at);
      if (begun !== 0 && ((begun - epoch) | 0) < 0) return true;
    }
    return false;
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
      size.free.unshift({ start, epoch: Atomics.load(this.shared.steerer, SteererWord.EPOCH) });
      throw error;
    }
    const run: Run = { start, name, uses: 0 };
    size.runs.set(name, run);
    return run;
  }

  private takeBuckets(free: FreeRun[], count: number): number | undefined {
    const longest = free[0];
    if (longest !== undefined && !this.isRead(longest)) return free.shift()!.start;
    const start = this.next;
    if (start + count > this.shared.buckets.length) return undefined;
    this.next += count;
    return start;
  }
}
