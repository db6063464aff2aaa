/** A daemon's state for tests, with numbers that a person can follow. */
import { MISC_COUNTERS, type MiscCounter } from '../../src/dataplane/counters.js';
import { VERDICTS, type VerdictName } from '../../src/dataplane/verdicts.js';
import { DEVICE_COUNTERS, type DeviceCounter } from '../../src/device/device-counters.js';
import type {
  DeviceSnapshot,
  Snapshot,
  TunnelSnapshot,
  WorkerSnapshot,
} from '../../src/observability/snapshot.js';

export const STARTED = Date.parse('2026-11-21T08:00:00.000Z');

function record<K extends string>(
  names: readonly K[],
  values: Partial<Record<K, number>>,
): Record<K, number> {
  return Object.fromEntries(names.map((name) => [name, values[name] ?? 0])) as Record<K, number>;
}

export function verdicts(values: Partial<Record<VerdictName, number>>): Record<VerdictName, number> {
  return record(
    VERDICTS.map(({ name }) => name as VerdictName),
    values,
  );
}

export function miscCounters(values: Partial<Record<MiscCounter, number>>): Record<MiscCounter, number> {
  return record(MISC_COUNTERS, values);
}

export function deviceCounters(
  values: Partial<Record<DeviceCounter, number>>,
): Record<DeviceCounter, number> {
  return record(DEVICE_COUNTERS, values);
}

export function tunnel(name: string, values: Partial<TunnelSnapshot> = {}): TunnelSnapshot {
  return {
    name,
    mode: 'gre',
    local: '198.51.100.1',
    remote: '203.0.113.10',
    key: null,
    mtu: 1476,
    effectiveMtu: 1476,
    decapsulated: { packets: 0, bytes: 0 },
    encapsulated: { packets: 0, bytes: 0 },
    lastReceivedSeconds: null,
    health: null,
    ...values,
  };
}

export function worker(index: number, values: Partial<WorkerSnapshot> = {}): WorkerSnapshot {
  return {
    index,
    state: 'running',
    restarts: 0,
    lastError: null,
    heartbeatMs: 12,
    received: 3000,
    vectors: 100,
    batchSizes: [10, 10, 10, 10, 20, 20, 10, 5, 5],
    busySeconds: 2,
    idleSeconds: 98,
    ...values,
  };
}

export function device(name: string, values: Partial<DeviceSnapshot> = {}): DeviceSnapshot {
  const counters = deviceCounters({
    rx_packets: 2000,
    rx_bytes: 2_000_000,
    rx_batches: 100,
    tx_packets: 1000,
    tx_bytes: 500_000,
    tx_batches: 80,
  });
  return {
    name,
    kind: 'af_packet',
    side: 'underlay',
    description: `af_packet on ${name}: the next hop's link address is known`,
    mtu: 1500,
    problems: [],
    ringBytes: 17_280,
    counters,
    ports: [counters],
    ...values,
  };
}

/** An edge with three tunnels and two workers, an hour, two minutes and three seconds old. */
export function exampleSnapshot(values: Partial<Snapshot> = {}): Snapshot {
  const uptimeSeconds = values.uptimeSeconds ?? 3723;
  return {
    node: 'fra-1',
    version: '0.2.0',
    pid: 4242,
    startedAt: new Date(STARTED).toISOString(),
    takenAt: new Date(STARTED + uptimeSeconds * 1000).toISOString(),
    uptimeSeconds,
    config: {
      file: '/etc/grebe/grebe.yaml',
      generation: 3,
      loadedAt: new Date(STARTED + 3593 * 1000).toISOString(),
      reloads: 2,
      failedReloads: 0,
      lastError: null,
    },
    ready: true,
    problems: [],
    verdicts: verdicts({
      delivered_overlay: 4_400_000,
      delivered_underlay: 1_500_000,
      gre_key_mismatch: 61_000,
      inner_source_denied: 30_000,
      not_for_us: 9_000,
    }),
    counters: miscCounters({
      received_packets: 6_000_000,
      received_bytes: 5_400_000_000,
      mss_clamped: 12_345,
      icmp_errors: 17,
      icmp_suppressed: 4,
    }),
    workerLost: 0,
    tunnels: [
      tunnel('acme_fra_1', {
        decapsulated: { packets: 4_000_000, bytes: 4_395_630_000 },
        encapsulated: { packets: 1_200_000, bytes: 325_058_560 },
        lastReceivedSeconds: 3,
        health: { state: 'healthy', sinceSeconds: 3720, sent: 373, answered: 371, lost: 2 },
      }),
      tunnel('globex_ams', {
        remote: '203.0.113.20',
        key: 4711,
        mtu: 1472,
        effectiveMtu: 1392,
        decapsulated: { packets: 400_000, bytes: 52_428_800 },
        encapsulated: { packets: 300_000, bytes: 41_943_040 },
        lastReceivedSeconds: 130,
      }),
      tunnel('hooli_bridge', { mode: 'gretap', remote: '203.0.113.50', mtu: 1462, effectiveMtu: 1462 }),
    ],
    workers: [worker(0), worker(1, { busySeconds: 4, idleSeconds: 96, heartbeatMs: 340 })],
    devices: [
      device('eth0'),
      device('grebe0', {
        kind: 'tun',
        side: 'overlay',
        description: 'tun grebe0: created, large segments on',
        mtu: 1476,
      }),
    ],
    tables: { tunnels: 3, routes4: 9, routes6: 2, bytes: 35_651_584 },
    pathMtu: { learned: 1, ignored: 2 },
    ...values,
  };
}
