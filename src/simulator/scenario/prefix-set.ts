/** Prefixes of which some are asked for by address, in about the same time however many there are. */
import { networkOf, parseAddress, parseAddressWithLength } from '../../config/address.js';
import { PrefixIndex } from '../../network/prefix-index.js';

export class PrefixSet {
  /** Canonical text, each once. */
  readonly prefixes: readonly string[];
  private readonly index: PrefixIndex;

  /** @param prefixes canonical text */
  constructor(prefixes: readonly string[]) {
    this.prefixes = [...new Set(prefixes)];
    this.index = new PrefixIndex(
      this.prefixes.map((prefix) => {
        const { bytes, length } = parseAddressWithLength(prefix)!;
        return { address: networkOf(bytes, length), length };
      }),
    );
  }

  /** The longest prefix that the address lies in; null when it lies in none. */
  around(address: string): string | null {
    const { bytes } = parseAddress(address)!;
    return this.prefixes[this.index.lookup(bytes, bytes.length * 8)] ?? null;
  }

  /** For messages. */
  toString(): string {
    return this.prefixes.length === 0 ? 'there is none' : listed(this.prefixes);
  }
}

const MOST_SHOWN = 10;

function listed(prefixes: readonly string[]): string {
  const shown = prefixes.slice(0, MOST_SHOWN).join(', ');
  return prefixes.length > MOST_SHOWN ? `${shown} and ${prefixes.length - MOST_SHOWN} more` : shown;
}
