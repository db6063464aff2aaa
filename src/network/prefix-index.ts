/** Which of many prefixes an address or a prefix lies in. For checks; the dataplane's FIB is another thing. */

interface Network {
  /** 4 or 16 bytes, host bits zero. */
  readonly address: Uint8Array;
  readonly length: number;
}

/** Of one family: for each length in use, longest first, the networks (as numbers without host bits). */
type ByLength = Map<number, Map<bigint, number>>;

export class PrefixIndex {
  private readonly families: Record<4 | 16, ByLength>;

  /** @param networks all different */
  constructor(networks: readonly Network[]) {
    const families: Record<4 | 16, ByLength> = { 4: new Map(), 16: new Map() };
    const order = networks.map((_, i) => i).sort((a, b) => networks[b]!.length - networks[a]!.length);
    for (const i of order) {
      const { address, length } = networks[i]!;
      const byLength = families[sizeOf(address)];
      let same = byLength.get(length);
      if (same === undefined) byLength.set(length, (same = new Map<bigint, number>()));
      same.set(leadingBits(address, length), i);
    }
    this.families = families;
  }

  /** Index of the longest prefix with at most `longest` bits that holds the address, or -1. */
  lookup(address: Uint8Array, longest: number): number {
    for (const [length, networks] of this.families[sizeOf(address)]) {
      if (length > longest) continue;
      const found = networks.get(leadingBits(address, length));
      if (found !== undefined) return found;
    }
    return -1;
  }

  /** Indexes of the prefixes of which longer ones leave no address over. */
  covered(): number[] {
    return [...coveredIn(this.families[4], 32), ...coveredIn(this.families[16], 128)];
  }
}

/** From the longest length up: two halves that are there, or covered themselves, cover what they halve. */
function coveredIn(byLength: ByLength, bits: number): number[] {
  const covered: number[] = [];
  let whole = new Set<bigint>();
  for (let length = bits; length >= 0; length--) {
    const networks = byLength.get(length);
    for (const [network, i] of networks ?? []) {
      if (whole.has(network)) covered.push(i);
      else whole.add(network);
    }
    const above = new Set<bigint>();
    for (const network of whole) {
      if ((network & 1n) === 1n && whole.has(network - 1n)) above.add(network >> 1n);
    }
    whole = above;
  }
  return covered;
}

function leadingBits(address: Uint8Array, length: number): bigint {
  return BigInt(`0x${Buffer.from(address).toString('hex')}`) >> BigInt(address.length * 8 - length);
}

function sizeOf(address: Uint8Array): 4 | 16 {
  return address.length === 4 ? 4 : 16;
}
