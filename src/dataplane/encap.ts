/**
 * Encapsulation, the flat part: IPv4 without options, 4-aligned, into an IPv4 tunnel with or without key.
 * Everything else, and every packet that does not fit or is at the end of its TTL, goes to
 * encap-careful.ts. Flat for the reasons told in decap.ts.
 */
import type { CarefulEncap } from './encap-careful.js';
import { COUNTERS_PER_TUNNEL, TUNNEL_COUNTERS } from './counters.js';
import { putReversedLink, turnEthernet } from './frame.js';
import { LinkType } from './link-type.js';
import { Side, type PacketVector } from './packet-vector.js';
import { Step, type Scratch } from './scratch.js';
import { Verdict } from './verdicts.js';

/**
 * Stage 6: TTL, MTU, MSS clamp, TOS, outer header, link header. Reads every packet that has no verdict yet;
 * gives it one, with its outputs.
 */
export function encapStage(
  vector: PacketVector,
  words: Int32Array,
  bytes: Uint8Array,
  scratch: Scratch,
  tunnels: Int32Array,
  counters: Float64Array,
  careful: CarefulEncap,
): void {
  const n = vector.count;
  const { side, link, offset, tunnelIn, tunnelOut, verdict, outOffset, outLength, outLink } = vector;
  const { step, ip, length, linkLength } = scratch;
  for (let i = 0; i < n; i++) {
    const state = step[i]!;
    if (state === Step.DONE) continue;
    const tunnel = tunnelOut[i]!;
    if (state !== Step.ROUTE || (tunnel & tunnelIn[i]!) < 0) {
      careful.run(vector, i);
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
    if (tunnel < 0) {
      if (notSyn === 0) careful.clamp(vector, i, -1);
      verdict[i] = Verdict.delivered_overlay;
      outOffset[i] = at;
      outLength[i] = total;
      outLink[i] = LinkType.RAW;
      continue;
    }
    const t = tunnel << 5;
    const forwarding = 1 - side[i]!;
    // A tunnel with more than a key, a packet larger than the MTU, a TTL that ends here.
    const bad =
      tunnels[t + 1]! | ((tunnels[t + 2]! - total) >> 31) | ((((w2 & 0xff) - 2) >> 31) & -forwarding);
    if (bad !== 0) {
      careful.run(vector, i);
      continue;
    }
    if (notSyn === 0) careful.clamp(vector, i, tunnel);
    const header = tunnels[t]!;
    const outer = at - header;
    let start = outer;
    const linkHeader = linkLength[i]! & -forwarding;
    if (linkHeader !== 0) {
      start = outer - linkHeader;
      if (link[i] === LinkType.ETHERNET) turnEthernet(words, offset[i]! + linkHeader, outer, linkHeader);
      else putReversedLink(bytes, offset[i]!, linkHeader, link[i]!, outer, 4);
    }
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
    verdict[i] = Verdict.delivered_underlay;
    outOffset[i] = start;
    outLength[i] = at + total - start;
    outLink[i] = side[i] === Side.UNDERLAY ? link[i]! : LinkType.RAW;
    const c = TUNNEL_COUNTERS + tunnel * COUNTERS_PER_TUNNEL;
    counters[c + 2]! += 1;
    counters[c + 3]! += total;
  }
}
