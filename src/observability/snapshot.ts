/**
 * The state of a daemon at one moment as plain data: what `grebe show --json` prints, what the metrics are
 * made of, and what the tables of `grebe show` lay out. Numbers of packets and bytes count since the daemon
 * started and never fall, across reloads and restarts of workers.
 */
import type { MiscCounter } from '../dataplane/counters.js';
import type { VerdictName } from '../dataplane/verdicts.js';
import type { DeviceCounter } from '../device/device-counters.js';
import type { HealthState } from '../network/health/health-state.js';

export interface PacketsAndBytes {
  readonly packets: number;
  readonly bytes: number;
}

export interface TunnelSnapshot {
  readonly name: string;
  readonly mode: 'gre' | 'gretap';
  readonly local: string;
  readonly remote: string;
  readonly key: number | null;
  /** Configured, and in effect (lower when path MTU discovery says so); bytes of the inner packet. */
  readonly mtu: number;
  readonly effectiveMtu: number;
  readonly decapsulated: PacketsAndBytes;
  readonly encapsulated: PacketsAndBytes;
  /** Seconds since a packet came out of the tunnel; null: none yet. One-second resolution. */
  readonly lastReceivedSeconds: number | null;
  /** What health checks say; null: the tunnel is not probed. */
  readonly health: TunnelHealthSnapshot | null;
}

export interface TunnelHealthSnapshot {
  readonly state: HealthState;
  /** Seconds since the tunnel came into this state. */
  readonly sinceSeconds: number;
  /** Probes since the daemon probes the tunnel. What is on its way is in neither of the other two. */
  readonly sent: number;
  readonly answered: number;
  readonly lost: number;
}

export interface RouteSnapshot {
  readonly prefix: string;
  readonly nexthops: readonly { readonly tunnel: string; readonly weight: number }[];
  /** `static`, `connected` (a tunnel's peer address) or `local` (a tunnel's own address). */
  readonly origin: string;
}

export interface WorkerSnapshot {
  readonly index: number;
  readonly state: 'starting' | 'running' | 'failed' | 'stopped';
  /** Times that the worker was started again after a failure. */
  readonly restarts: number;
  readonly lastError: string | null;
  /** Milliseconds since the worker's loop last came round. */
  readonly heartbeatMs: number;
  readonly received: number;
  /** Vectors run, and packets in them. */
  readonly vectors: number;
  /** Vectors by size: upper bounds 1, 2, 4 … 256 and the number of vectors up to that size (not cumulative). */
  readonly batchSizes: readonly number[];
  /** Seconds spent working and waiting since the start. */
  readonly busySeconds: number;
  readonly idleSeconds: number;
}

export interface DeviceSnapshot {
  readonly name: string;
  readonly kind: string;
  readonly side: 'underlay' | 'overlay';
  readonly description: string;
  /** Bytes of the largest IP packet, as its interfaces are now. */
  readonly mtu: number;
  /** Why it cannot do its work, such as an interface that is gone; empty when it can. */
  readonly problems: readonly string[];
  /** Bytes that packets take in the receive rings of AF_PACKET, as the workers last saw. */
  readonly ringBytes: number;
  /** Summed over the workers. */
  readonly counters: Readonly<Record<DeviceCounter, number>>;
  /** For each worker. */
  readonly ports: readonly Readonly<Record<DeviceCounter, number>>[];
}

export interface Snapshot {
  readonly node: string;
  readonly version: string;
  readonly pid: number;
  /** RFC 3339. */
  readonly startedAt: string;
  readonly takenAt: string;
  readonly uptimeSeconds: number;
  readonly config: {
    readonly file: string;
    /** Counts the configurations in effect so far, from 1. */
    readonly generation: number;
    readonly loadedAt: string;
    readonly reloads: number;
    readonly failedReloads: number;
    readonly lastError: string | null;
  };
  readonly ready: boolean;
  /** Why not ready; empty when ready. */
  readonly problems: readonly string[];
  readonly verdicts: Readonly<Record<VerdictName, number>>;
  readonly counters: Readonly<Record<MiscCounter, number>>;
  /** Packets that a failed worker had in hand: lost, and counted here. */
  readonly workerLost: number;
  readonly tunnels: readonly TunnelSnapshot[];
  readonly workers: readonly WorkerSnapshot[];
  readonly devices: readonly DeviceSnapshot[];
  readonly tables: {
    readonly tunnels: number;
    readonly routes4: number;
    readonly routes6: number;
    /** Bytes of shared memory that the tables take. */
    readonly bytes: number;
  };
  readonly pathMtu: { readonly learned: number; readonly ignored: number };
}
