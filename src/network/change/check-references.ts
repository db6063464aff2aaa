/** Names that resources have for others: all of them exist, and nothing is removed that is still named. */
import type { NetworkConfig } from '../../config/network.js';
import { nearest } from '../../config/problem.js';
import { rulesOf, takesPlain } from '../interconnect/rules.js';
import { KIND_WORDS, nameOf, type NetworkChange, type ResourceKind } from './change-set.js';
import { SUGGESTIONS, type Problems } from './problem.js';

/** Who names what. */
interface Reference {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly field: string;
  readonly target: string;
}

/** How many are told of those that still name something. */
const TOLD = 5;

export function checkReferences(network: NetworkConfig, change: NetworkChange, problems: Problems): void {
  const { tunnels, interconnects, routes, bgp_sessions, alerts } = network;
  const nexthops: Reference[] = [
    ...routes.map((route) => reference('routes', nameOf('routes', route), 'nexthop', route.nexthop)),
    ...bgp_sessions.map(({ name, nexthop }) => reference('bgp_sessions', name, 'nexthop', nexthop)),
    ...alerts.flatMap((alert) =>
      alert.type === 'tunnel_health'
        ? (alert.tunnels ?? []).map((tunnel) => reference('alerts', alert.name, 'tunnels', tunnel))
        : [],
    ),
  ];
  check(nexthops, ['tunnels', 'interconnects'], network, change, problems);
  const circuits = tunnels.flatMap(({ name, interconnect }) =>
    interconnect === null ? [] : [reference('tunnels', name, 'interconnect', interconnect)],
  );
  check(circuits, ['interconnects'], network, change, problems);
  const byName = new Map(interconnects.map((interconnect) => [interconnect.name, interconnect]));
  for (const { name, field, target } of circuits) {
    const circuit = byName.get(target);
    if (circuit === undefined || rulesOf(circuit).delivery.toEdge === 'gre') continue;
    const why = circuit.dataplane === 2 ? 'has dataplane 2' : 'is an express interconnect';
    const message = `${target} ${why}, which carries packets without GRE; expected a classic one with dataplane 1`;
    problems.error('tunnels', name, field, message);
  }
  for (const { kind, name, field, target } of nexthops) {
    const circuit = kind === 'routes' ? byName.get(target) : undefined;
    if (circuit === undefined || takesPlain(circuit)) continue;
    problems.error(
      kind,
      name,
      field,
      `${target} (dataplane 1) takes packets in GRE only: expected a tunnel over it, or gre_less: true there`,
    );
  }
}

/** @param among kinds of which the target may be one */
function check(
  references: readonly Reference[],
  among: readonly ('tunnels' | 'interconnects')[],
  network: NetworkConfig,
  { remove }: NetworkChange,
  problems: Problems,
): void {
  const known = new Set(among.flatMap((kind) => network[kind].map(({ name }) => name)));
  const removed = new Map(among.flatMap((kind) => (remove[kind] ?? []).map((name) => [name, kind] as const)));
  const stillNamed = new Map<string, Set<string>>();
  const words = among.map((kind) => KIND_WORDS[kind]).join(' or ');
  let unknown = 0;
  for (const { kind, name, field, target } of references) {
    if (known.has(target)) continue;
    if (removed.has(target)) {
      const by = stillNamed.get(target) ?? new Set();
      stillNamed.set(target, by.add(`${KIND_WORDS[kind]} ${name}`));
    } else {
      const hint = ++unknown <= SUGGESTIONS ? nearest(target, [...known]) : '';
      problems.error(kind, name, field, `there is no ${words} ${target}${hint}`);
    }
  }
  for (const [target, by] of stillNamed) {
    const more = by.size > TOLD ? ` and ${by.size - TOLD} more` : '';
    const message = `cannot be removed: still named by ${[...by].slice(0, TOLD).join(', ')}${more}`;
    problems.error(removed.get(target)!, target, null, message);
  }
}

function reference(kind: ResourceKind, name: string, field: string, target: string): Reference {
  return { kind, name, field, target };
}
