/** The daemon as a whole: supervisor, control socket, metrics, signals. */
import { formatListen, type LogFormat, type LogLevel } from '../config/daemon-config.js';
import { readConfigText } from '../config/load.js';
import { formatCounts, titlesOf } from '../network/change/format-diff.js';
import { createMetrics } from '../observability/metrics.js';
import type { Snapshot } from '../observability/snapshot.js';
import { answerCapture } from './captures.js';
import { controlSocketPath } from './control-path.js';
import { returnMemory } from './collect.js';
import { startControlServer, type ControlServer } from './control-server.js';
import { claimSocketPath } from './control-socket.js';
import { createLog, type DaemonLog } from './log.js';
import { startMetricsServer, type MetricsServer } from './metrics-server.js';
import { notifyServiceManager } from './notify.js';
import { dropPrivileges, type Capability } from './privileges.js';
import type { Plan } from './plan.js';
import { preparePlan } from './planner.js';
import { routesOf, snapshotOf } from './snapshot.js';
import { Supervisor, type ReloadResult } from './supervisor.js';
import { version } from './version.js';

export interface DaemonOptions {
  /** The configuration file. */
  readonly file: string;
  /** Each in place of what the configuration says. */
  readonly workers?: number | undefined;
  readonly socket?: string | undefined;
  readonly logLevel?: LogLevel | undefined;
  readonly logFormat?: LogFormat | undefined;
  /** How long a worker may warm up before it takes over, in milliseconds. */
  readonly warmUpMs?: number | undefined;
}

/** Warnings about a configuration that are told, one by one. */
const WARNINGS_TOLD = 20;

/** Resources that a reload changes and the log names. */
const CHANGES_TOLD = 20;

export class Daemon {
  private constructor(
    private readonly options: DaemonOptions,
    readonly log: DaemonLog,
    readonly supervisor: Supervisor,
  ) {}

  private control: ControlServer | null = null;
  private metrics: MetricsServer | null = null;
  private isClosing = false;

  /**
   * Starts everything; resolves when packets are forwarded and the listeners listen.
   *
   * @throws ConfigError; an Error with a sentence for people when something cannot be opened: nothing stays then
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    const plan = await preparePlan(options.file, options.workers, null);
    const { daemon } = plan.config;
    const log = createLog({
      level: options.logLevel ?? daemon.log.level,
      format: options.logFormat ?? daemon.log.format,
    });
    const socket = controlSocketPath(options.socket ?? daemon.control.socket);
    log.info({ version: version(), node: plan.config.node.name, config: plan.file }, 'grebe starts');
    tellWarnings(plan, log);
    // Before a device is touched: a second daemon is refused here.
    await claimSocketPath(socket);
    const supervisor = await Supervisor.start({ ...options, log }, plan);
    const started = new Daemon(options, log, supervisor);
    try {
      tellDevices(supervisor, log);
      await started.listen(socket);
    } catch (error) {
      await started.close();
      throw error;
    }
    const { plan: taken } = supervisor.current;
    log.info(
      {
        workers: taken.workers,
        tunnels: taken.spec.tunnels.length,
        routes: taken.spec.routes.length,
        control: socket,
        metrics: started.metricsUrl ?? 'off',
      },
      'ready',
    );
    returnMemory();
    return started;
  }

  get controlPath(): string {
    return this.control?.path ?? '';
  }

  /** Where metrics are served; null: nowhere. */
  get metricsUrl(): string | null {
    return this.metrics === null ? null : `http://${formatListen(this.metrics.address)}/metrics`;
  }

  snapshot(): Snapshot {
    return snapshotOf(this.supervisor);
  }

  async reload(): Promise<ReloadResult> {
    notifyServiceManager('RELOADING=1');
    const before = this.supervisor.current.plan;
    const result = await this.supervisor.reload();
    notifyServiceManager('READY=1');
    if (!result.ok) return result;
    const { plan } = this.supervisor.current;
    this.log.level = this.options.logLevel ?? plan.config.daemon.log.level;
    returnMemory();
    const { generation, gapMs, tookMs, changes } = result;
    this.log.info(
      {
        generation,
        tunnels: plan.spec.tunnels.length,
        routes: plan.spec.routes.length,
        gapMs: Number(gapMs.toFixed(3)),
        tookMs: Math.round(tookMs),
        changes: formatCounts(changes),
        changed: titlesOf(changes.entries).slice(0, CHANGES_TOLD),
      },
      'configuration reloaded',
    );
    tellWarnings(plan, this.log);
    tellDevices(this.supervisor, this.log);
    if (!sameListeners(before, plan)) {
      this.log.warn(
        {},
        'daemon.control and daemon.metrics have changed: that takes effect at the next start',
      );
    }
    return result;
  }

  /** Ends everything in good order: what is queued is forwarded, what was made is removed. */
  async close(): Promise<void> {
    if (this.isClosing) return;
    this.isClosing = true;
    notifyServiceManager('STOPPING=1');
    await this.supervisor.close();
    await Promise.all([this.control?.close(), this.metrics?.close()]);
  }

  private async listen(socket: string): Promise<void> {
    const { control, metrics } = this.supervisor.current.plan.config.daemon;
    const snapshot = (): Snapshot => this.snapshot();
    this.control = await startControlServer(socket, control.group, {
      snapshot,
      routes: () => routesOf(this.supervisor),
      config: () => {
        const { file, text } = this.supervisor.current.plan;
        return { file, text };
      },
      reload: () => this.reload(),
      preview: () => this.supervisor.preview(),
      capture: (query, response) => answerCapture(this.supervisor, query, response),
      ...(process.env['GREBE_TEST_HOOKS'] === '1'
        ? { crash: (worker: number) => this.supervisor.crash(worker) }
        : {}),
    });
    if (metrics.listen === null) return;
    const registry = createMetrics({ snapshot, maxTunnelLabels: metrics.max_tunnels });
    this.metrics = await startMetricsServer(metrics.listen, registry, snapshot);
  }
}

/** Runs a daemon until SIGTERM or SIGINT; SIGHUP reloads. A second signal to end ends it at once. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  let daemon: Daemon | null = null;
  let ended = false;
  let end = (): void => undefined;
  const ending = new Promise<void>((resolve) => {
    end = resolve;
  });
  const onEnd = (signal: NodeJS.Signals): void => {
    if (ended) process.exit(128 + (signal === 'SIGINT' ? 2 : 15));
    ended = true;
    daemon?.log.info({ signal }, 'ending');
    end();
  };
  // A reload that comes before the start is through has nothing to do: the file is only just read.
  const onReload = (): void => void daemon?.reload();
  process.on('SIGTERM', onEnd).on('SIGINT', onEnd).on('SIGHUP', onReload);
  try {
    const privileges = givePrivilegesUp(options.file);
    daemon = await Daemon.start(options);
    daemon.log.debug({}, privileges);
    notifyServiceManager('READY=1');
    await ending;
    await daemon.close();
    daemon.log.info({}, 'ended');
  } finally {
    process.off('SIGTERM', onEnd).off('SIGINT', onEnd).off('SIGHUP', onReload);
  }
}

/**
 * Keeps the capabilities that the network needs, also for what a reload may bring, and some for special wishes.
 * Giving the others up begins the program anew, so the configuration is only skimmed for the words: a word that
 * means something else keeps a capability too many, and nothing worse.
 */
function givePrivilegesUp(file: string): string {
  const configuration = readConfigText(file);
  // CAP_BPF for af_packet's program at ingress, for `auto` or a reload may bring it; few are started with it.
  const keep: Capability[] = ['net_admin', 'net_raw', 'bpf'];
  const isXdp = /\baf_xdp\b/.test(configuration);
  if (isXdp) keep.push('perfmon', 'ipc_lock');
  if (/\bgroup\b/.test(configuration)) keep.push('chown');
  return dropPrivileges(keep, { lockMemory: isXdp, files: [file] });
}

function tellWarnings({ warnings }: Plan, log: DaemonLog): void {
  for (const warning of warnings.slice(0, WARNINGS_TOLD)) log.warn({}, warning);
  const more = warnings.length - WARNINGS_TOLD;
  if (more > 0) log.warn({}, `${more} more warnings: see grebe check`);
}

function tellDevices({ current: { devices } }: Supervisor, log: DaemonLog): void {
  for (const { side, device, warnings } of [devices.underlay, devices.overlay]) {
    log.info({ device: device.name, kind: device.kind, mtu: device.mtu }, `${side}: ${device.description}`);
    for (const warning of warnings) log.warn({}, warning);
  }
}

function sameListeners(before: Plan, now: Plan): boolean {
  const listeners = ({ control, metrics }: Plan['config']['daemon']) => JSON.stringify([control, metrics]);
  return listeners(before.config.daemon) === listeners(now.config.daemon);
}
