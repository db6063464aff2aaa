/**
 * The schema of tunnels and routes, which a node's configuration and a scenario have in common. What several
 * values together may be is said in tunnel.ts and load.ts.
 */
import { DEFAULTS, LIMITS, MODES, REGIONS } from './config.js';
import {
  HEALTH_CHECK_DEFAULTS,
  HEALTH_CHECK_DIRECTIONS,
  HEALTH_CHECK_RATES,
  HEALTH_CHECK_TYPES,
} from './health-check-config.js';
import { flag, integer, IPV4, IPV6, mapping, type Schema } from './schema-parts.js';

/** One of two keys, and not both. */
function either(name: string, alias: string): Schema {
  return { oneOf: [name, alias].map((key) => ({ properties: { [key]: {} }, required: [key] })) };
}

export const ADDRESS: Schema = {
  title: 'IPv4 or IPv6 address',
  type: 'string',
  pattern: `^(${IPV4}|${IPV6})$`,
};

const prefix: Schema = {
  title: 'prefix such as 192.0.2.0/24 or 2001:db8::/48',
  type: 'string',
  pattern: `^(${IPV4}|${IPV6})/\\d{1,3}$`,
};

export const REGION: Schema = { type: 'string', enum: REGIONS };

export const COLO: Schema = {
  title: 'name of 1 to 32 letters, digits, - and _',
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,32}$',
};

/** Of interconnects; also the edge devices that they end on. */
export const INTERCONNECT_NAME: Schema = {
  title: 'name of 1 to 32 letters, digits, - and _',
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,32}$',
};

const mssLimit: Schema = {
  anyOf: [
    { type: 'string', enum: ['auto', 'off'] },
    { type: 'boolean', const: false, description: 'What `off` is to programs that write YAML 1.1.' },
    { type: 'integer', minimum: LIMITS.mss[0], maximum: LIMITS.mss[1] },
  ],
};

export const HEALTH_CHECK: Schema = mapping('Probes through the tunnel that tell whether it works.', {
  enabled: flag(
    'Whether there are any. A node probes the tunnels that have a health_check, a scenario also the others.',
    HEALTH_CHECK_DEFAULTS.enabled,
  ),
  type: {
    type: 'string',
    enum: HEALTH_CHECK_TYPES,
    default: HEALTH_CHECK_DEFAULTS.type,
    description:
      'What is sent: an echo reply, which the other side sends back as it is, or an echo request. Stateful firewalls drop replies that nobody asked for.',
  },
  direction: {
    type: 'string',
    enum: HEALTH_CHECK_DIRECTIONS,
    default: HEALTH_CHECK_DEFAULTS.direction,
    description: 'Whether the answer comes back outside of the tunnel, or in it (bidirectional).',
  },
  rate: {
    type: 'string',
    enum: HEALTH_CHECK_RATES,
    default: HEALTH_CHECK_DEFAULTS.rate,
    description: 'How often.',
  },
  target: {
    $ref: '#/definitions/address',
    description:
      'Whom the probe is for. Without it, the customer endpoint, or the other end of interface_address (bidirectional).',
    examples: ['203.0.113.10'],
  },
});

const endpoint = (whose: string, alias: string, example: string): Schema => ({
  $ref: '#/definitions/address',
  description: `${whose} end of the tunnel, IPv4 or IPv6; both ends of one family. ${alias}`,
  examples: [example],
});

export const TUNNEL_SCHEMA: Schema = {
  type: 'object',
  required: ['name'],
  allOf: [either('cloudflare_gre_endpoint', 'local'), either('customer_gre_endpoint', 'remote')],
  additionalProperties: false,
  properties: {
    name: {
      title: 'name of 1 to 15 letters, digits, - and _',
      type: 'string',
      pattern: '^[A-Za-z0-9_-]{1,15}$',
      description: 'Name of the tunnel, unique in the file.',
      examples: ['acme_fra_1'],
    },
    description: { type: 'string', default: '', description: 'For people; not used.' },
    cloudflare_gre_endpoint: endpoint('Our', 'May be called `local`.', '198.51.100.1'),
    local: endpoint('Our', 'The same as `cloudflare_gre_endpoint`.', '198.51.100.1'),
    customer_gre_endpoint: endpoint('Their', 'May be called `remote`.', '203.0.113.10'),
    remote: endpoint('Their', 'The same as `customer_gre_endpoint`.', '203.0.113.10'),
    interface_address: {
      title: 'IPv4 address with /31 or /30, such as 10.100.0.8/31',
      type: 'string',
      pattern: `^${IPV4}/3[01]$`,
      description:
        'Our address inside the tunnel; the customer has the other one. Source of our ICMP errors; routes may name it, or the other one, as next hop.',
      examples: ['10.100.0.8/31'],
    },
    interface_address6: {
      title: 'IPv6 address with its length, such as 2001:db8::1/127',
      type: 'string',
      pattern: `^${IPV6}/\\d{1,3}$`,
      description: 'Our IPv6 address inside the tunnel. Source of our ICMPv6 errors.',
      examples: ['2001:db8::1/127'],
    },
    key: {
      anyOf: [
        integer(LIMITS.key, {}),
        { title: 'key written as four numbers (0.0.0.42)', type: 'string', pattern: `^${IPV4}$` },
      ],
      description: 'GRE key (RFC 2890). Without one, only packets without key are taken.',
      examples: [42, '0.0.0.42'],
    },
    checksum: flag('Send with GRE checksum, and refuse packets without.'),
    sequence: flag('Send with sequence numbers. Received ones are accepted and not looked at.'),
    mode: {
      type: 'string',
      enum: MODES,
      default: 'gre',
      description: 'What the tunnel carries: IP packets (gre) or Ethernet frames (gretap).',
    },
    ttl: integer(LIMITS.ttl, { default: DEFAULTS.ttl, description: 'TTL or hop limit of the outer header.' }),
    mtu: integer(LIMITS.mtu, {
      description:
        'Largest inner IP packet in bytes. Without it: 1500 less the outer header (20 or 40), GRE (4, and 4 each for checksum, key and sequence), and 14 for gretap.',
      examples: [1476],
    }),
    mss_clamp: {
      default: 'auto',
      anyOf: [
        { $ref: '#/definitions/mss_limit' },
        {
          title: 'mapping with from_tunnel and to_tunnel',
          type: 'object',
          additionalProperties: false,
          properties: {
            from_tunnel: {
              $ref: '#/definitions/mss_limit',
              default: 'auto',
              description: 'For packets that come out of the tunnel.',
            },
            to_tunnel: {
              $ref: '#/definitions/mss_limit',
              default: 'auto',
              description: 'For packets that go into the tunnel.',
            },
          },
        },
      ],
      description:
        'Largest TCP MSS in SYN and SYN-ACK: auto (MTU - 40 for IPv4, MTU - 60 for IPv6), a number for both, or off.',
      examples: ['auto', 'off', 1436, { from_tunnel: 'auto', to_tunnel: 1400 }],
    },
    clear_dont_fragment_bit: flag(
      'Clear DF on every IPv4 packet that enters the tunnel, so that large ones are fragmented. Last resort.',
    ),
    allowed_sources: {
      type: 'array',
      items: { $ref: '#/definitions/prefix' },
      description:
        'Prefixes in which the source of every packet out of the tunnel must lie. Without the list any source is taken; an empty list takes none.',
      examples: [['192.0.2.0/24']],
    },
    dscp: {
      anyOf: [{ type: 'string', enum: ['inherit'] }, integer(LIMITS.dscp, {})],
      default: 'inherit',
      description: 'DSCP of the outer header: that of the inner packet, or a number (RFC 2983).',
    },
    health_check: HEALTH_CHECK,
    automatic_return_routing: flag(
      'The first packet of a flow out of this tunnel pins the answers to it, whatever the routes say.',
    ),
    interconnect: {
      ...INTERCONNECT_NAME,
      description: 'Interconnect (CNI, dataplane 1) that the outer packets take. Without it, the Internet.',
      examples: ['cni_fra_1'],
    },
  },
};

export const ROUTE_SCHEMA: Schema = {
  type: 'object',
  required: ['prefix', 'nexthop'],
  additionalProperties: false,
  properties: {
    prefix: {
      $ref: '#/definitions/prefix',
      description: 'Destinations of the route. The longest prefix wins.',
      examples: ['192.0.2.0/24'],
    },
    nexthop: {
      title: 'name of a tunnel, or an address of its interface_address or interface_address6',
      type: 'string',
      pattern: '^[A-Za-z0-9_.:-]+$',
      description: 'Name of a tunnel, or one of the addresses inside it (as in Cloudflare’s API).',
      examples: ['acme_fra_1', '10.100.0.9'],
    },
    priority: integer(LIMITS.priority, {
      default: DEFAULTS.priority,
      description: 'Of routes with the same prefix those with the lowest priority are used.',
    }),
    weight: integer(LIMITS.weight, {
      default: DEFAULTS.weight,
      description: 'Share of the traffic among routes of the same prefix and priority (ECMP).',
    }),
    description: { type: 'string', default: '', description: 'For people; not used.' },
    scope: {
      type: 'object',
      additionalProperties: false,
      description:
        'Where the route exists: on nodes of these regions and on nodes of these PoPs. Without it, everywhere.',
      properties: {
        colo_regions: { type: 'array', items: REGION, description: 'Region codes.', examples: [['WEUR']] },
        colo_names: { type: 'array', items: COLO, description: 'Names of PoPs.', examples: [['fra']] },
      },
    },
  },
};

/** What the schemas here refer to; belongs into `definitions` of a schema that uses them. */
export const NETWORK_DEFINITIONS: Record<string, Schema> = { address: ADDRESS, prefix, mss_limit: mssLimit };
