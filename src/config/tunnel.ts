/** One tunnel of the file: defaults, canonical text, and the rules that hold between its values. */
import {
  formatAddress,
  formatWithLength,
  isSameAddress,
  isUnicast,
  networkOf,
  parseAddress,
  parseAddressWithLength,
  peerOf,
  type Address,
} from './address.js';
import { ALIASES, DEFAULTS, type MssLimit, type TunnelConfig } from './config.js';
import { HEALTH_CHECK_DEFAULTS } from './health-check-config.js';
import { readHealthCheck } from './health-check.js';
import { defaultMtu, largestMtu, overheadOf, type Encapsulation } from './overhead.js';
import { readPrefix } from './prefix.js';
import { quote, type ConfigPath } from './problem.js';
import type { RawMssLimit, RawTunnel } from './raw.js';
import type { Source } from './source.js';

type Alias = keyof typeof ALIASES;

/**
 * @param isProbed whether a tunnel without `health_check` has its health checked
 * @returns the tunnel, or null when something that it cannot be without is missing or wrong; every problem
 * has been reported to `source`
 */
export function readTunnel(
  raw: RawTunnel,
  path: ConfigPath,
  source: Source,
  isProbed: boolean,
): TunnelConfig | null {
  const local = readEndpoint(raw, 'local', path, source);
  const remote = readEndpoint(raw, 'remote', path, source);
  if (local !== null && remote !== null) checkPair(local, remote, raw, path, source);

  const family = (local ?? remote)?.family ?? 4;
  const { checksum = false, sequence = false, mode = 'gre' } = raw;
  const key = readKey(raw.key);
  const mtu = readMtu(raw.mtu, { family, key, checksum, sequence, mode }, path, source);
  const interface_address = readInterfaceAddress(raw.interface_address, path, source);
  const interface_address6 = readInterfaceAddress6(raw.interface_address6, path, source);
  const allowed_sources = readAllowedSources(raw.allowed_sources, path, source);
  const hasInterface = raw.interface_address !== undefined || raw.interface_address6 !== undefined;
  const health_check = readHealthCheck(raw.health_check, [...path, 'health_check'], source, {
    direction: HEALTH_CHECK_DEFAULTS.direction,
    hasInterface,
    isProbed,
  });
  if (raw.name === undefined || local === null || remote === null) return null;
  return {
    name: raw.name,
    description: raw.description ?? '',
    cloudflare_gre_endpoint: formatAddress(local.bytes),
    customer_gre_endpoint: formatAddress(remote.bytes),
    interface_address,
    interface_address6,
    key,
    checksum,
    sequence,
    mode,
    ttl: raw.ttl ?? DEFAULTS.ttl,
    mtu,
    mss_clamp: readMssClamp(raw.mss_clamp),
    clear_dont_fragment_bit: raw.clear_dont_fragment_bit ?? false,
    allowed_sources,
    dscp: raw.dscp ?? 'inherit',
    health_check,
    automatic_return_routing: raw.automatic_return_routing ?? false,
    interconnect: raw.interconnect ?? null,
  };
}

function readEndpoint(raw: RawTunnel, alias: Alias, path: ConfigPath, source: Source): Address | null {
  const name = ALIASES[alias];
  const written = source.has([...path, alias]) ? alias : name;
  if (written === alias && source.has([...path, name])) {
    const message = `${alias} is another name of ${name}, and both are given; expected one of them`;
    source.report([...path, alias], message, { of: 'key' });
    return null;
  }
  const at = [...path, written];
  const text = raw[written];
  if (text === undefined) {
    if (!source.has(at)) source.mismatch(at, 'nothing', `an IPv4 or IPv6 address (as ${name}, or ${alias})`);
    return null;
  }
  const address = parseAddress(text);
  if (address === null || !isUnicast(address.bytes)) {
    source.mismatch(at, quote(text), address === null ? 'an IPv4 or IPv6 address' : 'a unicast address');
    return null;
  }
  return address;
}

function checkPair(local: Address, remote: Address, raw: RawTunnel, path: ConfigPath, source: Source): void {
  const at = [...path, raw.remote === undefined ? ALIASES.remote : 'remote'];
  const ours = `${raw.local === undefined ? ALIASES.local : 'local'} ${formatAddress(local.bytes)}`;
  const found = formatAddress(remote.bytes);
  if (local.family !== remote.family) {
    source.mismatch(at, `${found} (IPv${remote.family})`, `an IPv${local.family} address, as is ${ours}`);
  } else if (isSameAddress(local.bytes, remote.bytes)) {
    source.mismatch(at, found, `an address other than ${ours}`);
  }
}

function readKey(raw: number | string | undefined): number | null {
  if (typeof raw !== 'string') return raw ?? null;
  return raw.split('.').reduce((key, part) => key * 256 + Number(part), 0);
}

function readMtu(
  raw: number | undefined,
  encapsulation: Encapsulation,
  path: ConfigPath,
  source: Source,
): number {
  const overhead = overheadOf(encapsulation);
  const largest = largestMtu(overhead);
  if (raw !== undefined && raw > largest) {
    const why = `with ${overhead.total} bytes of overhead the outer packet would be longer than 65535`;
    source.mismatch([...path, 'mtu'], String(raw), `at most ${largest}: ${why}`);
  }
  return raw ?? defaultMtu(overhead);
}

function readInterfaceAddress(text: string | undefined, path: ConfigPath, source: Source): string | null {
  if (text === undefined) return null;
  const at = [...path, 'interface_address'];
  const address = parseAddressWithLength(text);
  if (address === null || !isUnicast(address.bytes)) {
    source.mismatch(at, quote(text), 'a unicast IPv4 address with /31 or /30');
    return null;
  }
  const { bytes, length } = address;
  const host = bytes[3]! % 4;
  if (length === 30 && (host === 0 || host === 3)) {
    const first = networkOf(bytes, 30);
    first[3]! += 1;
    const hosts = `${formatWithLength(first, 30)} or ${formatWithLength(peerOf(first, 30), 30)}`;
    source.mismatch(at, quote(text), `a host address of this /30: ${hosts}`);
  }
  return formatWithLength(bytes, length);
}

function readInterfaceAddress6(text: string | undefined, path: ConfigPath, source: Source): string | null {
  if (text === undefined) return null;
  const address = parseAddressWithLength(text);
  if (address?.family !== 6 || !isUnicast(address.bytes)) {
    source.mismatch([...path, 'interface_address6'], quote(text), 'a unicast IPv6 address with its length');
    return null;
  }
  return formatWithLength(address.bytes, address.length);
}

function readAllowedSources(
  raw: RawTunnel['allowed_sources'],
  path: ConfigPath,
  source: Source,
): readonly string[] | null {
  if (raw === undefined) return null;
  const prefixes = raw.map((text, i) =>
    text === undefined ? null : readPrefix(text, [...path, 'allowed_sources', i], source),
  );
  return [...new Set(prefixes.filter((prefix) => prefix !== null))];
}

function readMssClamp(raw: RawTunnel['mss_clamp']): TunnelConfig['mss_clamp'] {
  if (typeof raw === 'object') {
    return { from_tunnel: readMssLimit(raw.from_tunnel), to_tunnel: readMssLimit(raw.to_tunnel) };
  }
  const both = readMssLimit(raw);
  return { from_tunnel: both, to_tunnel: both };
}

function readMssLimit(raw: RawMssLimit | undefined): MssLimit {
  return raw === false ? 'off' : (raw ?? 'auto');
}
