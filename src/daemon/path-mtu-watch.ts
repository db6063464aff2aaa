/** Path MTU discovery of the daemon: what ICMP says about the tunnels' ways goes to the tables of all workers. */
import type { Tables } from '../dataplane/tables.js';
import { IcmpListener } from '../device/underlay/icmp-listener.js';
import { PathMtu, type PathMtuChange } from '../network/path-mtu.js';
import type { DaemonLog } from './log.js';
import type { Plan } from './plan.js';

/** What is in effect. */
interface InEffect {
  readonly plan: Plan;
  readonly tables: Tables;
}

export class PathMtuWatch {
  private readonly pathMtu: PathMtu;
  private listener: IcmpListener | null = null;

  constructor(
    private inEffect: InEffect,
    private readonly log: DaemonLog,
  ) {
    this.pathMtu = new PathMtu(inEffect.plan.spec.tunnels);
  }

  /** @throws SystemError without the right to */
  listen(): void {
    this.listener ??= IcmpListener.ofErrors((message, family) => {
      this.learn(message, family);
    });
  }

  /** Takes an ICMP message without its IP header. */
  learn(message: Uint8Array, family: 4 | 6): void {
    const changes = this.pathMtu.learn(message, family, performance.now());
    if (typeof changes !== 'string') this.apply(changes);
  }

  /** Another configuration is in effect: what was learned about the way between two addresses stays. */
  takeUp(next: InEffect): void {
    this.inEffect = next;
    for (const { tunnel, mtu } of this.pathMtu.setTunnels(next.plan.spec.tunnels)) {
      next.tables.setPathMtu(tunnel, mtu);
    }
  }

  /** Forgets what is old. Called once a second. */
  expire(): void {
    this.apply(this.pathMtu.expire(performance.now()));
  }

  get counts(): { readonly learned: number; readonly ignored: number } {
    const { learned, ignored } = this.pathMtu;
    return { learned, ignored: Object.values(ignored).reduce((sum, count) => sum + count, 0) };
  }

  close(): void {
    this.listener?.close();
    this.listener = null;
  }

  private apply(changes: readonly PathMtuChange[]): void {
    const { tables, plan } = this.inEffect;
    for (const { tunnel, mtu } of changes) {
      tables.setPathMtu(tunnel, mtu);
      this.log.debug(
        { tunnel: plan.names[tunnel], mtu: tables.effectiveMtu(tunnel) },
        'path MTU of a tunnel',
      );
    }
  }
}
