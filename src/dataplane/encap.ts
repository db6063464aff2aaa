/**
 * Encapsulation, the flat part: IPv4 without options, 4-aligned, into an IPv4 tunnel with or without key,
 * from raw IP or Ethernet. Everything else, and every packet that does not fit or is at the end of its TTL,
 * goes to encap-careful.ts. Written as told in decap.ts.
 */
import type { CarefulEncap } from './encap-careful.js';
import { TUNNEL_COUNTER_SHIFT, TUNNEL_COUNTERS } from './counters.js';
import { LinkType } from './link-type.js';
import { Side, type PacketVector } from './packet-vector.js';
import { Step, type Scratch } from './scratch.js';
import { VECTOR_SIZE, VectorField } from './vector-layout.js';
import { Verdict } from './verdicts.js';

const DONE = Step.DONE;
const ROUTE = Step.ROUTE;
const UNDERLAY = Side.UNDERLAY;
const RAW = LinkType.RAW;
const ETHERNET = LinkType.ETHERNET;
const DELIVERED_OVERLAY = Verdict.delivered_overlay;
const DELIVERED_UNDERLAY = Verdict.delivered_underlay;
const FIRST_TUNNEL_COUNTER = TUNNEL_COUNTERS;
const COUNTER_SHIFT = TUNNEL_COUNTER_SHIFT;
const UNTAGGED = 14;
const OFFSET = VectorField.OFFSET;
const SIDE = VectorField.SIDE;
const LINK = VectorField.LINK;
const VERDICT = VectorField.VERDICT;
const TUNNEL_IN = VectorField.TUNNEL_IN;
const TUNNEL_OUT = VectorField.TUNNEL_OUT;
const OUT_OFFSET = VectorField.OUT_OFFSET;
const OUT_LENGTH = VectorField.OUT_LENGTH;
const OUT_LINK = VectorField.OUT_LINK;
/** Ethertype of IPv4 in the upper half of a word, as the machine reads it. */
const ETHERTYPE_IPV4_NATIVE = 0x0008_0000;

/**
 * Stage 6: TTL, MTU, MSS clamp, TOS, outer header, link header. Reads every packet that has no verdict yet;
 * gives it one, with its outputs.
 */
export type EncapStage = (this: void, vector: PacketVector) => void;

/** `words` is the pool, `tunnels` the tunnel table. */
export function createEncapStage(
  words: Int32Array,
  scratch: Scratch,
  tunnels: Int32Array,
  counters: Float64Array,
  careful: CarefulEncap,
): EncapStage {
  const { step, ip, length, linkLength, unfit } = scratch;
  /** SYN segments whose MSS is to be clamped, and packets for the careful path. */
  const syns = new Int32Array(VECTOR_SIZE);
  const others = new Int32Array(VECTOR_SIZE);
  let synCount = 0;
  let otherCount = 0;

  function flat(n: number, vector: number): void {
    const offset = vector + OFFSET;
    const side = vector + SIDE;
    const link = vector + LINK;
    const tunnelIn = vector + TUNNEL_IN;
    const tunnelOut = vector + TUNNEL_OUT;
    const verdict = vector + VERDICT;
    const outOffset = vector + OUT_OFFSET;
    const outLength = vector + OUT_LENGTH;
    const outLink = vector + OUT_LINK;
    let s = 0;
    let c = 0;
    for (let i = 0; i < n; i++) {
      const state = step[i]!;
      if (state === DONE) continue;
      const tunnel = words[tunnelOut + i]!;
      // To be routed by the flat loop, and with a tunnel to enter or one that it came out of.
      if (state !== ROUTE || (tunnel & words[tunnelIn + i]!) < 0) {
        others[c++] = i;
        continue;
      }
      const at = ip[i]!;
      const o = at >> 2;
      const total = length[i]!;
      const w0 = words[o]!;
      const w1 = words[o + 1]!;
      const w2 = words[o + 2]!;
      // TCP, not a later fragment, SYN set (byte 13 of the TCP header, 20 bytes of IP header).
      const notSyn = ((w2 & 0xff00) ^ 0x600) | (w1 & 0xff1f0000) | ((words[o + 8]! & 0x200) ^ 0x200);
      const syn = ~(notSyn | -notSyn) >>> 31;
      syns[s] = i;
      if (tunnel < 0) {
        s += syn;
        words[verdict + i] = DELIVERED_OVERLAY;
        words[outOffset + i] = at;
        words[outLength + i] = total;
        words[outLink + i] = RAW;
        continue;
      }
      const t = tunnel << 5;
      const forwarding = 1 - words[side + i]!;
      const linkHeader = linkLength[i]! & -forwarding;
      // A tunnel with more than a key, a packet larger than the MTU, a TTL that ends here.
      const bad = unfit[i]! | ((((w2 & 0xff) - 2) >> 31) & -forwarding);
      if (bad !== 0) {
        others[c++] = i;
        continue;
      }
      const header = tunnels[t]!;
      const outer = at - header;
      if (linkHeader !== 0) {
        if (words[link + i] !== ETHERNET) {
          others[c++] = i;
          continue;
        }
        // The Ethernet header moves in front of the outer header, addresses swapped, a tag kept. Both ends
        // are 4-aligned; the two bytes before the header become 0.
        const tagged = linkHeader === UNTAGGED ? 0 : 1;
        const f = ((words[offset + i]! + linkHeader) >> 2) - 4 - tagged;
        const g = (outer >> 2) - 4 - tagged;
        const a0 = words[f]!;
        const a1 = words[f + 1]!;
        const a2 = words[f + 2]!;
        const a3 = words[f + 3]!;
        const tag = words[f + 4]!;
        words[g] = a2 << 16;
        words[g + 1] = (a2 >>> 16) | (a3 << 16);
        words[g + 2] = (a0 >>> 16) | (a1 << 16);
        words[g + 3] = (a1 >>> 16) | (tagged === 0 ? ETHERTYPE_IPV4_NATIVE : a3 & 0xffff0000);
        // With a tag its word; without, the first word of the outer header, which is written below.
        words[g + 4] = (tag & 0xffff) | ETHERTYPE_IPV4_NATIVE;
      }
      s += syn;
      // TTL less one where we are the router: in native order the low byte of the word that the checksum
      // shares; RFC 1624 equation 3 with a difference of −1.
      let check = (~w2 >>> 16) + (0xfffe & -forwarding);
      check = (check & 0xffff) + (check >>> 16);
      const forwarded = ((w2 & 0xffff) - forwarding) | (~check << 16);
      const tos = ((w0 >>> 8) & tunnels[t + 5]!) | tunnels[t + 6]!;
      const size = total + header;
      const sizeBe = ((size & 0xff) << 8) | (size >>> 8);
      let sum = tunnels[t + 7]! + (tos << 8) + sizeBe;
      sum = (sum & 0xffff) + (sum >>> 16);
      sum = sum + (sum >>> 16);
      const p = outer >> 2;
      words[p] = 0x45 | (tos << 8) | (sizeBe << 16);
      words[p + 1] = tunnels[t + 9]!;
      words[p + 2] = (tunnels[t + 10]! & 0xffff) | (~sum << 16);
      words[p + 3] = tunnels[t + 11]!;
      words[p + 4] = tunnels[t + 12]!;
      words[p + 5] = tunnels[t + 13]!;
      // The key; without one this is the inner packet's first word, which is written again below.
      words[p + 6] = tunnels[t + 14]!;
      words[o] = w0;
      words[o + 2] = forwarded;
      words[verdict + i] = DELIVERED_UNDERLAY;
      words[outOffset + i] = outer - linkHeader;
      words[outLength + i] = size + linkHeader;
      words[outLink + i] = words[side + i] === UNDERLAY ? words[link + i]! : RAW;
      const k = FIRST_TUNNEL_COUNTER + (tunnel << COUNTER_SHIFT);
      counters[k + 2]! += 1;
      counters[k + 3]! += total;
    }
    synCount = s;
    otherCount = c;
  }

  return function encap(vector: PacketVector): void {
    flat(vector.count, vector.base);
    const { tunnelOut } = vector;
    for (let k = 0; k < synCount; k++) careful.clamp(vector, syns[k]!, tunnelOut[syns[k]!]!);
    for (let k = 0; k < otherCount; k++) {
      vector.complete(others[k]!);
      careful.run(vector, others[k]!);
    }
  };
}
