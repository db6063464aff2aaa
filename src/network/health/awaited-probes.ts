/**
 * Probes on their way, in the order in which they were sent, which is that of their sequence numbers and that in
 * which they time out: a ring that is found into by sequence number. It grows when more are on their way than ever.
 */

const FIRST_CAPACITY = 16;

/** What is known of a probe on its way. */
const WAITING = 1;
const CONFIRMING = 2;

export class AwaitedProbes {
  private targets = new Int32Array(FIRST_CAPACITY);
  private times = new Float64Array(FIRST_CAPACITY);
  private flags = new Uint8Array(FIRST_CAPACITY);
  /** Sequence number of the oldest, 32 bits. */
  private head = 0;
  private count = 0;

  /** @returns its sequence number */
  add(target: number, sent: number, regular: boolean): number {
    if (this.count === this.targets.length) this.grow();
    const sequence = (this.head + this.count) >>> 0;
    const at = this.place(sequence);
    this.targets[at] = target;
    this.times[at] = sent;
    this.flags[at] = regular ? WAITING : WAITING | CONFIRMING;
    this.count++;
    return sequence;
  }

  /** Whether this one was sent at the time, and no answer has come. */
  isAwaited(sequence: number, sent: number): boolean {
    if ((sequence - this.head) >>> 0 >= this.count) return false;
    const at = this.place(sequence);
    return (this.flags[at]! & WAITING) !== 0 && this.times[at] === sent;
  }

  /** Whether an awaited one was sent because it was due. */
  isRegular(sequence: number): boolean {
    return (this.flags[this.place(sequence)]! & CONFIRMING) === 0;
  }

  /** It is not awaited any more. */
  settle(sequence: number): void {
    this.flags[this.place(sequence)] = 0;
    while (this.count > 0 && this.flags[this.place(this.head)] === 0) {
      this.head = (this.head + 1) >>> 0;
      this.count--;
    }
  }

  /** Sequence number of the oldest one that is awaited; -1: none is. */
  get oldest(): number {
    return this.count === 0 ? -1 : this.head;
  }

  targetOf(sequence: number): number {
    return this.targets[this.place(sequence)]!;
  }

  /** When it was sent. */
  sentAt(sequence: number): number {
    return this.times[this.place(sequence)]!;
  }

  /** The targets have other numbers now: `renumbered[old]` is the new one; what has none (-1) is not awaited. */
  renumber(renumbered: readonly number[]): void {
    for (let i = 0; i < this.count; i++) {
      const at = this.place((this.head + i) >>> 0);
      if (this.flags[at] === 0) continue;
      const target = renumbered[this.targets[at]!]!;
      if (target < 0) this.flags[at] = 0;
      else this.targets[at] = target;
    }
    if (this.count > 0 && this.flags[this.place(this.head)] === 0) this.settle(this.head);
  }

  private place(sequence: number): number {
    return sequence & (this.targets.length - 1);
  }

  private grow(): void {
    const { targets, times, flags } = this;
    const size = targets.length;
    this.targets = new Int32Array(2 * size);
    this.times = new Float64Array(2 * size);
    this.flags = new Uint8Array(2 * size);
    for (let i = 0; i < this.count; i++) {
      const sequence = (this.head + i) >>> 0;
      const from = sequence & (size - 1);
      const to = this.place(sequence);
      this.targets[to] = targets[from]!;
      this.times[to] = times[from]!;
      this.flags[to] = flags[from]!;
    }
  }
}
