/** From a file to a Scenario, or to all that is wrong with it. */
import { readConfigText } from '../../config/load.js';
import {
  ConfigError,
  inOrder,
  type ConfigPath,
  type ConfigProblem,
  type Position,
} from '../../config/problem.js';
import { validateBySchema } from '../../config/schema-problems.js';
import { Source } from '../../config/source.js';
import { Addresses } from './addresses.js';
import { SCENARIO_DEFAULTS } from './defaults.js';
import { readEdge } from './edge.js';
import { checkEnds } from './ends.js';
import { readExpectations } from './expectations.js';
import { Hosts, portsInUse } from './hosts.js';
import { Names } from './names.js';
import { readNetworks } from './network.js';
import { PrefixSet } from './prefix-set.js';
import type { RawScenario } from './raw.js';
import { present, Reading } from './reading.js';
import type { HostSpec, Scenario } from './scenario.js';
import validate from './schema-validator.js';
import { SCENARIO_SCHEMA } from './schema.js';
import { readSites } from './sites.js';
import { changesOf, readTimeline } from './timeline.js';
import { readTraffic } from './traffic.js';

/** Of a run whose duration is wrong, so that nothing else is found to be too late. */
const LONGEST = Number.MAX_SAFE_INTEGER;

const COMPILED = { schema: SCENARIO_SCHEMA, validate };

interface Kept {
  readonly source: Source;
  readonly warnings: readonly ConfigProblem[];
}

const kept = new WeakMap<Scenario, Kept>();

/**
 * Reads a scenario (YAML 1.2, UTF-8).
 *
 * @throws ConfigError with every problem found, each with its place; also when the file cannot be read
 */
export function loadScenario(path: string): Scenario {
  return parseScenario(readConfigText(path), path);
}

/**
 * Reads a scenario from text; `filename` is for messages.
 *
 * @throws ConfigError with every problem found, each with its place
 */
export function parseScenario(text: string, filename: string): Scenario {
  const source = Source.of(text, filename);
  const reading = new Reading(source);
  const isMapping = source.isYaml && validateBySchema(source, COMPILED);
  const scenario = isMapping ? readScenario(source.value as RawScenario, reading) : null;
  if (scenario === null || source.problems.length > 0) throw new ConfigError(inOrder(source.problems));
  kept.set(scenario, { source, warnings: inOrder(reading.warnings) });
  return scenario;
}

/**
 * Where the value at `path` of the file stands (`key`: the key in front of it), as the file has it: `['expect', 2]`,
 * `['sites', 'acme', 'routers', 'r1']`. Null for a Scenario that no file gave.
 */
export function positionOf(
  scenario: Scenario,
  path: ConfigPath,
  of: 'value' | 'key' = 'value',
): Position | null {
  return kept.get(scenario)?.source.positionOf(path, of) ?? null;
}

/** What is odd about a scenario, yet may be meant, in the order of the file. */
export function warningsOf(scenario: Scenario): readonly ConfigProblem[] {
  return kept.get(scenario)?.warnings ?? [];
}

function readScenario(raw: RawScenario, reading: Reading): Scenario | null {
  const names = new Names(reading);
  const addresses = new Addresses(reading);
  const edge = readEdge(raw.edge ?? {}, reading, names);
  edge.endpoints.forEach((address, i) => addresses.add(address, 'the edge', ['edge', 'endpoints', i]));
  declareNexthops(raw, names);
  const timeline = raw.timeline ?? [];
  const history = readNetworks(raw, changesOf(timeline, reading), edge, reading);
  const network = history.ever.config;
  const advertised = new PrefixSet(network.prefixes.map(({ prefix }) => prefix));

  const hosts = new Hosts(reading, names, addresses, portsInUse(raw.traffic ?? {}));
  const circuits = new Map<string, string>();
  const { providers, sites } = readSites(raw, hosts, {
    ...{ reading, names, addresses, network, advertised, circuits },
  });
  for (const placed of [history.first, history.ever]) checkEnds(placed, sites, circuits, reading);
  const internetHosts = hosts.readAll(raw.hosts ?? {}, advertised);

  const duration = reading.span(raw.duration ?? SCENARIO_DEFAULTS.duration, ['duration'], LONGEST);
  const { endpoints } = edge;
  const ways = {
    ...{ reading, names, duration, endpoints, advertised },
    internetHosts: byName(internetHosts),
    siteHosts: byName(sites.flatMap((site) => site.hosts)),
  };
  const traffic = Object.entries(raw.traffic ?? {}).flatMap(
    ([name, spec]) => readTraffic(name, spec, ways) ?? [],
  );
  const { changes } = history;
  const events = readTimeline(timeline, { reading, names, duration, edge, sites, network, changes });
  const expect = readExpectations(raw.expect ?? [], {
    ...{ reading, names, duration, network, sites },
    hosts: internetHosts,
    traffic: Object.keys(raw.traffic ?? {}),
    timeline: events,
  });
  const start = readStart(raw.start ?? SCENARIO_DEFAULTS.start, reading);
  if (raw.name === undefined || start === null) return null;
  return {
    name: raw.name,
    description: raw.description ?? '',
    seed: raw.seed ?? SCENARIO_DEFAULTS.seed,
    duration,
    start,
    edge,
    network: history.initial,
    providers,
    sites,
    hosts: internetHosts,
    traffic,
    timeline: events,
    expect,
  };
}

function byName(hosts: readonly HostSpec[]): ReadonlyMap<string, HostSpec> {
  return new Map(hosts.map((host) => [host.name, host]));
}

/** Of all that the file has, also of what has problems of its own, so that these are told once. */
function declareNexthops(raw: RawScenario, names: Names): void {
  const sections = [
    { resources: raw, path: [] },
    ...present(raw.timeline).map(([{ put = {} }, i]) => ({ resources: put, path: ['timeline', i, 'put'] })),
  ];
  for (const { resources, path } of sections) {
    for (const [kind, list] of [
      ['tunnel', 'tunnels'],
      ['interconnect', 'interconnects'],
    ] as const) {
      for (const [{ name }, i] of present<{ name?: string }>(resources[list])) {
        const known = name === undefined ? null : names.kindOf(name);
        // Two next hops of one name are found where the resources are read.
        if (name === undefined || known === 'tunnel' || known === 'interconnect') continue;
        names.add(kind, name, [...path, list, i, 'name'], 'value');
      }
    }
  }
}

/** Milliseconds since 1970; null after a report. */
function readStart(text: string, { source }: Reading): number | null {
  const time = Date.parse(text);
  if (Number.isFinite(time)) return time;
  source.mismatch(['start'], text, 'a day and time that there is, such as 2026-01-01T00:00:00Z');
  return null;
}
