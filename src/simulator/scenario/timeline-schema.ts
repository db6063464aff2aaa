/** The schema of `timeline`; which keys belong to which action is said in timeline.ts. */
import {
  ADVERTISED_PREFIX_SCHEMA,
  ALERT_SCHEMA,
  BGP_SESSION_SCHEMA,
  ENDPOINT_HEALTH_CHECK_SCHEMA,
  INTERCONNECT_SCHEMA,
  MAINTENANCE_SCHEMA,
} from '../../config/resource-schema.js';
import { ROUTE_SCHEMA, TUNNEL_SCHEMA } from '../../config/network-schema.js';
import { DURATION } from '../../config/quantities.js';
import { mapping, type Schema } from '../../config/schema-parts.js';
import { SCENARIO_LIMITS } from './defaults.js';
import { LINE, NAME, PATH_KEYS } from './schema-parts.js';
import { ANNOUNCEMENT_KEYS } from './topology-schema.js';

/** Names, with a dot for uplinks and a slash for servers and links. */
const TARGET: Schema = {
  title: 'name of what it happens to, such as acme_1, r1.isp or fra/1',
  type: 'string',
  pattern: '^[A-Za-z0-9_-]+([./][A-Za-z0-9_-]+)?$',
};

/** As in the file, where only the name has to be there: what is not given stays as it was. */
function partly(schema: Schema): Schema {
  const { type, properties = {}, additionalProperties = false } = schema;
  const required = 'prefix' in properties ? ['prefix', 'nexthop'] : ['name'];
  return { ...(type && { type }), required, additionalProperties, properties };
}

const list = (items: Schema, description: string): Schema => ({ type: 'array', items, description });

const PUT = mapping('Resources that come, or are changed: what is not given stays as it was.', {
  tunnels: list(partly(TUNNEL_SCHEMA), 'Tunnels, by name.'),
  interconnects: list(partly(INTERCONNECT_SCHEMA), 'Interconnects, by name.'),
  routes: list(partly(ROUTE_SCHEMA), 'Routes, by prefix and next hop.'),
  bgp_sessions: list(partly(BGP_SESSION_SCHEMA), 'BGP sessions, by name.'),
  prefixes: list(ADVERTISED_PREFIX_SCHEMA, 'Advertised prefixes.'),
  maintenance: list(partly(MAINTENANCE_SCHEMA), 'Maintenance windows, by name.'),
  alerts: list(partly(ALERT_SCHEMA), 'Alerts, by name.'),
  endpoint_health_checks: list(partly(ENDPOINT_HEALTH_CHECK_SCHEMA), 'Endpoint health checks, by name.'),
});

const names = (what: string): Schema => list({ ...NAME, title: `name of ${what}` }, 'Names.');

const REMOVE = mapping('Resources that go.', {
  tunnels: names('a tunnel'),
  interconnects: names('an interconnect'),
  routes: list(
    {
      title: 'route such as "192.0.2.0/24 via acme_1"',
      type: 'string',
      pattern: '^[0-9A-Fa-f.:]+/\\d{1,3} via [A-Za-z0-9_-]+$',
    },
    'As `prefix via nexthop`.',
  ),
  bgp_sessions: names('a BGP session'),
  prefixes: list(ADVERTISED_PREFIX_SCHEMA, 'Prefixes.'),
  maintenance: names('a maintenance window'),
  alerts: names('an alert'),
  endpoint_health_checks: names('an endpoint health check'),
});

const event: Schema = {
  ...mapping('An event.', {
    at: { ...DURATION, description: 'When.', examples: ['20s'] },
    note: {
      ...LINE,
      description: 'What it is, for people and for `failover` in `expect`. Without it, as in "fail acme_1".',
      examples: ['the first ISP fails'],
    },
    for: {
      ...DURATION,
      description: 'fail, degrade, relay: until it is over. bgp_restart: how long it takes (required).',
      examples: ['10s'],
    },
    fail: {
      ...TARGET,
      description: 'A tunnel, uplink, interconnect, link of one, router, provider, server or PoP.',
      examples: ['acme_1', 'r1.isp', 'fra/1'],
    },
    restore: { ...TARGET, description: 'What failed or was degraded.', examples: ['acme_1'] },
    degrade: {
      ...TARGET,
      description: 'An uplink or interconnect, with the keys of a path beside it.',
      examples: ['r1.isp'],
    },
    ...PATH_KEYS,
    light_level: { ...TARGET, description: 'An interconnect, with `dbm` beside it.', examples: ['cni_1'] },
    dbm: {
      type: 'number',
      minimum: SCENARIO_LIMITS.dbm[0],
      maximum: SCENARIO_LIMITS.dbm[1],
      description: 'Optical power.',
      examples: [-25],
    },
    bgp_announce: {
      $ref: '#/definitions/prefix',
      description: 'A prefix, with `session` beside it.',
      examples: ['192.0.2.0/24'],
    },
    bgp_withdraw: {
      $ref: '#/definitions/prefix',
      description: 'A prefix, with `session` beside it.',
      examples: ['192.0.2.0/24'],
    },
    bgp_restart: {
      ...NAME,
      title: 'name of a BGP session',
      description: "The router's side of it, with `for` beside it.",
      examples: ['acme_bgp'],
    },
    session: {
      ...NAME,
      title: 'name of a BGP session',
      description: 'bgp_announce, bgp_withdraw: over which.',
      examples: ['acme_bgp'],
    },
    ...ANNOUNCEMENT_KEYS,
    relay: {
      type: 'string',
      enum: ['lost', 'restored'],
      description:
        'The central relay of routes: without it, PoPs go on with what they know (edge resiliency).',
    },
    put: PUT,
    remove: REMOVE,
  }),
  required: ['at'],
};

export const TIMELINE_SCHEMA: Schema = {
  type: 'array',
  items: event,
  default: [],
  description: 'What happens.',
};
