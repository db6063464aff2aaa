/**
 * Where the parts of a drawing stand, in pixels. Rows from the top down; each row is as wide as the widest. What
 * is too much for a drawing is counted instead of drawn.
 */
import type { Topology } from '../run/results.js';
import { down, MARGIN, NODE, row, spread, sum, type Box, type Named, type Point } from './geometry.js';
import { edgeNames, placeRegions, type RegionBox } from './layout-edge.js';
import { chosenSites, placeSites, widthOf, type Site, type SiteBox } from './layout-sites.js';
import { placeWays, uplinks, waysOf, type Way } from './layout-ways.js';
import { count, counted } from './words.js';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** A bar with an arm at its right, down to the providers. */
  readonly internet: Box & { readonly right: number; readonly bottom: number };
  readonly hosts: readonly Named[];
  readonly edge: Named;
  readonly regions: readonly RegionBox[];
  readonly providers: readonly Named[];
  readonly sites: readonly SiteBox[];
  /** From the Internet's side down. */
  readonly wires: readonly (readonly [Point, Point])[];
  readonly tunnels: readonly Way[];
  readonly circuits: readonly Way[];
  /** What there is no place for, in words: `6 of 1,000 sites`. */
  readonly cut: readonly string[];
}

const MOST_HOSTS = 9;
const MOST_PROVIDERS = 8;
const LEAST_WIDTH = 960;
const BAR = 34;
const BAR_GAP = 26;

/** @param changed next hops that something happened to, whose sites are drawn rather than others */
export function layout(topology: Topology, changed: ReadonlySet<string>): Picture {
  const hosts = hostNames(topology.hosts);
  const sites = chosenSites(topology, changed);
  const used = usedProviders(topology, sites);
  const siteWidths = sites.map(widthOf);
  const width = Math.max(
    LEAST_WIDTH,
    row(hosts.length, NODE) + 2 * MARGIN,
    sum(siteWidths) + NODE.gap * (siteWidths.length - 1) + BAR + 3 * MARGIN,
    row(used.length, NODE) + BAR + 4 * MARGIN,
  );
  const inner = width - BAR - 3 * MARGIN;
  const hostY = 8;
  const netY = hosts.length === 0 ? 8 : hostY + NODE.height + BAR_GAP;
  const edgeY = netY + BAR + BAR_GAP;
  const regions = placeRegions(topology, inner - 2 * NODE.gap, edgeY + 26);
  const edgeBottom = Math.max(...regions.map(({ box }) => box.y + box.height), edgeY) + 12;
  const edge = { x: MARGIN, y: edgeY, width: inner, height: edgeBottom - edgeY, ...edgeNames(topology) };
  const ways = waysOf(topology, sites);
  const labelRows = Math.min(4, Math.max(1, Math.ceil((ways.length * 130) / inner)));
  const providerY = edgeBottom + 26 + labelRows * 17;
  const hasProviders = used.length > 0;
  const siteY = hasProviders ? providerY + NODE.height + 44 : providerY + 24;
  const providers = spread(used, inner, NODE).map((box, i) => ({
    ...box,
    ...{ y: providerY, name: used[i]!.name, detail: 'provider' },
  }));
  const boxes = placeSites(sites, siteWidths, inner, siteY);
  const routers = new Map(boxes.flatMap((site) => site.routers.map((router) => [router.name, router])));
  const placed = placeWays(ways, { edgeBottom, inner, labelRows, providers, routers });
  const bottom = hasProviders ? providerY + NODE.height : netY + BAR;
  const arm = width - MARGIN - BAR;
  return {
    width,
    height: Math.max(...boxes.map(({ box }) => box.y + box.height), bottom) + 12,
    internet: { x: MARGIN, y: netY, width: arm - MARGIN, height: BAR, right: width - MARGIN, bottom },
    hosts: spread(hosts, width - 2 * MARGIN, NODE).map((box, i) => ({ ...box, y: hostY, ...hosts[i]! })),
    ...{ edge, regions, providers, sites: boxes },
    wires: [
      ...hosts.map((_, i) => down(spread(hosts, width - 2 * MARGIN, NODE)[i]!, hostY + NODE.height, netY)),
      down(edge, netY + BAR, edgeY),
      ...providers.map((box): [Point, Point] => [
        { x: box.x + box.width, y: box.y + 12 },
        { x: arm, y: box.y + 12 },
      ]),
      ...uplinks(topology, providers, routers),
    ],
    ...placed,
    cut: [
      some(sites.length, topology.sites.length, 'site'),
      some(used.length, topology.providers.length, 'provider'),
      some(placed.tunnels.length, topology.tunnels.length, 'tunnel'),
      some(placed.circuits.length, topology.links.filter(({ kind }) => kind === 'circuit').length, 'circuit'),
    ].filter((text) => text !== ''),
  };
}

function some(drawn: number, all: number, noun: string): string {
  return drawn === all ? '' : `${count(drawn)} of ${counted(all, noun)}`;
}

/** When there are many, those that the sites have uplinks to. */
function usedProviders({ providers, links }: Topology, sites: readonly Site[]): Topology['providers'] {
  if (providers.length <= MOST_PROVIDERS) return providers;
  const routers = new Set(sites.flatMap((site) => site.routers));
  const used = new Set(links.filter(({ kind, a }) => kind === 'uplink' && routers.has(a)).map(({ b }) => b));
  return providers.filter(({ name }) => used.has(name)).slice(0, MOST_PROVIDERS);
}

/** With addresses; of too many the last one tells how many more there are. */
function hostNames(list: Topology['hosts']): { readonly name: string; readonly detail: string }[] {
  const all = list.map(({ name, addresses }) => ({
    name,
    detail: addresses.length === 1 ? addresses[0]! : `${count(addresses.length)} addresses`,
  }));
  if (all.length <= MOST_HOSTS) return all;
  const rest = all.length - MOST_HOSTS + 1;
  return [...all.slice(0, MOST_HOSTS - 1), { name: `${count(rest)} more hosts`, detail: '' }];
}
