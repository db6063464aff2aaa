/**
 * Open vSwitch with its datapath in user space: a GRE port on an inner bridge, the cable's interface on an outer
 * one. Each end has a database and a switch of its own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { INTERFACE, type End } from './cable.js';
import type { Contender } from './contender.js';
import { Running } from './running.js';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
/** 1500 less outer IP, GRE and inner Ethernet header. */
const MTU = 1462;
const START_MS = 10_000;
const TURN_MS = 50;

/** Why it cannot take part, or null. */
export function whyNoOpenVSwitch(): string | null {
  const found = spawnSync('ovs-vswitchd', ['--version']).status === 0 && existsSync(SCHEMA);
  return found ? null : 'needs Open vSwitch (package openvswitch-switch)';
}

async function until(exists: string, running: Running): Promise<void> {
  for (let waited = 0; !existsSync(exists); waited += TURN_MS) {
    running.assertAlive();
    if (waited > START_MS) throw new Error(`${running.name} does not come up`);
    await sleep(TURN_MS);
  }
}

export class OpenVSwitchContender implements Contender {
  readonly name = 'Open vSwitch';
  readonly underlay = 'netdev';
  readonly ownsInterface = true;

  async startEnd(own: End, other: End): Promise<Running[]> {
    const { namespace } = own;
    const folder = mkdtempSync(join(tmpdir(), 'grebe-bench-ovs-'));
    process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
    const database = join(folder, 'conf.db');
    const socket = join(folder, 'db.sock');
    const remote = `unix:${socket}`;
    const environment = [`OVS_RUNDIR=${folder}`, `OVS_LOGDIR=${folder}`, `OVS_DBDIR=${folder}`];
    namespace.exec('ovsdb-tool', 'create', database, SCHEMA);
    const server = Running.start(namespace, 'ovsdb-server', 'env', [
      ...environment,
      'ovsdb-server',
      database,
      `--remote=p${remote}`,
      `--unixctl=${join(folder, 'db.ctl')}`,
    ]);
    await until(socket, server);
    namespace.exec('ovs-vsctl', `--db=${remote}`, '--no-wait', 'init');
    const control = join(folder, 'switch.ctl');
    const daemon = Running.start(namespace, 'ovs-vswitchd', 'env', [
      ...environment,
      'ovs-vswitchd',
      remote,
      `--unixctl=${control}`,
    ]);
    await until(control, daemon);
    const bridge = (name: string): string[] => [
      ...['--', 'add-br', name],
      ...['--', 'set', 'bridge', name, 'datapath_type=netdev'],
    ];
    namespace.exec(
      'ovs-vsctl',
      `--db=${remote}`,
      '--timeout=10',
      ...bridge('outer'),
      // Not the interface's own link address: then its packets would seem to come from outside.
      ...['--', 'set', 'bridge', 'outer', `other-config:hwaddr=${own.mac.replace(/^02/u, '06')}`],
      ...['--', 'add-port', 'outer', INTERFACE],
      ...bridge('inner'),
      ...['--', 'add-port', 'inner', 'gre0'],
      ...['--', 'set', 'interface', 'gre0', 'type=gre', `options:remote_ip=${other.outer}`],
    );
    for (const [name, address] of [
      ['outer', own.outer],
      ['inner', own.inner],
    ] as const) {
      namespace.addAddress(name, `${address}/24`);
      namespace.exec('ip', 'link', 'set', name, 'up');
    }
    namespace.exec('ip', 'link', 'set', 'inner', 'mtu', String(MTU));
    return [daemon, server];
  }

  startForwarder(): Promise<Running[]> {
    throw new Error('Open vSwitch is not measured as a forwarder');
  }
}
