/** The daemon's state as plain data (src/observability/snapshot.ts says what it means). */
import { formatWithLength } from '../config/address.js';
import type { TunnelConfig } from '../config/config.js';
import {
  COUNTERS_PER_TUNNEL,
  Misc,
  MISC_COUNTERS,
  TUNNEL_COUNTERS,
  TunnelCounter,
  type MiscCounter,
} from '../dataplane/counters.js';
import type { SharedTables } from '../dataplane/tables.js';
import { VERDICTS, type VerdictName } from '../dataplane/verdicts.js';
import { DEVICE_COUNTERS, DeviceCount, type DeviceCounter } from '../device/device-counters.js';
import type {
  DeviceSnapshot,
  RouteSnapshot,
  Snapshot,
  TunnelSnapshot,
  WorkerSnapshot,
} from '../observability/snapshot.js';
import type { HeldDevice } from './devices.js';
import { ringBytesOf } from './ports.js';
import type { Generation } from './generation.js';
import type { Place } from './place.js';
import type { Supervisor } from './supervisor.js';
import { version } from './version.js';
import { BATCH_BUCKETS, Stat } from './worker-memory.js';

const VERSION = version();

export function snapshotOf(supervisor: Supervisor, now = new Date()): Snapshot {
  const { current, startedAt, totals, places } = supervisor;
  const { plan } = current;
  const counters = totals.counters.slice();
  for (const { thread } of supervisor.counting()) {
    for (let i = 0; i < TUNNEL_COUNTERS; i++) counters[i]! += thread.counters[i]!;
  }
  const devices = [current.devices.underlay, current.devices.overlay].map((held) =>
    deviceOf(held, supervisor),
  );
  const problems = [
    ...problemsOf(places),
    ...devices.flatMap((device) => device.problems.map((problem) => `${device.side}: ${problem}`)),
  ];
  return {
    node: plan.config.node.name,
    version: VERSION,
    pid: process.pid,
    startedAt: startedAt.toISOString(),
    takenAt: now.toISOString(),
    uptimeSeconds: (now.getTime() - startedAt.getTime()) / 1000,
    config: {
      file: plan.file,
      generation: current.number,
      loadedAt: plan.loadedAt.toISOString(),
      reloads: supervisor.reloads,
      failedReloads: supervisor.failedReloads,
      lastError: supervisor.lastReloadError,
    },
    ready: problems.length === 0,
    problems,
    verdicts: Object.fromEntries(VERDICTS.map(({ name, number }) => [name, counters[number]!])) as Record<
      VerdictName,
      number
    >,
    counters: Object.fromEntries(MISC_COUNTERS.map((name) => [name, counters[Misc[name]]!])) as Record<
      MiscCounter,
      number
    >,
    workerLost: totals.lost,
    tunnels: tunnelsOf(supervisor, now),
    workers: places.map((place) => workerOf(place, now)),
    devices,
    tables: tablesOf(current),
    pathMtu: supervisor.pathMtu.counts,
  };
}

/** Every route in effect: configured, connected, and our own addresses. */
export function routesOf({ current, health }: Pick<Supervisor, 'current' | 'health'>): RouteSnapshot[] {
  const { spec, names } = current.plan;
  const routes = spec.routes.map(({ address, length, nexthops, connected, group }) => ({
    prefix: formatWithLength(address, length),
    nexthops: (group === undefined ? nexthops : health.nexthopsOf(group)).map(({ tunnel, weight }) => ({
      tunnel: names[tunnel]!,
      weight,
    })),
    origin: connected === true ? 'connected' : 'static',
  }));
  const locals = spec.locals.map(({ address, tunnel }) => ({
    prefix: formatWithLength(address, address.length * 8),
    nexthops: [{ tunnel: names[tunnel]!, weight: 1 }],
    origin: 'local',
  }));
  return [...routes, ...locals];
}

function problemsOf(places: readonly Place[]): string[] {
  return places
    .filter(({ state }) => state !== 'running')
    .map(
      ({ index, state, lastError }) =>
        `worker ${index} is ${state}${lastError === null ? '' : `, after: ${lastError}`}`,
    );
}

function tunnelsOf(supervisor: Supervisor, now: Date): TunnelSnapshot[] {
  const { current, totals, lastReceived, health } = supervisor;
  const { config, names } = current.plan;
  const sums = names.map((name) => totals.ofTunnel(name)?.slice() ?? new Float64Array(COUNTERS_PER_TUNNEL));
  const place = new Map(names.map((name, i) => [name, i]));
  for (const { thread, names: counted } of supervisor.counting()) {
    counted.forEach((name, i) => {
      const sum = sums[place.get(name) ?? -1];
      if (sum === undefined) return;
      const at = TUNNEL_COUNTERS + i * COUNTERS_PER_TUNNEL;
      for (let j = 0; j < COUNTERS_PER_TUNNEL; j++) sum[j]! += thread.counters[at + j]!;
    });
  }
  return config.tunnels.map((tunnel: TunnelConfig, i) => {
    const sum = sums[i]!;
    return {
      name: tunnel.name,
      mode: tunnel.mode,
      local: tunnel.cloudflare_gre_endpoint,
      remote: tunnel.customer_gre_endpoint,
      key: tunnel.key,
      mtu: tunnel.mtu,
      effectiveMtu: current.tables.effectiveMtu(i),
      decapsulated: {
        packets: sum[TunnelCounter.DECAPSULATED_PACKETS]!,
        bytes: sum[TunnelCounter.DECAPSULATED_BYTES]!,
      },
      encapsulated: {
        packets: sum[TunnelCounter.ENCAPSULATED_PACKETS]!,
        bytes: sum[TunnelCounter.ENCAPSULATED_BYTES]!,
      },
      lastReceivedSeconds: lastReceived.secondsSince(i, now.getTime()),
      health: health.ofTunnel(tunnel.name),
    };
  });
}

function workerOf({ index, state, restarts, lastError, thread, totals }: Place, now: Date): WorkerSnapshot {
  const value = (stat: number): number => totals.statistics[stat]! + (thread?.statistics[stat] ?? 0);
  return {
    index,
    state,
    restarts,
    lastError,
    heartbeatMs: Math.round(thread?.heartbeatAge(now.getTime()) ?? 0),
    received: totals.received + (thread?.received ?? 0),
    vectors: value(Stat.VECTORS),
    batchSizes: Array.from({ length: BATCH_BUCKETS }, (_, i) => value(Stat.BATCHES + i)),
    busySeconds: value(Stat.BUSY_MS) / 1000,
    idleSeconds: value(Stat.IDLE_MS) / 1000,
  };
}

function deviceOf(held: HeldDevice, { deviceTotals, interfaces }: Supervisor): DeviceSnapshot {
  const { side, device } = held;
  const { name, kind, description, ports } = device;
  const before = deviceTotals.of(side, name);
  const blocks = Array.from({ length: Math.max(ports.length, before.length) }, (_, i) =>
    namedCounters([before[i], ports[i]?.counters]),
  );
  return {
    ...{ name, kind, side, description },
    mtu: interfaces.mtuOf(held),
    problems: interfaces.problemsOf(held),
    ringBytes: ports.reduce((sum, port) => sum + ringBytesOf(port), 0),
    counters: namedCounters([...before, ...ports.map(({ counters }) => counters)]),
    ports: blocks,
  };
}

function namedCounters(blocks: readonly (Float64Array | undefined)[]): Record<DeviceCounter, number> {
  return Object.fromEntries(
    DEVICE_COUNTERS.map((name) => [
      name,
      blocks.reduce((sum, block) => sum + (block?.[DeviceCount[name]] ?? 0), 0),
    ]),
  ) as Record<DeviceCounter, number>;
}

function tablesOf({ tables, plan: { spec } }: Generation): Snapshot['tables'] {
  const routes4 = spec.routes.filter(({ address }) => address.length === 4).length;
  return {
    tunnels: spec.tunnels.length,
    routes4,
    routes6: spec.routes.length - routes4,
    bytes: sharedBytes(tables.shared),
  };
}

/** Bytes of all typed arrays in the tables. */
function sharedBytes(value: SharedTables | object): number {
  return Object.values(value).reduce<number>((sum, field: unknown) => {
    if (ArrayBuffer.isView(field)) return sum + field.byteLength;
    return typeof field === 'object' && field !== null ? sum + sharedBytes(field) : sum;
  }, 0);
}
