/** What all nodes and links of one simulation share: time, packets, random numbers, and where packets end. */
import { hashName } from '../../dataplane/ecmp.js';
import { Random } from '../../traffic/random.js';
import { SIMULATOR_DROPS, type SimulatorDrop } from './drop-reasons.js';
import type { PacketObserver } from './observer.js';
import { Packets, type PacketsOptions } from './packets.js';
import type { Recorder } from './recorder.js';
import { Records } from './records.js';
import { Scheduler } from './scheduler.js';

/** Something that keeps packets for later: a link, a queue. */
export interface Holder {
  /** Packets in it now. */
  readonly held: number;
}

/** Numbers of the simulator's own reasons, for `World.drop`. */
export type ReasonNumbers = Readonly<Record<SimulatorDrop, number>>;

export class World {
  readonly scheduler = new Scheduler();
  readonly packets: Packets;
  /** A cache line for each wire; see link.ts. */
  readonly lanes = new Records(8);
  readonly reasons: ReasonNumbers;
  /** Follows packets, if anybody does. */
  observer: PacketObserver | null = null;
  /** Packets that have ended: dropped for a reason; arrived where they were sent to; turned into others. */
  dropped = 0;
  arrived = 0;
  replaced = 0;
  /** Steps of packets: into a link, over the Internet or backbone, through a server of the edge. */
  hops = 0;
  private readonly holders: Holder[] = [];
  private readonly nodeNames: string[] = [];
  private readonly reasonNames: string[] = [];

  /** @param seed 32 bits */
  constructor(
    readonly seed: number,
    readonly recorder: Recorder,
    options: PacketsOptions = {},
  ) {
    this.packets = new Packets(options);
    this.reasons = Object.fromEntries(
      SIMULATOR_DROPS.map(([name]) => [name, this.reason(name)]),
    ) as ReasonNumbers;
  }

  /** A stream of random numbers for each name, so that a new node changes no other's numbers. */
  random(name: string): Random {
    return new Random(this.seed, hashName(name));
  }

  /** The recorder's number of a node or link, for `drop`; the name stays known to observers. */
  node(name: string): number {
    const number = this.recorder.node(name);
    this.nodeNames[number] = name;
    return number;
  }

  /** The recorder's number of a reason that is not one of the simulator's own: a verdict of the dataplane. */
  reason(name: string): number {
    const number = this.recorder.reason(name);
    this.reasonNames[number] = name;
    return number;
  }

  /** Ends a packet that does not arrive. @param node `node()` of where, @param reason `reason()` of why */
  drop(packet: number, node: number, reason: number): void {
    this.dropped++;
    this.recorder.drop(node, reason, packet);
    if (this.observer !== null) {
      this.observer.end(packet, this.nodeNames[node] ?? '', this.reasonNames[reason] ?? '');
    }
    this.packets.free(packet);
  }

  /** Ends a packet that is where it was sent to. */
  arrive(packet: number, place: string): void {
    this.arrived++;
    if (this.observer !== null) this.observer.end(packet, place, null);
    this.packets.free(packet);
  }

  /** Ends a packet of which others were made (fragments, a whole from fragments): they go on in its place. */
  replace(packet: number): void {
    this.replaced++;
    this.packets.free(packet);
  }

  /** Whoever keeps packets says so once, for `lost`. */
  hold(holder: Holder): void {
    this.holders.push(holder);
  }

  /** Packets that are neither ended nor in a link or queue: 0, or some node has forgotten one. */
  get lost(): number {
    return this.packets.inFlight - this.holders.reduce((sum, { held }) => sum + held, 0);
  }
}
