/** Open vSwitch with its datapath in user space as a GRE peer: a database and a switch of its own, in a namespace. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Netns } from '../support/netns.js';
import { eventually, execute, missingOf } from './command.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';

/** Why there can be no Open vSwitch here, or false. */
export function missingForOpenVSwitch(): string | false {
  const missing = missingOf('ovs-vswitchd', 'ovsdb-server', 'ovsdb-tool', 'ovs-vsctl', 'ovs-ofctl');
  return missing || (existsSync(SCHEMA) ? false : `needs ${SCHEMA}`);
}

export class OpenVSwitch {
  private constructor(
    private readonly namespace: Netns,
    private readonly database: string,
    private readonly environment: readonly string[],
  ) {}

  /** Starts one in a namespace. It is gone with the test. */
  static async start(t: Test, namespace: Netns): Promise<OpenVSwitch> {
    const folder = mkdtempSync(join(tmpdir(), 'grebe-ovs-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'conf.db');
    const socket = join(folder, 'db.sock');
    const environment = [`OVS_RUNDIR=${folder}`, `OVS_LOGDIR=${folder}`, `OVS_DBDIR=${folder}`];
    const ovs = new OpenVSwitch(namespace, `unix:${socket}`, environment);
    await execute(namespace, ['ovsdb-tool', 'create', file, SCHEMA]);
    ovs.spawn(t, 'ovsdb-server', file, `--remote=punix:${socket}`, `--unixctl=${join(folder, 'db.ctl')}`);
    await eventually('the database is up', () => existsSync(socket));
    await ovs.control('--no-wait', 'init');
    const control = join(folder, 'switch.ctl');
    ovs.spawn(t, 'ovs-vswitchd', `unix:${socket}`, `--unixctl=${control}`);
    await eventually('the switch is up', () => existsSync(control));
    return ovs;
  }

  /** `ovs-vsctl`. */
  control(...words: string[]): Promise<string> {
    return execute(this.namespace, ['ovs-vsctl', '--timeout=10', `--db=${this.database}`, ...words]);
  }

  /** Sets the rules of a bridge. */
  async flows(bridge: string, ...flows: string[]): Promise<void> {
    await this.openFlow('del-flows', bridge);
    for (const flow of flows) await this.openFlow('add-flow', bridge, flow);
  }

  private openFlow(...words: string[]): Promise<string> {
    return execute(this.namespace, ['env', ...this.environment, 'ovs-ofctl', '-O', 'OpenFlow15', ...words]);
  }

  private spawn(t: Test, command: string, ...args: string[]): void {
    const child = this.namespace.spawn('env', [...this.environment, command, ...args], { stdio: 'ignore' });
    t.teardown(() => child.kill('SIGKILL'));
  }
}
