/**
 * Seeded random numbers: sfc32 of PractRand (Chris Doty-Humphrey, public domain). 128 bits of state, one
 * of them a counter, so that no seed falls into a short cycle. Only 32-bit integer operations: the same
 * seed gives the same numbers on every machine and every version of Node.
 */
export class Random {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 0;

  /** @param stream numbers of different streams of one seed have nothing to do with each other */
  constructor(seed: number, stream = 0) {
    this.reseed(seed, stream);
  }

  /** Starts again, as if new. Both numbers count modulo 2^32. */
  reseed(seed: number, stream: number): void {
    this.a = seed | 0;
    this.b = stream | 0;
    this.c = 0x9e3779b9 | 0;
    this.counter = 1;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** 0 to 2^32 − 1. */
  uint32(): number {
    const result = (this.a + this.b + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (((this.c << 21) | (this.c >>> 11)) + result) | 0;
    return result >>> 0;
  }

  /** 0 to `limit` − 1; `limit` from 1 to 2^32. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * limit);
  }

  /** `low` to `high`, both ends included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True with this probability (0 to 1). */
  chance(probability: number): boolean {
    return this.uint32() < probability * 0x1_0000_0000;
  }

  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}
