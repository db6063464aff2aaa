/** The schema of the topology: the edge, providers, sites with routers and hosts, hosts on the Internet. */
import { LIMITS } from '../../config/config.js';
import { COLO, REGION } from '../../config/network-schema.js';
import { BIT_RATE, DURATION } from '../../config/quantities.js';
import { ASN, MD5_KEY, VLAN } from '../../config/resource-schema.js';
import { flag, integer, IPV4, IPV6, mapping, type Schema } from '../../config/schema-parts.js';
import { SCENARIO_DEFAULTS, SCENARIO_LIMITS } from './defaults.js';
import {
  ADDRESSES,
  COMMUNITIES,
  LOCATION,
  named,
  PATH_KEYS,
  PATH_KEYS_BY_DIRECTION,
  PREFIXES,
} from './schema-parts.js';

const { edge, host, router } = SCENARIO_DEFAULTS;

const capacity: Schema = {
  ...BIT_RATE,
  description: 'What a PoP takes from the Internet. Without it, no limit.',
  examples: ['100Gbps'],
};

const servers = integer(SCENARIO_LIMITS.servers, {
  default: edge.servers,
  description: 'Servers in each PoP.',
});

const pop = mapping('A PoP.', {
  at: { ...LOCATION, description: 'Where it is. Without it, the city of its name.', examples: ['fra'] },
  region: { ...REGION, description: 'Region code. Without it, that of the city.' },
  servers: { ...servers, description: 'Servers in it.' },
  capacity,
});

export const EDGE_SCHEMA: Schema = {
  ...mapping("The provider's network.", {
    asn: { ...ASN, default: edge.asn, description: 'AS of the edge.' },
    endpoints: {
      type: 'array',
      items: { $ref: '#/definitions/address' },
      default: edge.endpoints,
      description: 'Anycast addresses that tunnels end on.',
    },
    pops: {
      anyOf: [
        {
          title: 'list of one city or more, such as [fra, ams]',
          type: 'array',
          minItems: 1,
          items: { title: 'IATA code of a city, such as fra', type: 'string', pattern: '^[A-Za-z]{3}$' },
        },
        {
          title: 'mapping of PoPs by name, or { generate: 300 }',
          type: 'object',
          propertyNames: COLO,
          properties: {
            generate: integer(SCENARIO_LIMITS.pops, {
              description: 'So many PoPs over the globe.',
              examples: [300],
            }),
            servers,
            capacity,
          },
          additionalProperties: pop,
        },
      ],
      description: 'PoPs.',
      examples: [
        ['fra', 'ams'],
        { generate: 300, servers: 10 },
        { fra: { servers: 4 }, lab: { at: [50, 8.6], region: 'WEUR' } },
      ],
    },
    servers,
    capacity,
    spread_too_big: flag(
      'Whether an ICMP too-big that reaches one server is told to all of all PoPs (RFC 7690).',
      edge.spread_too_big,
    ),
    reassembly: flag(
      'Whether fragments from the Internet are put together before they are routed.',
      edge.reassembly,
    ),
    convergence: {
      ...DURATION,
      default: edge.convergence,
      description: 'How long a change of the routing table takes to reach the PoPs, at the most.',
    },
    turn: {
      ...DURATION,
      default: edge.turn,
      description: 'Servers take packets up in turns of this length.',
    },
  }),
  required: ['pops'],
};

export const PROVIDERS_SCHEMA: Schema = {
  anyOf: [
    {
      title: 'list of names',
      type: 'array',
      items: { title: 'name of a provider', type: 'string', pattern: '^[A-Za-z0-9_-]{1,32}$' },
    },
    {
      title: 'mapping of providers by name',
      ...named(
        'By name.',
        mapping('A provider.', {
          at: { ...LOCATION, description: 'Where it meets the Internet.', examples: ['fra'] },
        }),
      ),
    },
  ],
  description: 'Internet providers of the sites. Without `at`, one is where the first site that uses it is.',
  examples: [['isp_one', 'isp_two'], { isp_one: { at: 'fra' } }],
};

const hostKeys: Record<string, Schema> = {
  address: { ...ADDRESSES, description: 'Its address or addresses.', examples: ['192.0.2.10'] },
  mtu: integer(LIMITS.mtu, {
    default: host.mtu,
    description: 'Largest IP packet that it sends and takes, bytes.',
  }),
  mss: integer(LIMITS.mss, { description: 'MSS that it offers, bytes. Without it, MTU - 40 (IPv6: - 60).' }),
  path_mtu_discovery: flag(
    'Sets DF, and sends smaller packets when told too-big (RFC 1191).',
    host.path_mtu_discovery,
  ),
  listens: {
    type: 'array',
    items: {
      anyOf: [
        { title: 'TCP port', type: 'integer', minimum: 1, maximum: 65_535 },
        { title: 'port such as udp/53', type: 'string', pattern: '^(tcp|udp)/\\d{1,5}$' },
      ],
    },
    description: 'Ports that answer. Without it, all that traffic of this scenario is for.',
    examples: [[443, 'udp/53']],
  },
};

const host_: Schema = { ...mapping('A host.', hostKeys), required: ['address'] };

const internetHost: Schema = {
  ...mapping('A host on the Internet.', {
    at: { ...LOCATION, description: 'Where it is.', examples: ['cdg'] },
    ...hostKeys,
  }),
  required: ['at', 'address'],
};

export const HOSTS_SCHEMA = named('Hosts on the Internet, by name.', internetHost);

const publicAddress: Schema = {
  title: 'IPv4 or IPv6 address',
  type: 'string',
  pattern: `^(${IPV4}|${IPV6})$`,
};

const uplink: Schema = {
  title: 'address, or mapping with address and path',
  anyOf: [
    publicAddress,
    {
      ...mapping('An uplink.', {
        address: {
          ...publicAddress,
          description: 'Public address of the router.',
          examples: ['203.0.113.10'],
        },
        provider: {
          title: 'name of a provider',
          type: 'string',
          pattern: '^[A-Za-z0-9_-]{1,32}$',
          description: 'Without it, the one of this name.',
          examples: ['isp'],
        },
        ...PATH_KEYS_BY_DIRECTION,
      }),
      required: ['address'],
    },
  ],
};

const circuit = mapping('The side of the customer.', {
  vlan: { ...VLAN, description: 'Tag that the router uses. Without it, that of the interconnect.' },
  ...PATH_KEYS,
});

export const ANNOUNCEMENT_KEYS: Record<string, Schema> = {
  prepend: integer(SCENARIO_LIMITS.prepend, {
    description: 'Times that the own AS stands in the path more than once.',
    default: 0,
  }),
  communities: { ...COMMUNITIES, description: 'Communities.', examples: [['13335:60050']] },
};

const announcement: Schema = {
  anyOf: [
    { $ref: '#/definitions/prefix' },
    {
      title: 'mapping with prefix, prepend and communities',
      ...mapping('What is announced.', {
        prefix: {
          $ref: '#/definitions/prefix',
          description: 'What is announced.',
          examples: ['192.0.2.0/24'],
        },
        ...ANNOUNCEMENT_KEYS,
      }),
      required: ['prefix'],
    },
  ],
};

const routerBgp = mapping('Where the router differs from what the session says.', {
  asn: { ...ASN, description: 'AS of the router. Without it, the one that the session expects.' },
  md5_key: {
    ...MD5_KEY,
    description: 'MD5 key on this side. Without it, that of the session; empty: none.',
    pattern: '^[ -~]{0,80}$',
    title: 'key of 0 to 80 printable characters',
  },
  hold_time: {
    ...DURATION,
    description: 'Hold time on this side. Without it, that of the session.',
    examples: ['90s'],
  },
  graceful_restart: flag('Keeps forwarding while its BGP restarts (RFC 4724).', router.graceful_restart),
  announces: {
    type: 'array',
    items: announcement,
    description: 'Without it, the prefixes of the router.',
    examples: [['192.0.2.0/24'], [{ prefix: '192.0.2.0/24', prepend: 2 }]],
  },
});

const clamp = (where: string): Schema => ({
  ...integer(LIMITS.mss, {}),
  description: `MSS in SYN and SYN-ACK that pass ${where}, at the most; of IPv6 20 less. Without it, untouched.`,
  examples: [1436],
});

const siteTunnel: Schema = {
  ...mapping('GRE to another router of the customer.', {
    local: {
      $ref: '#/definitions/address',
      description: 'Address of this router, from its prefixes.',
      examples: ['192.0.2.1'],
    },
    remote: {
      $ref: '#/definitions/address',
      description: 'Address of the other router.',
      examples: ['198.18.0.1'],
    },
    mtu: integer(LIMITS.mtu, {
      default: router.site_tunnel_mtu,
      description: 'Largest inner IP packet, bytes.',
    }),
    prefixes: { ...PREFIXES, description: 'What lies behind the other end.', examples: [['10.2.0.0/16']] },
  }),
  required: ['local', 'remote', 'prefixes'],
};

const routerSchema = mapping('A router.', {
  prefixes: {
    ...PREFIXES,
    description: 'Prefixes behind it. Without it, those of the site.',
    examples: [['192.0.2.0/24']],
  },
  uplinks: { ...named('To providers, by name.', uplink), examples: [{ isp: '203.0.113.10' }] },
  circuits: {
    anyOf: [
      {
        title: 'list of interconnects',
        type: 'array',
        items: { title: 'name of an interconnect', type: 'string', pattern: '^[A-Za-z0-9_-]{1,32}$' },
      },
      { title: 'mapping of interconnects by name', ...named('By the name of the interconnect.', circuit) },
    ],
    description: 'Interconnects that end here.',
    examples: [['cni_1'], { cni_1: { vlan: 200 } }],
  },
  tunnel_mtu: integer(LIMITS.mtu, {
    description: 'MTU of its side of the tunnels, bytes. Without it, that of the edge.',
  }),
  mss_clamp: mapping('Where MSS is clamped.', {
    uplink: clamp('the interfaces to the providers'),
    tunnel: clamp('the tunnels'),
  }),
  egress: {
    type: 'string',
    enum: ['isp', 'tunnel'],
    description:
      'Where packets for the Internet go. Without it, isp (DSR), or tunnel when there is no uplink.',
    examples: ['tunnel'],
  },
  tunnel_egress: {
    type: 'string',
    enum: ['ecmp', 'primary'],
    default: router.tunnel_egress,
    description: 'With several tunnels: flows are shared among them, or all take the first that works.',
  },
  firewall: {
    type: 'string',
    enum: ['none', 'stateful'],
    default: router.firewall,
    description:
      'stateful: what answers something that went out comes in, what is for a port that a host listens to, and echo requests.',
  },
  icmp: {
    type: 'string',
    enum: ['send', 'filter'],
    default: router.icmp,
    description: 'Whether ICMP too-big is sent and let through.',
  },
  bgp: named(
    'Sessions that it speaks, by name. Without one that ends here, it speaks it as expected.',
    routerBgp,
  ),
  site_tunnels: named('GRE of the customer to other sites, by name (tunnel in tunnel).', siteTunnel),
});

const site: Schema = {
  ...mapping('A place of the customer.', {
    at: { ...LOCATION, description: 'Where it is.', examples: ['fra'] },
    prefixes: { ...PREFIXES, description: 'Its prefixes.', examples: [['192.0.2.0/24']] },
    routers: named(
      'Routers, by name. The first one with a way out is the gateway of the hosts.',
      routerSchema,
    ),
    hosts: named('Hosts, by name.', host_),
    lan: mapping('Between hosts and routers.', PATH_KEYS),
  }),
  required: ['at', 'routers'],
};

export const SITES_SCHEMA = named('Places of the customer, by name.', site);
