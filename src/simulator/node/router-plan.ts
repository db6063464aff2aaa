/** Builds a customer's router out of a scenario. */
import {
  parseAddress,
  parseAddressWithLength,
  peerOf,
  type AddressWithLength,
} from '../../config/address.js';
import type { TunnelConfig } from '../../config/config.js';
import type { InterconnectConfig, NetworkConfig } from '../../config/network.js';
import type { MssPair } from '../../network/mss.js';
import type { World } from '../core/world.js';
import type { RouterSpec, SiteTunnelSpec } from '../scenario/scenario.js';
import { CustomerRouter } from './customer-router.js';
import { Egress } from './egress.js';
import { Firewall, type Service } from './firewall.js';
import { ETHERNET_MTU, NO_ADDRESSES, RouterPort, type InterfaceAddresses } from './router-interface.js';
import { RouterRoutes } from './router-routes.js';
import { customerSide, RouterTunnel, type RouterTunnelSpec, type Underlay } from './router-tunnel.js';

export interface RouterSurroundings {
  /** Bytes of the largest IP packet on the LAN. */
  readonly lanMtu: number;
  /** What a stateful firewall lets anybody begin to talk to. */
  readonly services: readonly Service[];
}

const LAN = 'lan';
/** IPv6 headers are 20 bytes longer than those of IPv4: so much less is left of the same packet. */
const LONGER_HEADER = 20;

/** The number of its LAN port; others by `router.port(name)`. */
export const LAN_PORT = 0;

export function buildRouter(
  world: World,
  spec: RouterSpec,
  network: NetworkConfig,
  { lanMtu, services }: RouterSurroundings,
): CustomerRouter {
  const lan = new RouterPort(LAN, 'lan', lanMtu, NO_ADDRESSES, null);
  const uplinks = spec.uplinks.map(
    ({ name, address, up }) =>
      new RouterPort(
        name,
        'uplink',
        Math.max(ETHERNET_MTU, up.mtu),
        only(address),
        pairOf(spec.mss_clamp.uplink),
      ),
  );
  const routes = new RouterRoutes();
  const circuits = spec.circuits.map(({ interconnect }) =>
    circuitPort(find(network.interconnects, interconnect)),
  );
  circuits.forEach(({ port, peer }) => {
    routes.addNeighbour(peer, port);
  });
  const prefixes = spec.prefixes.map(prefixOf);
  for (const { bytes, length } of prefixes) routes.addPrefix(bytes, length, lan);

  const egress = new Egress({
    uplinks,
    circuits: circuits.filter(({ isPlain }) => isPlain).map(({ port }) => port),
    tunneled:
      spec.egress === 'tunnel' ? prefixes.map(({ bytes, length }) => ({ address: bytes, length })) : [],
    choice: spec.tunnel_egress,
  });
  const ports = [lan, ...uplinks, ...circuits.map(({ port }) => port)];
  const router = new CustomerRouter(world, {
    ...{ name: spec.name, ports, routes, egress, icmp: spec.icmp },
    firewall: spec.firewall === 'stateful' ? new Firewall(services) : null,
  });
  updateTunnels(world, router, spec, network);
  for (const { name, prefixes: behind } of spec.site_tunnels) {
    const tunnel = router.tunnel(name);
    if (tunnel === null) continue;
    for (const { bytes, length } of behind.map(prefixOf)) routes.addPrefix(bytes, length, tunnel);
  }
  return router;
}

/**
 * Gives the router its side of the tunnels as the network has them now: at the beginning, and after a change of
 * the network. A tunnel that is broken stays so.
 */
export function updateTunnels(
  world: World,
  router: CustomerRouter,
  spec: RouterSpec,
  network: NetworkConfig,
): void {
  const clamp = pairOf(spec.mss_clamp.tunnel);
  const edge = network.tunnels
    .filter(({ customer_gre_endpoint }) => isOwn(addressOf(customer_gre_endpoint), router.ports))
    .map((config) => {
      const way = underlay(portOf(config, router.ports), router);
      return new RouterTunnel(world, router.node, customerSide(config, spec.tunnel_mtu), clamp, way);
    });
  const sites = spec.site_tunnels.map(
    (site) =>
      router.tunnel(site.name) ??
      new RouterTunnel(world, router.node, siteSide(site), clamp, underlay(null, router)),
  );
  router.setTunnels(edge, sites);
}

function isOwn(address: Uint8Array, ports: readonly RouterPort[]): boolean {
  return ports.some(({ addresses: { v4, v6 } }) => [v4, v6].some((own) => own?.join() === address.join()));
}

/** The port by which the outer packets of a tunnel go; null: as they are routed. */
function portOf(config: TunnelConfig, ports: readonly RouterPort[]): RouterPort | null {
  if (config.interconnect !== null) return ports.find(({ name }) => name === config.interconnect) ?? null;
  const end = addressOf(config.customer_gre_endpoint).join();
  return ports.find(({ addresses: { v4, v6 } }) => (v4 ?? v6)?.join() === end) ?? null;
}

function underlay(port: RouterPort | null, router: CustomerRouter): Underlay {
  if (port === null) {
    return { usable: true, mtu: ETHERNET_MTU, emit: (packet) => router.output(packet) };
  }
  return {
    get usable() {
      return port.usable;
    },
    mtu: port.mtu,
    emit: (packet) => port.send(packet),
  };
}

function siteSide({ name, local, remote, mtu }: SiteTunnelSpec): RouterTunnelSpec {
  return {
    ...{ name, mtu, key: null, checksum: false, sequence: false, ttl: 64 },
    ...{ local: addressOf(local), remote: addressOf(remote), addresses: NO_ADDRESSES, peers: NO_ADDRESSES },
  };
}

function circuitPort(config: InterconnectConfig): { port: RouterPort; peer: Uint8Array; isPlain: boolean } {
  const edge = prefixOf(config.interface_address);
  const own = peerOf(edge.bytes, 31);
  const port = new RouterPort(config.name, 'circuit', ETHERNET_MTU, { v4: own, v6: null }, null);
  return { port, peer: edge.bytes, isPlain: config.dataplane === 2 };
}

function pairOf(mss: number | null): MssPair | null {
  return mss === null ? null : { v4: mss, v6: mss - LONGER_HEADER };
}

function only(text: string): InterfaceAddresses {
  const bytes = addressOf(text);
  return bytes.length === 4 ? { v4: bytes, v6: null } : { v4: null, v6: bytes };
}

function find<T extends { readonly name: string }>(list: readonly T[], name: string): T {
  const found = list.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`the network has no ${name}`);
  return found;
}

function addressOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === null) throw new RangeError(`not an address: ${text}`);
  return address.bytes;
}

function prefixOf(text: string): AddressWithLength {
  const prefix = parseAddressWithLength(text);
  if (prefix === null) throw new RangeError(`not a prefix: ${text}`);
  return prefix;
}
