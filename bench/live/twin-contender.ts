/** The daemon in C (bench/live/twin), with the system calls of one of grebe's underlays. */
import { setTimeout as sleep } from 'node:timers/promises';
import { INTERFACE, type Cable, type End } from './cable.js';
import { FORWARD, FORWARDER_CPU, type Contender, type Underlay } from './contender.js';
import { Running } from './running.js';

const TUN = 'twin0';
const MTU = 1476;
const START_MS = 300;

export class TwinContender implements Contender {
  readonly name = 'C twin';
  readonly ownsInterface = false;

  constructor(
    private readonly program: string,
    readonly underlay: Underlay,
  ) {}

  private arguments(own: End, other: End): string[] {
    return [
      ...['--underlay', this.underlay, '--interface', INTERFACE, '--mac', other.mac],
      ...['--local', own.outer, '--remote', other.outer],
    ];
  }

  async startEnd(own: End, other: End): Promise<Running[]> {
    const { namespace } = own;
    const args = [...this.arguments(own, other), '--tun', TUN];
    const running = Running.start(namespace, `C twin (${this.underlay})`, this.program, args);
    await sleep(START_MS);
    running.assertAlive();
    namespace.exec('ip', 'address', 'add', own.inner, 'peer', `${other.inner}/32`, 'dev', TUN);
    namespace.exec('ip', 'link', 'set', TUN, 'mtu', String(MTU), 'up');
    return [running];
  }

  async startForwarder({ a, b }: Cable): Promise<Running[]> {
    const args = [...['-c', FORWARDER_CPU, this.program], ...this.arguments(a, b), ...['--forward', FORWARD]];
    return [Running.start(a.namespace, `C twin (${this.underlay})`, 'taskset', args)];
  }
}
