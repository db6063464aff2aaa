/**
 * Endpoint table: which tunnel a GRE packet belongs to, by outer source, outer destination and key.
 * Default deny: a packet without an entry is dropped. IPv4 has a table of its own, one cache line half
 * per tunnel with everything that the flat loop of decap.ts needs, so that a look-up is one miss however
 * many tunnels there are; IPv6 and the reasons for a miss go through KeySets.
 */
import { alignedWords } from './aligned.js';
import type { AllowedSources } from './allowed-sources.js';
import { hashEndpoint4 } from './hash.js';
import { createKeySet, keySetGet, keySetPut, type KeySet } from './key-set.js';

/**
 * Words of an IPv4 entry (words in packet order, as read natively):
 * source, destination, key, tunnel << 2 | 2 | key present (0: free), first allowed source and its mask,
 * receive flags (not 0: only the careful path can tell), unused.
 */
export const ENDPOINT4_WORDS = 8;

/** Bits of word 6. */
export const ReceiveFlag = { GRETAP: 1, CHECKSUM: 2 } as const;

export interface EndpointTable {
  readonly v4: Int32Array;
  /** Key: source (4 words), destination (4), key, key present. */
  readonly v6: KeySet;
  /** Local addresses and (source, destination) pairs: what tells not_for_us, endpoint_unknown and gre_key_mismatch apart. */
  readonly locals4: KeySet;
  readonly locals6: KeySet;
  readonly pairs4: KeySet;
  readonly pairs6: KeySet;
}

export interface Endpoint {
  /** 4 or 16 bytes in network order, both of the same family. */
  readonly local: Uint8Array;
  readonly remote: Uint8Array;
  readonly key: number | null;
  readonly gretap: boolean;
  readonly checksum: boolean;
}

/** Two tunnels that no packet can tell apart. */
export class EndpointConflict extends Error {
  constructor(
    readonly first: number,
    readonly second: number,
  ) {
    super(`tunnels ${first} and ${second} have the same endpoints and key`);
    this.name = 'EndpointConflict';
  }
}

/** The four bytes at `offset` as the packet's words are read: natively. */
function wordOf(address: Uint8Array, offset: number): number {
  return new DataView(address.buffer, address.byteOffset).getInt32(offset, true);
}

/** The key as it lies in the packet (network order), read natively. */
export function keyWord(key: number): number {
  return (key >>> 24) | ((key >>> 8) & 0xff00) | ((key << 8) & 0xff0000) | (key << 24) | 0;
}

/**
 * By index of the tunnel; null for one that no packet can come out of by its endpoints (a plain next hop).
 *
 * @throws EndpointConflict when two endpoints are the same in all of source, destination and key
 */
export function buildEndpointTable(
  endpoints: readonly (Endpoint | null)[],
  allowed: AllowedSources,
): EndpointTable {
  const count4 = endpoints.reduce((n, e) => n + (e?.local.length === 4 ? 1 : 0), 0);
  const count6 = endpoints.reduce((n, e) => n + (e?.local.length === 16 ? 1 : 0), 0);
  // A quarter full at the most: nearly every look-up then ends at its first entry, without a jump.
  let size = 16;
  while (size < count4 * 4) size *= 2;
  const table: EndpointTable = {
    v4: alignedWords(size * ENDPOINT4_WORDS),
    v6: createKeySet(10, count6),
    locals4: createKeySet(1, count4),
    locals6: createKeySet(4, count6),
    pairs4: createKeySet(2, count4),
    pairs6: createKeySet(8, count6),
  };
  const key = new Int32Array(10);
  endpoints.forEach((endpoint, tunnel) => {
    if (endpoint === null) return;
    const present = endpoint.key === null ? 0 : 1;
    const keyInPacket = endpoint.key === null ? 0 : keyWord(endpoint.key);
    if (endpoint.local.length === 4) {
      key[0] = wordOf(endpoint.remote, 0);
      key[1] = wordOf(endpoint.local, 0);
      keySetPut(table.pairs4, key, 0, 0);
      keySetPut(table.locals4, key, 1, 0);
      put4(table.v4, key[0], key[1], keyInPacket, present, tunnel, endpoint, allowed);
    } else {
      for (let i = 0; i < 4; i++) {
        key[i] = wordOf(endpoint.remote, i * 4);
        key[4 + i] = wordOf(endpoint.local, i * 4);
      }
      keySetPut(table.pairs6, key, 0, 0);
      keySetPut(table.locals6, key, 4, 0);
      key[8] = keyInPacket;
      key[9] = present;
      const other = keySetPut(table.v6, key, 0, tunnel);
      if (other >= 0) throw new EndpointConflict(other, tunnel);
    }
  });
  return table;
}

function put4(
  table: Int32Array,
  source: number,
  destination: number,
  key: number,
  present: number,
  tunnel: number,
  endpoint: Endpoint,
  allowed: AllowedSources,
): void {
  const mask = table.length / ENDPOINT4_WORDS - 1;
  let slot = hashEndpoint4(source, destination, key) & mask;
  for (; ; slot = (slot + 1) & mask) {
    const e = slot * ENDPOINT4_WORDS;
    const meta = table[e + 3]!;
    if (meta === 0) break;
    if (
      table[e] === source &&
      table[e + 1] === destination &&
      table[e + 2] === key &&
      (meta & 1) === present
    ) {
      throw new EndpointConflict(meta >>> 2, tunnel);
    }
  }
  const e = slot * ENDPOINT4_WORDS;
  table[e] = source;
  table[e + 1] = destination;
  table[e + 2] = key;
  table[e + 3] = (tunnel << 2) | 2 | present;
  const first = allowed.first4(tunnel);
  table[e + 4] = first.address;
  table[e + 5] = first.mask;
  table[e + 6] = (endpoint.gretap ? ReceiveFlag.GRETAP : 0) | (endpoint.checksum ? ReceiveFlag.CHECKSUM : 0);
}

/**
 * The entry (a word index) behind `entry` that holds an endpoint, or −1: for a flat loop whose first look
 * found another one.
 */
export function probeEndpoint4(
  v4: Int32Array,
  entry: number,
  source: number,
  destination: number,
  key: number,
  keyPresent: number,
): number {
  const mask = v4.length - 1;
  for (let e = (entry + ENDPOINT4_WORDS) & mask; ; e = (e + ENDPOINT4_WORDS) & mask) {
    const meta = v4[e + 3]!;
    if (meta === 0) return -1;
    if (v4[e] === source && v4[e + 1] === destination && v4[e + 2] === key && (meta & 1) === keyPresent) {
      return e;
    }
  }
}

/** Tunnel of an IPv4 endpoint, all words as in the packet; −1 when there is none. */
export function findEndpoint4(
  table: EndpointTable,
  source: number,
  destination: number,
  key: number,
  keyPresent: number,
): number {
  const { v4 } = table;
  const before = (hashEndpoint4(source, destination, key) - 1) * ENDPOINT4_WORDS;
  const entry = probeEndpoint4(v4, before, source, destination, key, keyPresent);
  return entry < 0 ? -1 : v4[entry + 3]! >>> 2;
}

/**
 * Tunnel of an IPv6 endpoint; −1 when there is none. `key` has 10 words: source, destination, GRE key,
 * key present.
 */
export function findEndpoint6(table: EndpointTable, key: Int32Array): number {
  return keySetGet(table.v6, key, 0);
}
