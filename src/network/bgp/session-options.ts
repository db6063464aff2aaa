/** From the configuration of both sides to a session. */
import { formatAddress, parseAddressWithLength, peerOf } from '../../config/address.js';
import type { BgpSessionConfig, NetworkConfig } from '../../config/network.js';
import type { Announcement } from './announcement.js';
import { BFD_DEFAULTS } from './bfd.js';
import { importFilter, importRules } from './import-filter.js';
import type { BgpSessionOptions } from './session.js';

/** What a session needs to know of the edge. */
export interface EdgeIdentity {
  readonly asn: number;
  /** Anycast addresses that tunnels end on. */
  readonly endpoints: readonly string[];
}

/** The customer's router, as scenarios describe it. */
export interface CustomerBgp {
  readonly asn: number;
  readonly md5_key: string | null;
  /** Seconds. */
  readonly hold_time: number;
  readonly graceful_restart: boolean;
  readonly announces: readonly Announcement[];
}

/** @throws RangeError when the session runs over nothing that the network has */
export function sessionOptions(
  network: NetworkConfig,
  session: BgpSessionConfig,
  customer: CustomerBgp,
  edge: EdgeIdentity,
): BgpSessionOptions {
  const interconnect = network.interconnects.find(({ name }) => name === session.nexthop);
  const tunnel = network.tunnels.find(({ name }) => name === session.nexthop);
  if (interconnect === undefined && tunnel === undefined) {
    throw new RangeError(`BGP session ${session.name} over the unknown ${session.nexthop}`);
  }
  const own = interconnect?.interface_address ?? tunnel?.interface_address ?? null;
  const addresses = own === null ? null : bothAddresses(own);
  return {
    name: session.name,
    nexthop: session.nexthop,
    edge: {
      asn: edge.asn,
      md5Key: session.md5_key,
      holdTime: session.hold_time,
      address: addresses?.edge ?? tunnel?.cloudflare_gre_endpoint ?? '',
    },
    customer: {
      asn: customer.asn,
      md5Key: customer.md5_key,
      holdTime: customer.hold_time,
      gracefulRestart: customer.graceful_restart,
      address: addresses?.customer ?? tunnel?.customer_gre_endpoint ?? '',
    },
    customerAsn: session.customer_asn,
    bfd: interconnect?.bfd === true && interconnect.dataplane === 1 ? BFD_DEFAULTS : null,
    filter: importFilter(importRules(network, session.nexthop, edge.endpoints)),
  };
}

function bothAddresses(text: string): { edge: string; customer: string } {
  const parsed = parseAddressWithLength(text);
  if (parsed === null) throw new RangeError(`${text} is no interface address`);
  const peer = peerOf(parsed.bytes, parsed.length === 30 ? 30 : 31);
  return { edge: formatAddress(parsed.bytes), customer: formatAddress(peer) };
}
