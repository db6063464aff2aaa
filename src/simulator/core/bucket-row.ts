/** A row of lists, of which the next one that is not empty is found fast: one level of a timing wheel. */
export class BucketRow {
  /** First element of each list, or −1. */
  private readonly heads: Int32Array;
  /** A bit for each list that is not empty. */
  private readonly marks: Int32Array;

  /** @param size lists, a multiple of 32 */
  constructor(private readonly size: number) {
    this.heads = new Int32Array(size).fill(-1);
    this.marks = new Int32Array(size / 32);
  }

  /** Puts an element in front of a list; answers the one that was first, or −1. */
  push(bucket: number, element: number): number {
    const before = this.heads[bucket]!;
    this.heads[bucket] = element;
    this.marks[bucket >> 5]! |= 1 << (bucket & 31);
    return before;
  }

  /** Empties a list; answers the element that was first. */
  take(bucket: number): number {
    const first = this.heads[bucket]!;
    this.heads[bucket] = -1;
    this.marks[bucket >> 5]! &= ~(1 << (bucket & 31));
    return first;
  }

  /** The first list from `from` on that is not empty, or −1. */
  next(from: number): number {
    if (from >= this.size) return -1;
    const { marks } = this;
    let at = from >> 5;
    let word = marks[at]! & (-1 << (from & 31));
    while (word === 0) {
      if (++at === marks.length) return -1;
      word = marks[at]!;
    }
    // The lowest bit that is set.
    return (at << 5) + 31 - Math.clz32(word & -word);
  }
}
