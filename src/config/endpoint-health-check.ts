/** One endpoint health check. */
import { readProbed } from './health-check.js';
import type { EndpointHealthCheckConfig } from './network.js';
import type { ConfigPath } from './problem.js';
import type { RawEndpointHealthCheck } from './raw-network.js';
import type { Source } from './source.js';

/** @returns the check, or null when something that it cannot be without is missing or wrong; problems are reported */
export function readEndpointHealthCheck(
  raw: RawEndpointHealthCheck,
  path: ConfigPath,
  source: Source,
): EndpointHealthCheckConfig | null {
  const endpoint = readProbed(raw.endpoint, [...path, 'endpoint'], source);
  return raw.name === undefined || endpoint === null ? null : { name: raw.name, endpoint };
}
