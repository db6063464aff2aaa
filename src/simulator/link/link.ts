/**
 * A link, one way: what a path does to packets. Between two nodes, or a node and the Internet.
 *
 *   up? ─▶ fits the MTU? ─▶ room in the queue? ─▶ capture, counters ─▶ lost? ─▶ delay ─▶ the other end
 *           └ fragments, or ICMP error back
 *
 * Sizes are those of IP packets, without link headers.
 */
import { endsBeyondLimit } from '../../dataplane/fragment.js';
import { IcmpError } from '../../dataplane/icmp-error.js';
import { flowHash } from '../../dataplane/route.js';
import { Ipv4Flag } from '../../wire/protocol.js';
import type { Random } from '../../traffic/random.js';
import type { Node } from '../core/node.js';
import type { Handler } from '../core/scheduler.js';
import { MILLISECOND } from '../../network/time.js';
import type { Holder, World } from '../core/world.js';
import { Fragmenter } from '../node/fragmenter.js';
import type { PathSpec } from '../scenario/scenario.js';
import { IcmpSender } from './icmp-sender.js';
import type { LinkCapture } from './link-capture.js';

/** A node, and the number by which it knows the link. */
export interface Endpoint {
  readonly node: Node;
  readonly port: number;
}

/** 802.1Q tags of a circuit: what this side sends, and what the other one takes; null: untagged. */
export interface LinkTags {
  readonly sent: number | null;
  readonly taken: number | null;
}

/** Several links that stand for one (LACP): each flow goes over one of them, with the rate of that one. */
export interface LinkBundle {
  readonly links: number;
  /** Bits per second of one link. */
  readonly rate: number;
  /** The link that a flow takes, from 0; −1: none works. */
  linkOf(hash: number): number;
}

/** Numbers of a lane, in `world.lanes`: what follows each other on one wire. */
const Lane = {
  /** Bytes per nanosecond; 0: without limit. */
  SPEED: 0,
  /** Bytes that may wait. */
  QUEUE: 1,
  /** Nanoseconds on the way. */
  DELAY: 2,
  /** When all that was taken will have been put on the wire: with a fraction. */
  BUSY_UNTIL: 3,
  LAST_ARRIVAL: 4,
} as const;

const TO_OTHER_END = 0;
const BACK = 1;
/** A packet that is overtaken comes so much later, and its delay once more. */
const LEAST_HOLD_BACK = MILLISECOND;
/** Bytes that a sum of transmission times may be wrong by. */
const ROUNDING = 0.001;
/** Router number in the addresses of those that send too-big messages. */
const ROUTER = 254;

export class Link implements Node, Handler, Holder {
  // What every packet needs comes first, so that it is in as few cache lines as can be.
  private readonly world: World;
  /** A link that is down loses what is sent into it, and what would come out of it. */
  up = true;
  private tagsDiffer = false;
  private ownBundle: LinkBundle | null = null;
  /** Bytes of the largest packet. */
  private mtu = 0;
  /** Its numbers in `world.lanes`. */
  private readonly lane: number;
  capture: LinkCapture | null = null;
  /** The recorder's number. */
  private readonly number: number;
  /** Jitter, loss or reordering: a packet needs random numbers. */
  private isRandom = false;
  private readonly handler: number;
  held = 0;
  private readonly toNode: Node;
  private readonly toPort: number;
  private readonly from: Endpoint;
  private readonly node: number;
  private path: PathSpec;
  private readonly random: Random;
  /** Of a bundle: one for each link. */
  private lanes: readonly number[] = [];
  private ownTags: LinkTags = { sent: null, taken: null };
  private readonly fragmenter: Fragmenter;
  private readonly icmp: IcmpSender;
  readonly name: string;

  constructor(world: World, name: string, path: PathSpec, from: Endpoint, to: Endpoint) {
    this.world = world;
    this.name = name;
    this.path = path;
    this.from = from;
    // One look less for each packet than at the endpoint.
    this.toNode = to.node;
    this.toPort = to.port;
    this.handler = world.scheduler.register(this);
    this.random = world.random(`link ${name}`);
    this.node = world.node(name);
    this.number = world.recorder.link(name);
    this.fragmenter = new Fragmenter(world);
    this.icmp = new IcmpSender(world);
    this.lane = world.lanes.open();
    this.setPath(path);
    world.hold(this);
  }

  /** Holds for packets that are sent from now on; those in the queue keep their times. */
  setPath(path: PathSpec): void {
    this.path = path;
    this.mtu = path.mtu;
    this.isRandom = path.jitter > 0 || path.loss > 0 || path.reorder > 0;
    for (const lane of [this.lane, ...this.lanes]) this.tellLane(lane);
  }

  get currentPath(): PathSpec {
    return this.path;
  }

  /** Different tags at both ends let nothing pass (drop vlan_mismatch). */
  get tags(): LinkTags {
    return this.ownTags;
  }
  set tags(tags: LinkTags) {
    this.ownTags = tags;
    this.tagsDiffer = tags.sent !== tags.taken;
  }

  /** The path's rate, or that of one link if it is less, holds for each link of the bundle. */
  get bundle(): LinkBundle | null {
    return this.ownBundle;
  }
  set bundle(bundle: LinkBundle | null) {
    if (bundle === this.ownBundle) return;
    this.ownBundle = bundle;
    this.lanes = Array.from({ length: bundle?.links ?? 0 }, () => this.world.lanes.open());
    for (const lane of [this.lane, ...this.lanes]) this.tellLane(lane);
  }

  /** Takes over a packet with a checked IP header. */
  send(packet: number): void {
    const { world } = this;
    if (!this.up) {
      world.drop(packet, this.node, world.reasons.link_down);
    } else if (world.packets.length[packet]! > this.mtu) {
      this.sendTooLong(packet);
    } else {
      this.transmit(packet);
    }
  }

  /** The same as `send`, for a link behind another one. */
  receive(packet: number): void {
    this.send(packet);
  }

  fire(packet: number, way: number): void {
    this.held--;
    if (way === BACK) {
      this.from.node.receive(packet, this.from.port);
    } else if (!this.up) {
      this.world.drop(packet, this.node, this.world.reasons.link_down);
    } else if (this.tagsDiffer) {
      this.world.drop(packet, this.node, this.world.reasons.vlan_mismatch);
    } else {
      this.toNode.receive(packet, this.toPort);
    }
  }

  private transmit(packet: number): void {
    const { world } = this;
    const { packets, scheduler, observer } = world;
    const { values } = world.lanes;
    const { now } = scheduler;
    const length = packets.length[packet]!;
    const lane = this.ownBundle === null ? this.lane : this.laneOf(packet, this.ownBundle);
    const speed = values[lane + Lane.SPEED]!;
    let depart = now;
    if (speed > 0) {
      const busyUntil = values[lane + Lane.BUSY_UNTIL]!;
      // Whatever has not left counts as waiting, the packet on the wire too.
      const waiting = (busyUntil - now) * speed;
      if (waiting > ROUNDING && waiting + length > values[lane + Lane.QUEUE]! + ROUNDING) {
        world.drop(packet, this.node, world.reasons.queue_full);
        return;
      }
      const done = (waiting > 0 ? busyUntil : now) + length / speed;
      values[lane + Lane.BUSY_UNTIL] = done;
      depart = Math.round(done);
    }
    this.capture?.packet(now, packets.bytes, packets.start[packet]!, length);
    world.hops++;
    world.recorder.linkPacket(this.number, length);
    if (observer !== null) observer.step(packet, this.name, 'carries', this.mtu);
    let arrival = depart + values[lane + Lane.DELAY]!;
    if (this.isRandom) {
      const { path, random } = this;
      if (path.loss > 0 && random.chance(path.loss)) {
        world.drop(packet, this.node, world.reasons.link_loss);
        return;
      }
      if (path.jitter > 0) arrival += random.below(path.jitter + 1);
      if (path.reorder > 0 && random.chance(path.reorder)) {
        // It is the one to be overtaken.
        scheduler.at(arrival + path.delay + LEAST_HOLD_BACK, this.handler, packet, TO_OTHER_END);
        this.held++;
        return;
      }
    }
    // Behind all others.
    const last = values[lane + Lane.LAST_ARRIVAL]!;
    if (arrival < last) arrival = last;
    values[lane + Lane.LAST_ARRIVAL] = arrival;
    scheduler.at(arrival, this.handler, packet, TO_OTHER_END);
    this.held++;
  }

  /** The lane of a flow; the outer packets of one tunnel are one flow to a bundle. */
  private laneOf(packet: number, bundle: LinkBundle): number {
    const { bytes, start, length } = this.world.packets;
    const ip = start[packet]!;
    return this.lanes[bundle.linkOf(flowHash(bytes, ip, length[packet]!, bytes[ip]! >>> 4))] ?? this.lane;
  }

  /** Writes the path's numbers to a lane. */
  private tellLane(lane: number): void {
    const { path, ownBundle } = this;
    const { values } = this.world.lanes;
    const rate = ownBundle === null ? path.rate : Math.min(path.rate ?? Infinity, ownBundle.rate);
    values[lane + Lane.SPEED] = rate === null ? 0 : rate / 8e9;
    values[lane + Lane.QUEUE] = path.queue;
    values[lane + Lane.DELAY] = path.delay;
  }

  private sendTooLong(packet: number): void {
    const { world, path } = this;
    const { packets, scheduler, observer } = world;
    const { bytes } = packets;
    const ip = packets.start[packet]!;
    if (observer !== null) observer.step(packet, this.name, 'is too narrow for it', path.mtu);
    const mayCut = bytes[ip]! >>> 4 === 4 && (bytes[ip + 6]! & Ipv4Flag.DONT_FRAGMENT) === 0;
    if (mayCut && !endsBeyondLimit(bytes, ip, packets.length[packet]!)) {
      this.fragmenter.cut4(packet, path.mtu);
      for (const piece of this.fragmenter.pieces) this.transmit(piece);
      return;
    }
    if (path.too_big === 'send' && !mayCut) {
      const error = this.icmp.error(packet, IcmpError.TOO_BIG, path.mtu, this.number, ROUTER);
      if (error >= 0) {
        // The narrow place is somewhere on the way: half of it there, half of it back.
        scheduler.at(scheduler.now + path.delay, this.handler, error, BACK);
        this.held++;
      }
    }
    world.drop(packet, this.node, world.reasons.path_mtu_exceeded);
  }
}
