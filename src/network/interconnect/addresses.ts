/** Point-to-point addresses of a circuit: a /31 (RFC 3021), of which the edge has the one that is configured. */
import { parseAddressWithLength, peerOf } from '../../config/address.js';

/** 4 bytes each, in network order. */
export interface CircuitAddresses {
  readonly edge: Uint8Array;
  readonly customer: Uint8Array;
}

/** @throws RangeError for what is no IPv4 address with /31 or /30 */
export function circuitAddresses(interfaceAddress: string): CircuitAddresses {
  const parsed = parseAddressWithLength(interfaceAddress);
  if (parsed === null || parsed.family !== 4 || (parsed.length !== 31 && parsed.length !== 30)) {
    throw new RangeError(`${interfaceAddress} is no IPv4 address with /31`);
  }
  return { edge: parsed.bytes, customer: peerOf(parsed.bytes, parsed.length) };
}
