/** Findings about what the simulated network does, and a node does not: it starts all the same, and goes without. */
import type { Config } from '../config/config.js';
import type { Findings } from './finding.js';

export function checkNode({ tunnels }: Config, findings: Findings): void {
  tunnels.forEach(({ automatic_return_routing, interconnect }, i) => {
    if (automatic_return_routing) {
      const message =
        'has no effect on a node: answers go where the routes lead, which may be into another tunnel ' +
        '(grebe sim does it)';
      findings.add('warning', 'return_routing_ignored', ['tunnels', i, 'automatic_return_routing'], message);
    }
    if (interconnect !== null) {
      const message =
        `found ${interconnect}, which a node does not look for: the kernel's routes decide where outer packets ` +
        'leave (grebe sim has interconnects)';
      findings.add('warning', 'interconnect_ignored', ['tunnels', i, 'interconnect'], message);
    }
  });
}
