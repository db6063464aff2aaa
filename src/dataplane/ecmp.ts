/**
 * Equal-cost multipath: groups of members (tunnels), each a run of buckets that the flow hash chooses
 * from without a branch:
 *
 *   member = buckets[groups[2 * g] + (((hash >>> 16) * groups[2 * g + 1]) >>> 16)]
 *
 * Which bucket is whose: bucket-dealer.ts.
 */
import { BucketDealer, type EcmpMember } from './bucket-dealer.js';

export { hashName, type EcmpMember } from './bucket-dealer.js';

/** Both arrays lie in shared memory. */
export interface EcmpGroups {
  /** Two words for each group of each view: first bucket, number of buckets. */
  readonly groups: Int32Array;
  /** The member that owns each bucket; -1 where there is none. */
  readonly buckets: Int32Array;
}

/**
 * Buckets of a set with several members. The same for all sizes of sets, because a set whose bucket count
 * changes is dealt anew; 8 KB a set, 64 to a member when there are 32.
 */
export const DEFAULT_BUCKETS = 2048;

/** The flow hash gives 16 bits to choose with. */
const MAX_BUCKETS = 65_536;
const MIN_BUCKETS_PER_MEMBER = 32;

/** How groups lie in memory, where that is not as small as can be. */
export interface GroupLayout {
  /** Rows of groups, equal at first. Default 1. */
  readonly views?: number;
  /** For each group, the most members that its set may come to have. Default: as many as it has. */
  readonly most?: readonly number[];
  /** Buckets behind those of the groups; untouched ones cost no memory. Default 0. */
  readonly reserve?: number;
}

/**
 * Group g is made of sets[g]; equal sets share their buckets. A set that cannot have more than one member takes one
 * bucket, an empty set one bucket with -1; all others take `buckets` (a power of two from 2 to 65,536), or the next
 * power of two that gives 32 to each member. The row of view v starts at group v × sets.length.
 * @throws RangeError for a bucket count that is not such a power of two, or a weight that is not above 0.
 */
export function buildEcmpGroups(
  sets: readonly (readonly EcmpMember[])[],
  buckets: number = DEFAULT_BUCKETS,
  { views = 1, most = [], reserve = 0 }: GroupLayout = {},
): EcmpGroups {
  if (!Number.isInteger(Math.log2(buckets)) || buckets < 2 || buckets > MAX_BUCKETS) {
    throw new RangeError(`bucket count ${buckets} is not a power of two in 2..${MAX_BUCKETS}`);
  }
  const row = 2 * sets.length;
  const groups = new Int32Array(new SharedArrayBuffer(4 * row * views));
  const runs = new Map<string, { start: number; count: number; set: readonly EcmpMember[] }>();
  let total = 0;
  sets.forEach((set, g) => {
    const count = bucketCount(Math.max(set.length, most[g] ?? 0), buckets);
    const name = `${count} ${nameOfSet(set)}`;
    const run = runs.get(name) ?? { start: total, count, set };
    if (run.start === total) total += count;
    runs.set(name, run);
    groups[2 * g] = run.start;
    groups[2 * g + 1] = count;
  });
  for (let view = 1; view < views; view++) groups.copyWithin(view * row, 0, row);
  const shared = new Int32Array(new SharedArrayBuffer(4 * (total + reserve)));
  const dealer = new BucketDealer();
  for (const { start, count, set } of runs.values()) dealer.deal(set, shared.subarray(start, start + count));
  return { groups, buckets: shared };
}

/** Buckets of a set that can have so many members. */
export function bucketCount(members: number, buckets: number = DEFAULT_BUCKETS): number {
  if (members <= 1) return 1;
  const wanted = 2 ** Math.ceil(Math.log2(members * MIN_BUCKETS_PER_MEMBER));
  return Math.min(MAX_BUCKETS, Math.max(buckets, wanted));
}

/** A name that equal sets have in common, in any order, and no others. */
export function nameOfSet(set: readonly EcmpMember[]): string {
  return set
    .map(
      ({ member, identity, weight, isOut }) => `${member}:${identity}:${weight}${isOut === true ? '-' : ''}`,
    )
    .sort()
    .join();
}

/** Numbers sets so that equal ones (in any order) are one group. */
export class EcmpSets {
  private readonly numbers = new Map<string, number>();
  private readonly list: (readonly EcmpMember[])[] = [];

  /** The sets by number, for `buildEcmpGroups`. */
  get sets(): readonly (readonly EcmpMember[])[] {
    return this.list;
  }

  /** The group number of this set; numbers are given from 0 in the order in which new sets come. */
  intern(set: readonly EcmpMember[]): number {
    const name = nameOfSet(set);
    let number = this.numbers.get(name);
    if (number === undefined) {
      number = this.list.push(set) - 1;
      this.numbers.set(name, number);
    }
    return number;
  }
}
