/**
 * Who announces what on the Internet: prefixes, each at one or more places, found by longest match on the
 * destination of a packet. Changes are taken up at the next look-up.
 */
import { parseAddressWithLength } from '../../config/address.js';
import { buildFib4, type Fib4, type Route4 } from '../../dataplane/fib4.js';
import { buildFib6, lookupFib6, type Fib6, type Route6 } from '../../dataplane/fib6.js';
import { group4 } from '../../dataplane/route.js';
import { be32 } from '../../wire/bytes.js';

interface Announced {
  readonly address: Uint8Array;
  readonly length: number;
  /** Numbers of places, in the order in which they came. */
  readonly places: number[];
}

/** Group of the FIBs for destinations that nobody announces. */
const NOBODY = 0;
const DESTINATION6 = 24;

export class Announcements {
  private readonly prefixes = new Map<string, Announced>();
  private changed = true;
  private fib4: Fib4 = { table: new Int32Array(0), tail: new Int32Array(0) };
  private fib6: Fib6 | null = null;
  /** By group of the FIBs: equal sets of places are one group. */
  private sets: (readonly number[])[] = [[]];
  /** Changes so far: what was worked out of the sets is to be forgotten when it is another. */
  version = 0;

  /** @throws RangeError for what is no prefix, or one of length 0 */
  add(prefix: string, place: number): void {
    const announced = this.prefixes.get(prefix) ?? this.open(prefix);
    if (announced.places.includes(place)) return;
    announced.places.push(place);
    this.touch();
  }

  remove(prefix: string, place: number): void {
    const places = this.prefixes.get(prefix)?.places ?? [];
    const at = places.indexOf(place);
    if (at < 0) return;
    places.splice(at, 1);
    if (places.length === 0) this.prefixes.delete(prefix);
    this.touch();
  }

  /** Prefixes that a place announces, in the order of their first announcement. */
  of(place: number): string[] {
    return [...this.prefixes].filter(([, { places }]) => places.includes(place)).map(([prefix]) => prefix);
  }

  /** Number of the set of places that announce the destination of the packet at `ip`, or 0. */
  find(bytes: Uint8Array, ip: number, family: number): number {
    if (this.changed) this.build();
    if (family === 4) return group4(bytes, ip, this.fib4.table, this.fib4.tail);
    return this.fib6 === null ? NOBODY : lookupFib6(this.fib6, bytes, ip + DESTINATION6);
  }

  /** Places of a set, in ascending order; set 0 has none. */
  places(set: number): readonly number[] {
    return this.sets[set]!;
  }

  private open(prefix: string): Announced {
    const parsed = parseAddressWithLength(prefix);
    if (parsed === null || parsed.length === 0) throw new RangeError(`${prefix} is no prefix to announce`);
    const announced = { address: parsed.bytes, length: parsed.length, places: [] };
    this.prefixes.set(prefix, announced);
    return announced;
  }

  private touch(): void {
    this.changed = true;
    this.version++;
  }

  private build(): void {
    const numbers = new Map<string, number>();
    const v4: Route4[] = [];
    const v6: Route6[] = [];
    this.sets = [[]];
    for (const { address, length, places } of this.prefixes.values()) {
      const sorted = [...places].sort((a, b) => a - b);
      const key = sorted.join();
      const group = numbers.get(key) ?? this.sets.push(sorted) - 1;
      numbers.set(key, group);
      if (address.length === 4) v4.push({ prefix: be32(address, 0), length, group });
      else v6.push({ address, length, group });
    }
    this.fib4 = buildFib4(v4);
    this.fib6 = v6.length === 0 ? null : buildFib6(v6);
    this.changed = false;
  }
}
