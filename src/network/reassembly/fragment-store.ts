/**
 * The data of unfinished datagrams: pages of fixed size out of one block of memory, found through a page table for
 * each datagram. A datagram takes as many pages as it has data in, whatever it says of its length.
 */
const PAGE = 2048;
const PAGE_SHIFT = 11;
/** Pages of the longest datagram. */
const MOST_PAGES = 32;

const NONE = -1;

export class FragmentStore {
  private readonly memory: Uint8Array;
  /** Pages of each datagram. */
  private readonly table: Int32Array;
  private readonly free: Int32Array;
  private freeCount: number;

  /**
   * @param datagrams how many there can be
   * @param bytes of data in all, 65,536 and up
   * @throws RangeError for less: the longest datagram would never fit
   */
  constructor(datagrams: number, bytes: number) {
    const pages = Math.floor(bytes / PAGE);
    if (!(pages >= MOST_PAGES)) throw new RangeError(`${bytes} bytes are too few for a datagram`);
    this.memory = new Uint8Array(pages * PAGE);
    this.table = new Int32Array(datagrams * MOST_PAGES).fill(NONE);
    this.free = Int32Array.from({ length: pages }, (_, i) => pages - 1 - i);
    this.freeCount = pages;
  }

  /** Whether there are pages for so many bytes at this offset of a datagram. */
  hasRoom(datagram: number, offset: number, length: number): boolean {
    const first = datagram * MOST_PAGES;
    let missing = 0;
    for (let page = offset >> PAGE_SHIFT; page <= (offset + length - 1) >> PAGE_SHIFT; page++) {
      if (this.table[first + page] === NONE) missing++;
    }
    return missing <= this.freeCount;
  }

  /** Keeps bytes of a datagram; hasRoom was asked before. */
  write(datagram: number, offset: number, bytes: Uint8Array, at: number, length: number): void {
    const { table, memory } = this;
    const first = datagram * MOST_PAGES;
    for (let done = 0; done < length;) {
      const page = first + ((offset + done) >> PAGE_SHIFT);
      if (table[page] === NONE) table[page] = this.free[--this.freeCount]!;
      const inPage = (offset + done) & (PAGE - 1);
      const size = Math.min(length - done, PAGE - inPage);
      memory.set(bytes.subarray(at + done, at + done + size), table[page]! * PAGE + inPage);
      done += size;
    }
  }

  /** Whether what is kept at this offset is the same as these bytes. */
  equals(datagram: number, offset: number, bytes: Uint8Array, at: number, length: number): boolean {
    const first = datagram * MOST_PAGES;
    for (let i = 0; i < length; i++) {
      const place = offset + i;
      const page = this.table[first + (place >> PAGE_SHIFT)]!;
      if (this.memory[page * PAGE + (place & (PAGE - 1))] !== bytes[at + i]) return false;
    }
    return true;
  }

  /** Writes the first `length` bytes of a datagram out. */
  read(datagram: number, bytes: Uint8Array, at: number, length: number): void {
    const first = datagram * MOST_PAGES;
    for (let done = 0; done < length; done += PAGE) {
      const from = this.table[first + (done >> PAGE_SHIFT)]! * PAGE;
      bytes.set(this.memory.subarray(from, from + Math.min(PAGE, length - done)), at + done);
    }
  }

  /** Gives the pages of a datagram back. */
  release(datagram: number): void {
    const first = datagram * MOST_PAGES;
    for (let page = first; page < first + MOST_PAGES; page++) {
      if (this.table[page] === NONE) continue;
      this.free[this.freeCount++] = this.table[page]!;
      this.table[page] = NONE;
    }
  }
}
