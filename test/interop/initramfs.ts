/**
 * A small Linux for a virtual machine: Debian's kernel (unpacked by get-kernel.sh, never installed here) and an
 * initramfs with its GRE modules and the programs that the tests run in it, taken from this machine.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

const KERNEL = process.env['GREBE_GUEST_KERNEL'] ?? '/var/cache/grebe/kernel';

/** In the order in which they are loaded; one that the kernel has built in is left out. */
const MODULES = [
  ...['virtio_ring', 'virtio', 'virtio_pci_modern_dev', 'virtio_pci_legacy_dev', 'virtio_pci'],
  ...['failover', 'net_failover', 'virtio_net'],
  ...['gre', 'ip_tunnel', 'ip_gre', 'tunnel6', 'ip6_tunnel', 'ip6_gre'],
];

/** dash and not busybox as the shell: busybox would run its own `ip`. */
const PROGRAMS = ['dash', 'ip', 'ping', 'iperf3', 'tcpdump', 'ethtool', 'busybox'];
const APPLETS = [
  'mount',
  'insmod',
  'stty',
  'sleep',
  'cat',
  'ls',
  'grep',
  'kill',
  'sysctl',
  'poweroff',
  'httpd',
  'wget',
  'sha256sum',
];

const INIT = `#!/bin/dash
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
stty -echo -onlcr </dev/ttyS0
for module in $(cat /modules/order); do insmod /modules/$module || echo "insmod $module failed"; done
ip link set lo up
echo guest-ready
while read -r line; do
  eval "$line" </dev/null 2>&1
  printf '\\nguest-done %s\\n' $?
done
`;

/** Files of a kernel that can be booted. */
export interface GuestImage {
  readonly kernel: string;
  readonly initramfs: string;
  remove(): void;
}

function which(program: string): string | null {
  for (const folder of ['/usr/bin', '/usr/sbin', '/bin', '/sbin']) {
    if (existsSync(join(folder, program))) return join(folder, program);
  }
  return null;
}

/** Why no guest can be started here, or false. */
export function missingForGuest(): string | false {
  if (!existsSync(join(KERNEL, 'lib/modules')))
    return `needs a kernel in ${KERNEL} (test/interop/get-kernel.sh)`;
  const missing = ['qemu-system-x86_64', 'cpio', ...PROGRAMS].filter((program) => which(program) === null);
  return missing.length > 0 ? `needs ${missing.join(', ')}` : false;
}

function run(command: string, args: readonly string[], cwd?: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Copies a program with the libraries that it is linked with, each to the path at which it will be sought. */
function addProgram(root: string, program: string): void {
  const path = which(program)!;
  copyFileSync(realpathSync(path), join(root, 'bin', program));
  const { stdout } = spawnSync('ldd', [path], { encoding: 'utf8' });
  for (const [library] of stdout.matchAll(/\/\S+/g)) {
    const target = join(root, library);
    mkdirSync(dirname(target), { recursive: true });
    if (existsSync(library) && !existsSync(target)) copyFileSync(realpathSync(library), target);
  }
}

function addModules(root: string): void {
  const versions = join(KERNEL, 'lib/modules');
  const folder = join(versions, readdirSync(versions)[0]!, 'kernel');
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const order: string[] = [];
  for (const module of MODULES) {
    const file = files.find((path) => basename(path) === `${module}.ko`);
    if (file === undefined) continue;
    copyFileSync(join(folder, file), join(root, 'modules', `${module}.ko`));
    order.push(`${module}.ko`);
  }
  writeFileSync(join(root, 'modules/order'), order.join('\n'));
}

/** Makes the initramfs, some 20 MB in a folder of its own under the temporary folder. */
export function makeGuestImage(): GuestImage {
  const folder = mkdtempSync(join(tmpdir(), 'grebe-guest-'));
  const root = join(folder, 'root');
  for (const name of ['bin', 'modules', 'proc', 'sys', 'dev', 'tmp', 'etc']) {
    mkdirSync(join(root, name), { recursive: true });
  }
  for (const program of PROGRAMS) addProgram(root, program);
  for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet));
  addModules(root);
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/dash\n');
  writeFileSync(join(root, 'init'), INIT);
  chmodSync(join(root, 'init'), 0o755);
  const initramfs = join(folder, 'initramfs');
  run('sh', ['-c', `find . | cpio --quiet -o -H newc > '${initramfs}'`], root);
  rmSync(root, { recursive: true });
  const boot = join(KERNEL, 'boot');
  const kernel = join(
    boot,
    readdirSync(boot).find((name) => name === 'vmlinux')!,
  );
  return { kernel, initramfs, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
