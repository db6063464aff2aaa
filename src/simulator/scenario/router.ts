/** One router of the customer: its ways out, and the ends of tunnels, circuits and BGP sessions. */
import { parseAddress } from '../../config/address.js';
import type { ConfigPath } from '../../config/problem.js';
import { PATH_DEFAULTS, SCENARIO_DEFAULTS } from './defaults.js';
import { holds } from './network-places.js';
import { peerAddress } from './network.js';
import { isWithin, readPrefixes } from './prefixes.js';
import type { RawCircuit, RawRouter, RawSiteTunnel, RawUplink } from './raw.js';
import { plainPath, present, withRate, type Reading } from './reading.js';
import { readRouterBgp } from './router-bgp.js';
import type { RouterContext } from './router-context.js';
import type { CircuitSpec, RouterSpec, SiteTunnelSpec, UplinkSpec } from './scenario.js';

const DEFAULTS = SCENARIO_DEFAULTS.router;

export function readRouter(
  name: string,
  raw: RawRouter,
  path: ConfigPath,
  sitePrefixes: readonly string[],
  context: RouterContext,
): RouterSpec {
  const { reading, network } = context;
  const uplinks = Object.entries(raw.uplinks ?? {}).flatMap(
    ([uplink, spec]) => readUplink(name, uplink, spec, [...path, 'uplinks', uplink], context) ?? [],
  );
  const circuits = readCircuits(name, raw.circuits ?? [], [...path, 'circuits'], context);
  const prefixes = readRouterPrefixes(raw, path, sitePrefixes, reading);
  const addresses = [...uplinks.map(({ address }) => address), ...circuits.map(({ address }) => address)];
  const tunnels = network.tunnels.filter((tunnel) => addresses.includes(tunnel.customer_gre_endpoint));
  const nexthops = [
    ...tunnels.map((tunnel) => tunnel.name),
    ...circuits.map(({ spec }) => spec.interconnect),
  ];
  const hasUplinks = Object.keys(raw.uplinks ?? {}).length > 0;
  const egress = raw.egress ?? (hasUplinks ? 'isp' : 'tunnel');
  if (!hasUplinks && (raw.circuits === undefined || Object.keys(raw.circuits).length === 0)) {
    reading.source.report(path, `${name} leads nowhere: expected \`uplinks\` or \`circuits\``);
  } else if (!hasUplinks && egress === 'isp') {
    reading.source.mismatch([...path, 'egress'], 'isp', `tunnel: ${name} has no uplink`);
  } else if (egress === 'tunnel' && nexthops.length === 0 && isWhole(reading)) {
    const expected = `isp: neither tunnel nor interconnect ends on ${name}`;
    reading.source.mismatch([...path, 'egress'], 'tunnel', expected);
  }
  return {
    name,
    uplinks,
    circuits: circuits.map(({ spec }) => spec),
    tunnels: tunnels.map((tunnel) => tunnel.name),
    tunnel_mtu: raw.tunnel_mtu ?? null,
    mss_clamp: { uplink: raw.mss_clamp?.uplink ?? null, tunnel: raw.mss_clamp?.tunnel ?? null },
    egress,
    tunnel_egress: raw.tunnel_egress ?? DEFAULTS.tunnel_egress,
    site_tunnels: Object.entries(raw.site_tunnels ?? {}).flatMap(
      ([tunnel, spec]) =>
        readSiteTunnel(tunnel, spec, [...path, 'site_tunnels', tunnel], prefixes, reading) ?? [],
    ),
    firewall: raw.firewall ?? DEFAULTS.firewall,
    icmp: raw.icmp ?? DEFAULTS.icmp,
    bgp: readRouterBgp(raw.bgp ?? {}, [...path, 'bgp'], { ...context, nexthops, prefixes, router: name }),
    prefixes,
  };
}

/** Whether nothing that was taken out for its faults could be what seems to be missing. */
function isWhole({ source }: Reading): boolean {
  return source.problems.length === 0;
}

function readUplink(
  router: string,
  name: string,
  raw: string | RawUplink,
  path: ConfigPath,
  { reading, names, addresses, advertised }: RouterContext,
): UplinkSpec | null {
  const spec = typeof raw === 'string' ? { address: raw } : raw;
  const provider =
    spec.provider === undefined
      ? names.resolveKey(path, 'provider')
      : names.resolve(spec.provider, [...path, 'provider'], 'provider');
  const at = typeof raw === 'string' ? path : [...path, 'address'];
  const address = spec.address === undefined ? null : reading.address(spec.address, at);
  const both = reading.path(spec, path, plainPath(PATH_DEFAULTS.uplink_delay));
  const down = reading.path(spec.down ?? {}, [...path, 'down'], both);
  const up = reading.path(spec.up ?? {}, [...path, 'up'], both);
  if (address === null) return null;
  addresses.add(address, `the router ${router}`, at);
  const around = advertised.around(address);
  if (around !== null) {
    const expected = `an address of the provider: ${around} is advertised by the edge`;
    reading.source.mismatch(at, address, expected);
  }
  // Also with an unknown provider, which has been told: tunnels end on the address.
  return { name: `${router}.${name}`, provider: provider ?? '', address, down, up };
}

function readCircuits(
  router: string,
  raw: NonNullable<RawRouter['circuits']>,
  path: ConfigPath,
  context: RouterContext,
): { spec: CircuitSpec; address: string }[] {
  const { names } = context;
  const entries: readonly (readonly [string, RawCircuit, ConfigPath])[] = Array.isArray(raw)
    ? present(raw).map(([name, i]) => [name, {}, [...path, i]] as const)
    : Object.entries(raw).map(([name, circuit]) => [name, circuit, [...path, name]] as const);
  return entries.flatMap(([name, circuit, at]) => {
    const known = Array.isArray(raw)
      ? names.resolve(name, at, 'interconnect')
      : names.resolveKey(at, 'interconnect');
    return (known === null ? null : readCircuit(router, known, circuit, at, context)) ?? [];
  });
}

function readCircuit(
  router: string,
  name: string,
  raw: RawCircuit,
  path: ConfigPath,
  { reading, addresses, network, circuits }: RouterContext,
): { spec: CircuitSpec; address: string } | null {
  const { source } = reading;
  const first = circuits.get(name);
  if (first !== undefined) {
    source.mismatch(path, name, `a circuit of its own: ${name} ends on ${first} already`);
    return null;
  }
  circuits.set(name, router);
  const interconnect = network.interconnects.find((one) => one.name === name);
  if (interconnect === undefined) return null;
  const { dataplane, speed, links, interface_address } = interconnect;
  if (raw.vlan !== undefined && dataplane === 2) {
    source.mismatch([...path, 'vlan'], String(raw.vlan), `none: ${name} has dataplane 2, which has no VLAN`);
  }
  const address = peerAddress(interface_address);
  addresses.add(address, `the router ${router}`, path);
  const base = { ...plainPath(PATH_DEFAULTS.circuit_delay), ...withRate(speed * links) };
  const spec = {
    interconnect: name,
    vlan: raw.vlan ?? interconnect.vlan,
    path: reading.path(raw, path, base),
  };
  return { spec, address };
}

function readRouterPrefixes(
  raw: RawRouter,
  path: ConfigPath,
  sitePrefixes: readonly string[],
  reading: Reading,
): readonly string[] {
  if (raw.prefixes === undefined) return sitePrefixes;
  const prefixes = readPrefixes(raw.prefixes, [...path, 'prefixes'], reading);
  prefixes.forEach((prefix, i) => {
    if (sitePrefixes.some((outer) => isWithin(prefix, outer))) return;
    const known = sitePrefixes.length === 0 ? 'it has none' : sitePrefixes.join(', ');
    const expected = `a prefix inside of those of the site (${known})`;
    reading.source.mismatch([...path, 'prefixes', i], prefix, expected);
  });
  return prefixes;
}

function readSiteTunnel(
  name: string,
  raw: RawSiteTunnel,
  path: ConfigPath,
  prefixes: readonly string[],
  reading: Reading,
): SiteTunnelSpec | null {
  const local = raw.local === undefined ? null : reading.address(raw.local, [...path, 'local']);
  const remote = raw.remote === undefined ? null : reading.address(raw.remote, [...path, 'remote']);
  const behind = readPrefixes(raw.prefixes, [...path, 'prefixes'], reading);
  if (local === null || remote === null) return null;
  if (!prefixes.some((prefix) => holds(prefix, parseAddress(local)!.bytes))) {
    const expected = `an address inside of the prefixes of the router (${prefixes.join(', ')})`;
    reading.source.mismatch([...path, 'local'], local, expected);
  }
  return { name, local, remote, mtu: raw.mtu ?? DEFAULTS.site_tunnel_mtu, prefixes: behind };
}
