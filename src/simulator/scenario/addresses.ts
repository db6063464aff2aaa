/** Addresses of the scenario, each of which is one node's. */
import type { ConfigPath } from '../../config/problem.js';
import type { Reading } from './reading.js';

export class Addresses {
  private readonly owners = new Map<string, string>();

  constructor(private readonly reading: Reading) {}

  /**
   * @param address canonical text
   * @param owner as words: "the host web"
   */
  add(address: string, owner: string, path: ConfigPath): void {
    const first = this.owners.get(address);
    if (first === undefined) this.owners.set(address, owner);
    else this.reading.source.mismatch(path, address, `an address of its own: ${first} has this one`);
  }

  /** Null when it is nobody's. */
  ownerOf(address: string): string | null {
    return this.owners.get(address) ?? null;
  }
}
