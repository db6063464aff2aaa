/** grebe itself: `grebe run` with a configuration written for the purpose. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { INTERFACE, type Cable, type End } from './cable.js';
import { FORWARD, FORWARD_PREFIX, FORWARDER_CPU, type Contender, type Underlay } from './contender.js';
import { Running } from './running.js';

const PROGRAM = fileURLToPath(new URL('../../src/cli/grebe.js', import.meta.url));
/** Where all inner addresses lie. */
const INNER = '10.0.0.0/8';

interface TunnelText {
  readonly name: string;
  readonly local: string;
  readonly remote: string;
}

interface Configuration {
  readonly tunnels: readonly TunnelText[];
  readonly routes: readonly { prefix: string; nexthop: string }[];
  readonly overlay: object;
  readonly workers?: number;
}

let folder: string | null = null;
let files = 0;

/** A folder for configurations and control sockets, gone with the process. */
function workFolder(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'grebe-bench-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return folder;
}

export class GrebeContender implements Contender {
  readonly name = 'grebe';
  readonly ownsInterface = false;

  constructor(readonly underlay: Underlay | 'auto') {}

  /** Arguments of node. Each run has a file and a socket of its own. */
  private configure({ tunnels, routes, overlay, workers = 1 }: Configuration): string[] {
    const base = join(workFolder(), String(files++));
    const file = `${base}.yaml`;
    const daemon = {
      workers,
      underlay: { type: this.underlay, interface: INTERFACE },
      overlay,
      control: { socket: `${base}.sock` },
      log: { level: 'warn', format: 'json' },
    };
    const guarded = tunnels.map((tunnel) => ({ ...tunnel, allowed_sources: [INNER] }));
    writeFileSync(file, stringify({ node: { name: 'bench' }, tunnels: guarded, routes, daemon }));
    return [PROGRAM, 'run', '--config', file];
  }

  async startEnd(own: End, other: End): Promise<Running[]> {
    const args = this.configure({
      tunnels: [{ name: 't0', local: own.outer, remote: other.outer }],
      routes: [{ prefix: `${other.inner}/32`, nexthop: 't0' }],
      overlay: { type: 'tun', name: 'grebe0', addresses: [`${own.inner}/32`], routes: [`${other.inner}/32`] },
    });
    return [Running.start(own.namespace, this.title, process.execPath, args)];
  }

  async startForwarder({ a, b }: Cable): Promise<Running[]> {
    const args = this.forwarding(a, b, []);
    return [
      Running.start(a.namespace, this.title, 'taskset', ['-c', FORWARDER_CPU, process.execPath, ...args]),
    ];
  }

  /** A forwarder with many tunnels more than it needs, on all processors. */
  startLarge({ a, b }: Cable, tunnels: number, workers: number): Running {
    const others = Array.from({ length: tunnels - 2 }, (_, i) => ({
      name: `other${i}`,
      local: a.outer,
      remote: `192.0.${2 + (i >> 8)}.${i & 255}`,
    }));
    const args = this.forwarding(a, b, others, workers);
    return Running.start(a.namespace, this.title, process.execPath, args);
  }

  private forwarding(a: End, b: End, others: readonly TunnelText[], workers = 1): string[] {
    const local = a.outer;
    return this.configure({
      tunnels: [{ name: 't0', local, remote: b.outer }, { name: 't1', local, remote: FORWARD }, ...others],
      routes: [
        { prefix: FORWARD_PREFIX, nexthop: 't1' },
        ...others.map(({ name }, i) => ({ prefix: `10.${100 + (i >> 8)}.${i & 255}.0/24`, nexthop: name })),
      ],
      overlay: { type: 'discard' },
      workers,
    });
  }

  private get title(): string {
    return `grebe (${this.underlay})`;
  }
}
