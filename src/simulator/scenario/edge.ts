/** `edge`: the provider's network. */
import type { Region } from '../../config/config.js';
import type { ConfigPath } from '../../config/problem.js';
import { CITIES } from './cities.js';
import { SCENARIO_DEFAULTS } from './defaults.js';
import { cityOf, distanceOf, generatePops } from './geography.js';
import type { Names } from './names.js';
import type { RawEdge, RawLocation, RawPop, RawPops } from './raw.js';
import { present, type Reading } from './reading.js';
import type { Coordinates, EdgeSpec, PopSpec } from './scenario.js';

const DEFAULTS = SCENARIO_DEFAULTS.edge;

interface PopDefaults {
  readonly servers: number;
  readonly capacity: number | null;
}

export function readEdge(raw: RawEdge, reading: Reading, names: Names): EdgeSpec {
  const path = ['edge'];
  const endpoints = raw.endpoints === undefined ? DEFAULTS.endpoints : readEndpoints(raw, reading);
  const defaults = {
    servers: raw.servers ?? DEFAULTS.servers,
    capacity: readCapacity(raw.capacity, [...path, 'capacity'], reading, null),
  };
  return {
    asn: raw.asn ?? DEFAULTS.asn,
    endpoints,
    pops: Array.isArray(raw.pops)
      ? readList(raw.pops, defaults, reading, names)
      : readMapping(raw.pops ?? {}, defaults, reading, names),
    spread_too_big: raw.spread_too_big ?? DEFAULTS.spread_too_big,
    reassembly: raw.reassembly ?? DEFAULTS.reassembly,
    convergence: reading.duration(raw.convergence ?? DEFAULTS.convergence, [...path, 'convergence'], 0),
    turn: reading.span(raw.turn ?? DEFAULTS.turn, [...path, 'turn'], 1),
  };
}

function readEndpoints(raw: RawEdge, reading: Reading): string[] {
  const endpoints: string[] = [];
  for (const [text, i] of present(raw.endpoints)) {
    const path = ['edge', 'endpoints', i];
    const address = reading.address(text, path);
    if (address === null) continue;
    if (endpoints.includes(address)) reading.source.mismatch(path, address, 'each endpoint once');
    else endpoints.push(address);
  }
  return endpoints;
}

function readList(
  codes: NonNullable<Extract<RawEdge['pops'], unknown[]>>,
  defaults: PopDefaults,
  reading: Reading,
  names: Names,
): PopSpec[] {
  return present(codes).flatMap(([code, i]) => {
    const path = ['edge', 'pops', i];
    names.add('pop', code, path, 'value');
    const location = reading.location(code, path);
    return location === null ? [] : [{ name: code, region: regionAt(code, location), location, ...defaults }];
  });
}

function readMapping(raw: RawPops, defaults: PopDefaults, reading: Reading, names: Names): PopSpec[] {
  const path = ['edge', 'pops'];
  const { generate, servers, capacity, ...rest } = raw;
  const here = {
    servers: typeof servers === 'number' ? servers : defaults.servers,
    capacity: readCapacity(
      typeof capacity === 'string' ? capacity : undefined,
      [...path, 'capacity'],
      reading,
      defaults.capacity,
    ),
  };
  const pops: PopSpec[] = [];
  if (typeof generate === 'number') {
    pops.push(...generatePops(generate, here.servers, here.capacity));
    for (const { name } of pops) names.add('pop', name, [...path, 'generate'], 'key');
  }
  for (const [name, pop] of Object.entries(rest)) {
    if (typeof pop !== 'object') continue;
    names.add('pop', name, [...path, name], 'key');
    const spec = readPop(name, pop, here, reading);
    if (spec !== null) pops.push(spec);
  }
  if (pops.length === 0 && !reading.source.problems.some(({ path }) => path.startsWith('edge.pops'))) {
    reading.source.mismatch(path, 'no PoP', 'one PoP at least');
  }
  return pops;
}

function readPop(name: string, raw: RawPop, defaults: PopDefaults, reading: Reading): PopSpec | null {
  const path = ['edge', 'pops', name];
  if (raw.at === undefined && cityOf(name) === null) {
    const expected = `\`at\`, with a city or [degrees north, degrees east], since ${name} is no city that the table has`;
    if (!reading.source.has([...path, 'at'])) reading.source.mismatch([...path, 'at'], 'nothing', expected);
    return null;
  }
  const at: RawLocation = raw.at ?? name;
  const location = reading.location(at, [...path, 'at']);
  if (location === null) return null;
  return {
    name,
    region: raw.region ?? regionAt(at, location),
    location,
    servers: raw.servers ?? defaults.servers,
    capacity: readCapacity(raw.capacity, [...path, 'capacity'], reading, defaults.capacity),
  };
}

function readCapacity(
  text: string | undefined,
  path: ConfigPath,
  reading: Reading,
  otherwise: number | null,
): number | null {
  return text === undefined ? otherwise : reading.rate(text, path);
}

/** Region of a city; elsewhere that of the nearest one. */
function regionAt(at: RawLocation, location: Coordinates): Region {
  const city = typeof at === 'string' ? cityOf(at) : null;
  if (city !== null) return city[1];
  let nearest = CITIES[0]!;
  for (const other of CITIES) {
    if (distanceOf(location, [other[2], other[3]]) < distanceOf(location, [nearest[2], nearest[3]]))
      nearest = other;
  }
  return nearest[1];
}
