/**
 * Route: longest-prefix match, then one of the group's next hops by the flow's hash. In stages over the
 * vector, so that the misses of one packet are taken while the next ones are worked on: with a million
 * prefixes that is the difference between 20 and 85 ns for this stage alone.
 */
import { word } from '../wire/bytes.js';
import { Ipv6Chain } from '../wire/ipv6-chain.js';
import { IpProtocol } from '../wire/protocol.js';
import { lookupFib4 } from './fib4.js';
import { lookupFib6, type Fib6 } from './fib6.js';
import { hashFlow4, mix } from './hash.js';
import { Step, type Scratch } from './scratch.js';
import { DEFAULT_GROUP6, type SharedTables } from './tables.js';
import { VectorField } from './vector-layout.js';

const DONE = Step.DONE;
const ROUTE = Step.ROUTE;
const TUNNEL_OUT = VectorField.TUNNEL_OUT;
const VIEW = VectorField.VIEW;
const PINNED = VectorField.PINNED;
const PIN = VectorField.PIN;
const SIDE = VectorField.SIDE;

export interface RouteStages {
  /**
   * Stage 4: for packets at Step.ROUTE, index of the first FIB table to raw entry (`group`).
   */
  lookup(this: void, n: number): void;
  /**
   * Stage 5: entry to tunnel, by the row of the vector's view. Reads step, group and hash of all packets to be
   * routed; writes the tunnel to enter, or NO_ROUTE, into tunnelOut, and whether the flat loop of encap.ts could
   * do it into `unfit`. A pinned packet gets the tunnel that it is pinned to.
   */
  select(this: void, n: number, vector: number): void;
}

/**
 * Closures over their memory for the reason told in decap.ts; `words` is the pool. Each loop has one load
 * that may miss the cache and as little else as can be: forty such loads are under way at a time, of a
 * longer loop only five.
 */
export function createRouteStages(words: Int32Array, scratch: Scratch, tables: SharedTables): RouteStages {
  const { step, ip, length, group, hash, unfit } = scratch;
  const { groups, buckets, tunnels, tunnelCount } = tables;
  const rowWords = 2 * tables.groupCount;
  const { table, tail } = tables.fib4;

  function lookup(n: number): void {
    for (let i = 0; i < n; i++) if (step[i] === ROUTE) group[i] = table[group[i]!]!;
  }

  function select(n: number, vector: number): void {
    findBuckets(n, Math.imul(words[vector + VIEW]!, rowWords));
    for (let i = 0; i < n; i++) if (step[i] !== DONE) group[i] = buckets[group[i]!]!;
    if (words[vector + PINNED] !== 0) pin(n, vector + PIN, vector + SIDE);
    fitTunnels(n, vector + TUNNEL_OUT);
  }

  function findBuckets(n: number, row: number): void {
    for (let i = 0; i < n; i++) {
      if (step[i] === DONE) continue;
      let g = group[i]!;
      if (g < 0) g = tail[(~g << 8) | (words[(ip[i]! >> 2) + 4]! >>> 24)]!;
      g = (row + (g << 1)) | 0;
      group[i] = groups[g]! + (Math.imul(hash[i]! >>> 16, groups[g + 1]!) >>> 16);
    }
  }

  /**
   * What is for ourselves (the record behind the last tunnel's) stays with us, unless it comes from the overlay: a
   * health probe may be its own answer.
   */
  function pin(n: number, pins: number, sides: number): void {
    for (let i = 0; i < n; i++) {
      const to = words[pins + i]!;
      if (step[i] === DONE || to < 0 || to >= tunnelCount) continue;
      if (group[i] !== tunnelCount || (words[sides + i]! & 1) !== 0) group[i] = to;
    }
  }

  function fitTunnels(n: number, tunnelOut: number): void {
    for (let i = 0; i < n; i++) {
      if (step[i] === DONE) continue;
      const tunnel = group[i]!;
      words[tunnelOut + i] = tunnel;
      // The record of the tunnel (of the first one where there is no route).
      const t = (tunnel & ~(tunnel >> 31)) << 5;
      unfit[i] = tunnels[t + 1]! | ((tunnels[t + 2]! - length[i]!) >> 31);
    }
  }

  return { lookup, select };
}

function hasPorts(protocol: number): boolean {
  return protocol === IpProtocol.TCP || protocol === IpProtocol.UDP;
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
    const ported = hasPorts(bytes[ip + 9]!) && fragment === 0 && length >= header + 4;
    return hashFlow4(word(bytes, ip + 12), word(bytes, ip + 16), ported ? word(bytes, ip + header) : 0);
  }
  let source = 0;
  let destination = 0;
  for (let i = 0; i < 16; i += 4) {
    source = mix(source, word(bytes, ip + 8 + i));
    destination = mix(destination, word(bytes, ip + 24 + i));
  }
  chain.walk(bytes, ip, length, false);
  const ported = !chain.fragment && hasPorts(chain.protocol) && chain.offset + 4 <= ip + length;
  return hashFlow4(source, destination, ported ? word(bytes, chain.offset) : 0);
}
