/** Findings about interconnects: what does not fit together, and what a circuit will not do. */
import type { InterconnectConfig } from '../../config/network.js';
import { overheadOfTunnel } from '../../config/overhead.js';
import type { Findings } from '../finding.js';
import { LEAST_LIGHT } from '../interconnect/circuit-state.js';
import { CIRCUIT_MTU, rulesOf } from '../interconnect/rules.js';
import { isSamePlace } from '../maintenance/window.js';
import type { Design } from './design.js';

export function checkCircuits(design: Design, findings: Findings): void {
  design.network.interconnects.forEach((circuit, index) => {
    const path = ['interconnects', index];
    checkPlace(design, circuit, path, findings);
    checkSides(design, circuit, path, findings);
    checkDelivery(design, circuit, path, findings);
    if (circuit.light_level_dbm < LEAST_LIGHT) {
      const message = `${circuit.light_level_dbm} dBm is below ${LEAST_LIGHT} dBm: the circuit is Unhealthy from the beginning`;
      findings.add('warning', 'light_level_low', [...path, 'light_level_dbm'], message);
    }
    if (circuit.kind === 'cloud' && circuit.health_check.enabled) checkCloud(circuit, path, findings);
  });
  checkTunnelSizes(design, findings);
  checkSharing(design, findings);
}

type Path = readonly (string | number)[];

function checkPlace(
  { edge }: Design,
  { colo, name }: InterconnectConfig,
  path: Path,
  findings: Findings,
): void {
  if (edge.pops.some((pop) => isSamePlace(pop.name, colo))) return;
  const message = `there is no PoP ${colo} in which ${name} could end; known here: ${edge.pops.map((pop) => pop.name).join(', ')}`;
  findings.add('error', 'colo_unknown', [...path, 'colo'], message);
}

function checkSides(
  { routers }: Design,
  { name, vlan }: InterconnectConfig,
  path: Path,
  findings: Findings,
): void {
  const ends = routers.flatMap((router) =>
    router.circuits.filter(({ interconnect }) => interconnect === name).map((end) => ({ router, end })),
  );
  if (ends.length === 0) {
    findings.add('warning', 'circuit_without_router', path, `no router is at the other end of ${name}`);
  } else if (ends.length > 1) {
    const names = ends.map(({ router }) => router.name).join(' and ');
    findings.add(
      'error',
      'circuit_shared',
      path,
      `${names} are both at the other end of ${name}, a point-to-point circuit`,
    );
  }
  for (const { router, end } of ends) {
    if (end.vlan === vlan) continue;
    const message = `router ${router.name} uses ${tagOf(end.vlan)}, the edge ${tagOf(vlan)}: neither takes what the other one sends`;
    findings.add('warning', 'vlan_mismatch', [...path, 'vlan'], message);
  }
}

function tagOf(vlan: number | null): string {
  return vlan === null ? 'no tag' : `802.1Q tag ${vlan}`;
}

function checkDelivery(
  { network, routers }: Design,
  circuit: InterconnectConfig,
  path: Path,
  findings: Findings,
): void {
  const { name, product, dataplane, links, mtu } = circuit;
  const rules = rulesOf(circuit);
  const tunnels = network.tunnels.filter(({ interconnect }) => interconnect === name);
  if (product === 'express' && dataplane === 1) {
    const message =
      'an express circuit carries plain packets both ways, as dataplane 2; expected dataplane: 2';
    findings.add('warning', 'express_dataplane', [...path, 'dataplane'], message);
  }
  if (rules.delivery.toEdge === 'gre' && tunnels.length === 0) {
    if (rules.delivery.toCustomer === 'gre') {
      const message = `no tunnel goes over ${name} (interconnect: ${name}), and dataplane 1 carries only GRE: nothing takes it`;
      findings.add('warning', 'circuit_without_tunnel', path, message);
    } else {
      const message = `only towards the customer (DSR): without a tunnel over ${name} the edge takes nothing from there`;
      findings.add('info', 'circuit_one_way', path, message);
    }
  }
  if (rules.delivery.toEdge === 'plain' && tunnels.length > 0) {
    const message = `${tunnels.map((tunnel) => tunnel.name).join(', ')} cannot go over ${name}, which carries packets without GRE`;
    findings.add('error', 'tunnel_over_plain_circuit', path, message);
  }
  if (rules.delivery.toCustomer === 'plain' && mtu < rules.mtu.toCustomer) {
    const message = `takes ${mtu} bytes towards the customer, the circuit ${rules.mtu.toCustomer}: larger packets with DF are refused`;
    findings.add('info', 'circuit_mtu_low', [...path, 'mtu'], message);
  }
  if (links > 1 && tunnels.length > 0 && tunnels.length < links) {
    const message = `each GRE tunnel is one flow to LACP and takes one of the ${links} links: ${tunnels.length} of them cannot fill the bundle`;
    findings.add('info', 'bundle_few_flows', [...path, 'links'], message);
  }
  const outward = routers.filter(
    ({ circuits, egress }) =>
      egress === 'tunnel' && circuits.some(({ interconnect }) => interconnect === name),
  );
  if (outward.length > 0) {
    const each = rules.policedBy === 'tunnel' ? 'each tunnel over it' : 'it';
    const message = `with egress: from router ${outward.map((router) => router.name).join(', ')} the edge takes 1 Gbit/s over ${each}, towards the customer goes ${(links * circuit.speed) / 1e9} Gbit/s`;
    findings.add('info', 'ingress_policed', path, message);
  }
}

/** Cloud providers' routers answer only the older bidirectional health checks (behaviour §5). */
function checkCloud({ health_check }: InterconnectConfig, path: Path, findings: Findings): void {
  if (health_check.direction === 'bidirectional') return;
  const message = `a cloud provider's router answers ${health_check.direction} probes nowhere; expected direction: bidirectional`;
  findings.add('warning', 'cloud_health_check', [...path, 'health_check'], message);
}

/** Outer packets have to fit into the circuit: routers on it do not take them apart, they carry DF. */
function checkTunnelSizes({ network }: Design, findings: Findings): void {
  network.tunnels.forEach((tunnel, index) => {
    const outer = tunnel.mtu + overheadOfTunnel(tunnel).total;
    if (tunnel.interconnect === null || outer <= CIRCUIT_MTU) return;
    const message = `outer packets of up to ${outer} bytes do not fit into ${tunnel.interconnect} (${CIRCUIT_MTU}): set mtu: ${CIRCUIT_MTU - overheadOfTunnel(tunnel).total}`;
    findings.add('warning', 'tunnel_too_large_for_circuit', ['tunnels', index, 'mtu'], message);
  });
}

/** Equal weights over circuits of different rates fill the slow one first. */
function checkSharing({ network }: Design, findings: Findings): void {
  const rates = new Map(network.interconnects.map(({ name, speed, links }) => [name, speed * links]));
  const groups = new Map<string, number[]>();
  network.routes.forEach(({ prefix, priority, nexthop, scope }, index) => {
    if (!rates.has(nexthop)) return;
    const key = JSON.stringify([prefix, priority, scope]);
    groups.set(key, [...(groups.get(key) ?? []), index]);
  });
  for (const members of groups.values()) {
    const loads = members.map((index) => {
      const { nexthop, weight } = network.routes[index]!;
      return (rates.get(nexthop) ?? 0) / weight;
    });
    const least = Math.min(...loads);
    if (loads.every((load) => load <= 2 * least)) continue;
    const shares = members.map((index) => {
      const { nexthop, weight } = network.routes[index]!;
      return `${nexthop} (${(rates.get(nexthop) ?? 0) / 1e9} Gbit/s) weight ${weight}`;
    });
    const message = `${network.routes[members[0]!]!.prefix} is shared by weight, not by rate: ${shares.join(', ')}; the slow one is full long before the other`;
    findings.add('warning', 'uneven_circuits', ['routes', members[0]!, 'weight'], message);
  }
}
