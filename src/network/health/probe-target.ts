/** From the health check of a tunnel to what a node probes. */
import type { TunnelConfig } from '../../config/config.js';
import { tunnelProbeAddresses } from './probe-addresses.js';
import { PROBE_INTERVALS } from './probe-rate.js';
import type { ProbeTarget } from './prober.js';

/**
 * @param nexthop number of the tunnel
 * @returns null for a tunnel whose health is not checked; a text that says why it cannot be
 */
export function tunnelTarget(tunnel: TunnelConfig, nexthop: number): ProbeTarget | string | null {
  const { name, mode, health_check: check } = tunnel;
  if (!check.enabled) return null;
  if (mode === 'gretap') return 'probes are IP packets, and this tunnel carries Ethernet frames';
  const addresses = tunnelProbeAddresses(tunnel, check);
  if (typeof addresses === 'string') return addresses;
  const isBidirectional = check.direction === 'bidirectional';
  // Answers are told apart by the IP header, which the socket that hears them leaves off.
  if (!isBidirectional && addresses.ours.length !== 4) {
    return 'over IPv6 a node hears answers in the tunnel only; expected direction: bidirectional';
  }
  return {
    name,
    nexthop,
    type: check.type,
    addresses,
    isBidirectional,
    interval: PROBE_INTERVALS[check.rate],
    kind: 'tunnel',
  };
}
