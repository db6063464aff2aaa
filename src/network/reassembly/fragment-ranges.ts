/** Which parts of each datagram are there: for each fragment where its data starts and ends, in ascending order. */

/** What a new range is to those that are there. */
export const Fit = { NEW: 0, SAME: 1, OVERLAP: 2 } as const;

export class FragmentRanges {
  /** Fragments of each datagram. */
  readonly count: Int32Array;
  private readonly starts: Int32Array;
  private readonly ends: Int32Array;

  constructor(
    datagrams: number,
    private readonly most: number,
  ) {
    this.count = new Int32Array(datagrams);
    this.starts = new Int32Array(datagrams * most);
    this.ends = new Int32Array(datagrams * most);
  }

  clear(datagram: number): void {
    this.count[datagram] = 0;
  }

  /** Where the last fragment that is there ends; 0 without any. */
  end(datagram: number): number {
    const count = this.count[datagram]!;
    return count === 0 ? 0 : this.ends[datagram * this.most + count - 1]!;
  }

  /** Compares bytes `start` to `end` with what is there. */
  fit(datagram: number, start: number, end: number): number {
    const at = this.placeOf(datagram, start);
    const first = datagram * this.most;
    const isLast = at === first + this.count[datagram]!;
    if (!isLast && this.starts[at] === start && this.ends[at] === end) return Fit.SAME;
    if (!isLast && this.starts[at]! < end) return Fit.OVERLAP;
    return at > first && this.ends[at - 1]! > start ? Fit.OVERLAP : Fit.NEW;
  }

  /** Adds a range that is new; false when there is no room for another. */
  add(datagram: number, start: number, end: number): boolean {
    const count = this.count[datagram]!;
    if (count === this.most) return false;
    const { starts, ends } = this;
    const at = this.placeOf(datagram, start);
    const last = datagram * this.most + count;
    starts.copyWithin(at + 1, at, last);
    ends.copyWithin(at + 1, at, last);
    starts[at] = start;
    ends[at] = end;
    this.count[datagram] = count + 1;
    return true;
  }

  /** Index of the first range that starts at `start` or behind; looked for from the end, where most belong. */
  private placeOf(datagram: number, start: number): number {
    const first = datagram * this.most;
    let at = first + this.count[datagram]!;
    while (at > first && this.starts[at - 1]! >= start) at--;
    return at;
  }
}
