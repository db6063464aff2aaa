/** Defaults and bounds of the resources in network.ts, both ends of a bound included. */
import type { InterconnectConfig } from './network.js';

export const INTERCONNECT_DEFAULTS = {
  device: 'edge1',
  kind: 'direct',
  product: 'classic',
  speed: 10e9,
  links: 1,
  mtu: 1500,
  light_level_dbm: -5,
} as const satisfies Partial<InterconnectConfig>;

export const RESOURCE_LIMITS = {
  /** RFC 6793; 0 is reserved (RFC 7607). */
  asn: [1, 0xffff_ffff],
  /** IEEE 802.1Q: 0 and 4095 are reserved. */
  vlan: [1, 4094],
  /** IEEE 802.1AX bundles of common routers. */
  links: [1, 16],
  light_level_dbm: [-60, 10],
  /** Seconds; RFC 4271, section 4.2: 0 or at least three. A session that never times out is not offered. */
  hold_time: [3, 65_535],
} as const;

/** Seconds (behaviour §3). */
export const HOLD_TIMES = { interconnect: 240, tunnel: 90 } as const;

/**
 * Seconds (behaviour §5): how long a window is, and how far ahead it is told. Two business days are in any four days.
 */
export const MAINTENANCE_DEFAULTS = { duration: 6 * 3600, notice: 4 * 86_400 } as const;

/** Share of good probes. */
export const ALERT_SLO = 0.99;
