/**
 * The JSON Schema (draft-07, which every editor knows) of the configuration file. Published as
 * grebe.schema.json by scripts/write-schema.ts. It says what one value may be; what several values together
 * may be is said in tunnel.ts, load.ts and daemon.ts.
 *
 * A `title` is a noun phrase: error messages read "expected a <title>".
 */
import { DEFAULTS, LIMITS } from './config.js';
import { DAEMON_SCHEMA } from './daemon-schema.js';
import { COLO, NETWORK_DEFINITIONS, REGION, ROUTE_SCHEMA, TUNNEL_SCHEMA } from './network-schema.js';
import { integer, type Schema } from './schema-parts.js';

export type { Schema } from './schema-parts.js';

const node: Schema = {
  type: 'object',
  description: 'The machine that this file is for.',
  required: ['name'],
  additionalProperties: false,
  properties: {
    name: {
      title: 'name of 1 to 63 letters, digits, -, _ and .',
      type: 'string',
      pattern: '^[A-Za-z0-9._-]{1,63}$',
      description: 'Name of the node, in reports and metrics.',
      examples: ['fra-1'],
    },
    colo: {
      ...COLO,
      description: 'PoP that the node stands in. Routes scoped to this PoP apply.',
      examples: ['fra'],
    },
    region: { ...REGION, description: 'Region of the PoP. Routes scoped to this region apply.' },
  },
};

const dataplane: Schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    max_nesting_depth: integer(LIMITS.max_nesting_depth, {
      default: DEFAULTS.max_nesting_depth,
      description:
        'How many GRE headers for our endpoints may be taken off one packet. A packet with more is dropped as nesting_too_deep.',
    }),
  },
};

export const CONFIG_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'grebe configuration',
  description: 'Tunnels and routes of a grebe node. See docs/config.md.',
  type: 'object',
  required: ['node'],
  additionalProperties: false,
  properties: {
    node,
    dataplane,
    tunnels: { type: 'array', default: [], items: TUNNEL_SCHEMA, description: 'GRE tunnels.' },
    routes: {
      type: 'array',
      default: [],
      items: ROUTE_SCHEMA,
      description: 'Which prefix goes into which tunnel.',
    },
    daemon: DAEMON_SCHEMA,
  },
  definitions: NETWORK_DEFINITIONS,
};
