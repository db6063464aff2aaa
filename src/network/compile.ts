/** From a Config to the specification from which the dataplane builds its tables. */
import { parseAddress, parseAddressWithLength, peerOf } from '../config/address.js';
import type { Config, TunnelConfig } from '../config/config.js';
import { positionOf } from '../config/load.js';
import { ConfigError, formatPath, type ConfigProblem } from '../config/problem.js';
import type { TablesSpec, TunnelSpec } from '../dataplane/tables.js';
import { describeClone, findEndpointConflicts } from './clones.js';
import { interfaceRoutes } from './connected.js';
import { mssOf } from './mss.js';
import { selectRoutes } from './routes.js';

/**
 * The tables for the node of this configuration. Tunnels keep their indexes. Of the routes only those in
 * scope and of the best priority are there, one entry for each prefix; behind them the connected ones of
 * interface addresses.
 *
 * @throws ConfigError when no packet could tell two tunnels apart
 * @throws RangeError for a Config not made by `parseConfig` that breaks what `parseConfig` checks
 */
export function compile(config: Config): TablesSpec {
  const { clones } = findEndpointConflicts(config);
  if (clones.length > 0) {
    throw new ConfigError(
      clones.map((clone) => problemAt(config, clone.tunnel, describeClone(config, clone))),
    );
  }
  const routes = selectRoutes(config).selected.map(({ address, length, nexthops }) => ({
    address,
    length,
    nexthops: nexthops.map(({ tunnel, weight }) => ({ tunnel, weight })),
  }));
  const { locals, connected } = interfaceRoutes(config.tunnels, routes);
  return {
    tunnels: config.tunnels.map(compileTunnel),
    routes: [...routes, ...connected],
    locals,
    maxNestingDepth: config.dataplane.max_nesting_depth,
  };
}

function problemAt(config: Config, tunnel: number, message: string): ConfigProblem {
  const path = ['tunnels', tunnel];
  const { file, line, column } = positionOf(config, path) ?? {
    file: 'configuration',
    line: null,
    column: null,
  };
  return { file, line, column, path: formatPath(path), found: null, expected: null, message };
}

/** @throws RangeError for a tunnel that breaks what the reader of configurations checks */
export function compileTunnel(tunnel: TunnelConfig): TunnelSpec {
  const { name, mode, key, checksum, sequence, ttl, mtu, dscp, mss_clamp } = tunnel;
  const local = addressOf(tunnel.cloudflare_gre_endpoint);
  return {
    name,
    mode,
    local,
    remote: addressOf(tunnel.customer_gre_endpoint),
    key,
    checksum,
    sequence,
    ttl,
    mtu,
    dscp: dscp === 'inherit' ? null : dscp,
    clampFrom: mssOf(mss_clamp.from_tunnel, mtu),
    clampTo: mssOf(mss_clamp.to_tunnel, mtu),
    clearDontFragment: tunnel.clear_dont_fragment_bit,
    allowedSources: tunnel.allowed_sources?.map(prefixOf) ?? null,
    icmpSource4: icmpSource4(tunnel.interface_address, local),
    icmpSource6: icmpSource6(tunnel.interface_address6, local),
    icmpSourceToOverlay4: otherSide(tunnel.interface_address) ?? NO_IPV4_ADDRESS,
  };
}

/** Dummy address of a node without IPv4 address of its own (RFC 7600, section 4.8). */
const NO_IPV4_ADDRESS = Uint8Array.of(192, 0, 0, 8);

function icmpSource4(interfaceAddress: string | null, local: Uint8Array): Uint8Array {
  if (interfaceAddress !== null) return prefixOf(interfaceAddress).address;
  return local.length === 4 ? local : NO_IPV4_ADDRESS;
}

/** The customer's address inside the tunnel. */
function otherSide(interfaceAddress: string | null): Uint8Array | null {
  if (interfaceAddress === null) return null;
  const { address, length } = prefixOf(interfaceAddress);
  return peerOf(address, length === 30 ? 30 : 31);
}

/** Without any other address, the link-local one that ISATAP makes of an IPv4 address (RFC 5214, section 6.1). */
function icmpSource6(interfaceAddress6: string | null, local: Uint8Array): Uint8Array {
  if (interfaceAddress6 !== null) return prefixOf(interfaceAddress6).address;
  return local.length === 16
    ? local
    : Uint8Array.of(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe, ...local);
}

function addressOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === null) throw new RangeError(`${text} is no address`);
  return address.bytes;
}

function prefixOf(text: string): { address: Uint8Array; length: number } {
  const parsed = parseAddressWithLength(text);
  if (parsed === null) throw new RangeError(`${text} is no prefix`);
  return { address: parsed.bytes, length: parsed.length };
}
