/** Makes the network that a change asks for, right or wrong, and says what is wrong with the change itself. */
import type { NetworkConfig } from '../../config/network.js';
import { nearest } from '../../config/problem.js';
import {
  byName,
  KIND_WORDS,
  nameOf,
  resourcesOf,
  type NetworkChange,
  type ResourceKind,
  type Resources,
} from './change-set.js';
import { SUGGESTIONS, type Problems } from './problem.js';

/** What replaces something has its place, what is new comes last. */
export function merge(before: NetworkConfig, change: NetworkChange, problems: Problems): NetworkConfig {
  const merged = <K extends ResourceKind>(kind: K): Resources[K][] =>
    mergeKind(kind, before, change, problems);
  return {
    tunnels: merged('tunnels'),
    interconnects: merged('interconnects'),
    routes: merged('routes'),
    bgp_sessions: merged('bgp_sessions'),
    prefixes: merged('prefixes'),
    maintenance: merged('maintenance'),
    alerts: merged('alerts'),
    endpoint_health_checks: merged('endpoint_health_checks'),
  };
}

function mergeKind<K extends ResourceKind>(
  kind: K,
  before: NetworkConfig,
  { put, remove }: NetworkChange,
  problems: Problems,
): Resources[K][] {
  const there = resourcesOf(kind, before);
  const names = new Set(there.map((resource) => nameOf(kind, resource)));
  const brought = byName(kind, put);
  const gone = new Set(remove[kind]);
  let unknown = 0;
  for (const name of gone) {
    if (brought.has(name)) {
      problems.error(kind, name, null, 'the change both puts it in and removes it; expected one of the two');
    } else if (!names.has(name)) {
      const hint = ++unknown <= SUGGESTIONS ? nearest(name, [...names]) : '';
      problems.error(kind, name, null, `cannot be removed: there is no such ${KIND_WORDS[kind]}${hint}`);
    }
  }
  const placed = new Set<string>();
  const kept = there.flatMap((resource) => {
    const name = nameOf(kind, resource);
    const replacement = brought.get(name);
    if (replacement === undefined) return gone.has(name) ? [] : [resource];
    if (placed.has(name)) return [];
    placed.add(name);
    return replacement;
  });
  return [...kept, ...Array.from(brought).flatMap(([name, resources]) => (names.has(name) ? [] : resources))];
}
