/**
 * Deals the buckets of a group to its members: which owns which.
 *
 * Weighted rendezvous hashing (Thaler, Ravishankar 1998, RFC 2991 §4.3; weights by -w / ln u): each member has a score
 * for each bucket that depends on its identity, its weight and the bucket alone, and the highest score wins. The u of a
 * member are a random permutation of (i + 1/2) / buckets, which spreads shares 1.7 times less than free draws. Then
 * loads are bounded (Mirrokni, Thorup, Zadimoghaddam 2018, with another rule for what is passed on): who has more than
 * 3.5 % above its share passes buckets on, those first that it wins most narrowly.
 *
 * Each bucket so has an order of preference over all members of the set, which is bounded for each of the ways in which
 * members can be out: what would be whose if exactly these were out depends on the set alone, not on who is out. A
 * member that goes out gives up its own buckets, its share and not more than 3.5 % beyond, and no other bucket moves; it
 * takes them back when it comes in, whatever has happened meanwhile.
 */

export interface EcmpMember {
  /** What the bucket holds: index of the tunnel. May change from one build to the next. */
  readonly member: number;
  /** 32 bits that stay the same for this member over all builds, such as `hashName` of its name. */
  readonly identity: number;
  /** Relative share, above 0. */
  readonly weight: number;
  /** It belongs to the set and owns no bucket for now: those that it would have are dealt to the others. */
  readonly isOut?: true;
}

/**
 * By so much a member may own more than its share: while all are in, and of what is dealt when some are out. Less would
 * make shares more even, and have more buckets of others move when the set itself becomes another.
 */
const TOLERANCE = 0.035;
const TOLERANCE_WITHOUT = 0.025;

/** So many members that are out together have loads bounded; when there are more, scores alone decide on what is left. */
const BOUNDED_OUT = 3;

/** Keys of a permutation: with 4 rounds shares spread as those of truly random ones do; 2 leave unlucky pairs. */
const ROUNDS = 4;

/** A member as it draws. */
interface Drawing {
  readonly member: number;
  readonly identity: number;
  readonly weight: number;
  readonly isOut: boolean;
  readonly keys: Int32Array;
}

/** Buckets that have lost their first choices, the same ones in one order or another. */
interface Orphans {
  /** Those, by member. */
  readonly without: readonly boolean[];
  readonly buckets: Int32Array;
}

/** A lead is a whole number of this many parts where leads are put in order, and has 16 bits for the bucket behind it. */
const LEAD_PARTS = 2 ** 20;
const LARGEST_LEAD = 2 ** 36;
const BUCKET_VALUES = 2 ** 16;

export class BucketDealer {
  /** 1 / -ln u for each u that a member draws, made once for each bucket count. */
  private readonly scores = new Map<number, Float64Array>();

  /**
   * Gives each bucket to the first in its order of preference who is not out; all hold -1 when there is nobody.
   *
   * @param buckets a run of 1 bucket, or of a power of two
   * @throws RangeError for a weight that is not above 0; the buckets are then as they were
   */
  deal(set: readonly EcmpMember[], buckets: Int32Array): void {
    for (const { weight } of set) {
      if (!(weight > 0)) throw new RangeError(`ECMP weight ${weight} is not above 0`);
    }
    const present = set.filter(({ isOut }) => isOut !== true);
    buckets.fill(present[0]?.member ?? -1);
    if (present.length <= 1) return;
    const members = canonical(set);
    new Deal(members, this.scoresFor(buckets.length), buckets.length).write(buckets);
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

/** One deal. */
class Deal {
  /** First, second … choice of each bucket, as far as those before are all out. */
  private readonly choices: Int32Array[] = [];

  constructor(
    private readonly members: readonly Drawing[],
    private readonly scoreOf: Float64Array,
    private readonly count: number,
  ) {
    const everything = new Int32Array(count).map((_, bucket) => bucket);
    let orphans: readonly Orphans[] = [{ without: members.map(() => false), buckets: everything }];
    for (let depth = 0; orphans.length > 0; depth++) {
      const choice = new Int32Array(count).fill(-1);
      // What is dealt at one depth is for different members to be out: one list does not look at another.
      for (const list of orphans) {
        const owners = this.dealList(list, depth <= BOUNDED_OUT);
        for (let i = 0; i < owners.length; i++) choice[list.buckets[i]!] = owners[i]!;
      }
      this.choices.push(choice);
      orphans = this.orphansOf(choice, depth < BOUNDED_OUT);
    }
  }

  /** The first choice of each bucket that is not out. */
  write(buckets: Int32Array): void {
    const { members } = this;
    const owners = Int32Array.from(members, ({ member }) => member);
    const isIn = Uint8Array.from(members, ({ isOut }) => (isOut ? 0 : 1));
    for (const choice of this.choices) {
      for (let bucket = 0; bucket < buckets.length; bucket++) {
        const owner = choice[bucket]!;
        if (owner >= 0 && isIn[owner] === 1) buckets[bucket] = owners[owner]!;
      }
    }
  }

  /** The next choice of each bucket of the list. */
  private dealList({ without, buckets }: Orphans, isBounded: boolean): Int32Array {
    const owners = new Int32Array(buckets.length);
    const best = new Float64Array(buckets.length);
    this.members.forEach((drawing, m) => {
      if (!without[m]!) draw(drawing, m, buckets, this.scoreOf, owners, best);
    });
    if (isBounded) this.bound(without, buckets, owners, best);
    return owners;
  }

  /** Passes on what is above the tolerance if just these members are out. */
  private bound(
    without: readonly boolean[],
    buckets: Int32Array,
    owners: Int32Array,
    scores: Float64Array,
  ): void {
    const { members, count } = this;
    const loads = this.loadsWithout(without);
    for (const owner of owners) loads[owner]!++;
    const total = members.reduce((sum, { weight }, m) => (without[m]! ? sum : sum + weight), 0);
    const tolerance = without.includes(true) ? TOLERANCE_WITHOUT : TOLERANCE;
    const room = Int32Array.from(members, ({ weight }, m) => {
      const share = (count * weight) / total;
      return without[m]! ? 0 : Math.max(Math.ceil(share), Math.floor((1 + tolerance) * share)) - loads[m]!;
    });
    const receivers = new Int32Array(buckets.length);
    const leads = new Float64Array(buckets.length);
    // Most need no round, and others seldom more than one: until those that could take a bucket are full themselves.
    while (room.some((left) => left < 0)) {
      let offers = 0;
      for (let i = 0; i < buckets.length; i++) {
        if (room[owners[i]!]! >= 0) continue;
        receivers[i] = this.bestOf(buckets[i]!, room);
        const lead = scores[i]! / this.score(receivers[i]!, buckets[i]!);
        leads[offers++] = Math.floor(Math.min(LARGEST_LEAD, LEAD_PARTS * lead)) * BUCKET_VALUES + i;
      }
      if (offers === 0) return;
      for (const lead of leads.subarray(0, offers).sort()) {
        const i = lead % BUCKET_VALUES;
        const [from, to] = [owners[i]!, receivers[i]!];
        if (room[from]! >= 0 || room[to]! <= 0) continue;
        owners[i] = to;
        room[from]!++;
        room[to]!--;
      }
    }
  }

  /** Who wins a bucket among those that have room for one. */
  private bestOf(bucket: number, room: Int32Array): number {
    let best = 0;
    let found = -1;
    for (let m = 0; m < room.length; m++) {
      if (room[m]! <= 0) continue;
      const score = this.score(m, bucket);
      if (score <= best) continue;
      best = score;
      found = m;
    }
    return found;
  }

  private score(m: number, bucket: number): number {
    const { weight, keys } = this.members[m]!;
    return weight * this.scoreOf[permute(bucket, keys, this.count)]!;
  }

  /** What members own by choices made already if just these are out. */
  private loadsWithout(without: readonly boolean[]): Int32Array {
    const loads = new Int32Array(this.members.length);
    for (let bucket = 0; bucket < this.count; bucket++) {
      for (const choice of this.choices) {
        const owner = choice[bucket]!;
        if (owner >= 0 && without[owner]!) continue;
        if (owner >= 0) loads[owner]!++;
        break;
      }
    }
    return loads;
  }

  /** Buckets whose last choice is out too: by those that they have lost, or all of them for those who are not out. */
  private orphansOf(last: Int32Array, isApart: boolean): Orphans[] {
    const { members, choices } = this;
    const isOut = members.map((drawing) => drawing.isOut);
    if (!isOut.includes(true)) return [];
    const lost = Array.from(last.keys()).filter((bucket) => last[bucket]! >= 0 && isOut[last[bucket]!]!);
    if (!isApart) return lost.length === 0 ? [] : [{ without: isOut, buckets: Int32Array.from(lost) }];
    const found = new Map<string, number[]>();
    for (const bucket of lost) {
      const key = choices
        .map((choice) => choice[bucket]!)
        .sort((a, b) => a - b)
        .join();
      const list = found.get(key);
      if (list === undefined) found.set(key, [bucket]);
      else list.push(bucket);
    }
    return Array.from(found.values(), (list) => {
      const without = members.map(() => false);
      for (const choice of choices) without[choice[list[0]!]!] = true;
      return { without, buckets: Int32Array.from(list) };
    });
  }
}

/** Gives those buckets to a member of which it has the best score so far. */
function draw(
  { weight, keys }: Drawing,
  m: number,
  buckets: Int32Array,
  scoreOf: Float64Array,
  owners: Int32Array,
  best: Float64Array,
): void {
  const count = scoreOf.length;
  for (let i = 0; i < buckets.length; i++) {
    const score = weight * scoreOf[permute(buckets[i]!, keys, count)]!;
    if (score > best[i]!) {
      best[i] = score;
      owners[i] = m;
    }
  }
}

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
function canonical(set: readonly EcmpMember[]): Drawing[] {
  const taken = new Set<number>();
  return set
    .map(({ member, identity, weight, isOut = false }) => {
      let own = identity >>> 0;
      while (taken.has(own)) own = mix(own + 1) >>> 0;
      taken.add(own);
      const keys = Int32Array.from({ length: 2 * ROUNDS }, (_, i) => mix(own + Math.imul(i + 1, 0x9e3779b9)));
      return { member, identity: own, weight, isOut, keys };
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
