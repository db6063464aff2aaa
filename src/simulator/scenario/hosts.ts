/** Hosts, in sites and on the Internet. */
import { parseAddress } from '../../config/address.js';
import { quote, type ConfigPath } from '../../config/problem.js';
import type { Addresses } from './addresses.js';
import { SCENARIO_DEFAULTS } from './defaults.js';
import { flowOf } from './flow.js';
import type { Names } from './names.js';
import { holds } from './network-places.js';
import type { PrefixSet } from './prefix-set.js';
import type { RawHost, RawNamed, RawTraffic } from './raw.js';
import { present, type Reading } from './reading.js';
import type { Coordinates, HostSpec } from './scenario.js';

type Listens = HostSpec['listens'];

const DEFAULTS = SCENARIO_DEFAULTS.host;
const HIGHEST_PORT = 65_535;

/** By name of the host: the ports that traffic is for, which hosts answer at when the file says nothing else. */
export function portsInUse(traffic: RawNamed<RawTraffic>): ReadonlyMap<string, Listens> {
  const ports = new Map<string, Listens[number][]>();
  for (const { tcp, udp } of Object.values(traffic)) {
    const flow = flowOf(tcp ?? udp ?? '');
    if (flow.port === null) continue;
    const protocol = tcp === undefined ? 'udp' : 'tcp';
    const known = ports.get(flow.to) ?? [];
    ports.set(flow.to, known);
    if (!known.some((one) => one.protocol === protocol && one.port === flow.port))
      known.push({ protocol, port: flow.port });
  }
  return ports;
}

export class Hosts {
  constructor(
    private readonly reading: Reading,
    private readonly names: Names,
    private readonly addresses: Addresses,
    private readonly ports: ReadonlyMap<string, Listens>,
  ) {}

  /** On the Internet: outside of what the edge advertises. */
  readAll(raw: RawNamed<RawHost>, advertised: PrefixSet): HostSpec[] {
    return Object.entries(raw).flatMap(([name, host]) => {
      const path = ['hosts', name];
      const location = host.at === undefined ? null : this.reading.location(host.at, [...path, 'at']);
      const spec = this.read(name, host, path, location ?? [0, 0], (address, at) => {
        const prefix = advertised.around(address);
        if (prefix === null) return;
        const expected = `an address outside of ${prefix}, which the edge advertises: answers would never reach the host`;
        this.reading.source.mismatch(at, address, expected);
      });
      return spec === null || location === null ? [] : [spec];
    });
  }

  /** In a site: inside of its prefixes. */
  readSite(
    raw: RawNamed<RawHost>,
    site: ConfigPath,
    location: Coordinates,
    prefixes: readonly string[],
  ): HostSpec[] {
    return Object.entries(raw).flatMap(([name, host]) => {
      const path = [...site, 'hosts', name];
      const spec = this.read(name, host, path, location, (address, at) => {
        if (prefixes.some((one) => holds(one, parseAddress(address)!.bytes))) return;
        const known = prefixes.length === 0 ? 'it has none' : prefixes.join(', ');
        this.reading.source.mismatch(at, address, `an address inside of the prefixes of its site (${known})`);
      });
      return spec ?? [];
    });
  }

  private read(
    name: string,
    raw: RawHost,
    path: ConfigPath,
    location: Coordinates,
    check: (address: string, path: ConfigPath) => void,
  ): HostSpec | null {
    this.names.add('host', name, path, 'key');
    const addresses: string[] = [];
    const list = typeof raw.address === 'string' ? [raw.address] : (raw.address ?? []);
    for (const [text, i] of present(list)) {
      const at = [...path, 'address', ...(typeof raw.address === 'string' ? [] : [i])];
      const address = this.reading.address(text, at);
      if (address === null) continue;
      this.addresses.add(address, `the host ${name}`, at);
      check(address, at);
      addresses.push(address);
    }
    const listens = this.readListens(raw, [...path, 'listens']) ?? this.ports.get(name) ?? [];
    if (addresses.length === 0) return null;
    return {
      name,
      addresses,
      location,
      mtu: raw.mtu ?? DEFAULTS.mtu,
      mss: raw.mss ?? null,
      path_mtu_discovery: raw.path_mtu_discovery ?? DEFAULTS.path_mtu_discovery,
      listens,
    };
  }

  private readListens({ listens }: RawHost, path: ConfigPath): Listens | null {
    if (listens === undefined) return null;
    return present(listens).flatMap(([entry, i]) => {
      if (typeof entry === 'number') return [{ protocol: 'tcp' as const, port: entry }];
      const [protocol, digits] = entry.split('/');
      const port = Number(digits);
      if (port >= 1 && port <= HIGHEST_PORT)
        return [{ protocol: protocol === 'udp' ? ('udp' as const) : ('tcp' as const), port }];
      this.reading.source.mismatch([...path, i], quote(entry), `a port from 1 to ${HIGHEST_PORT}`);
      return [];
    });
  }
}
