/**
 * A random set of tables, and the addresses from which packets for it are made: few enough that most
 * packets meet a tunnel or a route, with strange ones among them.
 */
import type { GroupSpec, NextHop, TablesSpec, TunnelSpec } from '../../src/dataplane/tables.js';
import { hex } from '../oracle/bytes.js';
import type { Frame } from '../oracle/outcome.js';
import type { Prng } from './prng.js';

export interface World {
  readonly spec: TablesSpec;
  /** Inner addresses: inside and outside of routes and allowed sources, and special ones. */
  readonly inner4: readonly Uint8Array[];
  readonly inner6: readonly Uint8Array[];
  /** The next hops to steer each group of each view to; those of the specification are what all have at first. */
  readonly rows: readonly (readonly (readonly NextHop[])[])[];
}

type Prefix = TablesSpec['routes'][number];

const SPECIAL4 = [
  [0, 0, 0, 0],
  [127, 0, 0, 1],
  [224, 0, 0, 5],
  [255, 255, 255, 255],
  [240, 1, 2, 3],
  [223, 255, 255, 255],
  [128, 0, 0, 1],
  [1, 0, 0, 0],
].map((bytes) => Uint8Array.from(bytes));

const SPECIAL6 = [
  '00000000000000000000000000000000',
  '00000000000000000000000000000001',
  '00000000000000000000000000000002',
  '00000000000000000000000000000100',
  'ff020000000000000000000000000001',
  'fe800000000000000000000000000001',
].map((text) => Uint8Array.from(Buffer.from(text, 'hex')));

export function ipv4Address(...bytes: [number, number, number, number]): Uint8Array {
  return Uint8Array.from(bytes);
}

/** 2001:db8:`site`::`host`. */
export function ipv6Address(site: number, host: number): Uint8Array {
  const address = new Uint8Array(16);
  address.set([0x20, 0x01, 0x0d, 0xb8, site >> 8, site & 255]);
  address.set([host >> 8, host & 255], 14);
  return address;
}

/** The address with all bits behind `length` cleared. */
export function masked(address: Uint8Array, length: number): Uint8Array {
  return address.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, length - 8 * i))) & 0xff);
}

/** An address of the same prefix, the bits behind it random. */
export function within(prng: Prng, prefix: { address: Uint8Array; length: number }): Uint8Array {
  const noise = prng.bytes(prefix.address.length);
  const keep = masked(new Uint8Array(noise.length).fill(255), prefix.length);
  return noise.map((byte, i) => (byte & ~keep[i]!) | (prefix.address[i]! & keep[i]!));
}

function randomMtu(prng: Prng): number {
  if (prng.chance(0.4)) return 1476;
  return prng.pick([576, 577, 583, 1000, 1280, 1281, 1400, 1456, 1462, 1500, 4470, 9000, 65_000]);
}

function randomClamp(prng: Prng, mtu: number): { v4: number; v6: number } {
  if (prng.chance(0.5)) return { v4: mtu - 40, v6: mtu - 60 };
  if (prng.chance(0.3)) return { v4: 0, v6: 0 };
  const value = prng.pick([1, 255, 256, 536, 1000, 1220, 1460, 8960]);
  return { v4: value, v6: prng.chance(0.2) ? 0 : value };
}

const INNER_PREFIX4 = [
  { address: ipv4Address(10, 1, 0, 0), length: 16 },
  { address: ipv4Address(10, 1, 2, 0), length: 24 },
  { address: ipv4Address(172, 16, 0, 0), length: 12 },
  { address: ipv4Address(192, 0, 2, 0), length: 24 },
  { address: ipv4Address(203, 0, 113, 64), length: 26 },
];

const INNER_PREFIX6 = [
  { address: ipv6Address(0x10, 0), length: 48 },
  { address: ipv6Address(0x10, 0x100), length: 120 },
  { address: ipv6Address(0x20, 0), length: 44 },
  { address: ipv6Address(0x30, 0), length: 64 },
];

const LOCAL4 = [ipv4Address(198, 51, 100, 1), ipv4Address(198, 51, 100, 2), ipv4Address(10, 1, 2, 3)];
const LOCAL6 = [ipv6Address(0xff, 1), ipv6Address(0xff, 2)];
/** Few remote ends, so that several tunnels share one and differ by key, or many, so that tables fill. */
const REMOTES = [4, 60].map((count) => ({
  v4: Array.from({ length: count }, (_, i) => ipv4Address(203, 0, 113, i + 1)),
  v6: Array.from({ length: count }, (_, i) => ipv6Address(0xfe, i + 1)),
}));
type Remotes = (typeof REMOTES)[number];

function randomAllowed(prng: Prng, remotes: Remotes): TunnelSpec['allowedSources'] {
  if (prng.chance(0.6)) return null;
  const list = [...INNER_PREFIX4, ...INNER_PREFIX6].filter(() => prng.chance(0.5));
  if (prng.chance(0.4)) list.push({ address: new Uint8Array(4), length: 0 });
  if (prng.chance(0.4)) list.push({ address: new Uint8Array(16), length: 0 });
  if (prng.chance(0.3)) list.push({ address: prng.pick(remotes.v4), length: 32 });
  return list;
}

function randomTunnel(prng: Prng, index: number, remotes: Remotes): TunnelSpec {
  const isIpv6 = prng.chance(0.35);
  const mtu = randomMtu(prng);
  const local = prng.pick(isIpv6 ? LOCAL6 : LOCAL4);
  return {
    name: `tunnel_${index}`,
    mode: prng.chance(0.15) ? 'plain' : prng.chance(0.3) ? 'gretap' : 'gre',
    local,
    remote: prng.pick(isIpv6 ? remotes.v6 : remotes.v4),
    key: prng.chance(0.5) ? null : prng.pick([0, 1, 42, 0x8000_0000, 0xffff_ffff]),
    checksum: prng.chance(0.25),
    sequence: prng.chance(0.2),
    ttl: prng.pick([1, 64, 64, 255]),
    mtu,
    dscp: prng.chance(0.7) ? null : prng.below(64),
    clampFrom: randomClamp(prng, mtu),
    clampTo: randomClamp(prng, mtu),
    clearDontFragment: prng.chance(0.3),
    allowedSources: randomAllowed(prng, remotes),
    icmpSource4: prng.chance(0.5) ? ipv4Address(10, 100, index, 0) : ipv4Address(192, 0, 0, 8),
    icmpSource6: ipv6Address(0x40, index),
    icmpSourceToOverlay4: ipv4Address(10, 100, index, 1),
  };
}

/** What no two tunnels may have in common. */
function identity(tunnel: TunnelSpec): string {
  if (tunnel.mode === 'plain') return tunnel.name;
  return `${hex(tunnel.local)} ${hex(tunnel.remote)} ${tunnel.key ?? 'none'}`;
}

function randomHops(prng: Prng, tunnels: number, counts: readonly number[]): NextHop[] {
  const hops = new Set(Array.from({ length: prng.pick(counts) }, () => prng.below(tunnels)));
  return [...hops].map((tunnel) => ({ tunnel, weight: prng.pick([1, 1, 64, 100, 256]) }));
}

/** Has some routes go by groups, and chooses what the groups are steered to. */
function steered(
  prng: Prng,
  routes: TablesSpec['routes'],
  tunnels: number,
): Pick<World, 'rows'> & { routes: TablesSpec['routes']; groups: GroupSpec[] } {
  const groups = Array.from({ length: prng.pick([0, 0, 1, 3]) }, (): GroupSpec => {
    const most = prng.pick([1, 4]);
    return { nexthops: randomHops(prng, tunnels, most === 1 ? [0, 1] : [0, 1, 2, 4]), most };
  });
  const rows = Array.from({ length: prng.pick([1, 2, 5]) }, () =>
    groups.map(({ most }) => randomHops(prng, tunnels, most === 1 ? [0, 1] : [0, 1, 2, 4])),
  );
  const withGroups = routes.map((route) => {
    if (groups.length === 0 || prng.chance(0.5)) return route;
    const group = prng.below(groups.length);
    return { ...route, group, nexthops: groups[group]!.nexthops };
  });
  return { rows, groups, routes: withGroups };
}

/** The specification that, without groups, says what a view of a steered one does. */
export function specOfView({ spec, rows }: World, view: number): TablesSpec {
  const routes = spec.routes.map(({ group, ...route }) => ({
    ...route,
    nexthops: group === undefined ? route.nexthops : rows[view]![group]!,
  }));
  const { tunnels, locals, maxNestingDepth } = spec;
  return { tunnels, routes, locals, maxNestingDepth };
}

/** Over which plain next hop a packet comes, and to which next hop it is pinned: mostly neither. */
export function randomWay(
  prng: Prng,
  { tunnels }: TablesSpec,
  isOverlay: boolean,
): Pick<Frame, 'over' | 'pin'> {
  const plain = tunnels.flatMap(({ mode }, i) => (mode === 'plain' ? [i] : []));
  return {
    ...(plain.length > 0 && !isOverlay && prng.chance(0.25) ? { over: prng.pick(plain) } : {}),
    ...(prng.chance(0.03) ? { pin: prng.below(tunnels.length) } : {}),
  };
}

function randomRoutes(prng: Prng, tunnels: number, remotes: Remotes): TablesSpec['routes'] {
  const routes = new Map<string, Prefix>();
  const add = (address: Uint8Array, length: number): void => {
    const nexthops = randomHops(prng, tunnels, [1, 1, 2, 4]);
    const prefix = masked(address, length);
    routes.set(`${hex(prefix)}/${length}`, { address: prefix, length, nexthops });
  };
  for (const prefix of [...INNER_PREFIX4, ...INNER_PREFIX6]) {
    if (prng.chance(0.5)) add(prefix.address, prefix.length);
    if (prng.chance(0.4)) add(within(prng, prefix), prng.between(prefix.length, prefix.address.length * 8));
  }
  if (prng.chance(0.15)) add(new Uint8Array(4), 0);
  if (prng.chance(0.15)) add(new Uint8Array(16), 0);
  if (prng.chance(0.2)) add(prng.pick(LOCAL4), 32);
  if (prng.chance(0.2)) add(prng.pick(remotes.v4), prng.pick([8, 24, 32]));
  if (remotes === REMOTES[1]) {
    for (let i = 0; i < 200; i++) {
      const prefix = prng.pick([...INNER_PREFIX4, ...INNER_PREFIX6]);
      add(within(prng, prefix), prng.between(1, prefix.address.length * 8));
    }
  }
  return [...routes.values()];
}

/** Addresses of our own: inside routes and outside, one with a route for itself, an endpoint of a tunnel. */
function randomLocals(prng: Prng, tunnels: number, routes: TablesSpec['routes']): TablesSpec['locals'] {
  const locals = new Map<string, TablesSpec['locals'][number]>();
  const add = (address: Uint8Array): void => {
    locals.set(hex(address), { address, tunnel: prng.below(tunnels) });
  };
  for (let count = prng.pick([0, 1, 2, 4]); count > 0; count--) {
    add(within(prng, prng.pick([...INNER_PREFIX4, ...INNER_PREFIX6])));
    add(prng.chance(0.5) ? ipv4Address(10, 100, 0, 2 * count) : ipv6Address(0x40, count));
  }
  const host = routes.find(({ address, length }) => length === address.length * 8);
  if (host !== undefined && prng.chance(0.5)) add(host.address);
  if (prng.chance(0.1)) add(prng.pick(prng.chance(0.5) ? LOCAL4 : LOCAL6));
  return [...locals.values()];
}

export function randomWorld(prng: Prng): World {
  const tunnels: TunnelSpec[] = [];
  const taken = new Set<string>();
  const isLarge = prng.chance(0.1);
  const remotes = REMOTES[isLarge ? 1 : 0]!;
  const wanted = isLarge ? 200 : prng.pick([1, 2, 5, 12, 24]);
  for (let i = 0; i < wanted * 2 && tunnels.length < wanted; i++) {
    const tunnel = randomTunnel(prng, tunnels.length, remotes);
    if (taken.has(identity(tunnel))) continue;
    taken.add(identity(tunnel));
    tunnels.push(tunnel);
  }
  const { routes, groups, rows } = steered(prng, randomRoutes(prng, tunnels.length, remotes), tunnels.length);
  const locals = randomLocals(prng, tunnels.length, routes);
  const maxNestingDepth = prng.pick([1, 1, 1, 2, 3, 8]);
  const spec = { tunnels, routes, locals, maxNestingDepth, groups, views: rows.length };
  const pool = (prefixes: readonly { address: Uint8Array; length: number }[]): Uint8Array[] =>
    prefixes.flatMap((prefix) => [1, 2, 3].map(() => within(prng, prefix)));
  const local = (size: number): Uint8Array[] =>
    locals.map(({ address }) => address).filter((address) => address.length === size);
  const routed = (size: number): Uint8Array[] =>
    pool(routes.filter((route) => route.address.length === size && route.length > 0));
  return {
    spec,
    rows,
    inner4: [
      ...pool(INNER_PREFIX4),
      ...routed(4),
      ...local(4),
      ...SPECIAL4,
      ...LOCAL4.slice(0, 1),
      prng.bytes(4),
    ],
    inner6: [
      ...pool(INNER_PREFIX6),
      ...routed(16),
      ...local(16),
      ...SPECIAL6,
      ...LOCAL6.slice(0, 1),
      prng.bytes(16),
    ],
  };
}
