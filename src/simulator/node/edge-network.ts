/**
 * The anycast edge: its PoPs on the Internet, circuits and backbone, and one dataplane for all of them. What a PoP
 * does with a packet is decided by its row of next-hop groups (tables.setGroup with the PoP's index as view).
 */
import { parseAddress } from '../../config/address.js';
import { IcmpError } from '../../dataplane/icmp-error.js';
import { decrementTtl, ttlOf } from '../../dataplane/forwarding.js';
import type { PacketVector } from '../../dataplane/packet-vector.js';
import type { SteerStage } from '../../dataplane/pipeline.js';
import { Tables, type TablesSpec } from '../../dataplane/tables.js';
import { Verdict, verdictEntry } from '../../dataplane/verdicts.js';
import type { Handler } from '../core/scheduler.js';
import type { World } from '../core/world.js';
import { IcmpSender } from '../link/icmp-sender.js';
import type { EdgeSpec } from '../scenario/scenario.js';
import { Backbone, type BackboneExit } from './backbone.js';
import { EdgeAddresses } from './edge-addresses.js';
import { EdgePathMtu } from './edge-path-mtu.js';
import { EdgeReassembly } from './edge-reassembly.js';
import type { EdgeServer } from './edge-server.js';
import { EdgeTurn, type TurnExits } from './edge-turn.js';
import type { Internet } from './internet.js';
import type { Outlet } from './outlet.js';
import { INTERNET_PORT, Pop, type Circuit, type PopContext } from './pop.js';
import { PopBalancer } from './pop-balancer.js';

export interface EdgeOptions {
  readonly spec: EdgeSpec;
  /** With a view for each PoP, in the order of `spec.pops`. */
  readonly tables: TablesSpec;
  /** A stage of the pipeline: automatic return routing. Default none. */
  readonly steer?: SteerStage;
}

/**
 * Takes a packet for one of the edge's own addresses: answers to probes, BGP.
 *
 * @param via number of the next hop that it came out of, −1: outside of tunnels
 * @returns true when it has taken over the packet
 */
export type LocalHandler = (pop: number, server: number, packet: number, via: number) => boolean;

/** Whether a customer may send so many bytes more into the edge. */
export type Policer = (pop: number, nexthop: number, bytes: number) => boolean;

/** What a circuit carries. */
export interface CircuitUse {
  /** Names of the next hops whose packets leave by it: itself, and tunnels over it. */
  readonly nexthops: readonly string[];
  /** Packets without GRE come in by the next hop of this name; null: none is taken (dataplane 1). */
  readonly plain: string | null;
}

/** The edge's end of an interconnect. */
export interface CircuitOptions extends CircuitUse {
  /** Towards the customer's router. */
  readonly out: Outlet;
}

interface AttachedCircuit extends Circuit {
  use: CircuitUse;
}

/** What follows from the tables. */
interface Built {
  readonly tables: Tables;
  readonly turn: EdgeTurn;
  readonly names: readonly string[];
  /** Which next hops are plain: without a circuit there is no way to them. */
  readonly isPlain: readonly boolean[];
}

const NONE = -1;
const NOWHERE = -2;
/** Number by which a PoP answers traceroute. */
const EGRESS_ROUTER = 253;

export class EdgeNetwork implements Handler, PopContext, TurnExits, BackboneExit {
  readonly pops: readonly Pop[];
  readonly backbone: Backbone;
  readonly balancer = new PopBalancer();
  readonly circuits: AttachedCircuit[] = [];
  onLocal: LocalHandler | null = null;
  policer: Policer | null = null;
  addresses = new EdgeAddresses([]);
  private built!: Built;
  /** Circuit by next hop, or −1: over the Internet. */
  private circuitOf = new Int32Array(0);
  private readonly vector: PacketVector;
  private readonly handler: number;
  private readonly pathMtu: EdgePathMtu;
  private readonly assembly: EdgeReassembly;
  private readonly icmp: IcmpSender;
  private readonly notForUs: number;

  constructor(
    readonly world: World,
    readonly internet: Internet,
    private readonly options: EdgeOptions,
  ) {
    const { spec } = options;
    this.handler = world.scheduler.register(this);
    this.vector = world.packets.createVector();
    this.notForUs = world.reason(verdictEntry(Verdict.not_for_us)!.name);
    this.icmp = new IcmpSender(world);
    this.pops = spec.pops.map((pop, index) => new Pop(this, index, pop));
    spec.pops.forEach((pop, i) => {
      const here = this.pops[i]!;
      here.attachment = internet.attach(pop.name, pop.location, here, INTERNET_PORT, pop.region);
      here.attachment.dropsAs = 'pop_down';
    });
    this.backbone = new Backbone(world, this.pops, this);
    this.pathMtu = new EdgePathMtu(world, this.pops, spec.spread_too_big);
    this.assembly = new EdgeReassembly(world);
    this.setTables(options.tables);
    for (const endpoint of spec.endpoints) this.announce(`${endpoint}/${endpoint.includes(':') ? 128 : 32}`);
  }

  get tables(): Tables {
    return this.built.tables;
  }

  /** The dataplane's counters, over all servers since the last `setTables` (src/dataplane/counters.ts). */
  get counters(): Float64Array {
    return this.built.turn.counters;
  }

  /** Public addresses that tunnels end on. */
  get endpoints(): readonly string[] {
    return this.options.spec.endpoints;
  }

  /** Names of the next hops, by number. */
  get nexthops(): readonly string[] {
    return this.built.names;
  }

  /**
   * Takes up other tunnels and routes, in all PoPs at once; the groups of `spec` hold until setGroup changes them.
   * What servers learned of path MTUs stays.
   *
   * @throws EndpointConflict or RangeError as Tables.build
   */
  setTables(spec: TablesSpec): void {
    const { world } = this;
    const { reassembly, endpoints } = this.options.spec;
    const tables = Tables.build(spec);
    const names = spec.tunnels.map(({ name }) => name);
    this.addresses = new EdgeAddresses([
      ...endpoints.flatMap((text) => parseAddress(text)?.bytes ?? []),
      ...spec.tunnels.filter(({ mode }) => mode !== 'plain').map(({ local }) => local),
      ...spec.locals.map(({ address }) => address),
    ]);
    const turn = new EdgeTurn(
      world,
      tables,
      this.vector,
      {
        addresses: this.addresses,
        nexthopNumbers: Int32Array.from(names, (name) => world.recorder.nexthop(name)),
        nexthopNames: names,
        reassembly,
        steer: this.options.steer ?? null,
      },
      this,
    );
    this.built = { tables, turn, names, isPlain: spec.tunnels.map(({ mode }) => mode === 'plain') };
    this.connectCircuits();
    this.pathMtu.setTables(tables, spec.tunnels);
  }

  /** Announces a prefix at all PoPs. @throws RangeError for what is no prefix */
  announce(prefix: string): void {
    for (const { attachment } of this.pops) this.internet.announce(prefix, attachment);
  }

  withdraw(prefix: string): void {
    for (const { attachment } of this.pops) this.internet.withdraw(prefix, attachment);
  }

  /** A circuit that ends in a PoP. @returns the port of the PoP by which the link from the customer comes in */
  attachCircuit(name: string, pop: number, options: CircuitOptions): number {
    const index = this.circuits.length;
    this.circuits.push({ index, name, pop: this.popAt(pop), out: options.out, plain: NONE, use: options });
    this.connectCircuits();
    return index + 1;
  }

  /** Has a circuit carry something else, after a change of the network. */
  useCircuit(name: string, use: CircuitUse): void {
    for (const circuit of this.circuits) if (circuit.name === name) circuit.use = use;
    this.connectCircuits();
  }

  /**
   * Sends a packet of the edge itself (a probe) into a tunnel or over a circuit, whatever the routes say. Takes it over.
   *
   * @param packet what is to be inside
   */
  sendThrough(pop: number, nexthop: number, packet: number): void {
    this.popAt(pop).sendFrom(packet, nexthop);
  }

  /** Sends a packet of the edge itself by the routes of a PoP. Takes it over. */
  sendFrom(pop: number, packet: number): void {
    this.popAt(pop).sendFrom(packet, NONE);
  }

  /** Takes a packet for the edge to another PoP, where `onLocal` is asked once more, as of server 0. */
  handOver(from: number, to: number, packet: number, via: number): void {
    this.backbone.send(from, to, packet, -2 - via);
  }

  fire(pop: number): void {
    const here = this.pops[pop]!;
    this.built.turn.run(here, here.takeQueue());
  }

  wake(pop: Pop): void {
    const { scheduler } = this.world;
    const { turn } = this.options.spec;
    const time = turn === 0 ? scheduler.now : (Math.floor(scheduler.now / turn) + 1) * turn;
    scheduler.at(time, this.handler, pop.index);
  }

  arrive(pop: number, packet: number, errand: number): void {
    const { world } = this;
    const there = this.pops[pop]!;
    if (!there.up) {
      world.drop(packet, there.node, world.reasons.pop_down);
    } else if (errand >= 0) {
      this.circuits[errand]!.out.send(packet);
    } else {
      this.hand(there, there.servers[0]!, packet, -2 - errand);
    }
  }

  intoNexthop(pop: Pop, nexthop: number, packet: number): void {
    const circuit = this.circuitOf[nexthop]!;
    if (circuit === NONE) {
      pop.attachment.send(packet);
    } else if (circuit === NOWHERE) {
      this.world.drop(packet, pop.node, this.world.reasons.link_down);
    } else {
      const { pop: end, out } = this.circuits[circuit]!;
      if (end === pop) out.send(packet);
      else this.backbone.send(pop.index, end.index, packet, circuit);
    }
  }

  outside(pop: Pop, circuit: number, packet: number): void {
    if (circuit < 0) pop.attachment.send(packet);
    else this.circuits[circuit]!.out.send(packet);
  }

  egress(pop: Pop, packet: number): void {
    const { world } = this;
    const { packets } = world;
    const ip = packets.start[packet]!;
    const family = packets.bytes[ip]! >>> 4;
    if (ttlOf(packets.bytes, ip, family) > 1) {
      decrementTtl(packets.bytes, ip, family);
      pop.attachment.send(packet);
      return;
    }
    const error = this.icmp.error(packet, IcmpError.TIME_EXCEEDED, 0, pop.attachment.number, EGRESS_ROUTER);
    world.drop(packet, pop.node, world.reasons.time_exceeded);
    if (error >= 0) pop.sendFrom(error, NONE);
  }

  local(pop: Pop, server: EdgeServer, packet: number, via: number): void {
    if (via < 0 && this.pathMtu.learn(server, packet)) this.world.arrive(packet, server.name);
    else this.hand(pop, server, packet, via);
  }

  assemble(pop: Pop, server: EdgeServer, packet: number): number {
    return this.assembly.offer(pop, server, packet);
  }

  polices(pop: Pop, nexthop: number, bytes: number): boolean {
    return this.policer === null || this.policer(pop.index, nexthop, bytes);
  }

  private hand(pop: Pop, server: EdgeServer, packet: number, via: number): void {
    if (this.onLocal?.(pop.index, server.index, packet, via) === true) return;
    this.world.drop(packet, pop.node, this.notForUs);
  }

  private connectCircuits(): void {
    const { names, isPlain } = this.built;
    this.circuitOf = Int32Array.from(isPlain, (plain) => (plain ? NOWHERE : NONE));
    for (const circuit of this.circuits) {
      const { nexthops, plain } = circuit.use;
      for (const name of nexthops) {
        const number = names.indexOf(name);
        if (number >= 0) this.circuitOf[number] = circuit.index;
      }
      circuit.plain = plain === null ? NONE : names.indexOf(plain);
    }
  }

  private popAt(pop: number): Pop {
    const here = this.pops[pop];
    if (here === undefined) throw new RangeError(`PoP ${pop} of ${this.pops.length}`);
    return here;
  }
}
