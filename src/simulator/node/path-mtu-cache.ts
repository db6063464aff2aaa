/** What a host has been told about the paths to others (RFC 1191 §5, RFC 8201 §4). */
import { SECOND, type Nanoseconds } from '../../network/time.js';
import { AddressTable } from './address-table.js';

/** RFC 1191 §6.3, RFC 8201 §4: how long a path MTU is kept before a larger one is tried. */
const LIFETIME = 600 * SECOND;
/** Least that is believed: Linux's min_pmtu, and RFC 8200 §5. */
const LEAST4 = 552;
const LEAST6 = 1280;
/** More destinations are not remembered: each comes from a message that a stranger may have made up. */
const MOST = 65_536;

export class PathMtuCache {
  private readonly byAddress = new AddressTable();
  private readonly mtus: number[] = [];
  private readonly expiry: Nanoseconds[] = [];

  /** Largest packet to the address at `at`, if that is known to be below `limit`; else `limit`. */
  get(bytes: Uint8Array, at: number, family: number, now: Nanoseconds, limit: number): number {
    if (this.mtus.length === 0) return limit;
    const found = this.byAddress.find(bytes, at, family);
    if (found < 0 || this.expiry[found]! <= now || this.mtus[found]! > limit) return limit;
    return this.mtus[found]!;
  }

  /** Takes a message that packets to this address may have `mtu` bytes; false when it is not to be believed. */
  lower(bytes: Uint8Array, at: number, family: number, now: Nanoseconds, mtu: number): boolean {
    if (mtu < (family === 4 ? LEAST4 : LEAST6)) return false;
    let found = this.byAddress.find(bytes, at, family);
    if (found < 0) {
      if (this.mtus.length === MOST) return false;
      found = this.mtus.push(mtu) - 1;
      this.byAddress.putAt(bytes, at, family, found);
    } else if (this.expiry[found]! > now && this.mtus[found]! <= mtu) {
      return false;
    }
    this.mtus[found] = mtu;
    this.expiry[found] = now + LIFETIME;
    return true;
  }
}
