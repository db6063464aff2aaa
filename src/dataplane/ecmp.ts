/**
 * Equal-cost multipath: groups of members (tunnels), each a run of buckets that the flow hash chooses
 * from without a branch:
 *
 *   member = buckets[groups[2 * g] + (((hash >>> 16) * groups[2 * g + 1]) >>> 16)]
 *
 * Who owns a bucket is decided by weighted rendezvous hashing (Thaler, Ravishankar 1998, RFC 2991 §4.3;
 * weights by -w / ln u): each member has a score for each bucket that depends on its identity, its weight
 * and the bucket alone, and the highest score wins. A member that goes gives up its own buckets and no
 * other moves; one that comes takes its share and no other moves.
 *
 * The u of a member are not drawn at random but are a random permutation of (i + 1/2) / buckets: each
 * member's draws are then even by construction, and shares spread 1.7 times less than with free draws.
 */

export interface EcmpMember {
  /** What the bucket holds: index of the tunnel. May change from one build to the next. */
  readonly member: number;
  /** 32 bits that stay the same for this member over all builds, such as `hashName` of its name. */
  readonly identity: number;
  /** Relative share, above 0. */
  readonly weight: number;
}

/** Both arrays lie in shared memory. */
export interface EcmpGroups {
  /** Two words for each group of each view: first bucket, number of buckets. */
  readonly groups: Int32Array;
  /** The member that owns each bucket; -1 in the one bucket of an empty set. */
  readonly buckets: Int32Array;
}

/**
 * Buckets of a set with several members. The same for all sizes of sets, because a set whose bucket count
 * changes is dealt anew; 8 KB a set. Shares come out within 2 % of the whole (standard deviation 0.6 %): of two or
 * three equal members within 5 % of their own share, of more members within less of the whole and more of the share
 * (N = 8: 10 %). 5 % of the share would take 8,192 buckets up to N = 8 and 65,536 up to N = 32, out of the first cache.
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

/** Deals buckets to the members of a set. */
export class BucketDealer {
  /** 1 / -ln u for each u that a member draws, made once for each bucket count. */
  private readonly scores = new Map<number, Float64Array>();

  /**
   * Gives each bucket to the member with the highest score; all hold -1 when the set is empty.
   *
   * @param buckets a run of 1 bucket, or of a power of two
   * @throws RangeError for a weight that is not above 0; the buckets are then as they were
   */
  deal(set: readonly EcmpMember[], buckets: Int32Array): void {
    for (const { weight } of set) {
      if (!(weight > 0)) throw new RangeError(`ECMP weight ${weight} is not above 0`);
    }
    buckets.fill(set[0]?.member ?? -1);
    if (set.length <= 1) return;
    const scoreOf = this.scoresFor(buckets.length);
    const best = new Float64Array(buckets.length);
    const keys = new Int32Array(2 * ROUNDS);
    for (const { member, identity, weight } of canonical(set)) {
      for (let i = 0; i < keys.length; i++) keys[i] = mix(identity + Math.imul(i + 1, 0x9e3779b9));
      for (let bucket = 0; bucket < buckets.length; bucket++) {
        const score = weight * scoreOf[permute(bucket, keys, buckets.length)]!;
        if (score > best[bucket]!) {
          best[bucket] = score;
          buckets[bucket] = member;
        }
      }
    }
  }

  private scoresFor(count: number): Float64Array {
    let table = this.scores.get(count);
    if (table === undefined) {
      table = new Float64Array(count).map((_, i) => -1 / Math.log((i + 0.5) / count));
      this.scores.set(count, table);
    }
    return table;
  }
}

/** With 4 rounds the shares spread as those of truly random permutations do; 2 leave unlucky pairs. */
const ROUNDS = 4;

/**
 * A permutation of 0..count-1 (count a power of two) chosen by the keys: each round multiplies by an odd
 * number, adds, and folds the high bits down, all of which can be undone and so never map two to one.
 */
function permute(value: number, keys: Int32Array, count: number): number {
  const half = (32 - Math.clz32(count - 1) + 1) >>> 1;
  for (let i = 0; i < 2 * ROUNDS; i += 2) {
    value = (Math.imul(value, keys[i]! | 1) + keys[i + 1]!) & (count - 1);
    value ^= value >>> half;
  }
  return value;
}

/**
 * The set by ascending identity, so that equal scores are decided in the same way whatever the order in
 * the configuration. Members with one identity (a tunnel named twice, or two names with one hash) would
 * draw alike and the second never win: it takes another.
 */
function canonical(set: readonly EcmpMember[]): EcmpMember[] {
  const taken = new Set<number>();
  return set
    .map(({ member, identity, weight }) => {
      let own = identity >>> 0;
      while (taken.has(own)) own = mix(own + 1) >>> 0;
      taken.add(own);
      return { member, identity: own, weight };
    })
    .sort((a, b) => a.identity - b.identity);
}

/** A 32-bit identity for a name: FNV-1a over its UTF-16 code units, finished by `mix`. Unsigned. */
export function hashName(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return mix(hash) >>> 0;
}

/** The 32-bit finaliser of MurmurHash3: every bit of the input moves every bit of the result. */
function mix(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/** A name that equal sets have in common, in any order, and no others. */
export function nameOfSet(set: readonly EcmpMember[]): string {
  return set
    .map(({ member, identity, weight }) => `${member}:${identity}:${weight}`)
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
