/**
 * Between which addresses probes go (behaviour §4). Unidirectional: the public ones, ours that of the tunnel's edge
 * side, theirs the target or the customer's end; the answer comes back over the Internet. Bidirectional: the two
 * interface addresses (or ours and a target), so that the answer takes the tunnel.
 */
import { parseAddress, parseAddressWithLength, peerOf } from '../../config/address.js';
import type { TunnelConfig } from '../../config/config.js';
import type { HealthCheckConfig, InterconnectConfig } from '../../config/network.js';
import type { ProbeAddresses } from './probe.js';

type Check = Pick<HealthCheckConfig, 'direction' | 'target'>;

/** What of a tunnel decides. */
export type ProbedTunnel = Pick<
  TunnelConfig,
  'cloudflare_gre_endpoint' | 'customer_gre_endpoint' | 'interface_address' | 'interface_address6'
>;

/** The addresses of a tunnel's probes; a text that says why there are none. */
export function tunnelProbeAddresses(tunnel: ProbedTunnel, check: Check): ProbeAddresses | string {
  return check.direction === 'unidirectional'
    ? throughInternet(tunnel.cloudflare_gre_endpoint, check.target ?? tunnel.customer_gre_endpoint)
    : throughTunnel([tunnel.interface_address, tunnel.interface_address6], check.target);
}

/**
 * The addresses of an interconnect's probes; a text that says why there are none.
 *
 * @param edge address of the edge to which answers come over the Internet
 */
export function interconnectProbeAddresses(
  { interface_address }: Pick<InterconnectConfig, 'interface_address'>,
  edge: string,
  check: Check,
): ProbeAddresses | string {
  if (check.direction === 'bidirectional') return throughTunnel([interface_address], check.target);
  const ends = throughTunnel([interface_address], null);
  if (check.target !== null || typeof ends === 'string') return throughInternet(edge, check.target ?? '');
  const ours = bytesOf(edge);
  return ours.length === ends.theirs.length ? { ours, theirs: ends.theirs } : differentFamilies(edge);
}

function throughInternet(edge: string, target: string): ProbeAddresses | string {
  const ours = bytesOf(edge);
  const theirs = bytesOf(target);
  return ours.length === theirs.length ? { ours, theirs } : differentFamilies(target);
}

function throughTunnel(
  interfaces: readonly (string | null)[],
  target: string | null,
): ProbeAddresses | string {
  const given = interfaces.flatMap((text) => (text === null ? [] : [text]));
  if (given.length === 0) return 'a bidirectional health check needs an interface address';
  const theirs = target === null ? null : bytesOf(target);
  for (const text of given) {
    const ours = parseAddressWithLength(text);
    if (ours === null) continue;
    if (theirs !== null && theirs.length === ours.bytes.length) return { ours: ours.bytes, theirs };
    const peer = theirs === null ? otherSide(ours.bytes, ours.length) : null;
    if (peer !== null) return { ours: ours.bytes, theirs: peer };
  }
  return target === null
    ? `the other side of ${given.join(' and ')} is not known: the health check needs a target`
    : differentFamilies(target);
}

/** The other address of a network of two; null for larger networks. */
function otherSide(bytes: Uint8Array, length: number): Uint8Array | null {
  const spare = bytes.length * 8 - length;
  if (spare !== 1 && spare !== 2) return null;
  if (bytes.length === 4) return peerOf(bytes, spare === 1 ? 31 : 30);
  const peer = Uint8Array.from(bytes);
  peer[15]! ^= spare === 1 ? 1 : 3;
  return peer;
}

function bytesOf(text: string): Uint8Array {
  return parseAddress(text)?.bytes ?? new Uint8Array(0);
}

function differentFamilies(target: string): string {
  return `the health check's target ${target} and our address are of different families`;
}
