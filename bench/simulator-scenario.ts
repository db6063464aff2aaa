/** A scenario of any size for the simulator's benchmark: sites behind a tunnel each, and UDP flows to all of them. */
import type { BenchSize } from './simulator-world.js';

/** Providers and clients are in these cities, sites in turn. */
const CITIES = ['fra', 'ams', 'lhr', 'mad', 'iad', 'sin', 'cdg', 'hkg'] as const;
/** Neighbours send from different cities. */
const STEP = 3;
const HEADERS = 28;

/** YAML. @param seconds of virtual time */
export function scenarioText(size: BenchSize, seconds: number): string {
  const { pops, servers, tunnels, flows, rate, payload } = size;
  const all = Array.from({ length: tunnels }, (_, i) => i);
  const lines = (line: (i: number) => string): string => all.map(line).join('\n');
  const city = (i: number): string => CITIES[i % CITIES.length]!;
  return `name: bench
duration: ${seconds}s
edge: { pops: { generate: ${pops}, servers: ${servers} } }
prefixes: [${all.map((i) => `${prefixOf(i)}.0/24`).join(', ')}]
tunnels:
${lines((i) => `  - { name: t${i}, local: 198.51.100.1, remote: ${routerOf(i)}, interface_address: ${interfaceOf(i)}/31 }`)}
routes:
${lines((i) => `  - { prefix: ${prefixOf(i)}.0/24, nexthop: t${i} }`)}
providers: { ${CITIES.map((name) => `isp_${name}: { at: ${name} }`).join(', ')} }
sites:
${lines(
  (i) => `  s${i}:
    at: ${city(i)}
    prefixes: [${prefixOf(i)}.0/24]
    routers: { r${i}: { uplinks: { isp_${city(i)}: { address: ${routerOf(i)}, rate: 10Gbps } } } }
    hosts: { h${i}: { address: ${prefixOf(i)}.10 } }`,
)}
hosts:
${CITIES.map((at, i) => `  c${i}: { at: ${at}, address: 40.${i}.0.10 }`).join('\n')}
traffic:
${lines((i) => `  u${i}: { udp: c${(i * STEP) % CITIES.length} -> h${i}:5060, flows: ${share(flows, tunnels, i)}, rate: ${rate}pps, size: ${payload + HEADERS} }`)}
expect:
  - { reach: u0, to: 1s }
`;
}

function prefixOf(i: number): string {
  return `20.${i >> 8}.${i & 0xff}`;
}

function routerOf(i: number): string {
  return `30.${i >> 8}.${i & 0xff}.10`;
}

function interfaceOf(i: number): string {
  return `10.${100 + ((2 * i) >> 16)}.${((2 * i) >> 8) & 0xff}.${(2 * i) & 0xff}`;
}

/** Flows of one tunnel, one at least: together as many as are wanted. */
function share(flows: number, tunnels: number, i: number): number {
  return Math.max(1, Math.floor((flows * (i + 1)) / tunnels) - Math.floor((flows * i) / tunnels));
}
