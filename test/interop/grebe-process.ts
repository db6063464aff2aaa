/** `grebe run` as a process in a namespace, as it runs anywhere else. */
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { request } from '../../src/daemon/control-client.js';
import type { VerdictName } from '../../src/dataplane/verdicts.js';
import type { Snapshot, TunnelSnapshot } from '../../src/observability/snapshot.js';
import type { Netns } from '../support/netns.js';
import { eventually } from './command.js';

export const GREBE = fileURLToPath(new URL('../../src/cli/grebe.js', import.meta.url));

/** Busy machines start slowly: the daemon compiles and warms up its loops first. */
const START_MS = 240_000;
const END_MS = 180_000;

/** A configuration as docs/config.md has it. It is written as JSON, which is YAML. */
export interface Configuration {
  readonly node?: object;
  readonly tunnels: readonly object[];
  readonly routes?: readonly object[];
  readonly daemon: { readonly [key: string]: unknown };
}

export class GrebeProcess {
  /** Objects of the log so far. */
  readonly log: Record<string, unknown>[] = [];

  private constructor(
    readonly child: ChildProcess,
    readonly socket: string,
    private readonly file: string,
  ) {
    createInterface(child.stderr!).on('line', (line) => {
      this.log.push(line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : { msg: line });
    });
  }

  /** Starts a daemon and waits until it forwards. It is gone with the test at the latest. */
  static async start(
    t: Test,
    namespace: Netns,
    configuration: Configuration,
    env: Record<string, string> = {},
  ): Promise<GrebeProcess> {
    // The path of a socket has room for 107 bytes only.
    const directory = mkdtempSync(join(tmpdir(), 'grebe-'));
    t.teardown(() => rmSync(directory, { recursive: true, force: true }));
    const file = join(directory, 'grebe.yaml');
    writeFileSync(file, textOf(configuration));
    const socket = join(directory, 'grebe.sock');
    const args = [GREBE, 'run', '--config', file, '--socket', socket, '--log-format', 'json'];
    const child = namespace.spawn(process.execPath, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const grebe = new GrebeProcess(child, socket, file);
    t.teardown(() => child.kill('SIGKILL'));
    await eventually(
      'the daemon is ready',
      () => {
        if (child.exitCode !== null) throw new Error(`it ended: ${JSON.stringify(grebe.log)}`);
        return grebe.said('ready');
      },
      START_MS,
    );
    return grebe;
  }

  /** Whether the log has this message. */
  said(message: string): boolean {
    return this.log.some(({ msg }) => msg === message);
  }

  async snapshot(): Promise<Snapshot> {
    return (await request(this.socket, 'GET', '/v1/snapshot')) as Snapshot;
  }

  /** Packets that met a verdict so far. */
  async verdict(name: VerdictName): Promise<number> {
    return (await this.snapshot()).verdicts[name];
  }

  async tunnel(name: string): Promise<TunnelSnapshot> {
    const { tunnels } = await this.snapshot();
    return tunnels.find((tunnel) => tunnel.name === name)!;
  }

  /** `grebe show --json`. */
  show(): Snapshot {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [GREBE, 'show', '--json', '--socket', this.socket],
      { encoding: 'utf8', timeout: END_MS },
    );
    if (stderr !== '') throw new Error(stderr);
    return JSON.parse(stdout) as Snapshot;
  }

  /** Writes the file anew and has it taken over. @throws ControlError when it is refused */
  async reload(configuration: Configuration): Promise<void> {
    writeFileSync(this.file, textOf(configuration));
    await request(this.socket, 'POST', '/v1/reload');
  }

  /** Ends it as systemd does; answers its exit code, or the signal that it died of. */
  async stop(): Promise<number | string | null> {
    const { child } = this;
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
      await exit;
      clearTimeout(timer);
    }
    return child.exitCode ?? child.signalCode;
  }
}

function textOf({ node = { name: 'test' }, ...rest }: Configuration): string {
  const { daemon } = rest;
  const quiet = { metrics: { listen: 'off' }, ...daemon };
  return JSON.stringify({ node, ...rest, daemon: quiet }, null, 2);
}
