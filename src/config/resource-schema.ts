/**
 * The schema of the resources that a scenario has beside tunnels and routes. What several values together may
 * be is said in the reader of each, what several resources may be in network-rules.ts.
 */
import { LIMITS } from './config.js';
import { INTERCONNECT_KINDS, INTERCONNECT_PRODUCTS, MAINTENANCE_EVENTS } from './network.js';
import { ADDRESS, COLO, HEALTH_CHECK, INTERCONNECT_NAME } from './network-schema.js';
import { DURATION, SHARE, SIGNED_DURATION } from './quantities.js';
import { INTERCONNECT_DEFAULTS, RESOURCE_LIMITS } from './resource-defaults.js';
import { flag, integer, IPV4, IPV6, type Schema } from './schema-parts.js';

const name = (whose: string, example: string): Schema => ({
  title: 'name of 1 to 32 letters, digits, - and _',
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,32}$',
  description: `Name of the ${whose}.`,
  examples: [example],
});

const description: Schema = { type: 'string', default: '', description: 'For people; not used.' };

export const ASN: Schema = integer(RESOURCE_LIMITS.asn, {
  description: 'Number of the autonomous system.',
  examples: [65_010],
});

export const MD5_KEY: Schema = {
  title: 'key of 1 to 80 printable characters',
  type: 'string',
  pattern: '^[ -~]{1,80}$',
  description: 'MD5 key of the session (RFC 2385). Without it, none.',
  examples: ['secret'],
};

export const VLAN: Schema = integer(RESOURCE_LIMITS.vlan, { description: '802.1Q tag.', examples: [100] });

export const INTERCONNECT_SCHEMA: Schema = {
  type: 'object',
  required: ['name', 'colo', 'dataplane', 'interface_address'],
  additionalProperties: false,
  properties: {
    name: {
      ...INTERCONNECT_NAME,
      description: 'Name of the circuit, unique over tunnels and interconnects: routes may name it.',
      examples: ['cni_fra_1'],
    },
    description,
    colo: { ...COLO, description: 'PoP in which it ends.', examples: ['fra'] },
    device: {
      ...name('edge device in the PoP that it ends on', 'edge2'),
      default: INTERCONNECT_DEFAULTS.device,
    },
    dataplane: {
      title: 'dataplane version, 1 or 2',
      type: 'integer',
      enum: [1, 2],
      description: '1: GRE over the circuit, or plain delivery to the customer. 2: no encapsulation.',
    },
    kind: {
      type: 'string',
      enum: INTERCONNECT_KINDS,
      default: INTERCONNECT_DEFAULTS.kind,
      description: 'Own cable, through a partner, or from a cloud provider.',
    },
    product: {
      type: 'string',
      enum: INTERCONNECT_PRODUCTS,
      default: INTERCONNECT_DEFAULTS.product,
      description: 'Express has no BGP.',
    },
    interface_address: {
      title: 'IPv4 address with /31, such as 10.200.0.0/31',
      type: 'string',
      pattern: `^${IPV4}/31$`,
      description: 'Our address on the circuit; the router of the customer has the other one.',
      examples: ['10.200.0.0/31'],
    },
    speed: {
      type: 'string',
      enum: ['10Gbps', '100Gbps'],
      default: '10Gbps',
      description: 'Of one link.',
    },
    links: integer(RESOURCE_LIMITS.links, {
      default: INTERCONNECT_DEFAULTS.links,
      description: 'Links in the bundle (LACP, dataplane 1).',
    }),
    vlan: { ...VLAN, description: '802.1Q tag (dataplane 1). Without it, none.' },
    mtu: integer(LIMITS.mtu, {
      default: INTERCONNECT_DEFAULTS.mtu,
      description: 'Largest IP packet from the edge to the customer, bytes.',
    }),
    gre_less: flag(
      'Dataplane 1: packets to the customer go without GRE, so that routes may name the circuit.',
    ),
    bfd: flag('BFD for the BGP session (dataplane 1).'),
    light_level_dbm: {
      type: 'number',
      minimum: RESOURCE_LIMITS.light_level_dbm[0],
      maximum: RESOURCE_LIMITS.light_level_dbm[1],
      default: INTERCONNECT_DEFAULTS.light_level_dbm,
      description: 'Received optical power. Below -20 dBm the circuit is Unhealthy.',
    },
    health_check: HEALTH_CHECK,
  },
};

export const BGP_SESSION_SCHEMA: Schema = {
  type: 'object',
  required: ['name', 'nexthop', 'customer_asn'],
  additionalProperties: false,
  properties: {
    name: name('session', 'acme_bgp'),
    nexthop: {
      ...INTERCONNECT_NAME,
      title: 'name of a tunnel or interconnect',
      description: 'Tunnel or interconnect that the session runs over, and that its prefixes are reached by.',
      examples: ['cni_fra_1'],
    },
    customer_asn: { ...ASN, description: 'AS of the customer; not that of the edge (eBGP only).' },
    md5_key: { ...MD5_KEY, description: 'MD5 key on our side (RFC 2385). Without it, none.' },
    hold_time: {
      ...DURATION,
      description:
        'Without it, 240s over an interconnect, 90s over a tunnel. The smaller one of both sides is used.',
      examples: ['90s'],
    },
  },
};

export const ADVERTISED_PREFIX_SCHEMA: Schema = {
  title: 'prefix such as 192.0.2.0/24 or 2001:db8::/48',
  type: 'string',
  pattern: `^(${IPV4}|${IPV6})/\\d{1,3}$`,
};

export const MAINTENANCE_SCHEMA: Schema = {
  type: 'object',
  required: ['name', 'colo', 'starts'],
  additionalProperties: false,
  properties: {
    name: name('window', 'fra_edge1'),
    colo: { ...COLO, description: 'PoP.', examples: ['fra'] },
    device: { ...name('edge device', 'edge1'), description: 'Edge device. Without it, the whole PoP.' },
    starts: { ...DURATION, description: 'When it begins.', examples: ['10m'] },
    duration: { ...DURATION, default: '6h', description: 'How long it takes.' },
    announced: {
      ...SIGNED_DURATION,
      description:
        'When the customer is told. Without it, four days before it begins (two business days, whenever that is); an emergency: when it begins.',
      examples: ['-4d'],
    },
    emergency: flag('Told late, or not at all.'),
  },
};

export const ALERT_SCHEMA: Schema = {
  type: 'object',
  required: ['name', 'type'],
  additionalProperties: false,
  properties: {
    name: name('alert', 'tunnels'),
    type: { type: 'string', enum: ['tunnel_health', 'maintenance'], description: 'What it tells of.' },
    slo: {
      ...SHARE,
      default: '99%',
      description: 'Tunnel health: share of good probes below which it is raised (SLO burn).',
    },
    tunnels: {
      type: 'array',
      items: { ...INTERCONNECT_NAME, title: 'name of a tunnel or interconnect' },
      description: 'Tunnel health: which. Without it, all.',
      examples: [['acme_1']],
    },
    colo_names: {
      type: 'array',
      items: COLO,
      description: 'Maintenance: in which PoPs. Without it, in all.',
      examples: [['fra']],
    },
    events: {
      type: 'array',
      items: { type: 'string', enum: MAINTENANCE_EVENTS },
      description: 'Maintenance: which events. Without it, all.',
      examples: [['scheduled']],
    },
  },
};

export const ENDPOINT_HEALTH_CHECK_SCHEMA: Schema = {
  type: 'object',
  required: ['name', 'endpoint'],
  additionalProperties: false,
  properties: {
    name: name('endpoint health check', 'web'),
    endpoint: {
      ...ADDRESS,
      description: 'Address behind the router, inside of what tunnels and interconnects carry.',
      examples: ['192.0.2.10'],
    },
  },
};
