/**
 * Numbers of many things of one kind (wires, traffics), whole cache lines for each, side by side in one array: in a
 * large network every packet is about another thing, and what it has to look for in memory is what it costs.
 */

const LINE = 64;
const NUMBER = 8;
const FIRST_CAPACITY = 64;
/** Large blocks of memory begin 16 bytes behind a cache line. */
const TO_NEXT_LINE = 48;

export class Records {
  /** To be asked for anew after `open`. */
  values: Float64Array;
  private count = 0;

  /** @param width numbers of a record, a multiple of 8 */
  constructor(private readonly width: number) {
    if (width % (LINE / NUMBER) !== 0) throw new RangeError(`${width} numbers do not fill cache lines`);
    this.values = room(width * FIRST_CAPACITY);
  }

  /** A new record, all 0. @returns the place of its first number */
  open(): number {
    const at = this.width * this.count++;
    if (at === this.values.length) {
      const larger = room(2 * at);
      larger.set(this.values);
      this.values = larger;
    }
    return at;
  }
}

function room(numbers: number): Float64Array {
  return new Float64Array(new ArrayBuffer(TO_NEXT_LINE + NUMBER * numbers), TO_NEXT_LINE, numbers);
}
