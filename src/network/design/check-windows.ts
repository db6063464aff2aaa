/** Findings about maintenance: rules that a window breaks, and prefixes that it would leave without a path. */
import type { MaintenanceConfig } from '../../config/network.js';
import type { Findings } from '../finding.js';
import { lossOf, type Loss } from '../maintenance/losses.js';
import { maintenanceProblems } from '../maintenance/rules.js';
import type { Survival } from '../maintenance/survival.js';
import { interrupts, overlaps } from '../maintenance/window.js';
import { describeStranded } from './check-paths.js';
import type { Design } from './design.js';

export function checkWindows(design: Design, survival: Survival, findings: Findings): void {
  const { network, start } = design;
  for (const { index, code, field, message } of maintenanceProblems(network, start / 1000)) {
    const severity = code === 'maintenance_of_nothing' ? 'info' : 'warning';
    findings.add(severity, code, ['maintenance', index, field], message);
  }
  network.maintenance.forEach((window, index) => {
    // At its start, whatever overlaps and has begun before is under way as well.
    const others = network.maintenance.filter(
      (other, i) =>
        overlaps(window, other) &&
        (other.starts < window.starts || (other.starts === window.starts && i < index)),
    );
    const stranded = survival.without(...[window, ...others].map((one) => lossIn(design, one)));
    if (stranded.length === 0) return;
    const together = others.length === 0 ? '' : ` together with ${others.map(({ name }) => name).join(', ')}`;
    const message = `${window.name}${together} leaves no working path to ${describeStranded(stranded)}`;
    findings.add('warning', 'maintenance_interrupts', ['maintenance', index], message);
  });
}

/** Circuits are lost; packets go on entering the PoP. */
function lossIn({ network }: Design, window: MaintenanceConfig): Loss {
  const circuits = network.interconnects.filter((circuit) => interrupts(window, circuit));
  return lossOf(network, `maintenance ${window.name}`, circuits);
}
