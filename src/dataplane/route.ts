/**
 * Route: longest-prefix match, then one of the group's next hops by the flow's hash. In stages over the
 * vector, so that the misses of one packet are taken while the next ones are worked on: with a million
 * prefixes that is the difference between 40 and 108 ns (design/hot-path.md, rule 9).
 */
import { word } from '../wire/bytes.js';
import { Ipv6Chain } from '../wire/ipv6-chain.js';
import { IpProtocol } from '../wire/protocol.js';
import { lookupFib4 } from './fib4.js';
import { lookupFib6, type Fib6 } from './fib6.js';
import { hashFlow4, mix } from './hash.js';
import { Step, type Scratch } from './scratch.js';
import { DEFAULT_GROUP6, type SharedTables } from './tables.js';

/** 1 for protocols with ports (TCP, UDP), by protocol number: spares the flat loop a jump. */
const HAS_PORTS = new Int32Array(256);
HAS_PORTS[IpProtocol.TCP] = 1;
HAS_PORTS[IpProtocol.UDP] = 1;

const DONE = Step.DONE;
const ROUTE = Step.ROUTE;

export interface RouteStages {
  /**
   * Stage 4: destination to group (raw entry of the first FIB table), flow hash. Reads the packets at
   * Step.ROUTE (IPv4, 20 bytes of header, 4-aligned).
   */
  lookup(this: void, n: number): void;
  /**
   * Stage 5: group to tunnel. Reads step, group and hash of all packets to be routed; writes the tunnel to
   * enter, or NO_ROUTE, into tunnelOut.
   */
  select(this: void, n: number, tunnelOut: Int32Array): void;
}

/** Closures over their memory for the reason told in decap.ts; `words` is the pool. */
export function createRouteStages(words: Int32Array, scratch: Scratch, tables: SharedTables): RouteStages {
  const { step, ip, length, group, hash } = scratch;
  const { groups, buckets } = tables;
  const { table, tail } = tables.fib4;

  function lookup(n: number): void {
    for (let i = 0; i < n; i++) {
      if (step[i] !== ROUTE) continue;
      const o = ip[i]! >> 2;
      const source = words[o + 3]!;
      const destination = words[o + 4]!;
      // Destination in host order without its last byte.
      group[i] =
        table[((destination & 0xff) << 16) | (destination & 0xff00) | ((destination >>> 16) & 0xff)]!;
      const fragment = words[o + 1]! & 0xff3f0000;
      // 1 for TCP and UDP, unless the packet is too short for ports or a fragment.
      const hasPorts =
        HAS_PORTS[(words[o + 2]! >>> 8) & 0xff]! &
        ~((length[i]! - 24) >> 31) &
        ~((fragment | -fragment) >> 31);
      const ports = words[o + 5]! & -hasPorts;
      let h =
        Math.imul(source ^ (source >>> 16), 0x85ebca6b) ^
        Math.imul(destination ^ (destination >>> 15), 0x9e3779b1) ^
        Math.imul(ports ^ (ports >>> 16), 0x2c1b3c6d);
      h = Math.imul(h ^ (h >>> 15), 0xc2b2ae35);
      hash[i] = h ^ (h >>> 16);
    }
  }

  function select(n: number, tunnelOut: Int32Array): void {
    for (let i = 0; i < n; i++) {
      if (step[i] === DONE) continue;
      let g = group[i]!;
      if (g < 0) g = tail[(~g << 8) | (words[(ip[i]! >> 2) + 4]! >>> 24)]!;
      const first = groups[g << 1]!;
      const count = groups[(g << 1) + 1]!;
      tunnelOut[i] = buckets[first + (((hash[i]! >>> 16) * count) >>> 16)]!;
    }
  }

  return { lookup, select };
}

const chain = new Ipv6Chain();

/** Group of the IPv4 packet at `ip`, at any alignment. */
export function group4(bytes: Uint8Array, ip: number, table: Int32Array, tail: Int32Array): number {
  const destination =
    (bytes[ip + 16]! << 24) | (bytes[ip + 17]! << 16) | (bytes[ip + 18]! << 8) | bytes[ip + 19]!;
  return lookupFib4(table, tail, destination);
}

/** Group of the IPv6 packet at `ip`. */
export function group6(bytes: Uint8Array, ip: number, fib: Fib6): number {
  const group = lookupFib6(fib, bytes, ip + 24);
  return group === 0 ? DEFAULT_GROUP6 : group;
}

/** Flow hash of the checked packet of `length` bytes at `ip`; the same for every alignment and path. */
export function flowHash(bytes: Uint8Array, ip: number, length: number, family: number): number {
  if (family === 4) {
    const header = (bytes[ip]! & 0x0f) * 4;
    const fragment = (bytes[ip + 6]! & 0x3f) | bytes[ip + 7]!;
    const hasPorts = HAS_PORTS[bytes[ip + 9]!] === 1 && fragment === 0 && length >= header + 4;
    return hashFlow4(word(bytes, ip + 12), word(bytes, ip + 16), hasPorts ? word(bytes, ip + header) : 0);
  }
  let source = 0;
  let destination = 0;
  for (let i = 0; i < 16; i += 4) {
    source = mix(source, word(bytes, ip + 8 + i));
    destination = mix(destination, word(bytes, ip + 24 + i));
  }
  chain.walk(bytes, ip, length, false);
  const hasPorts =
    !chain.fragment &&
    chain.protocol >= 0 &&
    HAS_PORTS[chain.protocol] === 1 &&
    chain.offset + 4 <= ip + length;
  return hashFlow4(source, destination, hasPorts ? word(bytes, chain.offset) : 0);
}
