/** The schema of `expect`; which keys and units belong to which check is said in expectations.ts. */
import { COLO } from '../../config/network-schema.js';
import { DURATION } from '../../config/quantities.js';
import { flag, mapping, type Schema } from '../../config/schema-parts.js';
import { LINE, NAME } from './schema-parts.js';

const nexthop: Schema = { ...NAME, title: 'name of a tunnel or interconnect' };
const traffic: Schema = { ...NAME, title: 'name of traffic' };

/** The unit is that of the check. */
const bound = (description: string, example: unknown): Schema => ({
  anyOf: [
    { title: 'number', type: 'number' },
    { title: 'quantity with its unit', type: 'string', pattern: '^[A-Za-z0-9.%]+$' },
  ],
  description,
  examples: [example],
});

const expectation = mapping('One assertion.', {
  name: {
    ...LINE,
    description: 'For reports. Without it, made of what is checked.',
    examples: ['no page is lost'],
  },
  from: { ...DURATION, description: 'From when on. Without it, the beginning.', examples: ['10s'] },
  to: { ...DURATION, description: 'Until when. Without it, the end.', examples: ['20s'] },
  at: { ...DURATION, description: 'health, status, bgp: when. Without it, `to`.', examples: ['20s'] },
  min: bound('At least.', '99%'),
  max: bound('At most.', '2s'),
  is: bound('What it is: a number with `within` around it, or a state (health, status, bgp).', 1436),
  within: bound('How far from `is` it may be, both ways.', '5%'),

  reach: {
    ...traffic,
    description: 'Share of the packets, connections or pings that arrive.',
    examples: ['pages'],
  },
  share: {
    anyOf: [
      nexthop,
      { title: 'list of tunnels or interconnects', type: 'array', minItems: 1, items: nexthop },
    ],
    description: 'Share of the bytes towards the customer that go into it, or into several together.',
    examples: ['acme_1', ['acme_1', 'acme_2']],
  },
  of: {
    type: 'array',
    minItems: 1,
    items: nexthop,
    description: 'share: among these. Without it, among all.',
    examples: [['acme_1', 'acme_2']],
  },
  gap: { ...traffic, description: 'Longest time in which nothing of it arrives.', examples: ['pings'] },
  failover: {
    type: 'string',
    description: 'From this event (its note) until a packet of `traffic` arrives over another next hop.',
    examples: ['fail acme_1'],
  },
  traffic: { ...traffic, description: 'failover: which.', examples: ['pings'] },
  mss: { ...traffic, description: 'MSS in its SYN segments as they arrive.', examples: ['pages'] },
  side: {
    type: 'string',
    enum: ['client', 'server'],
    default: 'server',
    description: 'mss: where they arrive.',
  },
  largest_packet: {
    title: 'name of a link, such as r1.isp.down',
    type: 'string',
    pattern: '^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)?\\.(down|up)$',
    description: 'Largest IP packet on a link.',
    examples: ['r1.isp.down'],
  },
  health: { ...nexthop, description: 'Health of it: healthy, degraded or down.', examples: ['acme_1'] },
  colo: { ...COLO, description: 'health: as this PoP sees it. Without it, as all do.', examples: ['fra'] },
  status: {
    ...NAME,
    title: 'name of an interconnect',
    description: 'Status of it: active, unhealthy or pending.',
    examples: ['cni_1'],
  },
  bgp: {
    ...NAME,
    title: 'name of a BGP session',
    description: 'State of it: established or idle.',
    examples: ['acme_bgp'],
  },
  alert: {
    ...NAME,
    title: 'name of an alert',
    description: 'Whether it is raised in the time.',
    examples: ['tunnels'],
  },
  raised: flag('alert: whether it is raised.', true),
  drops: {
    title: 'drop reason',
    type: 'string',
    pattern: '^[a-z0-9_]+$',
    description: 'Packets dropped for this reason.',
    examples: ['mtu_exceeded'],
  },
  node: {
    title: 'name of a node or link',
    type: 'string',
    pattern: '^[A-Za-z0-9_./-]+$',
    description: 'drops: where. Without it, anywhere.',
    examples: ['r1'],
  },
  throughput: { ...traffic, description: 'Rate that its packets arrive with.', examples: ['pages'] },
});

export const EXPECT_SCHEMA: Schema = {
  type: 'array',
  items: expectation,
  default: [],
  description: 'What must be true.',
};
