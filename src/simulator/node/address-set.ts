import { AddressTable } from './address-table.js';

/** Addresses that a node has as its own; `find` answers the index of one. */
export class AddressSet extends AddressTable {
  /** @param addresses 4 or 16 bytes each; of equal ones the first counts */
  constructor(readonly addresses: readonly Uint8Array[]) {
    super();
    addresses.forEach((address, i) => {
      if (this.find(address, 0, address.length === 4 ? 4 : 6) < 0) this.put(address, i);
    });
  }

  /** First address of this family; null without one. */
  ofFamily(family: number): Uint8Array | null {
    return this.addresses.find(({ length }) => length === (family === 4 ? 4 : 16)) ?? null;
  }
}
