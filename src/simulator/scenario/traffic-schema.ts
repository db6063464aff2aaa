/** The schema of `traffic`: one of the kinds, with the keys of all; which belong to which is said in traffic.ts. */
import { DURATION, PACKET_RATE, SIZE } from '../../config/quantities.js';
import { flag, integer, mapping, type Schema } from '../../config/schema-parts.js';
import { SCENARIO_DEFAULTS, SCENARIO_LIMITS } from './defaults.js';
import { FLOW, NAME, named } from './schema-parts.js';

const { tcp, udp, ping } = SCENARIO_DEFAULTS.traffic;

const hostName: Schema = { ...NAME, title: 'name of a host' };

const traffic = mapping('Traffic of one kind.', {
  tcp: { ...FLOW, description: 'TCP connections.', examples: ['client -> web:443'] },
  udp: { ...FLOW, description: 'UDP at a constant rate.', examples: ['client -> web:5060'] },
  ping: { ...FLOW, description: 'ICMP echo.', examples: ['client -> web'] },
  traceroute: { ...FLOW, description: 'Probes with growing TTL.', examples: ['client -> web'] },
  flood: {
    type: 'string',
    enum: ['syn', 'reflection', 'gre'],
    description:
      'An attack: SYN from random sources, large UDP from port 53 or 123, or GRE from random sources.',
  },
  capture: {
    title: 'path of a capture file',
    type: 'string',
    pattern: '^[^\\u0000]+$',
    description: 'Its IP packets, in their own time. The path is relative to the scenario.',
    examples: ['attack.pcapng'],
  },
  at: { ...DURATION, default: '0s', description: 'When it begins.' },
  until: {
    ...DURATION,
    description: 'When it ends. Without it, by itself or with the run.',
    examples: ['20s'],
  },
  connections: integer(SCENARIO_LIMITS.connections, {
    default: tcp.connections,
    description: 'tcp: how many.',
  }),
  over: { ...DURATION, default: tcp.over, description: 'tcp: time over which they begin, evenly.' },
  download: { ...SIZE, default: tcp.download, description: 'tcp: what the server sends on each.' },
  upload: { ...SIZE, default: tcp.upload, description: 'tcp: what the client sends on each.' },
  flows: integer(SCENARIO_LIMITS.flows, { default: udp.flows, description: 'udp: how many.' }),
  rate: {
    ...PACKET_RATE,
    description: `udp: of each flow (${udp.rate}). flood: all together (${SCENARIO_DEFAULTS.traffic.flood.rate}).`,
    examples: [udp.rate],
  },
  size: integer(SCENARIO_LIMITS.packet, {
    description: `udp (${udp.size}), ping (${ping.size}): IP packet, bytes.`,
    examples: [ping.size],
  }),
  echo: flag('udp: whether the other side sends each packet back.', udp.echo),
  interval: { ...DURATION, default: ping.interval, description: 'ping: from one to the next.' },
  dont_fragment: flag('ping: DF.', ping.dont_fragment),
  from: {
    anyOf: [hostName, { title: 'list of hosts', type: 'array', minItems: 1, items: hostName }],
    description: 'flood, capture: host or hosts that it comes from.',
    examples: ['client', ['bots_eu', 'bots_us']],
  },
  to: {
    title: 'name of a host, or an endpoint of the edge',
    type: 'string',
    pattern: '^[A-Za-z0-9_.:-]{1,45}$',
    description: 'flood: what it is for.',
    examples: ['web', '198.51.100.1'],
  },
});

export const TRAFFIC_SCHEMA = named('Who sends what to whom, by name.', traffic);
