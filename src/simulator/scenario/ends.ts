/** That what the edge sends meets somebody: tunnels a router, interconnects a circuit. */
import { formatWithLength, networkOf, parseAddressWithLength } from '../../config/address.js';
import type { NetworkConfig } from '../../config/network.js';
import { suggest } from '../../config/problem.js';
import type { PlacedNetwork } from '../../config/read-network.js';
import { peerAddress } from './network.js';
import type { Reading } from './reading.js';
import type { RouterSpec, SiteSpec } from './scenario.js';

/**
 * For the network at the beginning, and for all that there ever is: what has been told is not told again.
 *
 * @param circuits by interconnect: the router whose circuit it is
 */
export function checkEnds(
  { config, paths }: PlacedNetwork,
  sites: readonly SiteSpec[],
  circuits: ReadonlyMap<string, string>,
  reading: Reading,
): void {
  // What seems to be missing may be what was taken out for its faults.
  if (reading.isWrong(['sites'])) return;
  const { source } = reading;
  const routers = sites.flatMap((site) => site.routers);
  const uplinks = routers.flatMap((router) => router.uplinks.map(({ address }) => address));
  config.tunnels.forEach((tunnel, i) => {
    const path = paths.tunnels[i]!;
    const { name, customer_gre_endpoint: remote, interconnect } = tunnel;
    const router = routers.find((one) => addressesOf(one, config).includes(remote));
    if (router === undefined) {
      if (reading.isWrong(path)) return;
      const key = source.has([...path, 'remote']) ? 'remote' : 'customer_gre_endpoint';
      const known = uplinks.length === 0 ? '; no router has an uplink' : suggest(remote, uplinks);
      source.mismatch(
        [...path, key],
        remote,
        `an address of a router (of an uplink, or on a circuit)${known}`,
      );
    } else if (
      interconnect !== null &&
      circuits.get(interconnect) !== router.name &&
      !reading.isWrong(path)
    ) {
      const where = circuits.get(interconnect);
      const other = where === undefined ? 'no router has it' : `it ends on ${where}`;
      const message = `${name} ends on ${router.name}, which ${interconnect} does not lead to: ${other}`;
      source.report([...path, 'interconnect'], message);
    }
  });
  config.interconnects.forEach(({ name, interface_address }, i) => {
    if (circuits.has(name) || reading.isWrong(paths.interconnects[i]!)) return;
    const { bytes } = parseAddressWithLength(interface_address)!;
    const theirs = `${peerAddress(interface_address)} of ${formatWithLength(networkOf(bytes, 31), 31)}`;
    const message = `no router has the other end (${theirs}): expected ${name} in \`circuits\` of one`;
    source.report(paths.interconnects[i]!, message);
  });
}

/** Where tunnels may end on a router: its uplinks, and its side of circuits. */
function addressesOf({ uplinks, circuits }: RouterSpec, { interconnects }: NetworkConfig): string[] {
  const own = circuits.flatMap(({ interconnect }) =>
    interconnects.filter(({ name }) => name === interconnect),
  );
  return [
    ...uplinks.map(({ address }) => address),
    ...own.map(({ interface_address }) => peerAddress(interface_address)),
  ];
}
