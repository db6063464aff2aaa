/** Values within their bounds, whoever made the resources: the readers of files say the same with line and column. */
import { LIMITS } from '../../config/config.js';
import { largestMtu, overheadOfTunnel } from '../../config/overhead.js';
import type { NetworkConfig } from '../../config/network.js';
import { nameOf, type ResourceKind } from './change-set.js';
import type { Problems } from './problem.js';

/** AS numbers (RFC 6793); 0 is reserved (RFC 7607). */
const ASN = [1, 0xffff_ffff] as const;

/** 802.1Q: 0 and 4095 are reserved. */
const VLAN = [1, 4094] as const;

export function checkValues(network: NetworkConfig, problems: Problems): void {
  const within = (
    kind: ResourceKind,
    name: string,
    field: string,
    value: number | null,
    [least, most]: readonly [number, number],
  ): void => {
    if (value === null || (Number.isInteger(value) && value >= least && value <= most)) return;
    problems.error(kind, name, field, `found ${value}, expected a whole number from ${least} to ${most}`);
  };
  for (const tunnel of network.tunnels) {
    const { name, ttl, key, mtu, dscp } = tunnel;
    within('tunnels', name, 'ttl', ttl, LIMITS.ttl);
    within('tunnels', name, 'key', key, LIMITS.key);
    within('tunnels', name, 'mtu', mtu, [LIMITS.mtu[0], largestMtu(overheadOfTunnel(tunnel))]);
    within('tunnels', name, 'dscp', dscp === 'inherit' ? null : dscp, LIMITS.dscp);
  }
  for (const route of network.routes) {
    within('routes', nameOf('routes', route), 'priority', route.priority, LIMITS.priority);
    within('routes', nameOf('routes', route), 'weight', route.weight, LIMITS.weight);
  }
  for (const { name, vlan } of network.interconnects) within('interconnects', name, 'vlan', vlan, VLAN);
  for (const { name, customer_asn } of network.bgp_sessions) {
    within('bgp_sessions', name, 'customer_asn', customer_asn, ASN);
  }
  for (const alert of network.alerts) {
    if (alert.type !== 'tunnel_health' || (alert.slo >= 0 && alert.slo <= 1)) continue;
    problems.error('alerts', alert.name, 'slo', `found ${alert.slo}, expected a share from 0 to 1`);
  }
  for (const { name, starts, announced, duration } of network.maintenance) {
    if (!(duration > 0))
      problems.error('maintenance', name, 'duration', `found ${duration}, expected more than 0`);
    if (announced > starts) {
      problems.error(
        'maintenance',
        name,
        'announced',
        `announced at ${announced} s, after it starts (${starts} s)`,
      );
    }
  }
}
