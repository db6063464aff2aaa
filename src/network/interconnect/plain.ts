/** A circuit as a next hop without encapsulation: CNI dataplane 2, and dataplane 1 towards the customer (GRE-less). */
import type { InterconnectConfig } from '../../config/network.js';
import type { TunnelSpec } from '../../dataplane/tunnel-table.js';
import { circuitAddresses } from './addresses.js';
import { rulesOf } from './rules.js';

const UNLIMITED = { v4: 0, v6: 0 } as const;

/**
 * What the dataplane has to know of it. ICMP errors come from the edge's address on the circuit; no MSS is limited,
 * as there is nothing that takes room.
 *
 * @throws RangeError when the interface address is no IPv4 address with /31 or /30
 */
export function plainSpec(interconnect: InterconnectConfig): TunnelSpec {
  const { edge, customer } = circuitAddresses(interconnect.interface_address);
  return {
    name: interconnect.name,
    mode: 'plain',
    local: edge,
    remote: customer,
    key: null,
    checksum: false,
    sequence: false,
    ttl: 64,
    mtu: Math.min(interconnect.mtu, rulesOf(interconnect).mtu.toCustomer),
    dscp: null,
    clampFrom: UNLIMITED,
    clampTo: UNLIMITED,
    clearDontFragment: false,
    allowedSources: null,
    icmpSource4: edge,
    // Link-local, made of the IPv4 address as ISATAP does (RFC 5214, section 6.1): circuits have no IPv6 address.
    icmpSource6: Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe, ...edge),
    icmpSourceToOverlay4: customer,
  };
}
