/**
 * The resources of the network: as the file has them, and what events make of them. Judged by the door through which
 * every change goes (src/network/change), its judgement told with line and column.
 */
import { parseAddressWithLength, formatAddress, peerOf } from '../../config/address.js';
import { ALIASES } from '../../config/config.js';
import type { NetworkConfig } from '../../config/network.js';
import { formatPath, type ConfigPath } from '../../config/problem.js';
import type { RawNetwork } from '../../config/raw-network.js';
import { readNetwork, type PlacedNetwork } from '../../config/read-network.js';
import { KIND_WORDS, nameOf, RESOURCE_KINDS, type ResourceKind } from '../../network/change/change-set.js';
import { judge } from '../../network/change/judge.js';
import { EMPTY_STATE, type NetworkState } from '../../network/change/network-state.js';
import { formatNetworkProblem, type NetworkProblem } from '../../network/change/problem.js';
import { NetworkDraft } from './network-draft.js';
import { checkPlaces } from './network-places.js';
import type { RawEvent, RawScenario } from './raw.js';
import { present, type Reading } from './reading.js';
import type { EdgeSpec, NetworkChange } from './scenario.js';

export interface NetworkHistory {
  /** At the beginning. */
  readonly initial: NetworkConfig;
  /** The same, with the place of each. */
  readonly first: PlacedNetwork;
  /** By index of the event in the file. */
  readonly changes: ReadonlyMap<number, NetworkChange>;
  /** All that there is at some time, as it was last; with the place of each. */
  readonly ever: PlacedNetwork;
}

/** An event that changes the network. */
export interface Changing {
  readonly index: number;
  readonly raw: RawEvent;
}

/** @param events in the order of time */
export function readNetworks(
  raw: RawScenario,
  events: readonly Changing[],
  edge: EdgeSpec,
  reading: Reading,
): NetworkHistory {
  const { source } = reading;
  const draft = new NetworkDraft(raw, source);
  const placed = settle(readNetwork(draft.network, source), edge);
  const whole = withoutDangling(placed.config, draft.network);
  const { problems } = judge(EMPTY_STATE, { put: whole, remove: {} });
  for (const problem of problems) tell(problem, placed, reading);
  const told = new Set(problems.map(formatNetworkProblem));
  checkPlaces(placed, edge, reading);

  let state: NetworkState = { version: 0, network: whole };
  const changes = new Map<number, NetworkChange>();
  const all = [placed];
  for (const { index, raw: event } of events) {
    const path = ['timeline', index];
    draft.change(event, path);
    const after = readOnly(path, reading, () => settle(readNetwork(draft.network, source), edge));
    const change = { put: only(after, path), remove: removedBy(event) };
    const judged = judge(state, change);
    for (const problem of judged.problems) {
      const text = formatNetworkProblem(problem);
      if (!told.has(text)) tellOfChange(problem, after, event, path, reading);
      told.add(text);
    }
    readOnly(path, reading, () => checkPlaces(after, edge, reading));
    changes.set(index, change);
    state = { version: state.version + 1, network: judged.network };
    all.push(after);
  }
  return { initial: placed.config, first: placed, changes, ever: union(all) };
}

/**
 * PoPs as the edge calls them; a tunnel whose customer endpoint is the other end of a circuit takes that circuit.
 */
function settle({ config, paths }: PlacedNetwork, { pops }: EdgeSpec): PlacedNetwork {
  const names = new Map(pops.map(({ name }) => [name.toLowerCase(), name]));
  const popOf = (colo: string): string => names.get(colo.toLowerCase()) ?? colo;
  const ends = new Map(
    config.interconnects.map(({ name, interface_address }) => [peerAddress(interface_address), name]),
  );
  const settled = {
    ...config,
    tunnels: config.tunnels.map((tunnel) => ({
      ...tunnel,
      interconnect: tunnel.interconnect ?? ends.get(tunnel.customer_gre_endpoint) ?? null,
    })),
    interconnects: config.interconnects.map((one) => ({ ...one, colo: popOf(one.colo) })),
    routes: config.routes.map((route) => ({
      ...route,
      scope: route.scope && { ...route.scope, colo_names: route.scope.colo_names.map(popOf) },
    })),
    maintenance: config.maintenance.map((window) => ({ ...window, colo: popOf(window.colo) })),
    alerts: config.alerts.map((alert) =>
      alert.type === 'maintenance' ? { ...alert, colo_names: alert.colo_names?.map(popOf) ?? null } : alert,
    ),
  };
  return { config: settled, paths };
}

/** The customer's address on a circuit, whose `interface_address` is ours with /31. */
export function peerAddress(interface_address: string): string {
  return formatAddress(peerOf(parseAddressWithLength(interface_address)!.bytes, 31));
}

/** What names something that has been reported already would only be reported for it once more. */
function withoutDangling(config: NetworkConfig, raw: RawNetwork): NetworkConfig {
  const read = new Set([...config.tunnels, ...config.interconnects].map(({ name }) => name));
  const lost = new Set(
    [...raw.tunnels, ...raw.interconnects].flatMap(({ raw: { name } }) =>
      name === undefined || read.has(name) ? [] : [name],
    ),
  );
  if (lost.size === 0) return config;
  return {
    ...config,
    tunnels: config.tunnels.map((tunnel) =>
      lost.has(tunnel.interconnect ?? '') ? { ...tunnel, interconnect: null } : tunnel,
    ),
    routes: config.routes.filter(({ nexthop }) => !lost.has(nexthop)),
    bgp_sessions: config.bgp_sessions.filter(({ nexthop }) => !lost.has(nexthop)),
    alerts: config.alerts.map((alert) =>
      alert.type === 'maintenance'
        ? alert
        : { ...alert, tunnels: alert.tunnels?.filter((name) => !lost.has(name)) ?? null },
    ),
  };
}

/** The resources that stand in an event. */
function only({ config, paths }: PlacedNetwork, path: ConfigPath): Partial<NetworkConfig> {
  const part: { [K in ResourceKind]?: unknown } = {};
  for (const kind of RESOURCE_KINDS) {
    const brought = config[kind].filter((_, i) => isUnder(paths[kind][i]!, path));
    if (brought.length > 0) part[kind] = brought;
  }
  return part as Partial<NetworkConfig>;
}

function removedBy({ remove = {} }: RawEvent): NetworkChange['remove'] {
  const names: { [K in ResourceKind]?: string[] } = {};
  for (const kind of RESOURCE_KINDS) {
    if (remove[kind] !== undefined) names[kind] = present(remove[kind]).map(([name]) => name);
  }
  return names;
}

/** Keeps, of the problems that `read` finds, those that stand in the event: others have been told before. */
function readOnly<T>(path: ConfigPath, { source, warnings }: Reading, read: () => T): T {
  const [told, warned] = [source.problems.length, warnings.length];
  const result = read();
  const prefix = formatPath(path);
  const isHere = (problem: { path: string }): boolean => /^$|^[.[]/.test(rest(problem.path, prefix));
  source.problems.push(...source.problems.splice(told).filter(isHere));
  warnings.push(...warnings.splice(warned).filter(isHere));
  return result;
}

/** What follows the prefix; `-` when it is not there. */
function rest(path: string, prefix: string): string {
  return path.startsWith(prefix) ? path.slice(prefix.length) : '-';
}

function tell(problem: NetworkProblem, placed: PlacedNetwork, reading: Reading): void {
  const path = placeOf(problem, placed, reading) ?? [problem.kind];
  report(problem, path, problem.message, reading);
}

function tellOfChange(
  problem: NetworkProblem,
  after: PlacedNetwork,
  event: RawEvent,
  path: ConfigPath,
  reading: Reading,
): void {
  const { kind, name, message } = problem;
  const place = placeOf(problem, after, reading);
  const removed = present(event.remove?.[kind]).find(([gone]) => gone === name);
  if (place !== null && isUnder(place, path)) report(problem, place, message, reading);
  else if (removed !== undefined) report(problem, [...path, 'remove', kind, removed[1]], message, reading);
  else if (problem.severity === 'error')
    report(problem, path, `after this, ${KIND_WORDS[kind]} ${name}: ${message}`, reading);
}

/** Where the resource, or its field, stands; null when the file has it no more. */
function placeOf(
  { kind, name, field }: NetworkProblem,
  { config, paths }: PlacedNetwork,
  { source }: Reading,
): ConfigPath | null {
  const names: readonly string[] = config[kind].map((resource) => nameOf(kind, resource as never));
  const path = paths[kind][names.indexOf(name)];
  if (path === undefined) return null;
  if (field === null || kind === 'prefixes') return path;
  const short = Object.entries(ALIASES).find(([, long]) => long === field)?.[0] ?? '';
  return source.has([...path, short]) ? [...path, short] : [...path, ...field.split('.')];
}

/** Once for each place: what a reader has found there says it better. */
function report({ severity }: NetworkProblem, path: ConfigPath, message: string, reading: Reading): void {
  const { source } = reading;
  const { line, column } = source.positionOf(path);
  if (severity === 'warning') reading.warn(path, message);
  else if (!source.problems.some((other) => other.line === line && other.column === column)) {
    source.report(path, message);
  }
}

function isUnder(path: ConfigPath, above: ConfigPath): boolean {
  return above.every((segment, i) => path[i] === segment);
}

function union(networks: readonly PlacedNetwork[]): PlacedNetwork {
  const config: Record<string, unknown[]> = {};
  const paths: Record<string, ConfigPath[]> = {};
  for (const kind of RESOURCE_KINDS) {
    const last = new Map<string, readonly [unknown, ConfigPath]>();
    for (const network of networks) {
      network.config[kind].forEach((resource, i) => {
        last.set(nameOf(kind, resource as never), [resource, network.paths[kind][i]!]);
      });
    }
    config[kind] = [...last.values()].map(([resource]) => resource);
    paths[kind] = [...last.values()].map(([, path]) => path);
  }
  return { config, paths } as unknown as PlacedNetwork;
}
