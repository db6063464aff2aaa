/** Sizes of packets: how long the inner IP packet is. */
import type { Random } from './random.js';

/** Bytes of the smallest and largest IP packet that can be asked for. */
export const SIZE_LIMITS = { smallest: 20, largest: 65_000 } as const;

/**
 * A distribution of sizes; `draw` gives bytes of one IP packet, Ethernet and tunnel headers not counted.
 */
export interface SizeModel {
  readonly name: string;
  draw(random: Random): number;
}

/**
 * The "simple IMIX" of packet testers, as sizes of IP packets: 7 of 64, 4 of 576, 1 of 1476 bytes. The
 * usual largest size is 1500; 1476 is what fits into a plain GRE tunnel.
 */
export const IMIX = [
  { size: 64, weight: 7 },
  { size: 576, weight: 4 },
  { size: 1476, weight: 1 },
] as const;

interface WeightedSize {
  readonly size: number;
  readonly weight: number;
}

/** Sizes drawn by weight. */
export function weightedSizes(name: string, parts: readonly [WeightedSize, ...WeightedSize[]]): SizeModel {
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  return {
    name,
    draw(random) {
      let rest = random.below(total);
      for (const part of parts) {
        if (rest < part.weight) return part.size;
        rest -= part.weight;
      }
      return parts[0].size;
    },
  };
}

/**
 * Reads `1476`, `imix` or `uniform:64-1476`.
 * @throws RangeError for anything else, and for sizes outside of SIZE_LIMITS
 */
export function parseSizes(text: string): SizeModel {
  if (text === 'imix') return weightedSizes('imix', IMIX);
  const range = /^uniform:(\d+)-(\d+)$/.exec(text);
  if (range !== null) {
    const [low, high] = [checked(Number(range[1])), checked(Number(range[2]))];
    if (low > high) throw new RangeError(`in "${text}" the first size is larger than the second`);
    return { name: text, draw: (random) => random.between(low, high) };
  }
  if (!/^\d+$/.test(text)) throw new RangeError(`"${text}" is not a number, imix or uniform:A-B`);
  const size = checked(Number(text));
  return { name: text, draw: () => size };
}

function checked(size: number): number {
  const { smallest, largest } = SIZE_LIMITS;
  if (size < smallest || size > largest) {
    throw new RangeError(`a packet has ${smallest} to ${largest} bytes, not ${size}`);
  }
  return size;
}
