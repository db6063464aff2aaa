/** Addresses of tunnels and interconnects: told apart on the wire, reachable, and each used once. */
import { isSameAddress, parseAddress, parseAddressWithLength, peerOf } from '../../config/address.js';
import type { TunnelConfig } from '../../config/config.js';
import type { HealthCheckConfig, NetworkConfig } from '../../config/network.js';
import { describeClone, findEndpointConflicts } from '../clones.js';
import { Advertised, advertisingProblem } from '../routing/prefix-rules.js';
import type { Problems } from './problem.js';

export function checkAddresses(network: NetworkConfig, problems: Problems): void {
  for (const clone of findEndpointConflicts(network).clones) {
    problems.error('tunnels', network.tunnels[clone.tunnel]!.name, null, describeClone(network, clone));
  }
  const advertised = new Advertised(
    network.prefixes.flatMap(({ prefix }) => (advertisingProblem(prefix) === null ? [prefix] : [])),
  );
  for (const tunnel of network.tunnels) checkEndpoints(tunnel, advertised, problems);
  checkInterfaces(network, problems);
}

function checkEndpoints(tunnel: TunnelConfig, advertised: Advertised, problems: Problems): void {
  const { name, cloudflare_gre_endpoint: ours, customer_gre_endpoint: theirs } = tunnel;
  const local = parseAddress(ours);
  const remote = parseAddress(theirs);
  if (local === null || remote === null) {
    const [field, found] =
      local === null ? ['cloudflare_gre_endpoint', ours] : ['customer_gre_endpoint', theirs];
    problems.error('tunnels', name, field, `found ${found}, expected an IPv4 or IPv6 address`);
  } else if (local.family !== remote.family || isSameAddress(local.bytes, remote.bytes)) {
    const message = `found ${theirs}, expected another IPv${local.family} address than ${ours}, our end`;
    problems.error('tunnels', name, 'customer_gre_endpoint', message);
  } else if (advertised.holds(remote.bytes)) {
    const message = `${theirs} lies inside an advertised prefix: the outer packets for it would come to the edge, and be encapsulated again. Expected an address outside of the advertised prefixes`;
    problems.error('tunnels', name, 'customer_gre_endpoint', message);
  }
}

/** Who has an address. */
interface Owner {
  readonly kind: 'tunnels' | 'interconnects';
  readonly name: string;
  readonly health_check: HealthCheckConfig;
}

/**
 * An address on two links is a problem for whoever is to answer from it: bidirectional probes, and everything on an
 * interconnect. On other tunnels nothing depends on it but the way to the other end.
 */
function checkInterfaces({ tunnels, interconnects }: NetworkConfig, problems: Problems): void {
  const owners = new Map<string, Owner>();
  const take = (owner: Owner, text: string | null): void => {
    if (text === null) return;
    const parsed = parseAddressWithLength(text);
    const length = parsed?.length;
    if (parsed?.family !== 4 || (length !== 31 && (length !== 30 || owner.kind === 'interconnects'))) {
      const expected = owner.kind === 'interconnects' ? '/31' : '/31 or /30';
      const message = `found ${text}, expected an IPv4 address with ${expected}`;
      problems.error(owner.kind, owner.name, 'interface_address', message);
      return;
    }
    const both = [parsed.bytes, peerOf(parsed.bytes, length)].map((bytes) => bytes.join('.'));
    const first = both.map((address) => owners.get(address)).find((other) => other !== undefined);
    for (const address of both) if (!owners.has(address)) owners.set(address, owner);
    if (first === undefined) return;
    const message = `${text} is in use: ${first.name} has an address of this network too`;
    if ([first, owner].some(needsItsOwn))
      problems.error(owner.kind, owner.name, 'interface_address', message);
    else problems.warning(owner.kind, owner.name, 'interface_address', message);
  };
  for (const tunnel of tunnels)
    take({ kind: 'tunnels', name: tunnel.name, health_check: tunnel.health_check }, tunnel.interface_address);
  for (const circuit of interconnects) {
    const { name, health_check, interface_address } = circuit;
    take({ kind: 'interconnects', name, health_check }, interface_address);
  }
}

function needsItsOwn({ kind, health_check: { enabled, direction } }: Owner): boolean {
  return kind === 'interconnects' || (enabled && direction === 'bidirectional');
}
