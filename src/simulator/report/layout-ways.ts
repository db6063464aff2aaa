/** How tunnels and circuits lead from the edge to the routers: by way of providers, and with few crossings. */
import type { Topology } from '../run/results.js';
import { MARGIN, round, type Named, type Point } from './geometry.js';
import type { Site } from './layout-sites.js';

export interface Way {
  readonly name: string;
  readonly from: Point;
  readonly via: Point | null;
  readonly to: Point;
  readonly label: Point;
}

/** More are left out. */
const MOST_WAYS = 24;

export interface Wanted {
  readonly name: string;
  readonly router: string;
  readonly provider: string | null;
  readonly kind: 'tunnel' | 'circuit';
}

/** Circuits, then tunnels, of the sites that are drawn. */
export function waysOf({ links, tunnels }: Topology, sites: readonly Site[]): Wanted[] {
  const routers = new Set(sites.flatMap((site) => site.routers));
  const circuits = links.filter(({ kind }) => kind === 'circuit');
  const all: Wanted[] = [
    ...circuits.map(({ name, a }) => ({
      ...{ name, router: a, provider: null, kind: 'circuit' as const },
    })),
    ...tunnels.map(({ name, router, uplink }) => ({
      ...{ name, router: router ?? '', kind: 'tunnel' as const },
      provider: links.find((link) => link.kind === 'uplink' && link.name === uplink)?.b ?? null,
    })),
  ];
  return all.filter(({ router }) => routers.has(router)).slice(0, MOST_WAYS);
}

interface Around {
  readonly edgeBottom: number;
  readonly inner: number;
  readonly labelRows: number;
  readonly providers: readonly Named[];
  readonly routers: ReadonlyMap<string, Named>;
}

/** Ways leave the edge in the order of the routers and providers that they lead to, so that few cross. */
export function placeWays(
  ways: readonly Wanted[],
  { edgeBottom, inner, labelRows, providers, routers }: Around,
): { readonly tunnels: Way[]; readonly circuits: Way[] } {
  const aim = ({ router, provider }: Wanted): number => {
    const box = routers.get(router)!;
    return (providers.find(({ name }) => name === provider)?.x ?? box.x) * 1e6 + box.x;
  };
  const order = ways.toSorted((a, b) => aim(a) - aim(b));
  const share = (list: readonly Wanted[], one: Wanted): number =>
    (list.indexOf(one) + 1) / (list.length + 1) - 0.5;
  const placed = order.map((way, i) => {
    const router = routers.get(way.router)!;
    const provider = providers.find(({ name }) => name === way.provider);
    const x = round(MARGIN + (inner / order.length) * (i + 0.5));
    const toRouter = order.filter((other) => other.router === way.router);
    const aside = order.filter((other) => other.provider === null);
    const toProvider = order.filter((other) => other.provider === way.provider);
    return {
      ...{ name: way.name, kind: way.kind },
      from: { x, y: edgeBottom },
      via:
        provider === undefined
          ? beside(providers, router, share(aside, way))
          : {
              x: round(provider.x + provider.width / 2 + share(toProvider, way) * provider.width),
              y: provider.y + provider.height / 2,
            },
      to: {
        x: round(router.x + router.width / 2 + share(toRouter, way) * router.width),
        y: router.y,
      },
      label: { x, y: edgeBottom + 18 + (i % labelRows) * 16 },
    };
  });
  return {
    tunnels: placed.filter(({ kind }) => kind === 'tunnel'),
    circuits: placed.filter(({ kind }) => kind === 'circuit'),
  };
}

/** Where a way passes by the providers, as it goes through none; null: there are none. */
function beside(providers: readonly Named[], router: Named, share: number): Point | null {
  const middle = router.x + router.width / 2;
  const gaps = providers
    .flatMap(({ x, y, width, height }) => [x - 34, x + width + 34].map((x) => ({ x, y: y + height / 2 })))
    .sort((a, b) => Math.abs(b.x - middle) - Math.abs(a.x - middle));
  const nearest = gaps.at(-1);
  return nearest === undefined ? null : { x: round(nearest.x + share * 40), y: nearest.y };
}

export function uplinks(
  { links }: Topology,
  providers: readonly Named[],
  routers: ReadonlyMap<string, Named>,
): [Point, Point][] {
  return links.flatMap(({ kind, a, b }): [Point, Point][] => {
    const router = routers.get(a);
    const provider = providers.find(({ name }) => name === b);
    if (kind !== 'uplink' || router === undefined || provider === undefined) return [];
    return [
      [
        { x: round(provider.x + provider.width / 2), y: provider.y + provider.height },
        { x: round(router.x + router.width / 2), y: router.y },
      ],
    ];
  });
}
