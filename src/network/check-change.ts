/** Findings about what the one door of the network would refuse (apply.ts), so that a reload would be too. */
import type { Config } from '../config/config.js';
import { validate } from './change/apply.js';
import { EMPTY_STATE, networkOfNode } from './change/network-state.js';
import { pathOfProblem } from './change/problem-path.js';
import { describeClone, findEndpointConflicts } from './clones.js';
import type { Findings } from './finding.js';

export function checkChange(config: Config, findings: Findings): void {
  const network = networkOfNode(config);
  // These and health checks have codes of their own (check-tunnels.ts, check-health.ts).
  const told = new Set(findEndpointConflicts(config).clones.map((clone) => describeClone(config, clone)));
  for (const problem of validate(EMPTY_STATE, { put: network, remove: {} })) {
    const isTold = told.has(problem.message) || problem.field === 'health_check';
    if (problem.severity === 'warning' || isTold) continue;
    findings.add('error', 'refused', pathOfProblem(problem, network), problem.message);
  }
}
