/** The `daemon` section as the rest of grebe sees it: what `grebe run` does with tunnels and routes. */

/** Ways to the outer network. `auto` takes the fastest that works here. */
export const UNDERLAY_TYPES = [
  'auto',
  'af_packet',
  'af_xdp',
  'raw',
  'raw-socket',
  'cap',
  'synthetic',
] as const;
export type UnderlayType = (typeof UNDERLAY_TYPES)[number];

/** Ways to the inner network. */
export const OVERLAY_TYPES = ['tun', 'tap', 'synthetic', 'discard'] as const;
export type OverlayType = (typeof OVERLAY_TYPES)[number];

/** Levels of the log, as pino knows them, most quiet first. */
export const LOG_LEVELS = ['silent', 'fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto`: pretty on a terminal, JSON otherwise. */
export const LOG_FORMATS = ['auto', 'json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Bounds of numbers, both ends included. */
export const DAEMON_LIMITS = {
  workers: [1, 64],
  receive_buffer: [65_536, 1_073_741_824],
  packets_per_second: [1, 10_000_000],
  faults: [0, 1],
  seed: [0, 0xffff_ffff],
  icmp_errors_per_second: [0, 1_000_000],
  max_tunnels: [0, 100_000],
} as const;

export interface DaemonConfig {
  /** Threads that forward, each with its own queues; 1 to 64. */
  readonly workers: number;
  readonly underlay: UnderlayConfig;
  readonly overlay: OverlayConfig;
  /** ICMP errors that each worker sends per second at the most; 0: none. */
  readonly icmp_errors_per_second: number;
  /** Workers never sleep: lower latency for a whole core each. */
  readonly busy_poll: boolean;
  readonly control: {
    /** Path of the Unix socket, or `auto`. */
    readonly socket: string;
    /** Group that may use the socket beside its owner. */
    readonly group: string | null;
  };
  readonly metrics: {
    /** Where HTTP is served; null: nowhere. */
    readonly listen: ListenAddress | null;
    /** Tunnels with labels of their own in the metrics; those beyond are summed up. */
    readonly max_tunnels: number;
  };
  readonly log: { readonly level: LogLevel; readonly format: LogFormat };
}

export interface UnderlayConfig {
  readonly type: UnderlayType;
  /** Names of interfaces, or `auto`: all that lead to a tunnel's other end. */
  readonly interface: 'auto' | readonly string[];
  /** Bytes of each socket's receive buffer. */
  readonly receive_buffer: number;
  /** For `synthetic`; null for other types. */
  readonly synthetic: SyntheticConfig | null;
}

/** Traffic that the daemon makes itself. */
export interface SyntheticConfig {
  /** Of all workers together. */
  readonly packets_per_second: number;
  /** Share of faulty packets, 0 to 1. */
  readonly faults: number;
  /** 0 to 2^32 − 1. */
  readonly seed: number;
}

export interface OverlayConfig {
  readonly type: OverlayType;
  /** Name of the kernel's interface. */
  readonly name: string;
  /** Bytes, or `auto`: the largest MTU of a tunnel. */
  readonly mtu: 'auto' | number;
  /** Addresses with lengths for the interface, beside those of the tunnels. */
  readonly addresses: readonly string[];
  /** Prefixes that the kernel shall route to the interface. */
  readonly routes: readonly string[];
  /** Virtio-net headers: the kernel hands large TCP and UDP segments over whole. */
  readonly offload: boolean;
}

/** An address of this machine and a TCP port; port 0 takes any free one. */
export interface ListenAddress {
  /** IPv4 or IPv6 in canonical text. */
  readonly address: string;
  readonly port: number;
}

export const SYNTHETIC_DEFAULTS: SyntheticConfig = { packets_per_second: 20_000, faults: 0.02, seed: 1 };

/** What holds without a `daemon` section. */
export const DAEMON_DEFAULTS: DaemonConfig = {
  workers: 1,
  underlay: { type: 'auto', interface: 'auto', receive_buffer: 8_388_608, synthetic: null },
  overlay: { type: 'tun', name: 'grebe0', mtu: 'auto', addresses: [], routes: [], offload: true },
  icmp_errors_per_second: 1000,
  busy_poll: false,
  control: { socket: 'auto', group: null },
  metrics: { listen: { address: '127.0.0.1', port: 9786 }, max_tunnels: 1000 },
  log: { level: 'info', format: 'auto' },
};

/** `127.0.0.1:9786`, `[::1]:9786`. */
export function formatListen({ address, port }: ListenAddress): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
