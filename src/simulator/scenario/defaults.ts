/** Defaults and bounds of scenarios, as the file writes them. */

export const SCENARIO_DEFAULTS = {
  seed: 1,
  duration: '60s',
  start: '2026-01-01T00:00:00Z',
  edge: {
    asn: 13_335,
    endpoints: ['198.51.100.1', '198.51.100.2'],
    servers: 2,
    spread_too_big: true,
    reassembly: true,
    convergence: '20s',
    turn: '100us',
  },
  host: { mtu: 1500, path_mtu_discovery: true },
  router: {
    tunnel_egress: 'ecmp',
    firewall: 'none',
    icmp: 'send',
    graceful_restart: false,
    site_tunnel_mtu: 1476,
  },
  traffic: {
    tcp: { connections: 1, over: '0s', download: '100kB', upload: '0B' },
    udp: { flows: 1, rate: '10pps', size: 1000, echo: false },
    ping: { interval: '1s', size: 84, dont_fragment: true },
    flood: { rate: '1kpps' },
  },
} as const;

/** Where nothing is said: time in nanoseconds, sizes in bytes. */
export const PATH_DEFAULTS = {
  uplink_delay: 1_000_000,
  circuit_delay: 500_000,
  lan_delay: 100_000,
  mtu: 1500,
  /** A queue holds this long a burst of its rate, and this much at least. */
  queue_seconds: 0.05,
  queue_least: 65_536,
} as const;

/** Both ends included. */
export const SCENARIO_LIMITS = {
  seed: [0, 0xffff_ffff],
  pops: [1, 1000],
  servers: [1, 64],
  prepend: [0, 32],
  connections: [1, 1_000_000],
  flows: [1, 1_000_000],
  /** A ping is an IP header (20) and an ICMP header (8) at least; a packet has a 16-bit length. */
  packet: [28, 65_535],
  ping: [28, 65_535],
  /** dBm, as RESOURCE_LIMITS. */
  dbm: [-60, 10],
} as const;
