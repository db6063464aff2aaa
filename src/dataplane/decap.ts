/**
 * Decapsulation, the flat part: IPv4 outside without options, GRE version 0 without checksum, IPv4 inside
 * without options, both checksums right, no surprise of any kind. Whatever is different in any bit gets
 * Step.CAREFUL and is judged by decap-careful.ts, which alone knows reasons.
 *
 * How the flat loops of this room are written, and why (measured; docs/architecture.md, "How the hot path is written"):
 * - They are closures over their memory: V8 then compiles array accesses to an address and a constant
 *   bound, where an array that comes as an argument costs three loads and two checks for each access.
 *   (So a vector lies in the pool, and comes to the loops as the number of its first word, `vector`.)
 *   It does so for the first pipeline of a thread only; a second one is right, but half as fast.
 * - Numbers are constants of the module (an imported one is loaded anew for each packet).
 * - No call and no inner loop: what is rare is put on a list, or left at Step.CAREFUL, for a loop behind.
 * - Conditions on packet bits are joined by |, not by jumps: real packets come shuffled, and one jump that
 *   is guessed wrong costs as much as the whole stage.
 */
import { IpProtocol } from '../wire/protocol.js';
import { TUNNEL_COUNTER_SHIFT, TUNNEL_COUNTERS } from './counters.js';
import { ENDPOINT4_WORDS, probeEndpoint4 } from './endpoint-table.js';
import { OVER_PLAIN, Step, type Scratch } from './scratch.js';
import { VECTOR_SIZE, VectorField } from './vector-layout.js';

/** All ones for protocols with ports (TCP, UDP), by protocol number: spares the loops a jump. */
const PORTS_MASK = new Int32Array(256);
PORTS_MASK[IpProtocol.TCP] = -1;
PORTS_MASK[IpProtocol.UDP] = -1;

const CAREFUL = Step.CAREFUL;
const ROUTE = Step.ROUTE;
const FIRST_TUNNEL_COUNTER = TUNNEL_COUNTERS;
const COUNTER_SHIFT = TUNNEL_COUNTER_SHIFT;
const ENTRY_WORDS = ENDPOINT4_WORDS;
const SIDE = VectorField.SIDE;
const TUNNEL_IN = VectorField.TUNNEL_IN;
/** Bits of the family that only the careful path knows: that of IPv6 (6, where 4 has none), and OVER_PLAIN. */
const NOT_FLAT = 2 | OVER_PLAIN;

/**
 * Combinations of outer and inner ECN (outer << 2 | inner) that change the inner header or drop the packet
 * (RFC 6040 §4.2): left to the careful path.
 */
const ECN_CAREFUL = 0x7040;

export interface DecapStages {
  /**
   * Stage 2: outer header. Reads ip, length (bytes available), family and side of packets at Step.CAREFUL;
   * leaves them there, or writes Step.ROUTE (not GRE: `length` becomes the total length; group and hash for
   * the route stages) or the slot of the endpoint table to look at. Answers how many it left.
   */
  outer(this: void, n: number, vector: number): number;
  /**
   * Stage 3: endpoint and inner header. Reads the packets that have a slot; writes tunnelIn, ip and length
   * of the inner packet, group, hash, Step.ROUTE and the tunnel's counters, or Step.CAREFUL with nothing
   * else changed. Answers how many it left so.
   */
  endpoint(this: void, n: number, vector: number): number;
}

/**
 * @param words the pool
 * @param endpoints the IPv4 endpoint table
 */
export function createDecapStages(
  words: Int32Array,
  scratch: Scratch,
  endpoints: Int32Array,
  counters: Float64Array,
): DecapStages {
  const { step, ip, length, family, group, hash } = scratch;
  const slotMask = endpoints.length / ENTRY_WORDS - 1;
  const displaced = new Int32Array(VECTOR_SIZE);

  function outer(n: number, vector: number): number {
    const side = vector + SIDE;
    let left = 0;
    for (let i = 0; i < n; i++) {
      if (step[i] !== CAREFUL) continue;
      const at = ip[i]!;
      const o = at >> 2;
      const w0 = words[o]!;
      const w1 = words[o + 1]!;
      const w2 = words[o + 2]!;
      const source = words[o + 3]!;
      const destination = words[o + 4]!;
      const gre = words[o + 5]!;
      // prettier-ignore
      let sum =
        (w0 & 0xffff) + (w0 >>> 16) + (w1 & 0xffff) + (w1 >>> 16) + (w2 & 0xffff) + (w2 >>> 16) +
        (source & 0xffff) + (source >>> 16) + (destination & 0xffff) + (destination >>> 16);
      // One fold is enough for a comparison: a sum k × 0xffff of k ≤ 10 becomes 0xffff, and no other does.
      sum = (sum & 0xffff) + (sum >>> 16);
      const total = ((w0 >>> 8) & 0xff00) | (w0 >>> 24);
      // Version 4, 20 bytes of header, 4-aligned, right checksum, all of it there, neither announced as IPv6 nor come
      // over a plain next hop.
      // prettier-ignore
      const bad =
        ((w0 & 0xff) ^ 0x45) | (at & 3) | (sum ^ 0xffff) | ((length[i]! - total) >> 31) | ((total - 20) >> 31) |
        (family[i]! & NOT_FLAT);
      if (bad !== 0) {
        left++;
        continue;
      }
      family[i] = 4;
      length[i] = total;
      if ((((w2 & 0xff00) ^ 0x2f00) | words[side + i]!) !== 0) {
        step[i] = ROUTE;
        // Behind the header of a packet without GRE: its ports.
        const fragment = w1 & 0xff3f0000;
        const ports =
          gre & PORTS_MASK[(w2 >>> 8) & 0xff]! & ~((total - 24) >> 31) & ~((fragment | -fragment) >> 31);
        let f =
          Math.imul(source ^ (source >>> 16), 0x85ebca6b) ^
          Math.imul(destination ^ (destination >>> 15), 0x9e3779b1) ^
          Math.imul(ports ^ (ports >>> 16), 0x2c1b3c6d);
        f = Math.imul(f ^ (f >>> 15), 0xc2b2ae35);
        hash[i] = f ^ (f >>> 16);
        group[i] = ((destination & 0xff) << 16) | (destination & 0xff00) | ((destination >>> 16) & 0xff);
        continue;
      }
      const keyPresent = (gre >>> 5) & 1;
      const key = words[o + 6]! & -keyPresent;
      let h =
        Math.imul(source ^ (source >>> 16), 0x9e3779b1) ^
        Math.imul(destination ^ (destination >>> 15), 0x85ebca6b) ^
        Math.imul(key ^ (key >>> 16), 0xc2b2ae35);
      h = Math.imul(h ^ (h >>> 15), 0x27d4eb2f);
      h ^= h >>> 15;
      // A fragment; checksum, routing, reserved bits or version in the GRE header; too short for it.
      // prettier-ignore
      const odd =
        (w1 & 0xff3f0000) | (gre & 0x07cc) | ((total - 24 - (keyPresent << 2) - ((gre >>> 2) & 4)) >> 31);
      if (odd !== 0) {
        left++;
        continue;
      }
      step[i] = (h & slotMask) << 3;
    }
    return left;
  }

  function endpoint(n: number, vector: number): number {
    let left = 0;
    const found = match(n);
    for (let k = 0; k < found; k++) {
      const i = displaced[k]!;
      const o = ip[i]! >> 2;
      const keyPresent = (words[o + 5]! >>> 5) & 1;
      const key = words[o + 6]! & -keyPresent;
      const entry = probeEndpoint4(endpoints, step[i]!, words[o + 3]!, words[o + 4]!, key, keyPresent);
      step[i] = entry < 0 ? CAREFUL : entry;
      left += entry >>> 31;
    }
    return left + inner(n, vector);
  }

  /**
   * Loops of their own for what may miss the cache, and short ones, so that the processor has many packets
   * under way at a time. Answers how many packets found another endpoint in their slot (`displaced`).
   */
  function match(n: number): number {
    let found = 0;
    for (let i = 0; i < n; i++) {
      const e = step[i]!;
      if (e < 0) continue;
      const o = ip[i]! >> 2;
      const keyPresent = (words[o + 5]! >>> 5) & 1;
      // prettier-ignore
      const other =
        (words[o + 3]! ^ endpoints[e]!) | (words[o + 4]! ^ endpoints[e + 1]!) |
        ((words[o + 6]! & -keyPresent) ^ endpoints[e + 2]!) | ((endpoints[e + 3]! & 3) ^ (2 | keyPresent));
      displaced[found] = i;
      found += (other | -other) >>> 31;
    }
    return found;
  }

  /** The payload of packets whose slot is the right one. */
  function inner(n: number, vector: number): number {
    const tunnelIn = vector + TUNNEL_IN;
    let left = 0;
    for (let i = 0; i < n; i++) {
      const e = step[i]!;
      if (e < 0) continue;
      const o = ip[i]! >> 2;
      const gre = words[o + 5]!;
      const header = 6 + ((gre >>> 5) & 1) + ((gre >>> 4) & 1);
      const q = o + header;
      const v0 = words[q]!;
      const v1 = words[q + 1]!;
      const v2 = words[q + 2]!;
      const source = words[q + 3]!;
      const destination = words[q + 4]!;
      // prettier-ignore
      let sum =
        (v0 & 0xffff) + (v0 >>> 16) + (v1 & 0xffff) + (v1 >>> 16) + (v2 & 0xffff) + (v2 >>> 16) +
        (source & 0xffff) + (source >>> 16) + (destination & 0xffff) + (destination >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      const total = ((v0 >>> 8) & 0xff00) | (v0 >>> 24);
      // prettier-ignore
      const bad =
        // a tunnel that wants nothing special; IPv4 inside, 20 bytes of header, right checksum, all there
        endpoints[e + 6]! | ((gre >>> 16) ^ 0x0008) | ((v0 & 0xff) ^ 0x45) | (sum ^ 0xffff) |
        ((length[i]! - (header << 2) - total) >> 31) | ((total - 20) >> 31) |
        // allowed source, nothing to do for ECN, not GRE again
        ((source & endpoints[e + 5]!) ^ endpoints[e + 4]!) |
        ((ECN_CAREFUL >>> (((words[o]! >>> 6) & 0x0c) | ((v0 >>> 8) & 3))) & 1) |
        (((((v2 >>> 8) & 0xff) ^ 47) - 1) >> 31);
      if (bad !== 0) {
        step[i] = CAREFUL;
        left++;
        continue;
      }
      const fragment = v1 & 0xff3f0000;
      const ports =
        words[q + 5]! &
        PORTS_MASK[(v2 >>> 8) & 0xff]! &
        ~((total - 24) >> 31) &
        ~((fragment | -fragment) >> 31);
      let f =
        Math.imul(source ^ (source >>> 16), 0x85ebca6b) ^
        Math.imul(destination ^ (destination >>> 15), 0x9e3779b1) ^
        Math.imul(ports ^ (ports >>> 16), 0x2c1b3c6d);
      f = Math.imul(f ^ (f >>> 15), 0xc2b2ae35);
      hash[i] = f ^ (f >>> 16);
      group[i] = ((destination & 0xff) << 16) | (destination & 0xff00) | ((destination >>> 16) & 0xff);
      const tunnel = endpoints[e + 3]! >>> 2;
      ip[i] = q << 2;
      length[i] = total;
      words[tunnelIn + i] = tunnel;
      step[i] = ROUTE;
      const c = FIRST_TUNNEL_COUNTER + (tunnel << COUNTER_SHIFT);
      counters[c]! += 1;
      counters[c + 1]! += total;
    }
    return left;
  }

  return { outer, endpoint };
}
