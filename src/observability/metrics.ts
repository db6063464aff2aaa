/**
 * What Prometheus scrapes: every metric is read off one Snapshot, taken when the scrape comes. Nothing is
 * counted twice and nothing runs between scrapes. docs/metrics.md lists all of them; a test compares.
 */
import { Registry } from 'prom-client';
import { daemonMetrics } from './metrics-daemon.js';
import { dataplaneMetrics } from './metrics-dataplane.js';
import { deviceMetrics } from './metrics-devices.js';
import { Families } from './metrics-families.js';
import { processMetrics } from './metrics-process.js';
import { tunnelMetrics } from './metrics-tunnels.js';
import { workerMetrics } from './metrics-workers.js';
import type { Snapshot } from './snapshot.js';

export interface MetricsOptions {
  /** The state of the daemon now. What it throws, `metrics()` of the registry rejects with. */
  readonly snapshot: () => Snapshot;
  /** Tunnels with a label of their own; the others are summed under `tunnel="_other"`. */
  readonly maxTunnelLabels?: number;
}

/** A registry of its own (not prom-client's global one); `await registry.metrics()` is the text of a scrape. */
export function createMetrics({ snapshot, maxTunnelLabels = 1000 }: MetricsOptions): Registry {
  const registry = new Registry();
  const families = new Families(registry, onceEachTurn(snapshot));
  daemonMetrics(families);
  dataplaneMetrics(families);
  tunnelMetrics(families, maxTunnelLabels);
  workerMetrics(families);
  deviceMetrics(families);
  processMetrics(registry);
  return registry;
}

/**
 * prom-client calls the `collect` of all metrics of a scrape in one turn of the event loop: what is remembered
 * until the turn ends is one snapshot for each scrape, and none is kept between scrapes.
 */
function onceEachTurn<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    if (made === null) {
      made = { value: make() };
      queueMicrotask(() => (made = null));
    }
    return made.value;
  };
}
