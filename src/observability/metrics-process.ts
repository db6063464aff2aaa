/** Metrics of the process: those of prom-client's default ones that cost nothing between scrapes. */
import { collectDefaultMetrics, type Registry } from 'prom-client';

/** In milliseconds, the longest that the monitor takes in practice: an hour. */
const SELDOM = 3_600_000;

const KEPT = /^(process_|nodejs_heap_size_|nodejs_external_memory_|nodejs_version_info)/;

export function processMetrics(registry: Registry): void {
  // prom-client offers all or none. Its monitor of the event loop is a timer, every 10 ms by default: one that
  // seldom comes keeps an idle daemon idle. What is not wanted is taken out again.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: SELDOM });
  for (const { name } of registry.getMetricsAsArray()) {
    if (!name.startsWith('grebe_') && !KEPT.test(name)) registry.removeSingleMetric(name);
  }
}
