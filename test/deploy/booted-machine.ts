/**
 * A machine in a network namespace that systemd has booted: it sees this machine's files, changes to them are
 * its own and lost with it (boot-systemd.sh), and grebe is installed there for all users.
 */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import type { Test } from 'tap';
import { root } from '../house/tree.js';
import { ended, eventually, missingOf, type Ended } from '../interop/command.js';
import { requireRoot, type Netns } from '../support/netns.js';

const SYSTEMD = '/lib/systemd/systemd';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const COMMAND_MS = 120_000;

/** Why there can be no such machine here, or false: for tap's `skip`. */
export function cannotBoot(): string | false {
  const known = existsSync('/proc/filesystems') ? readFileSync('/proc/filesystems', 'utf8') : '';
  const unknown = ['overlay', 'cgroup2'].find((name) => !known.includes(`\t${name}\n`));
  if (unknown !== undefined) return `needs a kernel with ${unknown}`;
  if (!existsSync(SYSTEMD)) return `needs ${SYSTEMD}`;
  return requireRoot() || missingOf('nsenter', 'unshare', 'setpriv', 'pivot_root');
}

export class BootedMachine {
  private constructor(private readonly systemd: string) {}

  /** Boots it in a namespace. It is gone with the test at the latest. */
  static async boot(t: Test, namespace: Netns): Promise<BootedMachine> {
    const folder = mkdtempSync(join(tmpdir(), 'grebe-machine-'));
    const script = join(root, 'test/deploy/boot-systemd.sh');
    const mounts = ['--mount', '--propagation', 'private'];
    const child = namespace.spawn(
      'unshare',
      [...mounts, 'sh', script, folder, root, process.execPath],
      // It ends with its input, and so with this process.
      { stdio: ['pipe', 'pipe', 'pipe'] },
    );
    const exit = once(child, 'exit');
    t.teardown(async () => {
      child.stdin!.end();
      await exit;
      rmdirSync(folder);
    });
    let errors = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (errors += text));
    const line = once(createInterface(child.stdout!), 'line') as Promise<[string]>;
    const first = await Promise.race([line, exit.then(() => null)]);
    if (first === null) throw new Error(`the machine does not boot: ${errors}`);
    const machine = new BootedMachine(first[0].trim());
    await eventually('systemd is up', async () => {
      const { stdout } = await machine.tryRun('systemctl', 'is-system-running');
      return /^(running|degraded)$/m.test(stdout);
    });
    return machine;
  }

  /** Runs a command as root, whatever status it ends with. */
  tryRun(...line: readonly string[]): Promise<Ended> {
    const enter = ['--target', this.systemd, '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup'];
    const child = spawn('nsenter', [...enter, '--wd=/', 'env', '-i', `PATH=${PATH}`, ...line], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return ended(child, COMMAND_MS);
  }

  /** Runs a command as root and answers its output. @throws Error with what it printed, if it fails */
  async run(...line: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await this.tryRun(...line);
    if (status === 0) return stdout;
    throw new Error(`${line.join(' ')}: status ${status}: ${stderr.trim()} ${stdout.trim()}`);
  }

  /** Writes a file. */
  async write(path: string, text: string): Promise<void> {
    await this.run('sh', '-c', 'mkdir -p "${1%/*}" && printf %s "$2" >"$1"', 'sh', path, text);
  }

  /** A property of a unit, as `systemctl show` has it. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.run('systemctl', 'show', '--value', '--property', name, unit)).trim();
  }

  /** What a unit's processes have said, and systemd about them. */
  journal(unit: string): Promise<string> {
    return this.run('journalctl', '--no-pager', '--output', 'cat', '--unit', unit);
  }
}
