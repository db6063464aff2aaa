/**
 * A turn of a PoP's servers: all packets that came to it go as one vector (of 256 at the most) through the real
 * pipeline, and what comes out goes on its way.
 *
 *   queue ─▶ for us outside of tunnels? ─▶ fragments together ─▶ Pipeline.run ─▶ tunnel: circuit or Internet
 *             └ the edge itself                                      │        ├▶ out of a tunnel: the edge itself, or egress
 *                                                                    │        └▶ drop, under the verdict's name
 *                                                                    └ extras: fragments, ICMP errors
 */
import { createCounters } from '../../dataplane/counters.js';
import { LinkType } from '../../dataplane/link-type.js';
import { Side, sideOf, type PacketVector } from '../../dataplane/packet-vector.js';
import { Pipeline, type SteerStage } from '../../dataplane/pipeline.js';
import type { Tables } from '../../dataplane/tables.js';
import { TUNNEL_WORDS, TunnelField } from '../../dataplane/tunnel-table.js';
import { VECTOR_SIZE } from '../../dataplane/vector-layout.js';
import { FIRST_DROP, Verdict, VERDICTS } from '../../dataplane/verdicts.js';
import { FROM_CUSTOMER, TO_CUSTOMER } from '../core/recorder.js';
import { MILLISECOND } from '../../network/time.js';
import type { World } from '../core/world.js';
import { isGre, type EdgeAddresses } from './edge-addresses.js';
import type { EdgeServer } from './edge-server.js';
import type { Pop } from './pop.js';
import type { PopQueue } from './pop-queue.js';

const ALL_SERVERS = -1;
const NONE = -1;

/** Where packets go that a server has dealt with. All take over the packet. */
export interface TurnExits {
  /** Inside a tunnel, or plain over a next hop without encapsulation. */
  intoNexthop(pop: Pop, nexthop: number, packet: number): void;
  /** Outside of tunnels: an answer to what came by this circuit, or (−1) from the Internet. */
  outside(pop: Pop, circuit: number, packet: number): void;
  /** Out of a tunnel, for anywhere. */
  egress(pop: Pop, packet: number): void;
  /** For one of the edge's own addresses, out of this next hop or (−1) outside of any. */
  local(pop: Pop, server: EdgeServer, packet: number, via: number): void;
  /** A fragment from the Internet: the whole packet if it is one now, or −1. */
  assemble(pop: Pop, server: EdgeServer, packet: number): number;
  /** Whether a customer may send so many bytes more over a tunnel or connection. */
  polices(pop: Pop, nexthop: number, bytes: number): boolean;
}

export interface TurnOptions {
  readonly addresses: EdgeAddresses;
  /** Next hops' numbers at the recorder. */
  readonly nexthopNumbers: Int32Array;
  readonly nexthopNames: readonly string[];
  /** Fragments from the Internet are put together. */
  readonly reassembly: boolean;
  readonly steer: SteerStage | null;
}

export class EdgeTurn {
  readonly counters: Float64Array;
  private readonly pipeline: Pipeline;
  /** Places of the vector's packets in the queue. */
  private readonly entries = new Int32Array(VECTOR_SIZE);
  /** The recorder's numbers of the verdicts. */
  private readonly reasons = new Int32Array(256);
  private readonly reasonNotForUs: number;

  constructor(
    private readonly world: World,
    private readonly tables: Tables,
    private readonly vector: PacketVector,
    private readonly options: TurnOptions,
    private readonly exits: TurnExits,
  ) {
    this.counters = createCounters(tables.tunnelCount);
    const { steer } = options;
    this.pipeline = new Pipeline(world.packets.pool, tables, this.counters, steer === null ? {} : { steer });
    for (const { number, name } of VERDICTS) this.reasons[number] = world.reason(name);
    this.reasonNotForUs = this.reasons[Verdict.not_for_us]!;
  }

  /** Deals with all of the queue. */
  run(pop: Pop, queue: PopQueue): void {
    const { entries, vector } = this;
    const { servers } = pop;
    vector.view = pop.index;
    let at = 0;
    while (at < queue.count) {
      let n = 0;
      // Servers that were told of a path MTU have vectors of their own.
      let own = ALL_SERVERS;
      for (; at < queue.count && n < VECTOR_SIZE; at++) {
        const server = servers[queue.server[at]!]!;
        const apart = server.hasMtus ? server.index : ALL_SERVERS;
        if (n > 0 && apart !== own) break;
        if (!this.admit(pop, server, queue, at)) continue;
        own = apart;
        this.put(n, queue, at);
        entries[n++] = at;
      }
      if (n === 0) continue;
      vector.count = n;
      // Pins are for packets of the vector, once it is filled.
      for (let i = 0; i < n; i++)
        if (queue.pin[entries[i]!]! !== NONE) vector.pinTo(i, queue.pin[entries[i]!]!);
      if (own === ALL_SERVERS) this.pipeline.run(vector, this.nowMs);
      else this.runWith(servers[own]!);
      this.deliver(pop, queue, n);
    }
  }

  private get nowMs(): number {
    return this.world.scheduler.now / MILLISECOND;
  }

  /** What never sees the pipeline: packets of a server that went down, for the edge itself, and fragments. */
  private admit(pop: Pop, server: EdgeServer, queue: PopQueue, at: number): boolean {
    const { world, exits } = this;
    const { packets } = world;
    const packet = queue.packet[at]!;
    if (!server.up || !pop.up) {
      world.drop(packet, pop.node, world.reasons.pop_down);
      return false;
    }
    server.packets++;
    world.hops++;
    if (queue.side[at] !== Side.UNDERLAY) return true;
    let whole = packet;
    if (this.options.reassembly && queue.circuit[at] === NONE) {
      whole = exits.assemble(pop, server, packet);
      if (whole < 0) return false;
      queue.packet[at] = whole;
    }
    const ip = packets.start[whole]!;
    if (isGre(packets.bytes, ip) || !this.options.addresses.isFor(packets.bytes, ip)) return true;
    exits.local(pop, server, whole, NONE);
    return false;
  }

  private put(i: number, queue: PopQueue, at: number): void {
    const { vector } = this;
    const { packets } = this.world;
    const packet = queue.packet[at]!;
    vector.offset[i] = packets.start[packet]!;
    vector.length[i] = packets.length[packet]!;
    vector.link[i] = LinkType.RAW;
    vector.side[i] = queue.side[at]!;
  }

  /** The server's own path MTUs hold while its packets pass. */
  private runWith(server: EdgeServer): void {
    const { tables } = this;
    const before = [...server.mtus.keys()].map((tunnel) => ({ tunnel, mtu: tables.effectiveMtu(tunnel) }));
    for (const [tunnel, mtu] of server.mtus) tables.setPathMtu(tunnel, mtu);
    this.pipeline.run(this.vector, this.nowMs);
    for (const { tunnel, mtu } of before) tables.setPathMtu(tunnel, mtu);
  }

  private deliver(pop: Pop, queue: PopQueue, n: number): void {
    const { world, vector, entries } = this;
    const { packets } = world;
    let extra = 0;
    for (let i = 0; i < n; i++) {
      const at = entries[i]!;
      const packet = queue.packet[at]!;
      const verdict = vector.verdict[i]!;
      const tunnelIn = vector.tunnelIn[i]!;
      const firstExtra = extra;
      while (extra < vector.extraCount && vector.extraParent[extra] === i) extra++;
      if (tunnelIn >= 0 && !this.takeFromCustomer(pop, i, packet, tunnelIn)) continue;
      for (let k = firstExtra; k < extra; k++) this.sendExtra(pop, queue, at, k, packet, verdict);
      if (verdict >= FIRST_DROP) {
        this.drop(pop, packet, verdict);
      } else if (vector.outLength[i] === 0) {
        world.replace(packet);
      } else {
        packets.start[packet] = vector.outOffset[i]!;
        packets.length[packet] = vector.outLength[i]!;
        const server = pop.servers[queue.server[at]!]!;
        this.send(
          pop,
          server,
          queue.circuit[at]!,
          packet,
          vector.outSide(i),
          vector.tunnelOut[i]!,
          tunnelIn,
          vector.outLink[i]!,
        );
      }
    }
  }

  /** Counts a packet that came out of a tunnel, if its policer lets it pass. */
  private takeFromCustomer(pop: Pop, i: number, packet: number, tunnel: number): boolean {
    const { world, exits } = this;
    const { packets } = world;
    const { scratch } = this.pipeline;
    const start = packets.start[packet]!;
    const length = packets.length[packet]!;
    if (!exits.polices(pop, tunnel, length)) {
      world.drop(packet, pop.node, world.reasons.policer_exceeded);
      return false;
    }
    // The recorder sees it as it was inside.
    packets.start[packet] = scratch.ip[i]!;
    packets.length[packet] = scratch.length[i]!;
    world.recorder.nexthopPacket(this.options.nexthopNumbers[tunnel]!, FROM_CUSTOMER, pop.index, packet);
    packets.start[packet] = start;
    packets.length[packet] = length;
    return true;
  }

  private sendExtra(pop: Pop, queue: PopQueue, at: number, k: number, parent: number, verdict: number): void {
    const { world, vector } = this;
    const { packets, observer, scheduler } = world;
    const packet = packets.copyOf(parent, vector.extraOffset[k]!, vector.extraLength[k]!);
    if (verdict >= FIRST_DROP) {
      // An ICMP error is no packet of the flow that it is about.
      packets.flow[packet] = -1;
      packets.born[packet] = scheduler.now;
    }
    if (observer !== null) observer.child(parent, packet);
    const server = pop.servers[queue.server[at]!]!;
    this.send(
      pop,
      server,
      queue.circuit[at]!,
      packet,
      sideOf(vector.extraSide[k]!),
      vector.extraTunnel[k]!,
      NONE,
      vector.extraLink[k]!,
    );
  }

  private drop(pop: Pop, packet: number, verdict: number): void {
    this.world.drop(packet, pop.node, this.reasons[verdict]!);
  }

  private send(
    pop: Pop,
    server: EdgeServer,
    circuit: number,
    packet: number,
    side: number,
    tunnelOut: number,
    tunnelIn: number,
    link: number,
  ): void {
    const { world, exits, options } = this;
    const { packets, observer } = world;
    if (observer !== null) this.tell(server, packet, side, tunnelOut, tunnelIn);
    if (side === Side.UNDERLAY) {
      if (tunnelOut < 0) {
        exits.outside(pop, circuit, packet);
        return;
      }
      this.countToCustomer(pop, packet, tunnelOut);
      exits.intoNexthop(pop, tunnelOut, packet);
      return;
    }
    if (link === LinkType.ETHERNET && !this.takeOutOfFrame(packet)) {
      world.drop(packet, pop.node, this.reasonNotForUs);
    } else if (options.addresses.isFor(packets.bytes, packets.start[packet]!)) {
      exits.local(pop, server, packet, tunnelIn);
    } else {
      exits.egress(pop, packet);
    }
  }

  private countToCustomer(pop: Pop, packet: number, tunnel: number): void {
    const { packets, recorder } = this.world;
    const header = this.tables.shared.tunnels[tunnel * TUNNEL_WORDS + TunnelField.HEADER_LENGTH]!;
    packets.start[packet]! += header;
    packets.length[packet]! -= header;
    recorder.nexthopPacket(this.options.nexthopNumbers[tunnel]!, TO_CUSTOMER, pop.index, packet);
    packets.start[packet]! -= header;
    packets.length[packet]! += header;
  }

  /** Makes an IP packet of the Ethernet frame out of a gretap tunnel; false when it carries none. */
  private takeOutOfFrame(packet: number): boolean {
    const { packets } = this.world;
    const { bytes } = packets;
    const start = packets.start[packet]!;
    const header = bytes[start + 12] === 0x81 && bytes[start + 13] === 0 ? 18 : 14;
    const type = (bytes[start + header - 2]! << 8) | bytes[start + header - 1]!;
    if (type !== 0x0800 && type !== 0x86dd) return false;
    packets.start[packet] = start + header;
    packets.length[packet]! -= header;
    return true;
  }

  private tell(server: EdgeServer, packet: number, side: number, tunnelOut: number, tunnelIn: number): void {
    const { tables, options, world } = this;
    const names = options.nexthopNames;
    const out = tunnelIn < 0 ? [] : [`takes out of ${names[tunnelIn]!}`];
    const into =
      tunnelOut < 0
        ? side === Side.OVERLAY
          ? 'hands on without a tunnel'
          : 'sends back outside of tunnels'
        : `puts into ${names[tunnelOut]!}`;
    const mtu = tunnelOut < 0 ? null : (server.mtus.get(tunnelOut) ?? tables.effectiveMtu(tunnelOut));
    world.observer?.step(packet, server.name, [...out, into].join(', '), mtu);
  }
}
