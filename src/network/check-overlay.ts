/**
 * Findings about what the kernel routes into the overlay. Were that the way to a tunnel's other end as well,
 * the outer packets would come back as packets to be forwarded.
 */
import { networkOf, parseAddress, parseAddressWithLength } from '../config/address.js';
import type { Config } from '../config/config.js';
import type { ConfigPath } from '../config/problem.js';
import type { Findings } from './finding.js';
import { PrefixIndex } from './prefix-index.js';

/** A prefix that the kernel reaches through the overlay's interface. */
interface Covered {
  readonly path: ConfigPath;
  readonly text: string;
  readonly address: Uint8Array;
  readonly length: number;
}

export function checkOverlay(config: Config, findings: Findings): void {
  const { type, name } = config.daemon.overlay;
  if (type !== 'tun' && type !== 'tap') return;
  const covered = coveredBy(config);
  const index = new PrefixIndex(covered);
  const inside = new Map<number, { endpoint: string; tunnel: string }[]>();
  for (const { customer_gre_endpoint: endpoint, name: tunnel } of config.tunnels) {
    const address = parseAddress(endpoint);
    const found = address === null ? -1 : index.lookup(address.bytes, address.bytes.length * 8);
    if (found < 0) continue;
    const others = inside.get(found);
    if (others === undefined) inside.set(found, [{ endpoint, tunnel }]);
    else others.push({ endpoint, tunnel });
  }
  for (const [at, [first, ...others]] of inside) {
    const { path, text } = covered[at]!;
    const { endpoint, tunnel } = first!;
    const more = others.length === 0 ? '' : ` and ${others.length} more`;
    const message = `found ${text}, expected a network without ${endpoint}, the customer endpoint of ${tunnel}${more}: the kernel sends what is for this network into ${name}, the outer packets too, unless it has a longer prefix for them`;
    findings.add('warning', 'overlay_covers_endpoint', path, message);
  }
}

/** All different. Without default routes: next to one there are longer prefixes that lead to the other ends. */
function coveredBy({ tunnels, daemon }: Config): Covered[] {
  const { routes, addresses } = daemon.overlay;
  const given: [ConfigPath, string | null][] = [
    ...routes.map((text, i): [ConfigPath, string] => [['daemon', 'overlay', 'routes', i], text]),
    ...addresses.map((text, i): [ConfigPath, string] => [['daemon', 'overlay', 'addresses', i], text]),
    ...tunnels.flatMap(({ interface_address, interface_address6 }, i): [ConfigPath, string | null][] => [
      [['tunnels', i, 'interface_address'], interface_address],
      [['tunnels', i, 'interface_address6'], interface_address6],
    ]),
  ];
  const found = new Map<string, Covered>();
  for (const [path, text] of given) {
    const parsed = text === null ? null : parseAddressWithLength(text);
    if (text === null || parsed === null || parsed.length === 0) continue;
    const address = networkOf(parsed.bytes, parsed.length);
    const key = `${address.join('.')}/${parsed.length}`;
    if (!found.has(key)) found.set(key, { path, text, address, length: parsed.length });
  }
  return [...found.values()];
}
