/** Findings about interface addresses: our ends of the tunnels, and the routes that follow from them. */
import { formatAddress, isInside, networkOf, parseAddressWithLength, peerOf } from '../config/address.js';
import type { Config } from '../config/config.js';
import { interfaceRoutes, isLinkLocal6 } from './connected.js';
import type { Findings } from './finding.js';
import type { RouteSelection } from './routes.js';

/** Where interface addresses come from (Magic Transit, tunnels). */
const INTERFACE_RANGES = [
  { network: Uint8Array.of(10, 0, 0, 0), length: 8 },
  { network: Uint8Array.of(172, 16, 0, 0), length: 12 },
  { network: Uint8Array.of(192, 168, 0, 0), length: 16 },
  { network: Uint8Array.of(169, 254, 240, 0), length: 20 },
];

export function checkInterfaces(config: Config, selection: RouteSelection, findings: Findings): void {
  checkAddresses4(config, findings);
  checkAddresses6(config, findings);
  checkRoutesToUs(config, selection, findings);
}

function checkAddresses4({ tunnels }: Config, findings: Findings): void {
  const firstWith = new Map<string, string>();
  tunnels.forEach(({ name, interface_address }, i) => {
    const parsed = interface_address === null ? null : parseAddressWithLength(interface_address);
    if (parsed === null) return;
    const path = ['tunnels', i, 'interface_address'];
    if (!INTERFACE_RANGES.some(({ network, length }) => isInside(parsed.bytes, network, length))) {
      const message = `${interface_address ?? ''} is outside 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 and 169.254.240.0/20, from which addresses inside tunnels are taken`;
      findings.add('warning', 'interface_address_range', path, message);
    }
    const peer = peerOf(parsed.bytes, parsed.length === 30 ? 30 : 31);
    const both = [parsed.bytes.join('.'), peer.join('.')];
    const first = both.map((address) => firstWith.get(address)).find((other) => other !== undefined);
    if (first !== undefined)
      findings.add('warning', 'interface_address_shared', path, describeSharing(first));
    for (const address of both) if (!firstWith.has(address)) firstWith.set(address, name);
  });
}

/** Link-local networks are the same on every link (RFC 4291, section 2.5.6). */
function checkAddresses6({ tunnels }: Config, findings: Findings): void {
  const firstWith = new Map<string, string>();
  tunnels.forEach(({ name, interface_address6 }, i) => {
    const parsed = interface_address6 === null ? null : parseAddressWithLength(interface_address6);
    if (parsed === null || isLinkLocal6(parsed.bytes)) return;
    const network = `${networkOf(parsed.bytes, parsed.length).join('.')}/${parsed.length}`;
    const first = firstWith.get(network);
    if (first === undefined) firstWith.set(network, name);
    else
      findings.add(
        'warning',
        'interface_address_shared',
        ['tunnels', i, 'interface_address6'],
        describeSharing(first),
      );
  });
}

function describeSharing(first: string): string {
  return `${first} has an address of this network too: routes cannot name the tunnels by it, and packets for the other end go into ${first}, unless a route says otherwise`;
}

/** Routes for one address that is ours: packets for it have arrived. */
function checkRoutesToUs(config: Config, { selected }: RouteSelection, findings: Findings): void {
  const { locals } = interfaceRoutes(config.tunnels, []);
  const owners = new Map(locals.map(({ address, tunnel }) => [address.join('.'), tunnel]));
  for (const { address, length, nexthops } of selected) {
    const owner = length === address.length * 8 ? owners.get(address.join('.')) : undefined;
    if (owner === undefined) continue;
    const first = Math.min(...nexthops.flatMap(({ routes }) => routes));
    const message = `never used: ${formatAddress(address)} is our own address, of ${config.tunnels[owner]!.name}`;
    findings.add('warning', 'route_to_ourselves', ['routes', first], message);
  }
}
