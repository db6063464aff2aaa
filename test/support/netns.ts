/**
 * Network namespaces for tests: made by iproute2, joined by veth pairs, gone when the process ends however it
 * ends. A test whose code opens sockets must itself run inside of one: see `insideNamespace`.
 */
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';

/** Names the namespace that this process was started in by Netns.spawn. */
const ENTERED = 'GREBE_TEST_NETNS';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Why tests with namespaces cannot run here, or false: for tap's `skip`. Asked once: it makes a namespace and
 * removes it.
 */
export function requireRoot(): string | false {
  skipReason ??= findSkipReason();
  return skipReason;
}

let skipReason: string | false | undefined;

function findSkipReason(): string | false {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return 'needs root';
  const name = `grebe-probe-${process.pid}`;
  const { error, status, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (error !== undefined) return 'needs ip (iproute2)';
  if (status !== 0) return `cannot make a network namespace: ${stderr.trim()}`;
  spawnSync('ip', ['netns', 'delete', name]);
  return false;
}

/** Runs a command to its end and returns its standard output. @throws Error with what it said otherwise */
function run(command: string, args: readonly string[]): string {
  const { error, status, signal, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw error;
  if (status === 0) return stdout;
  throw new Error(`${[command, ...args].join(' ')}: ${stderr.trim() || stdout.trim() || (signal ?? status)}`);
}

export interface VethOptions {
  /** Bytes; default 1500. */
  mtu?: number;
  /** Addresses of each end in CIDR notation, IPv4 or IPv6. */
  addresses?: readonly [readonly string[], readonly string[]];
  /** Link addresses, such as `02:00:00:00:00:01`; default: what the kernel takes. */
  macs?: readonly [string, string];
  /** Whether segments and checksums may be left to the "hardware". Default false: every packet as on a wire. */
  offload?: boolean;
}

export class Netns {
  private static readonly living = new Set<Netns>();
  private static count = 0;
  private readonly children = new Set<ChildProcess>();

  private constructor(readonly name: string) {}

  /** Makes a namespace `<prefix>-<process id>-<number>` with its loopback interface up. */
  static create(prefix: string): Netns {
    if (Netns.count === 0) cleanUpAtEnd();
    const namespace = new Netns(`${prefix}-${process.pid}-${Netns.count++}`);
    run('ip', ['netns', 'add', namespace.name]);
    Netns.living.add(namespace);
    namespace.exec('ip', 'link', 'set', 'lo', 'up');
    return namespace;
  }

  /** Removes all that this process made. */
  static deleteAll(): void {
    for (const namespace of Netns.living) namespace.delete();
  }

  /**
   * Joins two interfaces, each in its namespace (which may be the same), by a cable: a veth pair, addressed
   * and up. Interface names have at most 15 characters.
   */
  static connect(a: Netns, nameA: string, b: Netns, nameB: string, options: VethOptions = {}): void {
    const { mtu = 1500, addresses = [[], []], macs, offload = false } = options;
    const end = (side: 0 | 1): string[] => [
      ...(macs === undefined ? [] : ['address', macs[side]]),
      'mtu',
      String(mtu),
      'netns',
      [a, b][side]!.name,
    ];
    run('ip', ['link', 'add', nameA, ...end(0), 'type', 'veth', 'peer', 'name', nameB, ...end(1)]);
    for (const [namespace, name, own] of [
      [a, nameA, addresses[0]],
      [b, nameB, addresses[1]],
    ] as const) {
      if (!offload) namespace.offloadsOff(name);
      // No router solicitations and no wait for duplicate address detection.
      namespace.sysctl(`net/ipv6/conf/${name}/accept_ra`, 0);
      namespace.sysctl(`net/ipv6/conf/${name}/accept_dad`, 0);
      for (const address of own) namespace.addAddress(name, address);
      namespace.exec('ip', 'link', 'set', name, 'up');
    }
  }

  /** Runs a command inside to its end; returns its standard output. @throws Error with what it said */
  exec(command: string, ...args: string[]): string {
    return run('ip', ['netns', 'exec', this.name, command, ...args]);
  }

  /** Starts a command inside; it is killed by `delete` at the latest. Its process id is the command's own. */
  spawn(command: string, args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.name, command, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...options,
      env: { ...(options.env ?? process.env), [ENTERED]: this.name },
    });
    this.children.add(child);
    child.once('exit', () => this.children.delete(child));
    return child;
  }

  /** Starts a compiled module (its file: URL or path) with this Node.js inside. */
  node(script: string, args: readonly string[] = [], options: SpawnOptions = {}): ChildProcess {
    const path = script.startsWith('file:') ? fileURLToPath(script) : script;
    return this.spawn(process.execPath, [path, ...args], options);
  }

  /** Adds an address in CIDR notation, IPv6 without duplicate address detection. */
  addAddress(device: string, cidr: string): void {
    const flags = cidr.includes(':') ? ['nodad'] : [];
    this.exec('ip', 'address', 'add', cidr, 'dev', device, ...flags);
  }

  /** Sets one of the namespace's own settings, such as `net/ipv4/ip_forward`. */
  sysctl(path: string, value: string | number): void {
    this.exec('sh', '-c', `echo ${value} > /proc/sys/${path}`);
  }

  /**
   * Turns off what makes a veth pass unfinished checksums and packets larger than its MTU. Returns false when
   * there is no `ethtool` to do so.
   */
  offloadsOff(device: string): boolean {
    const features = ['rx', 'tx', 'sg', 'tso', 'gso', 'gro', 'txvlan', 'rxvlan'];
    const settings = features.flatMap((feature) => [feature, 'off']);
    try {
      this.exec('ethtool', '-K', device, ...settings);
      return true;
    } catch {
      return false;
    }
  }

  /** The link address of an interface. */
  mac(device: string): string {
    const [link] = JSON.parse(this.exec('ip', '-j', 'link', 'show', device)) as { address: string }[];
    return link?.address ?? '';
  }

  /** Kills what runs inside and removes the namespace with its interfaces. May be called again. */
  delete(): void {
    if (!Netns.living.delete(this)) return;
    for (const child of this.children) child.kill('SIGKILL');
    spawnSync('ip', ['netns', 'delete', this.name]);
  }
}

function cleanUpAtEnd(): void {
  process.on('exit', () => Netns.deleteAll());
  for (const signal of SIGNALS) {
    process.once(signal, () => {
      Netns.deleteAll();
      process.kill(process.pid, signal);
    });
  }
}

/**
 * For test files whose own code opens sockets. Such a file runs twice: started plainly, it makes a namespace,
 * lets `prepare` fill it, and runs itself inside as a subtest; started inside, it defines its tests.
 *
 *     if (enteredNamespace() === null) runInside(test, import.meta.url, 'raw', (namespace) => …);
 *     else test(…);
 */
export function enteredNamespace(): string | null {
  return process.env[ENTERED] ?? null;
}

/** See enteredNamespace. Skips with the reason when there can be no namespace. */
export function runInside(
  test: Test['test'],
  moduleUrl: string,
  prefix: string,
  prepare: (namespace: Netns) => void,
): void {
  void test('in a network namespace', { skip: requireRoot() }, async (t) => {
    const namespace = Netns.create(prefix);
    t.teardown(() => namespace.delete());
    prepare(namespace);
    await t.spawn('ip', ['netns', 'exec', namespace.name, process.execPath, fileURLToPath(moduleUrl)], {
      env: { ...process.env, [ENTERED]: namespace.name },
    });
  });
}
