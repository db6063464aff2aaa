/**
 * What is to be said of a network before it runs, beyond what the door (src/network/change/judge.ts) refuses: sides that do not
 * fit, places without a route, what must not fail, maintenance against the rules.
 */
import type { ConfigPath, Position } from '../../config/problem.js';
import { Findings, type Finding } from '../finding.js';
import { Survival } from '../maintenance/survival.js';
import { checkBgp } from './check-bgp.js';
import { checkCircuits } from './check-circuits.js';
import { checkPaths } from './check-paths.js';
import { checkWindows } from './check-windows.js';
import { popsOf, type Design } from './design.js';
import { peeringsOf, possibleEntries } from './peering.js';

/**
 * @param design that the door lets in
 * @param positionOf where a resource stands in the file, by its path in the NetworkConfig, such as
 * `['interconnects', 0, 'vlan']`; null: nowhere
 * @returns the gravest first, then in the order of the file
 */
export function checkDesign(design: Design, positionOf: (path: ConfigPath) => Position | null): Finding[] {
  const findings = new Findings(positionOf);
  const peerings = peeringsOf(design);
  const entries = possibleEntries(design, peerings);
  const survival = new Survival(entries, popsOf(design));
  checkCircuits(design, findings);
  checkBgp(design, peerings, findings);
  checkPaths(design, entries, survival, findings);
  checkWindows(design, survival, findings);
  return findings.sorted();
}
