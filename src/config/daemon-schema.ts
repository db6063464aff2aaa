/** The schema of the `daemon` section; what several values together may be is said in daemon.ts. */
import { LIMITS } from './config.js';
import {
  DAEMON_DEFAULTS,
  DAEMON_LIMITS,
  formatListen,
  LOG_FORMATS,
  LOG_LEVELS,
  OVERLAY_TYPES,
  SYNTHETIC_DEFAULTS,
  UNDERLAY_TYPES,
} from './daemon-config.js';
import { flag, integer, IPV4, IPV6, mapping, type Schema } from './schema-parts.js';

const { underlay, overlay, icmp_errors_per_second, metrics, log, workers } = DAEMON_DEFAULTS;

const interfaceName: Schema = {
  title: 'name of an interface (1 to 15 letters, digits, -, _, . and @)',
  type: 'string',
  pattern: '^[A-Za-z0-9_.@-]{1,15}$',
};

const off: readonly Schema[] = [
  { type: 'string', enum: ['off'] },
  { type: 'boolean', const: false, description: 'What `off` is to programs that write YAML 1.1.' },
];

export const DAEMON_SCHEMA: Schema = mapping('What `grebe run` does with the tunnels and routes.', {
  workers: integer(DAEMON_LIMITS.workers, {
    default: workers,
    description: 'Threads that forward, each with queues of its own.',
  }),
  underlay: mapping('The outer network: where tunnel packets come from and go to.', {
    type: {
      type: 'string',
      enum: UNDERLAY_TYPES,
      default: underlay.type,
      description:
        'How packets are taken and sent; auto takes the fastest that works here and says which. synthetic makes traffic for the tunnels itself.',
    },
    interface: {
      anyOf: [
        interfaceName,
        { title: 'list of interfaces', type: 'array', items: interfaceName, minItems: 1 },
      ],
      default: underlay.interface,
      description: 'Interface or interfaces of the outer network; auto: those that lead to the tunnels.',
      examples: ['eth0', ['eth0', 'eth1']],
    },
    receive_buffer: integer(DAEMON_LIMITS.receive_buffer, {
      default: underlay.receive_buffer,
      description: 'Receive buffer of each socket in bytes.',
    }),
    packets_per_second: integer(DAEMON_LIMITS.packets_per_second, {
      default: SYNTHETIC_DEFAULTS.packets_per_second,
      description: 'For synthetic: packets per second, of all workers together.',
    }),
    faults: {
      type: 'number',
      minimum: DAEMON_LIMITS.faults[0],
      maximum: DAEMON_LIMITS.faults[1],
      default: SYNTHETIC_DEFAULTS.faults,
      description: 'For synthetic: share of faulty packets.',
    },
    seed: integer(DAEMON_LIMITS.seed, {
      default: SYNTHETIC_DEFAULTS.seed,
      description: 'For synthetic: start of the random numbers.',
    }),
  }),
  overlay: mapping('The inner network: where packets out of tunnels go to and packets for them come from.', {
    type: {
      type: 'string',
      enum: OVERLAY_TYPES,
      default: overlay.type,
      description:
        'A kernel interface for IP packets (tun) or Ethernet frames (tap, needed for gretap tunnels); synthetic makes traffic itself; discard only counts.',
    },
    name: { ...interfaceName, default: overlay.name, description: 'Name of the kernel interface.' },
    mtu: {
      anyOf: [{ type: 'string', enum: ['auto'] }, integer(LIMITS.mtu, {})],
      default: overlay.mtu,
      description: 'MTU of the interface in bytes; auto: the largest of a tunnel.',
    },
    addresses: {
      type: 'array',
      items: {
        title: 'address with its length, such as 192.0.2.1/24',
        type: 'string',
        pattern: `^(${IPV4}|${IPV6})/\\d{1,3}$`,
      },
      default: [],
      description: 'Addresses for the interface, beside the interface addresses of the tunnels.',
      examples: [['192.0.2.1/24', '2001:db8::1/64']],
    },
    routes: {
      type: 'array',
      items: { $ref: '#/definitions/prefix' },
      default: [],
      description: 'Prefixes that the kernel routes to the interface.',
      examples: [['203.0.113.0/24']],
    },
    offload: flag('Take large TCP and UDP segments from the kernel whole (virtio-net headers).', true),
  }),
  icmp_errors_per_second: integer(DAEMON_LIMITS.icmp_errors_per_second, {
    default: icmp_errors_per_second,
    description: 'ICMP errors that each worker sends per second at the most.',
  }),
  busy_poll: flag('Workers never sleep: lower latency, a whole core for each.'),
  control: mapping('The socket through which `grebe show`, `grebe reload` and others speak to the daemon.', {
    socket: {
      title: 'absolute path of a Unix socket, or auto',
      type: 'string',
      pattern: '^(auto|/.{1,106})$',
      default: 'auto',
      description: 'auto: /run/grebe/grebe.sock for root, else grebe.sock in $XDG_RUNTIME_DIR.',
      examples: ['/run/grebe/grebe.sock'],
    },
    group: {
      title: 'name of a group',
      type: 'string',
      pattern: '^[A-Za-z_][A-Za-z0-9_.-]{0,31}\\$?$',
      description: 'Group that may use the socket too. Without it, only the owner.',
      examples: ['netops'],
    },
  }),
  metrics: mapping('HTTP for Prometheus and health checks.', {
    listen: {
      anyOf: [
        ...off,
        {
          title: 'address with port, such as 127.0.0.1:9786 or [::1]:9786',
          type: 'string',
          pattern: `^(${IPV4}|\\[${IPV6}\\]):\\d{1,5}$`,
        },
      ],
      default: metrics.listen === null ? 'off' : formatListen(metrics.listen),
      description: 'Where /metrics, /healthz and /readyz are served, or off. Port 0 is any free one.',
      examples: ['127.0.0.1:9786', '[::1]:9786', 'off'],
    },
    max_tunnels: integer(DAEMON_LIMITS.max_tunnels, {
      default: metrics.max_tunnels,
      description: 'Tunnels with labels of their own; those beyond are summed up.',
    }),
  }),
  log: mapping('What is written to standard error.', {
    level: {
      type: 'string',
      enum: LOG_LEVELS,
      default: log.level,
      description: 'Least level that is written.',
    },
    format: {
      type: 'string',
      enum: LOG_FORMATS,
      default: log.format,
      description: 'auto: pretty on a terminal, JSON lines otherwise.',
    },
  }),
});
