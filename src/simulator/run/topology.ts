/** The topology of a scenario for a drawing. */
import { SECOND } from '../../network/time.js';
import type { PathSpec, Scenario } from '../scenario/scenario.js';
import type { Topology } from './results.js';

export function topologyOf({ edge, providers, sites, hosts, network }: Scenario): Topology {
  const routers = sites.flatMap((site) => site.routers.map((router) => ({ router, site })));
  return {
    pops: edge.pops.map(({ name, region, location, servers }) => ({ name, region, location, servers })),
    providers: providers.map(({ name, location }) => ({ name, location })),
    sites: sites.map((site) => ({
      name: site.name,
      location: site.location,
      prefixes: [...new Set(site.routers.flatMap(({ prefixes }) => prefixes))],
      routers: site.routers.map(({ name }) => name),
      hosts: site.hosts.map(({ name }) => name),
    })),
    hosts: hosts.map(({ name, location, addresses }) => ({ name, location, addresses })),
    tunnels: network.tunnels.map((tunnel) => ({
      name: tunnel.name,
      edge: tunnel.cloudflare_gre_endpoint,
      customer: tunnel.customer_gre_endpoint,
      router: routers.find(({ router }) => router.tunnels.includes(tunnel.name))?.router.name ?? null,
      uplink:
        routers
          .flatMap(({ router }) => router.uplinks)
          .find(({ address }) => address === tunnel.customer_gre_endpoint)?.name ?? null,
      interconnect: tunnel.interconnect,
      mtu: tunnel.mtu,
    })),
    links: [
      ...routers.flatMap(({ router }) => [
        ...router.uplinks.map(({ name, provider, down }) => ({
          ...{ name, kind: 'uplink' as const, a: router.name, b: provider },
          ...path(down),
        })),
        ...router.circuits.map((circuit) => ({
          ...{ name: circuit.interconnect, kind: 'circuit' as const, a: router.name },
          b: network.interconnects.find(({ name }) => name === circuit.interconnect)?.colo ?? '',
          ...path(circuit.path),
        })),
      ]),
      ...sites.flatMap((site) =>
        site.hosts.map(({ name }) => ({
          name,
          kind: 'lan' as const,
          a: name,
          b: site.name,
          ...path(site.lan),
        })),
      ),
    ],
  };
}

function path({ mtu, rate, delay }: PathSpec): { mtu: number; rate: number | null; delay: number } {
  return { mtu, rate, delay: delay / SECOND };
}
