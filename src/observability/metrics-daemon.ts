/** Metrics of the daemon as a whole: build, readiness, configuration, tables. */
import type { Families } from './metrics-families.js';
import { seconds } from './metrics-time.js';

export function daemonMetrics(families: Families): void {
  families.gauge({
    name: 'grebe_build_info',
    help: 'Always 1; the version of grebe and of Node.js.',
    labels: ['version', 'nodejs'],
    read: ({ version }, set) => set(1, { version, nodejs: process.version }),
  });
  families.gauge({
    name: 'grebe_node_info',
    help: 'Always 1; the name of the node in its configuration.',
    labels: ['node'],
    read: ({ node }, set) => set(1, { node }),
  });
  families.gauge({
    name: 'grebe_ready',
    help: '1 when /readyz says so: all workers run, and all interfaces are there and up.',
    read: ({ ready }, set) => set(ready ? 1 : 0, {}),
  });
  configurationMetrics(families);
  tableMetrics(families);
  families.counter({
    name: 'grebe_path_mtu_messages_total',
    help: 'ICMP too-big messages about outer packets, by what was done with them.',
    labels: ['result'],
    read: ({ pathMtu }, set) => {
      set(pathMtu.learned, { result: 'learned' });
      set(pathMtu.ignored, { result: 'ignored' });
    },
  });
}

function configurationMetrics(families: Families): void {
  families.gauge({
    name: 'grebe_config_generation',
    help: 'Number of the configuration in effect, from 1.',
    read: ({ config }, set) => set(config.generation, {}),
  });
  families.gauge({
    name: 'grebe_config_last_reload_successful',
    help: '1 when the last reload was taken, 0 when it was refused and the one before is still in effect.',
    read: ({ config }, set) => set(config.lastError === null ? 1 : 0, {}),
  });
  families.gauge({
    name: 'grebe_config_loaded_timestamp_seconds',
    help: 'Unix time at which the configuration in effect was loaded.',
    read: ({ config }, set) => set(seconds(config.loadedAt), {}),
  });
  families.counter({
    name: 'grebe_config_reloads_total',
    help: 'Reloads, by result.',
    labels: ['result'],
    read: ({ config }, set) => {
      set(config.reloads, { result: 'success' });
      set(config.failedReloads, { result: 'failure' });
    },
  });
}

function tableMetrics(families: Families): void {
  families.gauge({
    name: 'grebe_tunnels',
    help: 'Tunnels in the tables.',
    read: ({ tables }, set) => set(tables.tunnels, {}),
  });
  families.gauge({
    name: 'grebe_routes',
    help: 'Routes in the tables.',
    labels: ['family'],
    read: ({ tables }, set) => {
      set(tables.routes4, { family: 'ipv4' });
      set(tables.routes6, { family: 'ipv6' });
    },
  });
  families.gauge({
    name: 'grebe_tables_bytes',
    help: 'Shared memory that the tables take.',
    read: ({ tables }, set) => set(tables.bytes, {}),
  });
}
