/**
 * Who reads groups while another thread steers says so: a word of its own that is 0 while it reads nothing, and else
 * the steering epoch that it has begun with. Who steers deals a run of buckets anew only when all that read have begun
 * after it went out of use (group-steering.ts).
 */

/** Words of the steerer's block, written by it alone. */
export const SteererWord = {
  /** Not 0 once somebody steers. */
  CLAIMED: 0,
  /** Another number each time that a run goes out of use; never 0. */
  EPOCH: 1,
} as const;

export function createSteererWords(): Int32Array {
  const words = new Int32Array(new SharedArrayBuffer(4 * Object.keys(SteererWord).length));
  words[SteererWord.EPOCH] = 1;
  return words;
}

export class GroupReader {
  /** What the word holds. */
  private begun = 0;

  /**
   * @param steerer of the tables that are read
   * @param words shared memory with the word of this reader, which nobody else writes
   * @param at where it is
   */
  constructor(
    private readonly steerer: Int32Array,
    private readonly words: Int32Array,
    private readonly at: number,
  ) {}

  /**
   * Before each vector. It may be called again without `end`: then nothing is read any more that was read before. While
   * packets keep coming and nobody steers it is one load.
   *
   * The epoch is looked at again when the word is written: a steerer that found 0 there had written its groups and its
   * epoch before, and they are seen from here on.
   */
  begin(): void {
    const { steerer, words, at } = this;
    for (;;) {
      const epoch = Atomics.load(steerer, SteererWord.EPOCH);
      if (epoch === this.begun) return;
      Atomics.store(words, at, epoch);
      this.begun = epoch;
    }
  }

  /** Before waiting for packets: nothing is read until `begin`. */
  end(): void {
    if (this.begun === 0) return;
    this.begun = 0;
    Atomics.store(this.words, this.at, 0);
  }
}
