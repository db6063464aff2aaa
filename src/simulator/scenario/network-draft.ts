/** The resources of a network as a file writes them, and what events put in and take out. */
import { ALIASES } from '../../config/config.js';
import { ROUTE_SCHEMA, TUNNEL_SCHEMA } from '../../config/network-schema.js';
import type { NetworkConfig } from '../../config/network.js';
import type { ConfigPath } from '../../config/problem.js';
import type { Entry, RawNetwork } from '../../config/raw-network.js';
import {
  ALERT_SCHEMA,
  BGP_SESSION_SCHEMA,
  ENDPOINT_HEALTH_CHECK_SCHEMA,
  INTERCONNECT_SCHEMA,
  MAINTENANCE_SCHEMA,
} from '../../config/resource-schema.js';
import type { Schema } from '../../config/schema-parts.js';
import { SchemaWords } from '../../config/schema-words.js';
import type { Source } from '../../config/source.js';
import type { RawEvent, RawResources } from './raw.js';
import { present } from './reading.js';
import { SCENARIO_SCHEMA } from './schema.js';

type Kind = keyof NetworkConfig;
/** A resource, whatever its kind. */
type RawMapping = Record<string, unknown>;

const SCHEMAS: Record<Exclude<Kind, 'prefixes'>, Schema> = {
  tunnels: TUNNEL_SCHEMA,
  interconnects: INTERCONNECT_SCHEMA,
  routes: ROUTE_SCHEMA,
  bgp_sessions: BGP_SESSION_SCHEMA,
  maintenance: MAINTENANCE_SCHEMA,
  alerts: ALERT_SCHEMA,
  endpoint_health_checks: ENDPOINT_HEALTH_CHECK_SCHEMA,
};
const WORDS = new SchemaWords(SCENARIO_SCHEMA);

export class NetworkDraft {
  private readonly mappings: Record<Exclude<Kind, 'prefixes'>, Entry<RawMapping>[]>;
  private prefixes: Entry<string>[];

  constructor(
    raw: RawResources,
    private readonly source: Source,
  ) {
    this.mappings = {
      tunnels: entries(raw.tunnels, ['tunnels']),
      interconnects: entries(raw.interconnects, ['interconnects']),
      routes: entries(raw.routes, ['routes']),
      bgp_sessions: entries(raw.bgp_sessions, ['bgp_sessions']),
      maintenance: entries(raw.maintenance, ['maintenance']),
      alerts: entries(raw.alerts, ['alerts']),
      endpoint_health_checks: entries(raw.endpoint_health_checks, ['endpoint_health_checks']),
    };
    this.prefixes = entries(raw.prefixes, ['prefixes']);
  }

  /** As it is now. */
  get network(): RawNetwork {
    return { ...this.mappings, prefixes: this.prefixes };
  }

  change({ put = {}, remove = {} }: RawEvent, path: ConfigPath): void {
    for (const kind of Object.keys(SCHEMAS) as Exclude<Kind, 'prefixes'>[]) {
      const gone = new Set(present(remove[kind]).map(([name]) => name));
      this.mappings[kind] = this.mappings[kind].filter(({ raw }) => !gone.has(nameOf(kind, raw)));
      for (const entry of entries(put[kind], [...path, 'put', kind])) this.put(kind, entry);
    }
    const gone = new Set(present(remove.prefixes).map(([prefix]) => prefix));
    this.prefixes = [
      ...this.prefixes.filter(({ raw }) => !gone.has(raw)),
      ...entries(put.prefixes, [...path, 'put', 'prefixes']),
    ];
  }

  private put(kind: Exclude<Kind, 'prefixes'>, { raw, path }: Entry<RawMapping>): void {
    const list = this.mappings[kind];
    const same = list.filter((entry) => nameOf(kind, entry.raw) === nameOf(kind, raw));
    const [base] = same;
    if (base === undefined || same.length > 1) {
      this.checkRequired(SCHEMAS[kind], raw, path);
      list.push({ raw, path });
      return;
    }
    const merged = { ...without(canonical(base.raw), Object.keys(canonical(raw))), ...raw };
    this.mappings[kind] = list.map((entry) => (entry === base ? { raw: merged, path } : entry));
  }

  /** In front of the readers, which trust the schema in this, the schema of `put` asks for a name only. */
  private checkRequired({ required = [], properties = {} }: Schema, raw: RawMapping, path: ConfigPath): void {
    for (const key of required) {
      if (raw[key] !== undefined || this.source.has([...path, key])) continue;
      this.source.mismatch([...path, key], 'nothing', WORDS.expectedBy(properties[key] ?? {}));
    }
  }
}

function entries<Raw>(
  list: readonly (Raw | undefined)[] | undefined,
  path: ConfigPath,
): Entry<Raw & RawMapping>[];
function entries(list: readonly (string | undefined)[] | undefined, path: ConfigPath): Entry<string>[];
function entries(list: readonly unknown[] | undefined, path: ConfigPath): Entry<unknown>[] {
  return present(list).map(([raw, i]) => ({ raw, path: [...path, i] }));
}

function nameOf(kind: Kind, raw: RawMapping): string {
  return kind === 'routes' ? `${String(raw.prefix)} via ${String(raw.nexthop)}` : String(raw.name);
}

function without(raw: RawMapping, keys: readonly string[]): RawMapping {
  return Object.fromEntries(Object.entries(raw).filter(([key]) => !keys.includes(key)));
}

/** With the names of keys that the API has. */
function canonical(raw: RawMapping): RawMapping {
  return Object.fromEntries(
    Object.entries(raw).map(([key, value]) => [
      key in ALIASES ? ALIASES[key as keyof typeof ALIASES] : key,
      value,
    ]),
  );
}
