/** Health checks that no probe could be made for (behaviour §4). */
import { isUnicast, parseAddress } from '../../config/address.js';
import type { NetworkConfig } from '../../config/network.js';
import { tunnelProbeAddresses } from '../health/probe-addresses.js';
import type { Problems } from './problem.js';

export function checkHealth({ tunnels, endpoint_health_checks }: NetworkConfig, problems: Problems): void {
  for (const tunnel of tunnels) {
    const { name, health_check } = tunnel;
    // Ends of different families are a problem of the tunnel, not of its probes.
    const isBetweenEnds = health_check.direction === 'unidirectional' && health_check.target === null;
    if (!health_check.enabled || isBetweenEnds) continue;
    const addresses = tunnelProbeAddresses(tunnel, health_check);
    if (typeof addresses === 'string') problems.error('tunnels', name, 'health_check', addresses);
  }
  for (const { name, endpoint } of endpoint_health_checks) {
    const address = parseAddress(endpoint);
    if (address !== null && isUnicast(address.bytes)) continue;
    const message = `found ${endpoint}, expected a unicast IPv4 or IPv6 address`;
    problems.error('endpoint_health_checks', name, 'endpoint', message);
  }
}
