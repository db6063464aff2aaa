/**
 * How often tunnels are probed. Cloudflare does not say: its rate "is dynamic and depends on the size of the
 * network". These intervals make what it does say true (src/network/health/README.md has the sources):
 *
 * - low, 60 s: recovery takes 30 probes and "up to 30 minutes"; until 2023 all probes were 60 s apart.
 * - mid, 10 s: the 30 probes take the five minutes that a degraded tunnel waits at least.
 * - high, 1 s: probes are sent "up to every second".
 */
import type { HealthCheckRate } from '../../config/network.js';
import { SECOND } from '../time.js';

/** Nanoseconds between two probes of a tunnel from one PoP. */
export const PROBE_INTERVALS: { readonly [rate in HealthCheckRate]: number } = {
  low: 60 * SECOND,
  mid: 10 * SECOND,
  high: SECOND,
};

/** Of endpoint health checks: each PoP asks every ten minutes. */
export const ENDPOINT_INTERVAL = 600 * SECOND;

/**
 * Nanoseconds after which a probe without answer has failed. A failed probe and the two that confirm it are one
 * time-out apart and must lie within one second for the tunnel to be found down: less than a second, by as much as a
 * timer may be late. As long as can be otherwise, for a way over a geostationary satellite takes 600 ms and more.
 */
export const PROBE_TIMEOUT = 800_000_000;
