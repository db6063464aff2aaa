/** Counters by number, and how much each of them grew in each bin of time. Counting is an addition. */
export class BinnedCounters {
  /** To be added to; another array after `reserve`. */
  values = new Float64Array(16);
  private before = new Float64Array(16);
  private readonly bins: Float64Array[] = [];

  /** Makes room for counters 0 to `count` − 1. */
  reserve(count: number): void {
    if (count <= this.values.length) return;
    const size = Math.max(count, this.values.length * 2);
    this.values = grown(this.values, size);
    this.before = grown(this.before, size);
  }

  /** Ends a bin: what is counted from now on belongs to the next one. */
  closeBin(): void {
    const { values, before } = this;
    this.bins.push(values.map((value, i) => value - before[i]!));
    before.set(values);
  }

  /** Growth of a counter by bin, of those that are closed; empty where it never grew. */
  series(index: number): number[] {
    if ((this.before[index] ?? 0) === 0) return [];
    return this.bins.map((bin) => bin[index] ?? 0);
  }
}

function grown(from: Float64Array<ArrayBuffer>, size: number): Float64Array<ArrayBuffer> {
  const to = new Float64Array(size);
  to.set(from);
  return to;
}
