/** BGP sessions: where one can be, and where one has to be (behaviour §§3, 5). */
import type { NetworkConfig } from '../../config/network.js';
import { rulesOf } from '../interconnect/rules.js';
import type { Problems } from './problem.js';

/** Seconds; 0 is none (RFC 4271, section 4.2). */
const LEAST_HOLD_TIME = 3;

export function checkSessions(
  { tunnels, interconnects, bgp_sessions }: NetworkConfig,
  problems: Problems,
): void {
  const circuits = new Map(interconnects.map((interconnect) => [interconnect.name, interconnect]));
  const under = new Map(tunnels.map(({ name, interconnect }) => [name, interconnect]));
  const firstOver = new Map<string, string>();
  const served = new Set<string | null>();
  for (const { name, nexthop, hold_time } of bgp_sessions) {
    const error = (field: string, message: string): void =>
      problems.error('bgp_sessions', name, field, message);
    if (hold_time !== 0 && !(hold_time >= LEAST_HOLD_TIME)) {
      error(
        'hold_time',
        `found ${hold_time} s, expected 0 or at least ${LEAST_HOLD_TIME} s (RFC 4271, section 4.2)`,
      );
    }
    const first = firstOver.get(nexthop);
    if (first === undefined) firstOver.set(nexthop, name);
    else
      error('nexthop', `${first} is a session over ${nexthop} already: both would have the same addresses`);
    served.add(nexthop).add(under.get(nexthop) ?? null);
    const circuit = circuits.get(nexthop);
    if (circuit !== undefined && rulesOf(circuit).bgp === 'none') {
      error(
        'nexthop',
        `${nexthop} is an express interconnect, which has no BGP; expected a classic one, or a tunnel`,
      );
    } else if (circuit?.kind === 'cloud') {
      const message = `${nexthop} leads to a cloud, whose routes are ignored: packets need static routes`;
      problems.warning('bgp_sessions', name, 'nexthop', message);
    }
  }
  for (const circuit of interconnects) {
    const { name, kind } = circuit;
    if (rulesOf(circuit).bgp !== 'required' || kind === 'cloud' || served.has(name)) continue;
    const message = 'no BGP session over it: dataplane 1 demands one that is up';
    problems.warning('interconnects', name, null, message);
  }
}
