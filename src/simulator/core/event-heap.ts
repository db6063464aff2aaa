/**
 * Numbers ordered by time and key: a heap with four children to a node. A node is its time and its key, side by
 * side, so that the four children of a node lie in one cache line and are compared without a look elsewhere.
 */
const CHILDREN = 4;
/** Nodes lie this many places further up, so that the children of one begin at a multiple of 64 bytes. */
const SHIFT = CHILDREN - 1;
const FIRST_CAPACITY = 1024;

export class EventHeap {
  count = 0;
  private nodes = new Float64Array(2 * (FIRST_CAPACITY + SHIFT));

  /** Time of the first node; there must be one. */
  get time(): number {
    return this.nodes[2 * SHIFT]!;
  }

  /** Key of the first node. */
  get key(): number {
    return this.nodes[2 * SHIFT + 1]!;
  }

  push(time: number, key: number): void {
    let at = this.count++;
    if (2 * (at + SHIFT) >= this.nodes.length) this.grow();
    const { nodes } = this;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      const p = 2 * (parent + SHIFT);
      const parentTime = nodes[p]!;
      if (parentTime < time || (parentTime === time && nodes[p + 1]! < key)) break;
      const n = 2 * (at + SHIFT);
      nodes[n] = parentTime;
      nodes[n + 1] = nodes[p + 1]!;
      at = parent;
    }
    const n = 2 * (at + SHIFT);
    nodes[n] = time;
    nodes[n + 1] = key;
  }

  /** Takes the first node out; the last one takes its place and sinks to where it belongs. */
  shift(): void {
    const { nodes } = this;
    const count = --this.count;
    const last = 2 * (count + SHIFT);
    const time = nodes[last]!;
    const key = nodes[last + 1]!;
    let at = 0;
    for (;;) {
      const first = CHILDREN * at + 1;
      if (first >= count) break;
      const end = first + CHILDREN < count ? first + CHILDREN : count;
      let least = 2 * (first + SHIFT);
      for (let child = first + 1; child < end; child++) {
        const c = 2 * (child + SHIFT);
        const childTime = nodes[c]!;
        const leastTime = nodes[least]!;
        if (childTime < leastTime || (childTime === leastTime && nodes[c + 1]! < nodes[least + 1]!)) {
          least = c;
        }
      }
      const leastTime = nodes[least]!;
      if (leastTime > time || (leastTime === time && nodes[least + 1]! > key)) break;
      const n = 2 * (at + SHIFT);
      nodes[n] = leastTime;
      nodes[n + 1] = nodes[least + 1]!;
      at = (least >> 1) - SHIFT;
    }
    const n = 2 * (at + SHIFT);
    nodes[n] = time;
    nodes[n + 1] = key;
  }

  /** Gives all nodes other keys, which must be in the same order. */
  mapKeys(other: (key: number) => number): void {
    for (let i = 0; i < this.count; i++) {
      const n = 2 * (i + SHIFT) + 1;
      this.nodes[n] = other(this.nodes[n]!);
    }
  }

  private grow(): void {
    const larger = new Float64Array(2 * this.nodes.length);
    larger.set(this.nodes);
    this.nodes = larger;
  }
}
