/**
 * The network that the benchmark runs in: tunnels of every kind that the flat loops take, mixed at random,
 * and routes with the prefix lengths of an Internet routing table.
 */
import { Tables, type Prefix, type RouteSpec, type TunnelSpec } from '../src/dataplane/tables.js';
import { Random } from '../src/traffic/random.js';

export interface NetworkSize {
  readonly tunnels: number;
  readonly prefixes: number;
}

export interface Network {
  readonly size: NetworkSize;
  readonly tables: Tables;
  readonly tunnels: readonly TunnelSpec[];
  readonly routes: readonly RouteSpec[];
}

const SEED = 0x67726562;

/** Our anycast addresses. */
const LOCALS = [1, 2, 3, 4].map((n) => Uint8Array.of(198, 51, 100, n));
const ICMP_SOURCE4 = Uint8Array.of(192, 0, 0, 8);
const ICMP_SOURCE6 = new Uint8Array(16);

/** Large enough for inner packets of 1,476 bytes with a key: the underlay takes 1,504. */
const MTU = 1476;

/** Lists of allowed sources, one of which every second tunnel has. */
const ALLOWED: readonly (readonly Prefix[])[] = Array.from({ length: 256 }, (_, i) => [
  { address: Uint8Array.of(10, i, 0, 0), length: 16 },
]);

/** An address of its own for each tunnel, looking random. */
function remoteOf(index: number): Uint8Array {
  const bits = Math.imul(index, 0x9e3779b1) & 0x0fff_ffff;
  return Uint8Array.of(0x50 | (bits >>> 24), bits >>> 16, bits >>> 8, bits);
}

function makeTunnels(count: number, random: Random): TunnelSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `t${index}`,
    mode: 'gre',
    local: random.pick(LOCALS),
    remote: remoteOf(index),
    key: random.chance(0.5) ? random.uint32() : null,
    checksum: false,
    sequence: false,
    ttl: random.pick([64, 255]),
    mtu: MTU,
    dscp: random.chance(0.25) ? 46 : null,
    clampFrom: { v4: 1436, v6: 1416 },
    clampTo: random.pick([
      { v4: 1436, v6: 1416 },
      { v4: 1360, v6: 1340 },
    ]),
    clearDontFragment: false,
    allowedSources: random.chance(0.5) ? random.pick(ALLOWED) : null,
    icmpSource4: ICMP_SOURCE4,
    icmpSource6: ICMP_SOURCE6,
    icmpSourceToOverlay4: ICMP_SOURCE4,
  }));
}

/**
 * Shares of prefix lengths, in percent: roughly those of the Internet's routing table, but with 1 % longer
 * than /24, as a network has them of its own: they take the second load of the FIB.
 */
const LENGTHS: readonly (readonly [number, number])[] = [
  [24, 59],
  [23, 10],
  [22, 11],
  [21, 5],
  [20, 4.4],
  [19, 3],
  [18, 1.6],
  [17, 1],
  [16, 1.5],
  [15, 1],
  [14, 0.8],
  [13, 0.5],
  [12, 0.2],
  [28, 0.3],
  [29, 0.2],
  [30, 0.2],
  [32, 0.3],
];

function pickLength(random: Random): number {
  let share = (random.uint32() / 2 ** 32) * 100;
  for (const [length, percent] of LENGTHS) if ((share -= percent) < 0) return length;
  return 24;
}

/** One next hop for seven routes of eight, one of these ECMP sets for the eighth. */
const ECMP_SETS = 64;

function makeRoutes(count: number, tunnels: number, random: Random): RouteSpec[] {
  const sets = Array.from({ length: ECMP_SETS }, () =>
    Array.from({ length: random.between(2, 4) }, () => ({
      tunnel: random.below(tunnels),
      weight: random.pick([64, 100]),
    })),
  );
  const single = Array.from({ length: tunnels }, (_, tunnel) => [{ tunnel, weight: 100 }]);
  const taken = new Set<number>();
  const routes: RouteSpec[] = [];
  while (routes.length < count) {
    const length = pickLength(random);
    const address = (random.between(1, 223) << 24) | random.below(1 << 24);
    const bits = (address & (-1 << (32 - length))) >>> 0;
    const identity = bits * 64 + length;
    if (taken.has(identity)) continue;
    taken.add(identity);
    routes.push({
      address: Uint8Array.of(bits >>> 24, bits >>> 16, bits >>> 8, bits),
      length,
      nexthops: random.chance(1 / 8) ? random.pick(sets) : single[random.below(tunnels)]!,
    });
  }
  return routes;
}

/** The same network for the same size, every time. */
export function buildNetwork(size: NetworkSize): Network {
  const tunnels = makeTunnels(size.tunnels, new Random(SEED, 1));
  const routes = makeRoutes(size.prefixes, size.tunnels, new Random(SEED, 2));
  return { size, tunnels, routes, tables: Tables.build({ tunnels, routes, locals: [], maxNestingDepth: 1 }) };
}
