/** `health_check` of a tunnel or interconnect: defaults, canonical text, and what it needs. */
import { formatAddress, isUnicast, parseAddress } from './address.js';
import {
  HEALTH_CHECK_DEFAULTS,
  type HealthCheckConfig,
  type HealthCheckDirection,
} from './health-check-config.js';
import { quote, type ConfigPath } from './problem.js';
import type { RawHealthCheck } from './raw.js';
import type { Source } from './source.js';

export interface HealthCheckOwner {
  /** Whether it has an interface address: answers inside of the tunnel are sent to it. */
  readonly hasInterface: boolean;
  /** Where the file gives none. */
  readonly direction: HealthCheckDirection;
  /** Whether there are probes where the file has no `health_check` at all. A node does not begin by itself. */
  readonly isProbed: boolean;
}

/**
 * Every problem is reported to `source`.
 *
 * @param path of the mapping `health_check`
 */
export function readHealthCheck(
  raw: RawHealthCheck | undefined,
  path: ConfigPath,
  source: Source,
  owner: HealthCheckOwner,
): HealthCheckConfig {
  const defaults = HEALTH_CHECK_DEFAULTS;
  const direction = raw?.direction ?? owner.direction;
  const enabled = raw === undefined ? owner.isProbed : (raw.enabled ?? defaults.enabled);
  if (enabled && direction === 'bidirectional' && !owner.hasInterface) {
    const expected =
      'an interface_address beside it, or unidirectional: answers inside of the tunnel are sent to that address';
    source.mismatch([...path, 'direction'], direction, expected);
  }
  return {
    enabled,
    type: raw?.type ?? defaults.type,
    direction,
    rate: raw?.rate ?? defaults.rate,
    target: readProbed(raw?.target, [...path, 'target'], source),
  };
}

/** Whom a probe is for: @returns canonical text; null when none is given, or after a report to `source` */
export function readProbed(text: string | undefined, path: ConfigPath, source: Source): string | null {
  if (text === undefined) return null;
  const address = parseAddress(text);
  if (address !== null && isUnicast(address.bytes)) return formatAddress(address.bytes);
  source.mismatch(path, quote(text), 'a unicast IPv4 or IPv6 address');
  return null;
}
