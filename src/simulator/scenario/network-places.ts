/** What a network needs of its surroundings: endpoints and PoPs of the edge, and addresses from the ranges for them. */
import { formatAddress, isInside, parseAddressWithLength } from '../../config/address.js';
import { quote, suggest, type ConfigPath } from '../../config/problem.js';
import type { PlacedNetwork } from '../../config/read-network.js';
import { suggestFew } from './names.js';
import { PrefixSet } from './prefix-set.js';
import type { Reading } from './reading.js';
import type { EdgeSpec } from './scenario.js';

/** From which addresses inside tunnels are taken (behaviour §1). */
const TUNNEL_RANGES = new PrefixSet(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.240.0/20']);

/** Every problem is reported. */
export function checkPlaces(network: PlacedNetwork, edge: EdgeSpec, reading: Reading): void {
  checkTunnels(network, edge, reading);
  checkInterconnects(network, edge, reading);
  checkScopes(network, edge, reading);
  checkMaintenance(network, edge, reading);
  const { config, paths } = network;
  config.bgp_sessions.forEach(({ customer_asn }, i) => {
    if (customer_asn !== edge.asn) return;
    const expected = 'another AS than that of the edge (edge.asn): there is no iBGP';
    reading.source.mismatch([...paths.bgp_sessions[i]!, 'customer_asn'], String(customer_asn), expected);
  });
  const families = new Set(edge.endpoints.map(familyOf));
  config.endpoint_health_checks.forEach(({ endpoint }, i) => {
    if (families.size === 0 || families.has(familyOf(endpoint))) return;
    const expected = `an IPv${[...families].join(' or IPv')} address: the edge (edge.endpoints) has no IPv${familyOf(endpoint)} address to ask from`;
    reading.source.mismatch([...paths.endpoint_health_checks[i]!, 'endpoint'], endpoint, expected);
  });
  config.alerts.forEach((alert, i) => {
    if (alert.type !== 'maintenance') return;
    alert.colo_names?.forEach((colo, j) =>
      checkColo(colo, [...paths.alerts[i]!, 'colo_names', j], edge, reading),
    );
  });
}

function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function checkTunnels({ config, paths }: PlacedNetwork, { endpoints }: EdgeSpec, reading: Reading): void {
  const { source } = reading;
  const networks = new Networks();
  const routes = new PrefixSet(config.routes.map(({ prefix }) => prefix));
  const advertised = new PrefixSet(config.prefixes.map(({ prefix }) => prefix));
  config.tunnels.forEach((tunnel, i) => {
    const path = paths.tunnels[i]!;
    const { name, cloudflare_gre_endpoint: local, customer_gre_endpoint: remote, interface_address } = tunnel;
    if (!endpoints.includes(local)) {
      const key = source.has([...path, 'local']) ? 'local' : 'cloudflare_gre_endpoint';
      const known = endpoints.length === 0 ? '; there is none' : suggest(local, endpoints);
      source.mismatch([...path, key], local, `an endpoint of the edge (edge.endpoints)${known}`);
    }
    const routed = routes.around(remote);
    if (routed !== null && advertised.around(remote) === null) {
      reading.warn(path, `the route for ${routed} holds the customer endpoint ${remote} itself`);
    }
    if (interface_address === null) return;
    const at = [...path, 'interface_address'];
    const { bytes, length } = parseAddressWithLength(interface_address)!;
    if (TUNNEL_RANGES.around(formatAddress(bytes)) === null) {
      source.mismatch(at, interface_address, `an address from one of ${TUNNEL_RANGES.toString()}`);
    }
    const other = networks.add(name, bytes, length);
    if (other !== null) {
      source.mismatch(at, interface_address, `a network of its own: ${other} has an address of this one`);
    }
  });
}

function checkInterconnects({ config, paths }: PlacedNetwork, edge: EdgeSpec, reading: Reading): void {
  config.interconnects.forEach(({ colo }, i) =>
    checkColo(colo, [...paths.interconnects[i]!, 'colo'], edge, reading),
  );
}

function checkScopes({ config, paths }: PlacedNetwork, edge: EdgeSpec, reading: Reading): void {
  config.routes.forEach(({ scope }, i) => {
    const path = [...paths.routes[i]!, 'scope'];
    scope?.colo_names.forEach((colo, j) => checkColo(colo, [...path, 'colo_names', j], edge, reading));
    scope?.colo_regions.forEach((region, j) => {
      if (edge.pops.some((pop) => pop.region === region)) return;
      reading.warn([...path, 'colo_regions', j], `no PoP is in ${region}: the route exists nowhere there`);
    });
  });
}

function checkMaintenance({ config, paths }: PlacedNetwork, edge: EdgeSpec, reading: Reading): void {
  config.maintenance.forEach(({ colo, device }, i) => {
    const path = paths.maintenance[i]!;
    if (!checkColo(colo, [...path, 'colo'], edge, reading) || device === null) return;
    const circuits = config.interconnects.filter((one) => one.colo.toLowerCase() === colo.toLowerCase());
    const devices = [...new Set(circuits.map((circuit) => circuit.device))];
    if (devices.includes(device) || reading.isWrong(['interconnects'])) return;
    const known = devices.length === 0 ? '; none ends there' : suggest(device, devices);
    const expected = `an edge device that an interconnect in ${colo} ends on${known}`;
    reading.source.mismatch([...path, 'device'], quote(device), expected);
  });
}

/** PoPs are compared without regard to case, as a node does. */
function checkColo(colo: string, path: ConfigPath, { pops }: EdgeSpec, { source }: Reading): boolean {
  if (pops.some(({ name }) => name.toLowerCase() === colo.toLowerCase())) return true;
  const names = pops.map(({ name }) => name);
  if (names.length > 0) source.mismatch(path, quote(colo), `the name of a PoP${suggestFew(colo, names)}`);
  return false;
}

/** IPv4 networks of tunnels; a /30 overlaps with both of its /31. */
class Networks {
  private readonly owners = new Map<string, string>();

  /** @returns who has one of its addresses already */
  add(owner: string, bytes: Uint8Array, length: number): string | null {
    const size = 2 ** (32 - length);
    const first = bytes[3]! - (bytes[3]! % size);
    const addresses = Array.from({ length: size }, (_, i) => `${bytes.slice(0, 3).join('.')}.${first + i}`);
    const other = addresses.map((address) => this.owners.get(address)).find((one) => one !== undefined);
    for (const address of addresses) if (!this.owners.has(address)) this.owners.set(address, owner);
    return other ?? null;
  }
}

export function holds(prefix: string, address: Uint8Array): boolean {
  const { bytes, length } = parseAddressWithLength(prefix)!;
  return isInside(address, bytes, length);
}
