/** Findings about health checks: those that are impossible, and answers that would not be let in. */
import { formatAddress, isInside, parseAddressWithLength } from '../config/address.js';
import type { Config, TunnelConfig } from '../config/config.js';
import type { ConfigPath } from '../config/problem.js';
import type { Findings } from './finding.js';
import { tunnelTarget } from './health/probe-target.js';
import type { ProbeTarget } from './health/prober.js';

export function checkHealth({ tunnels }: Config, findings: Findings): void {
  tunnels.forEach((tunnel, i) => {
    const path = ['tunnels', i, 'health_check'];
    const target = tunnelTarget(tunnel, i);
    if (typeof target === 'string') findings.add('error', 'health_check_impossible', path, target);
    else if (target?.isBidirectional === true) checkAnswers(tunnel, target, path, findings);
  });
}

function checkAnswers(
  { allowed_sources }: TunnelConfig,
  { addresses: { theirs } }: ProbeTarget,
  path: ConfigPath,
  findings: Findings,
): void {
  if (allowed_sources?.some((prefix) => contains(prefix, theirs)) !== false) return;
  const message = `answers come from ${formatAddress(theirs)}, which is not in allowed_sources: they are dropped, and the tunnel will be down`;
  findings.add('warning', 'health_check_source_denied', path, message);
}

function contains(prefix: string, address: Uint8Array): boolean {
  const parsed = parseAddressWithLength(prefix);
  return parsed !== null && isInside(address, parsed.bytes, parsed.length);
}
