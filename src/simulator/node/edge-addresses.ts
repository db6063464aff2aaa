import { IpProtocol } from '../../wire/protocol.js';
import { AddressTable } from './address-table.js';

/** The edge's own addresses: those that tunnels end on, and those inside of tunnels and circuits. */
export class EdgeAddresses {
  private readonly table = new AddressTable();

  /** @param addresses 4 or 16 bytes each, in network order */
  constructor(addresses: Iterable<Uint8Array>) {
    for (const address of addresses) this.table.put(address, 0);
  }

  /** Whether the packet at `ip`, whose header is there, has one of them as its destination. */
  isFor(bytes: Uint8Array, ip: number): boolean {
    const family = bytes[ip]! >>> 4;
    return this.table.find(bytes, family === 4 ? ip + 16 : ip + 24, family) >= 0;
  }
}

/** Whether the protocol of the packet at `ip`, as its IP header says, is GRE. */
export function isGre(bytes: Uint8Array, ip: number): boolean {
  return bytes[bytes[ip]! >>> 4 === 4 ? ip + 9 : ip + 6] === IpProtocol.GRE;
}
