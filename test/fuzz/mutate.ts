/**
 * Mutations that know the layers: first a variation that leaves a packet valid (other addresses, TTL,
 * ECN, fragment bits, ports), then in half of all packets one to three attacks on its structure.
 */
import { LayerKind } from './layers.js';
import { LARGEST_FRAME, type Mutant } from './mutant.js';
import type { Prng } from './prng.js';
import type { World } from './world.js';

const VARIED = 0.6;
const ATTACKED = 0.5;
const LENGTHS_REPAIRED = 0.4;
const CHECKSUMS_REPAIRED = 0.8;

/** Offsets of the 8-bit and 16-bit fields in a header that say a length, a kind or a version. */
const BYTE_FIELDS: Record<number, readonly number[]> = {
  [LayerKind.ETHERNET]: [0, 12, 13, 14, 15, 16, 17],
  [LayerKind.COOKED]: [0, 1, 10, 14, 15],
  [LayerKind.FAMILY]: [0, 1, 2, 3],
  [LayerKind.IPV4]: [0, 1, 6, 8, 9, 20, 21, 22, 23],
  [LayerKind.IPV6]: [0, 1, 6, 7],
  [LayerKind.EXTENSION]: [0, 1, 2, 3],
  [LayerKind.GRE]: [0, 1],
  [LayerKind.TCP]: [12, 13, 20, 21, 22, 23, 24, 25],
  [LayerKind.UDP]: [4, 5],
  [LayerKind.ICMP]: [0, 1],
  [LayerKind.PAYLOAD]: [0, 1],
};
const WORD_FIELDS: Record<number, readonly number[]> = {
  [LayerKind.ETHERNET]: [12, 14, 16],
  [LayerKind.COOKED]: [0, 14],
  [LayerKind.FAMILY]: [0, 2],
  [LayerKind.IPV4]: [2, 4, 6, 10],
  [LayerKind.IPV6]: [4],
  [LayerKind.EXTENSION]: [2],
  [LayerKind.GRE]: [0, 2, 4],
  [LayerKind.TCP]: [0, 2, 16, 22],
  [LayerKind.UDP]: [0, 2, 4],
  [LayerKind.ICMP]: [2],
  [LayerKind.PAYLOAD]: [0],
};
const BYTES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0x0f, 0x10, 0x40, 0x45, 0x46, 0x4f, 0x60, 0x7f, 0x80, 0xff];
const NUMBERS = [0, 1, 7, 8, 19, 20, 21, 28, 39, 40, 41, 60, 0x0800, 0x86dd, 0x6558, 0x8100, 0x7fff, 0x8000];

/** Header checksums that are, or become with a lower TTL or a cleared DF, one of the two forms of zero. */
const CHECKSUMS = [0x0000, 0xfeff, 0xfefe, 0xfffe, 0x0100, 0xbfff, 0xbeff, 0x3fff];

function setAddress(mutant: Mutant, at: number, address: Uint8Array): void {
  if (at + address.length <= mutant.length) mutant.bytes.set(address, at);
}

function varyIpv4(mutant: Mutant, prng: Prng, world: World, at: number): void {
  const bytes = mutant.bytes;
  switch (prng.below(9)) {
    case 0:
      bytes[at + 1] = (bytes[at + 1]! & 0xfc) | prng.below(4);
      break;
    case 1:
      bytes[at + 8] = prng.pick([0, 1, 2, 3, 64, 255]);
      break;
    case 2:
      bytes[at + 6] = prng.pick([0, 0x40]);
      break;
    case 3:
      mutant.set16(at + 4, prng.chance(0.3) ? 0 : prng.below(65_536));
      break;
    case 4:
      mutant.set16(at + 6, prng.pick([0x2000, 0x0001, 0x2010, 0x1fff, 0x6000, 0x4008, 0xe000]));
      break;
    case 5:
      setAddress(mutant, at + 12, prng.pick(world.inner4));
      break;
    case 6:
      mutant.aimChecksum(at, prng.pick(CHECKSUMS));
      break;
    default:
      setAddress(mutant, at + 16, prng.pick(world.inner4));
  }
}

function varyIpv6(mutant: Mutant, prng: Prng, world: World, at: number): void {
  const bytes = mutant.bytes;
  switch (prng.below(5)) {
    case 0:
      bytes[at + 1] = (bytes[at + 1]! & 0xcf) | (prng.below(4) << 4);
      break;
    case 1:
      bytes[at + 7] = prng.pick([0, 1, 2, 64, 255]);
      break;
    case 2:
      setAddress(mutant, at + 8, prng.pick(world.inner6));
      break;
    default:
      setAddress(mutant, at + 24, prng.pick(world.inner6));
  }
}

/** Changes that leave the packet valid once checksums are repaired. */
function vary(mutant: Mutant, prng: Prng, world: World): void {
  for (let i = mutant.layers - 1; i >= 0; i--) {
    const at = mutant.at[i]!;
    switch (mutant.kind[i]) {
      case LayerKind.TCP:
      case LayerKind.UDP:
        if (prng.chance(0.5)) mutant.set16(at, prng.next() & 0xffff);
        break;
      case LayerKind.IPV4:
        varyIpv4(mutant, prng, world, at);
        if (prng.chance(0.9)) return;
        break;
      case LayerKind.IPV6:
        varyIpv6(mutant, prng, world, at);
        if (prng.chance(0.9)) return;
        break;
    }
  }
}

/** One bit anywhere in the headers, or in the first bytes of one layer. */
function flipBits(mutant: Mutant, prng: Prng): void {
  const end = mutant.headersEnd;
  if (end === 0) return;
  if (prng.chance(0.5)) {
    const at = mutant.at[prng.below(mutant.layers)]! + prng.below(4);
    if (at < mutant.length) mutant.bytes[at]! ^= 1 << prng.below(8);
    return;
  }
  for (let count = prng.pick([1, 1, 1, 2, 8]); count > 0; count--) {
    mutant.bytes[prng.below(end)]! ^= 1 << prng.below(8);
  }
}

function setByteField(mutant: Mutant, prng: Prng): void {
  const layer = prng.below(mutant.layers);
  const at = mutant.at[layer]! + prng.pick(BYTE_FIELDS[mutant.kind[layer]!]!);
  if (at >= mutant.length) return;
  const old = mutant.bytes[at]!;
  mutant.bytes[at] = prng.pick([prng.pick(BYTES), prng.next(), old + 1, old - 1, old ^ (1 << prng.below(8))]);
}

function setWordField(mutant: Mutant, prng: Prng): void {
  const layer = prng.below(mutant.layers);
  const start = mutant.at[layer]!;
  const at = start + prng.pick(WORD_FIELDS[mutant.kind[layer]!]!);
  if (at + 2 > mutant.length) return;
  const old = mutant.get16(at);
  const left = mutant.length - start;
  const around = prng.pick([old, left, mutant.size[layer]!]) + prng.between(-2, 2);
  mutant.set16(at, prng.pick([prng.pick(NUMBERS), prng.next() & 0xffff, around, around, 0xffff]));
}

/** Cuts at the end or the start of a layer, or a byte beside it, or anywhere. */
function truncate(mutant: Mutant, prng: Prng): void {
  const layer = prng.below(mutant.layers);
  const start = mutant.at[layer]!;
  const boundary = prng.pick([
    start,
    start + mutant.size[layer]!,
    start + prng.below(mutant.size[layer]! + 1),
  ]);
  const to = boundary + prng.pick([-1, 0, 0, 1]);
  mutant.length = Math.max(0, Math.min(mutant.length, to));
}

function extend(mutant: Mutant, prng: Prng): void {
  const count = prng.pick([1, 2, 4, 8, 60]);
  if (mutant.length + count > LARGEST_FRAME) return;
  for (let i = 0; i < count; i++) mutant.bytes[mutant.length + i] = prng.next();
  mutant.length += count;
}

function duplicate(mutant: Mutant, prng: Prng): void {
  const first = prng.below(mutant.layers);
  const count = Math.min(prng.pick([1, 2, 2, 3]), mutant.layers - first);
  mutant.duplicate(first, count);
}

/** A header of one IP version where the other is announced. */
function swapVersion(mutant: Mutant, prng: Prng): void {
  const layer = prng.below(mutant.layers);
  const at = mutant.at[layer]!;
  if (mutant.isKind(layer, LayerKind.IPV4, LayerKind.IPV6)) {
    mutant.bytes[at]! ^= 0x20;
  } else if (mutant.isKind(layer, LayerKind.GRE)) {
    mutant.set16(at + 2, mutant.get16(at + 2) ^ 0x0800 ^ 0x86dd);
  } else if (mutant.isKind(layer, LayerKind.ETHERNET)) {
    const type = at + mutant.size[layer]! - 2;
    mutant.set16(type, mutant.get16(type) ^ 0x0800 ^ 0x86dd);
  } else {
    mutant.link = prng.pick([0, 1, 101, 108, 113, 228, 229, 276, 147]);
  }
}

function scramble(mutant: Mutant, prng: Prng): void {
  const from = prng.below(mutant.headersEnd + 1);
  const end = Math.min(mutant.length, from + prng.pick([2, 4, 8, 40]));
  for (let i = from; i < end; i++) mutant.bytes[i] = prng.next();
}

function attack(mutant: Mutant, prng: Prng): void {
  switch (prng.below(12)) {
    case 0:
    case 1:
      flipBits(mutant, prng);
      break;
    case 2:
    case 3:
    case 4:
      setByteField(mutant, prng);
      break;
    case 5:
    case 6:
      setWordField(mutant, prng);
      break;
    case 7:
    case 8:
      truncate(mutant, prng);
      break;
    case 9:
      if (prng.chance(0.5)) extend(mutant, prng);
      else mutant.remove(prng.below(mutant.layers));
      break;
    case 10:
      if (prng.chance(0.5)) duplicate(mutant, prng);
      else swapVersion(mutant, prng);
      break;
    default:
      scramble(mutant, prng);
  }
}

/** Mutates a freshly loaded template. */
export function mutate(mutant: Mutant, prng: Prng, world: World): void {
  const isVaried = prng.chance(VARIED);
  if (isVaried) vary(mutant, prng, world);
  if (prng.chance(ATTACKED)) {
    for (let count = prng.pick([1, 1, 1, 2, 3]); count > 0; count--) attack(mutant, prng);
    if (prng.chance(LENGTHS_REPAIRED)) mutant.repairLengths();
    if (prng.chance(CHECKSUMS_REPAIRED)) mutant.repairChecksums();
  } else if (isVaried) {
    mutant.repairChecksums();
  }
}
