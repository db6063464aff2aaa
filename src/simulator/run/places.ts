/** What is at the ends of the network: sites with their routers and uplinks, hosts on the Internet. */
import type { NetworkConfig } from '../../config/network.js';
import type { Node } from '../core/node.js';
import type { World } from '../core/world.js';
import { Link } from '../link/link.js';
import type { LinkCapture } from '../link/link-capture.js';
import type { CustomerRouter } from '../node/customer-router.js';
import { Host } from '../node/host.js';
import type { Attachment, Internet } from '../node/internet.js';
import { buildSite } from '../node/site.js';
import type { Coordinates, HostSpec, RouterSpec, Scenario, UplinkSpec } from '../scenario/scenario.js';
import { Tap } from './tap.js';

/** Something that packets go over and that can be captured. */
export interface Capturable {
  readonly name: string;
  capture: LinkCapture | null;
}

export interface PlacedRouter {
  readonly spec: RouterSpec;
  readonly router: CustomerRouter;
}

export interface Uplink {
  readonly spec: UplinkSpec;
  readonly router: string;
  readonly up: Link;
  readonly down: Link;
}

export interface Places {
  /** All hosts by name. */
  readonly hosts: ReadonlyMap<string, Host>;
  readonly routers: ReadonlyMap<string, PlacedRouter>;
  readonly uplinks: ReadonlyMap<string, Uplink>;
  readonly links: readonly Capturable[];
}

/** @param network with all tunnels and interconnects that there may ever be */
export function buildPlaces(
  world: World,
  internet: Internet,
  scenario: Scenario,
  network: NetworkConfig,
): Places {
  const hosts = new Map<string, Host>();
  const routers = new Map<string, PlacedRouter>();
  const uplinks = new Map<string, Uplink>();
  const links: Capturable[] = [];
  const locations = new Map(scenario.providers.map(({ name, location }) => [name, location]));
  for (const spec of scenario.sites) {
    const site = buildSite(world, spec, network);
    for (const host of site.hosts) hosts.set(host.name, host);
    links.push(...site.links);
    site.routers.forEach((router, i) => {
      const routerSpec = spec.routers[i]!;
      routers.set(router.name, { spec: routerSpec, router });
      for (const uplink of routerSpec.uplinks) {
        const location = locations.get(uplink.provider) ?? spec.location;
        const built = connectUplink(world, internet, router, uplink, location);
        uplinks.set(uplink.name, built);
        links.push(built.down, built.up);
      }
    });
  }
  for (const spec of scenario.hosts) {
    const host = new Host(world, spec);
    hosts.set(host.name, host);
    links.push(...connectHost(world, internet, host, spec));
  }
  return { hosts, routers, uplinks, links };
}

const NOWHERE: Node = {
  name: 'nowhere',
  receive() {
    throw new Error('a place on the Internet is used before it is connected');
  },
};

function connectUplink(
  world: World,
  internet: Internet,
  router: CustomerRouter,
  spec: UplinkSpec,
  location: Coordinates,
): Uplink {
  const port = router.port(spec.name);
  const attachment = internet.attach(spec.name, location, NOWHERE, 0);
  const end = { node: attachment, port: 0 };
  const down = new Link(world, `${spec.name}.down`, spec.down, end, { node: router, port });
  const up = new Link(world, `${spec.name}.up`, spec.up, { node: router, port }, end);
  attachment.to = { node: down, port: 0 };
  router.connect(port, up);
  announce(internet, attachment, [spec.address]);
  return { spec, router: router.name, up, down };
}

function connectHost(world: World, internet: Internet, host: Host, spec: HostSpec): Capturable[] {
  const down = new Tap(world, `${host.name}.down`, host);
  const attachment = internet.attach(host.name, spec.location, down, 0);
  const up = new Tap(world, `${host.name}.up`, attachment);
  host.connect(up);
  announce(internet, attachment, spec.addresses);
  return [down, up];
}

function announce(internet: Internet, at: Attachment, addresses: readonly string[]): void {
  for (const address of addresses) internet.announce(`${address}/${address.includes(':') ? 128 : 32}`, at);
}
