/**
 * A PoP: servers behind one router, which spreads packets over those that are up. Packets come from the Internet
 * and over circuits; they wait for the next turn, in which the servers take up all that is there (edge-turn.ts).
 */
import { flowHash } from '../../dataplane/route.js';
import { interconnectSide, Side } from '../../dataplane/packet-vector.js';
import type { Node } from '../core/node.js';
import { MILLISECOND } from '../../network/time.js';
import type { Holder, World } from '../core/world.js';
import type { Coordinates, PopSpec } from '../scenario/scenario.js';
import { isGre, type EdgeAddresses } from './edge-addresses.js';
import { EdgeServer } from './edge-server.js';
import type { Attachment } from './internet.js';
import type { Outlet } from './outlet.js';
import { pick, type PopBalancer } from './pop-balancer.js';
import { PopQueue } from './pop-queue.js';

/** Port by which the Internet reaches a PoP; circuit c has port c + 1. */
export const INTERNET_PORT = 0;

/** A PoP takes bursts of so much time beyond its capacity: what the buffers of its routers hold. */
const BUFFER = 10 * MILLISECOND;
const ANY = -1;

/** The edge's end of an interconnect. */
export interface Circuit {
  /** Index over all PoPs, from 0. */
  readonly index: number;
  readonly name: string;
  readonly pop: Pop;
  /** Towards the customer. */
  readonly out: Outlet;
  /** Number of the plain next hop that packets without GRE come in by; −1: none is taken. */
  plain: number;
}

/** What the PoPs of an edge share. */
export interface PopContext {
  readonly world: World;
  readonly balancer: PopBalancer;
  readonly addresses: EdgeAddresses;
  readonly circuits: readonly Circuit[];
  /** A first packet waits in this PoP. */
  wake(pop: Pop): void;
}

export class Pop implements Node, Holder {
  readonly name: string;
  readonly location: Coordinates;
  readonly servers: readonly EdgeServer[];
  /** Number for World.drop. */
  readonly node: number;
  /** Its place on the Internet. */
  attachment!: Attachment;
  /** What came since the last turn. */
  queue = new PopQueue();
  private spare = new PopQueue();
  private isUp = true;
  private table: Int32Array | null = null;
  private busyUntil = 0;

  constructor(
    private readonly context: PopContext,
    readonly index: number,
    spec: PopSpec,
  ) {
    this.name = spec.name;
    this.location = spec.location;
    this.capacity = spec.capacity;
    this.servers = Array.from(
      { length: spec.servers },
      (_, i) => new EdgeServer(`${spec.name}/${i + 1}`, index, i),
    );
    this.node = context.world.node(spec.name);
    context.world.hold(this);
    this.balance();
  }

  /** Bits per second that it takes from the Internet; null: without limit. */
  capacity: number | null;

  get held(): number {
    return this.queue.count;
  }

  /** A PoP that is down, or has no server, is not announced, and loses what still comes. */
  get up(): boolean {
    return this.isUp && this.table !== null;
  }

  setUp(up: boolean): void {
    this.isUp = up;
    this.attachment.up = this.up;
  }

  setServer(index: number, up: boolean): void {
    const server = this.servers[index];
    if (server === undefined)
      throw new RangeError(`server ${index + 1} of ${this.servers.length} in ${this.name}`);
    server.up = up;
    this.balance();
    this.attachment.up = this.up;
  }

  receive(packet: number, port: number): void {
    const { world, circuits } = this.context;
    if (port !== INTERNET_PORT) {
      this.fromCircuit(packet, circuits[port - 1]!);
    } else if (this.capacity !== null && !this.takes(packet, this.capacity)) {
      world.drop(packet, this.node, world.reasons.capacity_exceeded);
    } else {
      this.enqueue(packet, Side.UNDERLAY, ANY, ANY);
    }
  }

  /** A packet of the edge itself: routed as one from a host behind it, or pinned to a next hop. */
  sendFrom(packet: number, pin: number): void {
    this.enqueue(packet, Side.OVERLAY, pin, ANY);
  }

  /** Gives out what came since the last turn, and begins to collect for the next one. */
  takeQueue(): PopQueue {
    const { queue } = this;
    this.queue = this.spare;
    this.spare = queue;
    this.queue.count = 0;
    return queue;
  }

  private fromCircuit(packet: number, circuit: Circuit): void {
    const { world, addresses } = this.context;
    const { bytes, start } = world.packets;
    const ip = start[packet]!;
    if (circuit.plain >= 0) {
      this.enqueue(packet, interconnectSide(circuit.plain), ANY, circuit.index);
    } else if (isGre(bytes, ip) || addresses.isFor(bytes, ip)) {
      this.enqueue(packet, Side.UNDERLAY, ANY, circuit.index);
    } else {
      world.drop(packet, this.node, world.reasons.gre_required);
    }
  }

  private enqueue(packet: number, side: number, pin: number, circuit: number): void {
    const { world } = this.context;
    const { table } = this;
    if (!this.isUp || table === null) {
      world.drop(packet, this.node, world.reasons.pop_down);
      return;
    }
    const { packets, observer } = world;
    const ip = packets.start[packet]!;
    const family = packets.bytes[ip]! >>> 4;
    const server = pick(table, flowHash(packets.bytes, ip, packets.length[packet]!, family));
    if (observer !== null) observer.step(packet, this.name, `hands to ${this.servers[server]!.name}`, null);
    this.queue.push(packet, side, pin, server, circuit);
    if (this.queue.count === 1) this.context.wake(this);
  }

  /** Whether there is room for a packet from the Internet. */
  private takes(packet: number, capacity: number): boolean {
    const { packets, scheduler } = this.context.world;
    const { now } = scheduler;
    const begin = this.busyUntil > now ? this.busyUntil : now;
    if (begin - now > BUFFER) return false;
    this.busyUntil = begin + (packets.length[packet]! * 8e9) / capacity;
    return true;
  }

  private balance(): void {
    const up = this.servers.filter((server) => server.up).map(({ index }) => index);
    this.table = up.length === 0 ? null : this.context.balancer.table(up, this.servers.length);
  }
}
