/** Daemons for tests: on made-up traffic, so without any right, and quiet. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Test } from 'tap';
import { Daemon, type DaemonOptions } from '../../src/daemon/daemon.js';
import { FIRST_DROP, VERDICTS } from '../../src/dataplane/verdicts.js';
import type { DeviceSnapshot, Snapshot } from '../../src/observability/snapshot.js';

export interface ConfigParts {
  readonly workers?: number;
  readonly packetsPerSecond?: number;
  /** Names of the tunnels. */
  readonly tunnels?: readonly string[];
  /** More lines of the `daemon` section, indented by two. */
  readonly daemon?: string;
  readonly overlay?: string;
}

/** Two tunnels, one of them with sequence numbers, and a route into each. */
export function configText(parts: ConfigParts = {}): string {
  const { workers = 2, packetsPerSecond = 20_000, tunnels = ['a', 'b'], daemon = '' } = parts;
  const { overlay = '{ type: discard, name: sink }' } = parts;
  const lines = [
    'node: { name: test }',
    'tunnels:',
    ...tunnels.map(
      (name, i) =>
        `  - { name: ${name}, local: 198.51.100.1, remote: 203.0.113.${i + 1}, sequence: ${String(i % 2 === 1)},` +
        ` allowed_sources: [192.0.2.0/24] }`,
    ),
    'routes:',
    ...tunnels.map((name, i) => `  - { prefix: 192.0.2.${i * 16}/28, nexthop: ${name} }`),
    'daemon:',
    `  workers: ${workers}`,
    `  underlay: { type: synthetic, packets_per_second: ${packetsPerSecond} }`,
    `  overlay: ${overlay}`,
    daemon.includes('metrics:') ? '' : '  metrics: { listen: off }',
    daemon,
  ];
  return `${lines.filter((line) => line !== '').join('\n')}\n`;
}

/** A directory of the test with the configuration in it. */
export function writeConfig(t: Test, text: string, directory = t.testdir()): string {
  const file = join(directory, 'grebe.yaml');
  writeFileSync(file, text);
  return file;
}

/** A directory whose path leaves room for the name of a socket. */
export function shortDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'grebe-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

/** A daemon that is gone at the end of the test. */
export async function startDaemon(
  t: Test,
  file: string,
  options: Partial<DaemonOptions> = {},
): Promise<Daemon> {
  const daemon = await Daemon.start({
    file,
    socket: join(shortDirectory(t), 'grebe.sock'),
    logLevel: 'silent',
    warmUpMs: 20,
    ...options,
  });
  t.teardown(() => daemon.close());
  return daemon;
}

/** Waits until something holds. */
export async function until(what: string, holds: () => boolean, withinMs = 60_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`did not come about in ${withinMs} ms: ${what}`);
    await sleep(5);
  }
}

export function device(snapshot: Snapshot, side: 'underlay' | 'overlay'): DeviceSnapshot {
  const found = snapshot.devices.find((one) => one.side === side);
  if (found === undefined) throw new Error(`no ${side}`);
  return found;
}

/**
 * Holds a daemon that has ended to its books: every packet that the devices brought was judged or lost with a
 * worker, and every packet that was delivered was sent.
 */
export function checkBooks(t: Test, snapshot: Snapshot): void {
  const { verdicts, counters, workerLost } = snapshot;
  const underlay = device(snapshot, 'underlay').counters;
  const overlay = device(snapshot, 'overlay').counters;
  const dropped = VERDICTS.filter(({ number }) => number >= FIRST_DROP).reduce(
    (sum, { name }) => sum + (verdicts as Readonly<Record<string, number>>)[name]!,
    0,
  );
  const { delivered_overlay, delivered_underlay, answered_echo, answered_keepalive } = verdicts;
  const answered = answered_echo + answered_keepalive;
  t.ok(counters.received_packets > 0, `${counters.received_packets} packets`);
  t.equal(
    underlay.rx_packets + overlay.rx_packets,
    counters.received_packets + workerLost,
    'whatever arrived was judged, or lost with a worker',
  );
  t.equal(
    counters.received_packets,
    delivered_overlay + delivered_underlay + answered + dropped,
    'conserved',
  );
  t.equal(
    underlay.tx_packets + overlay.tx_packets,
    delivered_overlay +
      delivered_underlay +
      answered +
      counters.icmp_errors +
      counters.fragments_created -
      counters.fragmented,
    'whatever was delivered was sent',
  );
  const received = snapshot.workers.reduce((sum, worker) => sum + worker.received, 0);
  t.equal(received, counters.received_packets, 'the sum over the workers');
}
