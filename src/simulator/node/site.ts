/** A customer's site: its LAN, hosts and routers, out of a scenario. */
import { parseAddress } from '../../config/address.js';
import type { NetworkConfig } from '../../config/network.js';
import type { World } from '../core/world.js';
import { Link } from '../link/link.js';
import type { SiteSpec } from '../scenario/scenario.js';
import type { CustomerRouter } from './customer-router.js';
import type { Service } from './firewall.js';
import { Host } from './host.js';
import { Lan } from './lan.js';
import { buildRouter } from './router-plan.js';

export interface Site {
  readonly name: string;
  readonly lan: Lan;
  readonly hosts: readonly Host[];
  /** Their uplinks and circuits are to be connected: `router.connect(router.port(name), outlet)`. */
  readonly routers: readonly CustomerRouter[];
  /** Between hosts and LAN: `HOST.up` and `HOST.down` for each. */
  readonly links: readonly Link[];
}

export function buildSite(world: World, spec: SiteSpec, network: NetworkConfig): Site {
  const lan = new Lan(world, spec.name);
  const links: Link[] = [];
  const hosts = spec.hosts.map((hostSpec) => {
    const host = new Host(world, hostSpec);
    const up = new Link(world, `${host.name}.up`, spec.lan, { node: host, port: 0 }, { node: lan, port: 0 });
    const down = new Link(
      world,
      `${host.name}.down`,
      spec.lan,
      { node: lan, port: 0 },
      { node: host, port: 0 },
    );
    host.connect(up);
    lan.addHost(host, down);
    links.push(up, down);
    return host;
  });
  const surroundings = { lanMtu: spec.lan.mtu, services: servicesOf(spec) };
  const routers = spec.routers.map((routerSpec) => buildRouter(world, routerSpec, network, surroundings));
  for (const router of routers) lan.addRouter(router);
  return { name: spec.name, lan, hosts, routers, links };
}

/** What the hosts listen to, which a firewall in front of them lets in. */
function servicesOf(spec: SiteSpec): Service[] {
  return spec.hosts.flatMap(({ addresses, listens }) =>
    addresses.flatMap((text) => {
      const address = parseAddress(text);
      if (address === null) throw new RangeError(`not an address: ${text}`);
      return listens.map(({ protocol, port }) => ({ address: address.bytes, protocol, port }));
    }),
  );
}
