/**
 * The JSON Schema (draft-07) of scenario files, published as scenario.schema.json. As in src/config: it says what
 * one value may be, a `title` is a noun phrase for messages.
 */
import {
  ADVERTISED_PREFIX_SCHEMA,
  ALERT_SCHEMA,
  BGP_SESSION_SCHEMA,
  ENDPOINT_HEALTH_CHECK_SCHEMA,
  INTERCONNECT_SCHEMA,
  MAINTENANCE_SCHEMA,
} from '../../config/resource-schema.js';
import { NETWORK_DEFINITIONS, ROUTE_SCHEMA, TUNNEL_SCHEMA } from '../../config/network-schema.js';
import { DURATION } from '../../config/quantities.js';
import { integer, type Schema } from '../../config/schema-parts.js';
import { SCENARIO_DEFAULTS, SCENARIO_LIMITS } from './defaults.js';
import { EXPECT_SCHEMA } from './expect-schema.js';
import { LINES } from './schema-parts.js';
import { TIMELINE_SCHEMA } from './timeline-schema.js';
import { EDGE_SCHEMA, HOSTS_SCHEMA, PROVIDERS_SCHEMA, SITES_SCHEMA } from './topology-schema.js';
import { TRAFFIC_SCHEMA } from './traffic-schema.js';

const list = (items: Schema, description: string): Schema => ({
  type: 'array',
  default: [],
  items,
  description,
});

export const SCENARIO_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'grebe scenario',
  description: 'A network, what happens in it, and what must be true. See docs/scenario.md.',
  type: 'object',
  required: ['name', 'edge'],
  additionalProperties: false,
  properties: {
    name: {
      title: 'name of 1 to 64 letters, digits, - and _',
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      description: 'Name of the scenario.',
      examples: ['dsr-with-clamp'],
    },
    description: { ...LINES, default: '', description: 'For people.' },
    seed: integer(SCENARIO_LIMITS.seed, {
      default: SCENARIO_DEFAULTS.seed,
      description: 'Start of the random numbers.',
    }),
    duration: {
      ...DURATION,
      default: SCENARIO_DEFAULTS.duration,
      description: 'Virtual time that the run takes.',
    },
    start: {
      title: 'time such as 2026-01-01T00:00:00Z',
      type: 'string',
      pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ$',
      default: SCENARIO_DEFAULTS.start,
      description: 'What the clock says at the beginning, in captures and reports (UTC).',
    },
    edge: EDGE_SCHEMA,
    prefixes: list(
      ADVERTISED_PREFIX_SCHEMA,
      'What the edge advertises: /24 or shorter, IPv6 /48 or shorter.',
    ),
    tunnels: list(TUNNEL_SCHEMA, 'Tunnels, as in grebe.yaml.'),
    interconnects: list(INTERCONNECT_SCHEMA, 'Circuits between PoPs and routers (CNI).'),
    routes: list(ROUTE_SCHEMA, 'Which prefix goes into which tunnel or interconnect, as in grebe.yaml.'),
    bgp_sessions: list(BGP_SESSION_SCHEMA, 'BGP between the edge and routers.'),
    maintenance: list(MAINTENANCE_SCHEMA, 'Windows in which the provider works on a device or PoP.'),
    alerts: list(ALERT_SCHEMA, 'Who wants to be told of what.'),
    endpoint_health_checks: list(
      ENDPOINT_HEALTH_CHECK_SCHEMA,
      'Addresses behind routers that every PoP asks for every ten minutes: they inform, and steer nothing.',
    ),
    providers: PROVIDERS_SCHEMA,
    sites: SITES_SCHEMA,
    hosts: HOSTS_SCHEMA,
    traffic: TRAFFIC_SCHEMA,
    timeline: TIMELINE_SCHEMA,
    expect: EXPECT_SCHEMA,
  },
  definitions: NETWORK_DEFINITIONS,
};
