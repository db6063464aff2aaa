/** What an event happens to, by name: `acme_1`, `r1.isp`, `fra/1`, `cni_1/2`. */
import type { NetworkConfig } from '../../config/network.js';
import type { Kind, Names } from './names.js';
import type { EdgeSpec, FailureKind, SiteSpec } from './scenario.js';

export interface Targets {
  readonly names: Names;
  readonly edge: EdgeSpec;
  readonly sites: readonly SiteSpec[];
  readonly network: NetworkConfig;
}

const KINDS: { readonly [K in Kind]: FailureKind | null } = {
  tunnel: 'tunnel',
  interconnect: 'circuit',
  pop: 'pop',
  provider: 'provider',
  router: 'router',
  host: null,
};

/** @returns `most`: the number behind the slash is not from 1 to that; null: there is no such name */
export function findTarget(
  text: string,
  { names, edge, sites, network }: Targets,
): { readonly kind: FailureKind; readonly target: string } | { readonly most: number } | null {
  const [name = '', digits] = text.split('/');
  if (digits === undefined) {
    const uplinks = sites.flatMap(({ routers }) => routers.flatMap((router) => router.uplinks));
    if (uplinks.some((uplink) => uplink.name === text)) return { kind: 'uplink', target: text };
    const kind = names.kindOf(text);
    const failure = kind === null ? null : KINDS[kind];
    return failure === null ? null : { kind: failure, target: names.canonical(text) };
  }
  const canonical = names.canonical(name);
  const pop = edge.pops.find((one) => one.name === canonical);
  const interconnect = network.interconnects.find((one) => one.name === canonical);
  const most = pop?.servers ?? interconnect?.links;
  if (most === undefined) return null;
  const number = /^\d+$/.test(digits) ? Number(digits) : 0;
  if (number < 1 || number > most) return { most };
  return { kind: pop === undefined ? 'link' : 'server', target: `${canonical}/${number}` };
}

/** All targets of some kinds; of servers and links only the first, for messages. */
export function targetNames(
  kinds: readonly FailureKind[],
  { names, edge, sites, network }: Targets,
): string[] {
  const of = (kind: FailureKind, list: () => readonly string[]): readonly string[] =>
    kinds.includes(kind) ? list() : [];
  return [
    ...of('tunnel', () => names.of('tunnel')),
    ...of('circuit', () => names.of('interconnect')),
    ...of('uplink', () =>
      sites.flatMap(({ routers }) => routers.flatMap((r) => r.uplinks.map(({ name }) => name))),
    ),
    ...of('router', () => names.of('router')),
    ...of('provider', () => names.of('provider')),
    ...of('pop', () => names.of('pop')),
    ...of('server', () => edge.pops.map(({ name }) => `${name}/1`)),
    ...of('link', () => network.interconnects.map(({ name }) => `${name}/1`)),
  ];
}
