import { PathMtu, type PathMtuChange, type PathMtuTunnel } from '../../network/path-mtu.js';

/**
 * A server of a PoP. All servers run one and the same dataplane; what one of them has of its own is what it alone
 * was told or keeps: path MTUs, and fragments of packets that are not whole yet.
 */
export class EdgeServer {
  up = true;
  /** Packets that it has taken up. */
  packets = 0;
  /** Inner path MTU by tunnel, below the configured one; most servers never learn of any. */
  readonly mtus = new Map<number, number>();
  /** Whether there are any: asked for each packet. */
  hasMtus = false;
  private pathMtu: PathMtu | null = null;

  constructor(
    readonly name: string,
    readonly pop: number,
    /** From 0 in its PoP. */
    readonly index: number,
  ) {}

  /**
   * Takes an ICMP message (RFC 1191, RFC 8201).
   *
   * @param tunnels all of the edge's, by number
   * @returns what has changed for this server
   */
  learn(
    message: Uint8Array,
    family: 4 | 6,
    nowMs: number,
    tunnels: readonly PathMtuTunnel[],
  ): readonly PathMtuChange[] {
    this.pathMtu ??= new PathMtu(tunnels);
    const result = this.pathMtu.learn(message, family, nowMs);
    if (typeof result === 'string') return [];
    this.take(result);
    return result;
  }

  /** Forgets what is too old; answers what has changed. */
  expire(nowMs: number): readonly PathMtuChange[] {
    const changes = this.pathMtu?.expire(nowMs) ?? [];
    this.take(changes);
    return changes;
  }

  /** There are other tunnels now. */
  setTunnels(tunnels: readonly PathMtuTunnel[]): void {
    this.mtus.clear();
    this.take(this.pathMtu?.setTunnels(tunnels) ?? []);
  }

  private take(changes: readonly PathMtuChange[]): void {
    for (const { tunnel, mtu } of changes) {
      if (mtu === null) this.mtus.delete(tunnel);
      else this.mtus.set(tunnel, mtu);
    }
    this.hasMtus = this.mtus.size > 0;
  }
}
