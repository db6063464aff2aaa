/** Hosts and a customer's site for tests: two hosts with a link each way, and a site behind the edge of lab.ts. */
import type { TunnelConfig } from '../../../src/config/config.js';
import type { NetworkConfig } from '../../../src/config/network.js';
import { EMPTY_NETWORK } from '../../../src/network/change/network-state.js';
import type { CountingRecorder } from '../../../src/simulator/core/recorder.js';
import { MILLISECOND } from '../../../src/network/time.js';
import type { World } from '../../../src/simulator/core/world.js';
import { Link } from '../../../src/simulator/link/link.js';
import type { CustomerRouter } from '../../../src/simulator/node/customer-router.js';
import type { EdgeNetwork } from '../../../src/simulator/node/edge-network.js';
import { Host, type HostOptions } from '../../../src/simulator/node/host.js';
import { Internet } from '../../../src/simulator/node/internet.js';
import { buildSite, type Site } from '../../../src/simulator/node/site.js';
import type { PathSpec, RouterSpec, SiteSpec } from '../../../src/simulator/scenario/scenario.js';
import { tunnelConfig as exampleTunnel } from '../../network/example-network.js';
import { ANYCAST, BERLIN, CUSTOMER, edgeSpec, NEW_YORK, newWorld, path, PREFIX, tablesSpec } from './lab.js';
import { EdgeNetwork as Edge } from '../../../src/simulator/node/edge-network.js';
import type { TunnelSpec } from '../../../src/dataplane/tables.js';

export const WEB = '192.0.2.10';
export const CLIENT = '8.8.8.8';

export function hostOptions(
  name: string,
  addresses: readonly string[],
  more: Partial<HostOptions> = {},
): HostOptions {
  return {
    ...{ name, addresses, mtu: 1500, mss: null, path_mtu_discovery: true },
    listens: [
      { protocol: 'tcp', port: 443 },
      { protocol: 'udp', port: 5060 },
    ],
    ...more,
  };
}

export interface Pair {
  readonly world: World;
  readonly recorder: CountingRecorder;
  readonly a: Host;
  readonly b: Host;
  readonly there: Link;
  readonly back: Link;
  readonly hosts: ReadonlyMap<string, Host>;
}

export interface PairOptions {
  readonly there?: Partial<PathSpec>;
  readonly back?: Partial<PathSpec>;
  readonly a?: Partial<HostOptions>;
  readonly b?: Partial<HostOptions>;
  readonly seed?: number;
}

/** Host `a` (198.18.0.1, 2001:db8::1) and `b` (198.18.0.2, 2001:db8::2). */
export function hostPair({ there, back, a: aOptions, b: bOptions, seed = 1 }: PairOptions = {}): Pair {
  const { world, recorder } = newWorld(seed);
  const a = new Host(world, hostOptions('a', ['198.18.0.1', '2001:db8::1'], aOptions));
  const b = new Host(world, hostOptions('b', ['198.18.0.2', '2001:db8::2'], bOptions));
  const delay = 5 * MILLISECOND;
  const linkThere = new Link(
    world,
    'there',
    path({ delay, ...there }),
    { node: a, port: 0 },
    { node: b, port: 0 },
  );
  const linkBack = new Link(
    world,
    'back',
    path({ delay, ...back }),
    { node: b, port: 0 },
    { node: a, port: 0 },
  );
  a.connect(linkThere);
  b.connect(linkBack);
  const hosts = new Map([a, b].map((host) => [host.name, host]));
  return { world, recorder, a, b, there: linkThere, back: linkBack, hosts };
}

/** That of the customer's router, by the addresses of the lab. */
export function tunnelConfig(name: string, more: Partial<TunnelConfig> = {}): TunnelConfig {
  return exampleTunnel(name, 4, {
    cloudflare_gre_endpoint: ANYCAST,
    customer_gre_endpoint: CUSTOMER,
    ...more,
  });
}

export function networkConfig(more: Partial<NetworkConfig> = {}): NetworkConfig {
  return {
    ...EMPTY_NETWORK,
    tunnels: [tunnelConfig('acme_1')],
    ...more,
  };
}

export function routerSpec(more: Partial<RouterSpec> = {}): RouterSpec {
  return {
    name: 'r1',
    uplinks: [{ name: 'r1.isp', provider: 'isp', address: CUSTOMER, down: path(), up: path() }],
    circuits: [],
    tunnels: ['acme_1'],
    tunnel_mtu: null,
    mss_clamp: { uplink: null, tunnel: null },
    egress: 'isp',
    tunnel_egress: 'ecmp',
    site_tunnels: [],
    firewall: 'none',
    icmp: 'send',
    bgp: [],
    prefixes: [PREFIX],
    ...more,
  };
}

export function siteSpec(more: Partial<SiteSpec> = {}): SiteSpec {
  return {
    name: 'acme',
    location: BERLIN,
    routers: [routerSpec()],
    hosts: [{ ...hostOptions('web', [WEB]), location: BERLIN }],
    lan: path(),
    ...more,
  };
}

export interface SiteLab {
  readonly world: World;
  readonly recorder: CountingRecorder;
  readonly edge: EdgeNetwork;
  readonly site: Site;
  readonly router: CustomerRouter;
  readonly client: Host;
  readonly web: Host;
  readonly hosts: ReadonlyMap<string, Host>;
  /** Of the first uplink. */
  readonly down: Link;
  readonly up: Link;
}

export interface SiteLabOptions {
  readonly site?: Partial<SiteSpec>;
  readonly network?: Partial<NetworkConfig>;
  readonly client?: Partial<HostOptions>;
  /** The edge's side of its one tunnel. */
  readonly tunnel?: Partial<TunnelSpec>;
  /** Paths of the first uplink. */
  readonly down?: Partial<PathSpec>;
  readonly up?: Partial<PathSpec>;
}

/** A client in New York, the edge, and a site in Berlin with its routers on the Internet. */
export function siteLab(options: SiteLabOptions = {}): SiteLab {
  const { world, recorder } = newWorld();
  const internet = new Internet(world);
  const tables = tablesSpec();
  const edge = new Edge(world, internet, {
    spec: edgeSpec({ spread_too_big: true }),
    tables: {
      ...tables,
      tunnels: tables.tunnels.map((one, i) => (i === 0 ? { ...one, ...options.tunnel } : one)),
    },
  });
  edge.announce(PREFIX);
  const client = new Host(world, hostOptions('client', [CLIENT], options.client));
  const atClient = internet.attach('client', NEW_YORK, client, 0);
  internet.announce('8.8.8.0/24', atClient);
  client.connect(atClient);

  const spec = siteSpec(options.site);
  const site = buildSite(world, spec, networkConfig(options.network));
  const links: Link[] = [];
  spec.routers.forEach(({ uplinks }, r) => {
    const router = site.routers[r]!;
    for (const { name, address, down, up } of uplinks) {
      const port = router.port(name);
      const place = internet.attach(name, BERLIN, router, port);
      const from = { node: router, port };
      const first = links.length === 0;
      const upPath = first ? { ...up, ...options.up } : up;
      const downPath = first ? { ...down, ...options.down } : down;
      const upLink = new Link(world, `${name}.up`, upPath, from, { node: place, port: 0 });
      const downLink = new Link(world, `${name}.down`, downPath, { node: place, port: 0 }, from);
      place.to = { node: downLink, port: 0 };
      router.connect(port, upLink);
      internet.announce(`${address}/32`, place);
      links.push(downLink, upLink);
    }
  });
  const web = site.hosts[0]!;
  const hosts = new Map([client, ...site.hosts].map((host) => [host.name, host]));
  // A site without routers has no uplinks either.
  const first = { router: site.routers[0]!, web, down: links[0]!, up: links[1]! };
  return { world, recorder, edge, site, client, hosts, ...first };
}
