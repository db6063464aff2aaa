/** What the probes through a tunnel or interconnect are: plain data, as in config.ts and network.ts. */

export const HEALTH_CHECK_TYPES = ['reply', 'request'] as const;
export type HealthCheckType = (typeof HEALTH_CHECK_TYPES)[number];

export const HEALTH_CHECK_DIRECTIONS = ['unidirectional', 'bidirectional'] as const;
export type HealthCheckDirection = (typeof HEALTH_CHECK_DIRECTIONS)[number];

export const HEALTH_CHECK_RATES = ['low', 'mid', 'high'] as const;
export type HealthCheckRate = (typeof HEALTH_CHECK_RATES)[number];

/** Probes through a tunnel (behaviour §4). */
export interface HealthCheckConfig {
  readonly enabled: boolean;
  readonly type: HealthCheckType;
  readonly direction: HealthCheckDirection;
  readonly rate: HealthCheckRate;
  /** Whom the probe is for; null: the customer's endpoint (unidirectional) or interface address (bidirectional). */
  readonly target: string | null;
}

export const HEALTH_CHECK_DEFAULTS: HealthCheckConfig = {
  enabled: true,
  type: 'reply',
  direction: 'unidirectional',
  rate: 'mid',
  target: null,
};
