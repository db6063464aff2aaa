/**
 * Decapsulation, the flat part: IPv4 outside without options, GRE version 0 without checksum, IPv4 inside
 * without options, both checksums right, no surprise of any kind. Whatever is different in any bit gets
 * Step.CAREFUL and is judged by decap-careful.ts, which alone knows reasons.
 *
 * How the flat loops of this room are written, and why (measured; design/hot-path.md, rules 1 to 8):
 * - They are closures over their memory: V8 then compiles array accesses to an address and a constant
 *   bound, where an array that comes as an argument costs three loads and two checks for each access.
 *   It does so for the first pipeline of a thread only; a second one is right, but half as fast.
 * - Numbers are constants of the module (an imported one is loaded anew for each packet).
 * - No call and no inner loop: what is rare is put on a list, or left at Step.CAREFUL, for a loop behind.
 * - Conditions on packet bits are joined by |, not by jumps: real packets come shuffled, and one jump that
 *   is guessed wrong costs as much as the whole stage.
 */
import { COUNTERS_PER_TUNNEL, TUNNEL_COUNTERS } from './counters.js';
import { ENDPOINT4_WORDS, probeEndpoint4 } from './endpoint-table.js';
import { VECTOR_SIZE } from './packet-vector.js';
import { Step, type Scratch } from './scratch.js';

const CAREFUL = Step.CAREFUL;
const ROUTE = Step.ROUTE;
const FIRST_TUNNEL_COUNTER = TUNNEL_COUNTERS;
const TUNNEL_STRIDE = COUNTERS_PER_TUNNEL;
const ENTRY_WORDS = ENDPOINT4_WORDS;

/**
 * Combinations of outer and inner ECN (outer << 2 | inner) that change the inner header or drop the packet
 * (RFC 6040 §4.2): left to the careful path.
 */
const ECN_CAREFUL = 0x7040;

export interface DecapStages {
  /**
   * Stage 2: outer header. Reads ip, length (bytes available), family and side of packets at Step.CAREFUL;
   * leaves them there, or writes Step.ROUTE (not GRE: `length` becomes the total length) or the slot of the
   * endpoint table to look at.
   */
  outer(this: void, n: number, side: Int32Array): void;
  /**
   * Stage 3: endpoint and inner header. Reads the packets that have a slot; writes tunnelIn, ip and length
   * of the inner packet, Step.ROUTE and the tunnel's counters, or Step.CAREFUL with nothing else changed.
   */
  endpoint(this: void, n: number, tunnelIn: Int32Array): void;
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
  const { step, ip, length, family } = scratch;
  const slotMask = endpoints.length / ENTRY_WORDS - 1;
  const displaced = new Int32Array(VECTOR_SIZE);

  function outer(n: number, side: Int32Array): void {
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
      // Version 4, 20 bytes of header, 4-aligned, right checksum, all of it there, not announced as IPv6.
      // prettier-ignore
      const bad =
        ((w0 & 0xff) ^ 0x45) | (at & 3) | (sum ^ 0xffff) | ((length[i]! - total) >> 31) | ((total - 20) >> 31) |
        (family[i]! & 2);
      if (bad !== 0) continue;
      family[i] = 4;
      length[i] = total;
      if ((((w2 & 0xff00) ^ 0x2f00) | side[i]!) !== 0) {
        step[i] = ROUTE;
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
      step[i] = odd === 0 ? (h & slotMask) << 3 : CAREFUL;
    }
  }

  function endpoint(n: number, tunnelIn: Int32Array): void {
    const found = firstProbe(n, tunnelIn);
    if (found === 0) return;
    for (let k = 0; k < found; k++) {
      const i = displaced[k]!;
      const o = ip[i]! >> 2;
      const keyPresent = (words[o + 5]! >>> 5) & 1;
      const key = words[o + 6]! & -keyPresent;
      const entry = probeEndpoint4(endpoints, step[i]!, words[o + 3]!, words[o + 4]!, key, keyPresent);
      step[i] = entry < 0 ? CAREFUL : entry;
    }
    firstProbe(n, tunnelIn);
  }

  /** Answers how many packets found another endpoint in their slot; they are in `displaced`. */
  function firstProbe(n: number, tunnelIn: Int32Array): number {
    let found = 0;
    for (let i = 0; i < n; i++) {
      const e = step[i]!;
      if (e < 0) continue;
      const o = ip[i]! >> 2;
      const w0 = words[o]!;
      const gre = words[o + 5]!;
      const keyPresent = (gre >>> 5) & 1;
      const key = words[o + 6]! & -keyPresent;
      const meta = endpoints[e + 3]!;
      const header = 6 + keyPresent + ((gre >>> 4) & 1);
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
      const other =
        (words[o + 3]! ^ endpoints[e]!) | (words[o + 4]! ^ endpoints[e + 1]!) | (key ^ endpoints[e + 2]!) |
        ((meta & 3) ^ (2 | keyPresent));
      // prettier-ignore
      const bad =
        // a tunnel that wants nothing special; IPv4 inside, 20 bytes of header, right checksum, all there
        endpoints[e + 6]! | ((gre >>> 16) ^ 0x0008) | ((v0 & 0xff) ^ 0x45) | (sum ^ 0xffff) |
        ((length[i]! - (header << 2) - total) >> 31) | ((total - 20) >> 31) |
        // allowed source, nothing to do for ECN, not GRE again
        ((source & endpoints[e + 5]!) ^ endpoints[e + 4]!) |
        ((ECN_CAREFUL >>> (((w0 >>> 6) & 0x0c) | ((v0 >>> 8) & 3))) & 1) |
        (((((v2 >>> 8) & 0xff) ^ 47) - 1) >> 31);
      if ((other | bad) !== 0) {
        if (other !== 0) displaced[found++] = i;
        else step[i] = CAREFUL;
        continue;
      }
      const tunnel = meta >>> 2;
      ip[i] = q << 2;
      length[i] = total;
      tunnelIn[i] = tunnel;
      step[i] = ROUTE;
      const c = FIRST_TUNNEL_COUNTER + tunnel * TUNNEL_STRIDE;
      counters[c]! += 1;
      counters[c + 1]! += total;
    }
    return found;
  }

  return { outer, endpoint };
}
