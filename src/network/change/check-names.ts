/** Names: unique where they are looked up, and such as a GRE interface can have. */
import type { NetworkConfig } from '../../config/network.js';
import { KIND_WORDS, nameOf, type ResourceKind, type Resources } from './change-set.js';
import type { Problems } from './problem.js';

/** Of a GRE tunnel (behaviour §1). */
const TUNNEL_NAME = /^[A-Za-z0-9_-]{1,15}$/;

export function checkNames(network: NetworkConfig, problems: Problems): void {
  const nexthops = new Map<string, ResourceKind>();
  checkUnique('tunnels', network.tunnels, nexthops, problems);
  checkUnique('interconnects', network.interconnects, nexthops, problems);
  checkUnique('bgp_sessions', network.bgp_sessions, new Map(), problems);
  checkUnique('prefixes', network.prefixes, new Map(), problems);
  checkUnique('maintenance', network.maintenance, new Map(), problems);
  checkUnique('alerts', network.alerts, new Map(), problems);
  checkUnique('endpoint_health_checks', network.endpoint_health_checks, new Map(), problems);
  for (const { name } of network.tunnels) {
    if (TUNNEL_NAME.test(name)) continue;
    problems.error('tunnels', name, 'name', 'expected 1 to 15 letters, digits, - and _');
  }
}

/** @param taken names that are in use, and by what; these are added */
function checkUnique<K extends ResourceKind>(
  kind: K,
  resources: readonly Resources[K][],
  taken: Map<string, ResourceKind>,
  problems: Problems,
): void {
  for (const resource of resources) {
    const name = nameOf(kind, resource);
    const first = taken.get(name);
    if (first === undefined) taken.set(name, kind);
    else
      problems.error(
        kind,
        name,
        null,
        `there is another ${KIND_WORDS[first]} of this name; expected a name of its own`,
      );
  }
}
