/**
 * ICMP too-big messages about packets that the edge sent. They come to whatever server is nearest to the router that
 * sent them: it alone learns, or, where messages are spread (RFC 7690), all do.
 */
import type { Tables } from '../../dataplane/tables.js';
import { PathMtu, type PathMtuChange, type PathMtuTunnel } from '../../network/path-mtu.js';
import { IpProtocol } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import { MILLISECOND } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { EdgeServer } from './edge-server.js';
import { isSumRight } from './ip-header.js';
import { IpPacket } from './ip-packet.js';

const UNREACHABLE4 = 3;
const FRAGMENTATION_NEEDED4 = 4;
const TOO_BIG6 = 2;
/** As PathMtu's default, and a little more. */
const LIFETIME = 600_001 * MILLISECOND;
const ALL = -1;

export class EdgePathMtu implements Handler {
  private tunnels: readonly PathMtuTunnel[] = [];
  private names: readonly string[] = [];
  private tables: Tables | null = null;
  /** What all servers know, where messages are spread. */
  private readonly shared: PathMtu | null;
  private readonly handler: number;
  private readonly ip = new IpPacket();

  constructor(
    private readonly world: World,
    private readonly pops: readonly { readonly servers: readonly EdgeServer[] }[],
    spread: boolean,
  ) {
    this.handler = world.scheduler.register(this);
    this.shared = spread ? new PathMtu([]) : null;
  }

  /** There are other tunnels now; what was learned about those that stay holds. */
  setTables(tables: Tables, tunnels: readonly (PathMtuTunnel & { readonly name: string })[]): void {
    this.tables = tables;
    this.tunnels = tunnels;
    this.names = tunnels.map(({ name }) => name);
    if (this.shared !== null) this.spread(this.shared.setTunnels(tunnels));
    for (const { servers } of this.pops) for (const server of servers) server.setTunnels(tunnels);
  }

  /** Takes a packet for the edge, if it is such a message; false for any other. The packet stays the caller's. */
  learn(server: EdgeServer, packet: number): boolean {
    const { scheduler } = this.world;
    const message = this.messageOf(packet);
    if (message === null) return false;
    const family = this.ip.family === 4 ? 4 : 6;
    const nowMs = scheduler.now / MILLISECOND;
    if (this.shared === null) {
      const changes = server.learn(message, family, nowMs, this.tunnels);
      this.tell(server.name, changes);
      if (changes.length > 0) scheduler.at(scheduler.now + LIFETIME, this.handler, server.pop, server.index);
    } else {
      const changes = this.shared.learn(message, family, nowMs);
      if (typeof changes === 'string') return true;
      this.spread(changes);
      this.tell('all servers', changes);
      scheduler.at(scheduler.now + LIFETIME, this.handler, ALL);
    }
    return true;
  }

  /** A path MTU is old enough to be forgotten. */
  fire(pop: number, index: number): void {
    const nowMs = this.world.scheduler.now / MILLISECOND;
    if (pop === ALL) {
      this.spread(this.shared?.expire(nowMs) ?? []);
    } else {
      this.pops[pop]!.servers[index]!.expire(nowMs);
    }
  }

  private spread(changes: readonly PathMtuChange[]): void {
    for (const { tunnel, mtu } of changes) this.tables?.setPathMtu(tunnel, mtu);
  }

  private tell(who: string, changes: readonly PathMtuChange[]): void {
    for (const { tunnel, mtu } of changes) {
      const name = this.names[tunnel]!;
      this.world.recorder.event('path_mtu', `${who}: path MTU of ${name} is ${mtu ?? 'as configured'}`);
    }
  }

  /** The ICMP message of a too-big packet, a copy; null for another packet. */
  private messageOf(packet: number): Uint8Array | null {
    const { packets } = this.world;
    const { bytes, kernels } = packets;
    const { ip } = this;
    if (!ip.read(bytes, packets.start[packet]!, packets.length[packet]!) || ip.fragment) return null;
    const { at, family, protocol, transport, end } = ip;
    if (end - transport < 8) return null;
    const tooBig =
      family === 4
        ? protocol === IpProtocol.ICMP &&
          bytes[transport] === UNREACHABLE4 &&
          bytes[transport + 1] === FRAGMENTATION_NEEDED4
        : protocol === IpProtocol.ICMPV6 && bytes[transport] === TOO_BIG6;
    if (!tooBig || !isSumRight(bytes, kernels, at, family, protocol, transport, end - transport)) return null;
    return bytes.slice(transport, end);
  }
}
