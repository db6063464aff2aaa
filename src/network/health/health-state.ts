/** Health of a tunnel as one PoP sees it (behaviour §4). Numbers inside, words outside. */
import { PENALTIES } from '../routing/penalty.js';

/** From best to worst; a state's number is its place here. */
export const HEALTH_STATES = ['healthy', 'degraded', 'down'] as const;
export type HealthState = (typeof HEALTH_STATES)[number];

export const Health = { HEALTHY: 0, DEGRADED: 1, DOWN: 2 } as const;

/** By state: what analytics show, and what is averaged there over PoPs and time. */
export const HEALTH_VALUES = [1, 0.5, 0] as const;

/** By state: what is added to the priority of routes into the tunnel. */
export const HEALTH_PENALTIES = HEALTH_STATES.map((state) => PENALTIES[state]);

/** Why a tunnel is in another state than before. */
export const HEALTH_REASONS = [
  /** All samples of the last second failed, three at least. */
  'all_failed',
  /** At least 0.1 % of the probes of the last five minutes failed, two at least. */
  'lossy',
  /** Three in a row were answered while the tunnel was down. */
  'answers_again',
  /** The last 30 were answered, and the tunnel has been degraded for five minutes. */
  'recovered',
] as const;
export type HealthReason = (typeof HEALTH_REASONS)[number];
