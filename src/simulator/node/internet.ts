/**
 * The Internet: places with a direct way from each to each other. Its delay follows from their distance, and so
 * does the number of routers on it, which have an MTU and take the TTL down. Loss, rate and queues are those of the
 * links that lead to it.
 */
import { endsBeyondLimit } from '../../dataplane/fragment.js';
import { ttlOf } from '../../dataplane/forwarding.js';
import { IcmpError } from '../../dataplane/icmp-error.js';
import { le16, putLe16 } from '../../wire/bytes.js';
import { updateChecksum } from '../../wire/checksum.js';
import { Ipv4Flag } from '../../wire/protocol.js';
import type { Node } from '../core/node.js';
import type { Handler } from '../core/scheduler.js';
import { MILLISECOND, type Nanoseconds } from '../../network/time.js';
import type { Holder, World } from '../core/world.js';
import { IcmpSender, type IcmpErrorKind } from '../link/icmp-sender.js';
import type { Endpoint } from '../link/link.js';
import type { LinkCapture } from '../link/link-capture.js';
import { delayBetween, distanceOf } from '../scenario/geography.js';
import type { Coordinates } from '../scenario/scenario.js';
import { Announcements } from './announcements.js';
import { Fragmenter } from './fragmenter.js';

export interface InternetOptions {
  /** Bytes of the largest packet that its routers pass on. Default 1500. */
  readonly mtu?: number;
}

/** Routers on the shortest way, and one more for each so much of delay, up to MOST_ROUTERS. */
const LEAST_ROUTERS = 2;
const DELAY_OF_A_ROUTER = 4 * MILLISECOND;
const MOST_ROUTERS = 16;

export class Internet implements Handler, Holder {
  readonly name = 'internet';
  held = 0;
  readonly mtu: number;
  private readonly places: Attachment[] = [];
  private readonly announcements = new Announcements();
  private readonly handler: number;
  private readonly node: number;
  private readonly fragmenter: Fragmenter;
  private readonly icmp: IcmpSender;
  /** Counts what the choice of a place depends on beside the announcements. */
  private placesVersion = 0;
  /** From each place to each: nanoseconds, 0: not known yet. Rows of `delaysWidth`. */
  private delays = new Int32Array(0);
  private delaysWidth = 0;

  constructor(
    private readonly world: World,
    options: InternetOptions = {},
  ) {
    this.mtu = options.mtu ?? 1500;
    this.handler = world.scheduler.register(this);
    this.node = world.node(this.name);
    this.fragmenter = new Fragmenter(world);
    this.icmp = new IcmpSender(world);
    world.hold(this);
  }

  /**
   * A new place.
   *
   * @param node where packets for what the place announces are handed to, and `port` as which
   * @param region of the anycast edge; null elsewhere
   */
  attach(
    name: string,
    location: Coordinates,
    node: Node,
    port: number,
    region: string | null = null,
  ): Attachment {
    const attachment = new Attachment(this, this.places.length, name, location, { node, port }, region);
    this.places.push(attachment);
    return attachment;
  }

  /**
   * Announces a prefix at a place. Announced at several, packets go to the nearest one that is up: in the region of
   * the nearest of all if there is one, then by distance.
   *
   * @throws RangeError for what is no prefix, or one of length 0
   */
  announce(prefix: string, at: Attachment): void {
    this.announcements.add(prefix, at.number);
  }

  withdraw(prefix: string, at: Attachment): void {
    this.announcements.remove(prefix, at.number);
  }

  /** Prefixes that are announced at a place. */
  announcedAt(at: Attachment): string[] {
    return this.announcements.of(at.number);
  }

  /** Where a packet for the destination of this one would go from a place; null: nowhere. */
  nearest(from: Attachment, packet: number): Attachment | null {
    const { bytes, start } = this.world.packets;
    const ip = start[packet]!;
    const place = this.choose(from, this.announcements.find(bytes, ip, bytes[ip]! >>> 4));
    return place < 0 ? null : this.places[place]!;
  }

  /** What attachments do with a packet. Takes it over. */
  forward(from: Attachment, packet: number): void {
    const { world } = this;
    const { packets, scheduler, observer, reasons } = world;
    const { bytes } = packets;
    const ip = packets.start[packet]!;
    const family = bytes[ip]! >>> 4;
    if (!isHeaderThere(family, packets.length[packet]!)) {
      world.drop(packet, this.node, reasons.not_understood);
      return;
    }
    const place = this.choose(from, this.announcements.find(bytes, ip, family));
    if (place < 0) {
      world.drop(packet, this.node, reasons.destination_unreachable);
      return;
    }
    const delay = this.delay(from, place);
    const routers = routersOn(delay);
    const ttl = ttlOf(bytes, ip, family);
    if (ttl <= routers) {
      const router = Math.max(1, ttl);
      this.sendError(from, packet, IcmpError.TIME_EXCEEDED, 0, router, (2 * delay * router) / routers);
      world.drop(packet, this.node, reasons.time_exceeded);
      return;
    }
    if (packets.length[packet]! > this.mtu) {
      this.forwardTooLong(from, packet, delay);
      return;
    }
    world.hops++;
    lowerTtl(bytes, ip, family, routers);
    if (observer !== null) observer.step(packet, this.name, `passes ${routers} routers`, this.mtu);
    scheduler.at(scheduler.now + delay, this.handler, packet, place);
    this.held++;
  }

  fire(packet: number, place: number): void {
    this.held--;
    if (place < 0) {
      this.forward(this.places[~place]!, packet);
      return;
    }
    const to = this.places[place]!;
    if (!to.up) {
      this.world.drop(packet, this.node, this.world.reasons[to.dropsAs]);
      return;
    }
    to.deliver(packet);
  }

  /** For attachments: which of them are up has changed. */
  touch(): void {
    this.placesVersion++;
  }

  /** Time from a place to another one, one way. */
  delay(from: Attachment, place: number): Nanoseconds {
    if (this.delaysWidth !== this.places.length) this.clearDelays();
    const at = from.number * this.delaysWidth + place;
    const known = this.delays[at]!;
    if (known > 0) return known;
    const delay = delayBetween(from.location, this.places[place]!.location);
    this.delays[at] = delay;
    return delay;
  }

  /** There are other places. */
  private clearDelays(): void {
    this.delaysWidth = this.places.length;
    this.delays = new Int32Array(this.delaysWidth ** 2);
  }

  capturePacket(capture: LinkCapture, packet: number): void {
    const { packets, scheduler } = this.world;
    capture.packet(scheduler.now, packets.bytes, packets.start[packet]!, packets.length[packet]!);
  }

  private choose(from: Attachment, set: number): number {
    const version = this.announcements.version + this.placesVersion;
    if (from.choicesVersion !== version) {
      from.choices.clear();
      from.choicesVersion = version;
      from.lastSet = -1;
    }
    if (set === from.lastSet) return from.lastChoice;
    const places = this.announcements.places(set);
    if (places.length <= 1) {
      const only = places[0] ?? -1;
      return only >= 0 && this.places[only]!.up ? only : -1;
    }
    const chosen = from.choices.get(set) ?? this.nearestOf(from, places);
    from.choices.set(set, chosen);
    from.lastSet = set;
    from.lastChoice = chosen;
    return chosen;
  }

  private nearestOf(from: Attachment, numbers: readonly number[]): number {
    const candidates = numbers.map((number) => {
      const place = this.places[number]!;
      return { place, distance: distanceOf(from.location, place.location) };
    });
    candidates.sort((a, b) => a.distance - b.distance || a.place.number - b.place.number);
    const region = candidates[0]?.place.region ?? null;
    const alive = candidates.filter(({ place }) => place.up);
    const near = alive.find(({ place }) => region !== null && place.region === region) ?? alive[0];
    return near?.place.number ?? -1;
  }

  /** The first router does not pass it on: in fragments, or with an error. */
  private forwardTooLong(from: Attachment, packet: number, delay: Nanoseconds): void {
    const { packets, reasons, observer } = this.world;
    const { bytes } = packets;
    const ip = packets.start[packet]!;
    if (observer !== null) observer.step(packet, this.name, 'is too narrow for it', this.mtu);
    const mayCut = bytes[ip]! >>> 4 === 4 && (bytes[ip + 6]! & Ipv4Flag.DONT_FRAGMENT) === 0;
    if (mayCut && !endsBeyondLimit(bytes, ip, packets.length[packet]!)) {
      this.fragmenter.cut4(packet, this.mtu);
      for (const piece of [...this.fragmenter.pieces]) this.forward(from, piece);
      return;
    }
    if (!mayCut) {
      this.sendError(from, packet, IcmpError.TOO_BIG, this.mtu, 1, (2 * delay) / routersOn(delay));
    }
    this.world.drop(packet, this.node, reasons.path_mtu_exceeded);
  }

  /** Sends an error about a packet back into the Internet, `after` so much time. */
  private sendError(
    from: Attachment,
    packet: number,
    kind: IcmpErrorKind,
    mtu: number,
    router: number,
    after: Nanoseconds,
  ): void {
    const error = this.icmp.error(packet, kind, mtu, from.number, router);
    if (error < 0) return;
    const { scheduler } = this.world;
    scheduler.at(scheduler.now + Math.round(after), this.handler, error, ~from.number);
    this.held++;
  }
}

/** A place of the Internet. As a node it takes what a link brings, and sends it into the Internet. */
export class Attachment implements Node {
  /** Looks at what goes into the Internet here, and at what comes out of it. */
  captureOut: LinkCapture | null = null;
  captureIn: LinkCapture | null = null;
  /** Why packets end that are on the way here when the place goes down. */
  dropsAs: 'link_down' | 'pop_down' = 'link_down';
  /** Kept by the Internet: chosen places by set, of `choicesVersion`, and the last one asked for. */
  readonly choices = new Map<number, number>();
  choicesVersion = -1;
  lastSet = -1;
  lastChoice = -1;
  private isUp = true;
  private toNode: Node;
  private toPort: number;

  constructor(
    readonly internet: Internet,
    readonly number: number,
    readonly name: string,
    readonly location: Coordinates,
    to: Endpoint,
    readonly region: string | null,
  ) {
    this.toNode = to.node;
    this.toPort = to.port;
  }

  /** Where packets go that come out of the Internet here. */
  set to({ node, port }: Endpoint) {
    this.toNode = node;
    this.toPort = port;
  }

  /** A place that is down gets nothing, and what it announces is found elsewhere. */
  get up(): boolean {
    return this.isUp;
  }
  set up(value: boolean) {
    if (value === this.isUp) return;
    this.isUp = value;
    this.internet.touch();
  }

  /** Takes over a packet. */
  send(packet: number): void {
    if (this.captureOut !== null) this.internet.capturePacket(this.captureOut, packet);
    this.internet.forward(this, packet);
  }

  receive(packet: number): void {
    this.send(packet);
  }

  /** For the Internet. */
  deliver(packet: number): void {
    if (this.captureIn !== null) this.internet.capturePacket(this.captureIn, packet);
    this.toNode.receive(packet, this.toPort);
  }
}

/** Routers on a way of this delay. */
export function routersOn(delay: Nanoseconds): number {
  return Math.min(MOST_ROUTERS, LEAST_ROUTERS + Math.floor(delay / DELAY_OF_A_ROUTER));
}

/** Takes so many hops off the TTL or hop limit, which is larger. */
function lowerTtl(bytes: Uint8Array, ip: number, family: number, hops: number): void {
  const at = family === 4 ? ip + 8 : ip + 7;
  const before = le16(bytes, ip + 8);
  bytes[at] = bytes[at]! - hops;
  if (family === 4)
    putLe16(bytes, ip + 10, updateChecksum(le16(bytes, ip + 10), before, le16(bytes, ip + 8)));
}

function isHeaderThere(family: number, length: number): boolean {
  return family === 4 ? length >= 20 : family === 6 && length >= 40;
}
