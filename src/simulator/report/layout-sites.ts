/** Where the customer's sites stand, with their routers and hosts. */
import type { Topology } from '../run/results.js';
import { MARGIN, NODE, round, row, sum, type Box, type Named, type Point } from './geometry.js';

export interface SiteBox {
  readonly box: Box;
  readonly name: string;
  readonly detail: string;
  readonly routers: readonly Named[];
  readonly hosts: readonly Named[];
  readonly wires: readonly (readonly [Point, Point])[];
}

export type Site = Topology['sites'][number];

const MOST_SITES = 6;
const MOST_HOSTS = 4;
/** Has place for the name and a prefix. */
const LEAST_WIDTH = 190;

/** Those that are drawn, in their order: when there are too many, those that something happened to come first. */
export function chosenSites(topology: Topology, changed: ReadonlySet<string>): Site[] {
  const { sites, tunnels, links } = topology;
  if (sites.length <= MOST_SITES) return [...sites];
  const routers = new Set([
    ...tunnels.filter(({ name }) => changed.has(name)).map(({ router }) => router),
    ...links.filter(({ kind, name }) => kind === 'circuit' && changed.has(name)).map(({ a }) => a),
  ]);
  const isHit = (site: Site): boolean => site.routers.some((router) => routers.has(router));
  const some = new Set([...sites.filter(isHit), ...sites].slice(0, MOST_SITES));
  return sites.filter((site) => some.has(site)).slice(0, MOST_SITES);
}

export function widthOf({ routers, hosts }: Site): number {
  const most = Math.max(routers.length, Math.min(hosts.length, MOST_HOSTS));
  return Math.max(LEAST_WIDTH, row(most, NODE) + 40);
}

export function placeSites(
  sites: readonly Site[],
  widths: readonly number[],
  inner: number,
  y: number,
): SiteBox[] {
  const free = inner - sum(widths);
  const gap = free / (sites.length + 1);
  let x = MARGIN;
  return sites.map((site, i) => {
    x += gap;
    const width = widths[i]!;
    const box = { x: round(x), y, width, height: site.hosts.length > 0 ? 162 : 92 };
    const lineOf = (names: readonly string[], top: number): Named[] =>
      names.map((name, j) => ({
        x: round(box.x + (width / names.length) * (j + 0.5) - NODE.width / 2),
        ...{ y: top, width: NODE.width, height: top === y + 14 ? NODE.height : 30, name, detail: '' },
      }));
    const some = site.hosts.slice(0, MOST_HOSTS);
    const left = site.hosts.length - some.length;
    const shown = left === 0 ? some : [...some.slice(0, -1), `${left + 1} more hosts`];
    const routers = lineOf(site.routers, y + 14);
    const hosts = lineOf(shown, y + 100);
    x += width;
    return {
      ...{ box, name: site.name, detail: site.prefixes.join(', '), routers, hosts },
      wires: routers.flatMap((router) =>
        hosts.map((host): [Point, Point] => [
          { x: router.x + router.width / 2, y: router.y + router.height },
          { x: host.x + host.width / 2, y: host.y },
        ]),
      ),
    };
  });
}
