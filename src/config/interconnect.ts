/** One interconnect: defaults and canonical text. What its dataplane can do is for src/network/change to say. */
import { formatWithLength, isUnicast, parseAddressWithLength } from './address.js';
import { readHealthCheck } from './health-check.js';
import type { InterconnectConfig } from './network.js';
import { quote, type ConfigPath } from './problem.js';
import { bitRateOf } from './quantities.js';
import type { RawInterconnect } from './raw-network.js';
import { INTERCONNECT_DEFAULTS } from './resource-defaults.js';
import type { Source } from './source.js';

/**
 * @returns the interconnect, or null when something that it cannot be without is missing or wrong; every
 * problem has been reported to `source`
 */
export function readInterconnect(
  raw: RawInterconnect,
  path: ConfigPath,
  source: Source,
): InterconnectConfig | null {
  const defaults = INTERCONNECT_DEFAULTS;
  const { name, colo, dataplane } = raw;
  // Over dataplane 1 without GRE nothing comes back: answers take the Internet.
  const direction = dataplane === 2 ? 'bidirectional' : 'unidirectional';
  const health_check = readHealthCheck(raw.health_check, [...path, 'health_check'], source, {
    direction,
    hasInterface: true,
    isProbed: true,
  });
  const interface_address = readInterfaceAddress(raw.interface_address, path, source);
  if (name === undefined || colo === undefined || dataplane === undefined || interface_address === null)
    return null;
  return {
    name,
    description: raw.description ?? '',
    colo,
    device: raw.device ?? defaults.device,
    dataplane,
    kind: raw.kind ?? defaults.kind,
    product: raw.product ?? defaults.product,
    interface_address,
    speed: raw.speed === undefined ? defaults.speed : bitRateOf(raw.speed),
    links: raw.links ?? defaults.links,
    vlan: raw.vlan ?? null,
    mtu: raw.mtu ?? defaults.mtu,
    gre_less: raw.gre_less ?? false,
    bfd: raw.bfd ?? false,
    light_level_dbm: raw.light_level_dbm ?? defaults.light_level_dbm,
    health_check,
  };
}

function readInterfaceAddress(text: string | undefined, path: ConfigPath, source: Source): string | null {
  if (text === undefined) return null;
  const address = parseAddressWithLength(text);
  if (address !== null && isUnicast(address.bytes)) return formatWithLength(address.bytes, address.length);
  source.mismatch([...path, 'interface_address'], quote(text), 'a unicast IPv4 address with /31');
  return null;
}
