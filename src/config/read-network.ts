/** All resources of a network, from the lists of a file to a NetworkConfig, each by itself. */
import { readAlert } from './alert.js';
import { readBgpSession } from './bgp-session.js';
import { readEndpointHealthCheck } from './endpoint-health-check.js';
import { readInterconnect } from './interconnect.js';
import { readMaintenance } from './maintenance.js';
import type { AdvertisedPrefixConfig, NetworkConfig } from './network.js';
import { Nexthops } from './nexthop.js';
import { readPrefix } from './prefix.js';
import { quote, type ConfigPath } from './problem.js';
import type { Entry, RawNetwork } from './raw-network.js';
import { readRoute } from './route.js';
import type { Source } from './source.js';
import { readTunnel } from './tunnel.js';

/** A network, and the places of its resources: `paths.routes[2]` is that of `config.routes[2]`. */
export interface PlacedNetwork {
  readonly config: NetworkConfig;
  readonly paths: { readonly [K in keyof NetworkConfig]: readonly ConfigPath[] };
}

/**
 * What the resources may be together is for src/network/change to say.
 *
 * @returns the resources that miss nothing, the first of each name; every problem is reported to `source`
 */
export function readNetwork(raw: RawNetwork, source: Source): PlacedNetwork {
  const names = new FirstNames(source);
  const places = new Map<string, ConfigPath>();
  const tunnels = read(names.first(raw.tunnels), (tunnel, path) => readTunnel(tunnel, path, source, true));
  const interconnects = read(names.first(raw.interconnects), (circuit, path) =>
    readInterconnect(circuit, path, source),
  );
  const nexthops = [...tunnels.items, ...interconnects.items];
  const known = new Nexthops(nexthops, names.all, 'tunnel or interconnect');
  const circuits = new Set(interconnects.items.map(({ name }) => name));
  const routes = read(raw.routes, (route, path) => readRoute(route, path, known, source));
  const sessions = read(new FirstNames(source).first(raw.bgp_sessions), (session, path) =>
    readBgpSession(session, path, (name) => circuits.has(name), source),
  );
  const prefixes = read(raw.prefixes, (text, path) => readAdvertised(text, path, places, source));
  const maintenance = read(new FirstNames(source).first(raw.maintenance), (window, path) =>
    readMaintenance(window, path, source),
  );
  const alerts = read(new FirstNames(source).first(raw.alerts), (alert, path) =>
    readAlert(alert, path, source),
  );
  const endpoints = read(new FirstNames(source).first(raw.endpoint_health_checks), (check, path) =>
    readEndpointHealthCheck(check, path, source),
  );
  return {
    config: {
      tunnels: tunnels.items,
      interconnects: interconnects.items,
      routes: routes.items,
      bgp_sessions: sessions.items,
      prefixes: prefixes.items,
      maintenance: maintenance.items,
      alerts: alerts.items,
      endpoint_health_checks: endpoints.items,
    },
    paths: {
      tunnels: tunnels.paths,
      interconnects: interconnects.paths,
      routes: routes.paths,
      bgp_sessions: sessions.paths,
      prefixes: prefixes.paths,
      maintenance: maintenance.paths,
      alerts: alerts.paths,
      endpoint_health_checks: endpoints.paths,
    },
  };
}

function read<Raw, T>(
  entries: readonly Entry<Raw>[],
  reader: (raw: Raw, path: ConfigPath) => T | null,
): { items: readonly T[]; paths: readonly ConfigPath[] } {
  const items: T[] = [];
  const paths: ConfigPath[] = [];
  for (const { raw, path } of entries) {
    const item = reader(raw, path);
    if (item === null) continue;
    items.push(item);
    paths.push(path);
  }
  return { items, paths };
}

/** @param places of the prefixes before this one, which is added */
function readAdvertised(
  text: string,
  path: ConfigPath,
  places: Map<string, ConfigPath>,
  source: Source,
): AdvertisedPrefixConfig | null {
  const prefix = readPrefix(text, path, source);
  if (prefix === null) return null;
  const first = places.get(prefix);
  if (first === undefined) {
    places.set(prefix, path);
    return { prefix };
  }
  const { line } = source.positionOf(first);
  source.mismatch(path, quote(text), `each prefix once: it is on line ${line} too`);
  return null;
}

/** Names that must be told apart. */
class FirstNames {
  readonly all = new Set<string>();
  private readonly places = new Map<string, ConfigPath>();

  constructor(private readonly source: Source) {}

  /** The entries whose name no other has before them; the others are reported. */
  first<Raw extends { name?: string }>(entries: readonly Entry<Raw>[]): readonly Entry<Raw>[] {
    return entries.filter(({ raw: { name }, path }) => {
      if (name === undefined) return true;
      const first = this.places.get(name);
      if (first === undefined) {
        this.places.set(name, path);
        this.all.add(name);
        return true;
      }
      const { line } = this.source.positionOf([...first, 'name']);
      const expected = `a name of its own: ${this.described(first)} on line ${line} has this one`;
      this.source.mismatch([...path, 'name'], quote(name), expected);
      return false;
    });
  }

  /** `tunnels[0]`, as the messages of a node's configuration have it. */
  private described(path: ConfigPath): string {
    return `${path.slice(0, -1).join('.')}[${path.at(-1) ?? ''}]`;
  }
}
