import { IpProtocol } from '../../wire/protocol.js';
import type { World } from '../core/world.js';
import type { EdgeServer } from './edge-server.js';
import { IpPacket } from './ip-packet.js';
import type { Pop } from './pop.js';
import { Reassembler } from './reassembler.js';

/** Puts fragments from the Internet together before they are routed, each server those that it gets. */
export class EdgeReassembly {
  /** Most servers never see a fragment. */
  private readonly byServer = new Map<EdgeServer, Reassembler>();
  private readonly ip = new IpPacket();

  constructor(private readonly world: World) {}

  /** Takes over a packet; answers the whole one to go on with (itself, if it is no fragment), or −1. */
  offer(pop: Pop, server: EdgeServer, packet: number): number {
    if (!this.isFragment(packet)) return packet;
    let reassembler = this.byServer.get(server);
    if (reassembler === undefined) {
      reassembler = new Reassembler(this.world, pop.node);
      this.byServer.set(server, reassembler);
    }
    return reassembler.take(packet);
  }

  private isFragment(packet: number): boolean {
    const { bytes, start, length } = this.world.packets;
    const at = start[packet]!;
    // The common packet is told by a look at two bytes.
    const plain =
      bytes[at]! >>> 4 === 4
        ? ((bytes[at + 6]! & 0x3f) | bytes[at + 7]!) === 0
        : bytes[at + 6] === IpProtocol.TCP || bytes[at + 6] === IpProtocol.UDP;
    return !plain && this.ip.read(bytes, at, length[packet]!) && this.ip.fragment;
  }
}
