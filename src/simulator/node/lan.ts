/**
 * The LAN of a site: hosts and routers around one switch. Packets between hosts go straight, others to the gateway:
 * the first router, or while that has failed the next one, which takes over as by VRRP (RFC 9568).
 */
import { word } from '../../wire/bytes.js';
import type { Node } from '../core/node.js';
import type { Handler } from '../core/scheduler.js';
import { MILLISECOND, SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import { AddressTable } from './address-table.js';
import type { CustomerRouter } from './customer-router.js';
import type { Host } from './host.js';
import { IpPacket } from './ip-packet.js';
import type { Outlet } from './outlet.js';
import { LAN_PORT } from './router-plan.js';

/** A router that is silent: three advertisements of a second are missed, and the skew of priority 100. */
const MASTER_DOWN = 3 * SECOND + 609 * MILLISECOND;
/** A router that lives and has no way out says so with its next advertisement; so does one that is back. */
const ADVERTISEMENT = SECOND;
const LOOK = 100 * MILLISECOND;

/** Where the destination stands in a header. */
const DESTINATION4 = 16;
const DESTINATION6 = 24;

/** One for all LANs: it is looked at within `find` only. */
const ip = new IpPacket();

export class Lan implements Node, Outlet, Handler {
  /** Where a router sent to last, by IPv4: most LANs have one host that matters. */
  private lastAddress = 0;
  private lastWay: Outlet | null = null;
  private readonly routers: CustomerRouter[] = [];
  private readonly ways: Outlet[] = [];
  private readonly byAddress = new AddressTable();
  private readonly node: number;
  private readonly handler: number;
  private gateway = 0;
  /** Since when another router than the gateway would be the better one; -1: it is not. */
  private betterSince: Nanoseconds = -1;

  constructor(
    private readonly world: World,
    readonly name: string,
  ) {
    this.node = world.node(name);
    this.handler = world.scheduler.register(this);
  }

  /** @param way to the host; what it sends comes in by `receive` */
  addHost(host: Host, way: Outlet): void {
    const number = this.ways.push(way) - 1;
    this.lastWay = null;
    for (const address of host.addresses.addresses) this.byAddress.put(address, number);
  }

  /** In order of preference as gateway. */
  addRouter(router: CustomerRouter): void {
    router.connect(LAN_PORT, this);
    if (this.routers.push(router) === 2) this.world.scheduler.at(this.world.scheduler.now, this.handler);
  }

  /** From a router. */
  send(packet: number): void {
    const { world } = this;
    const { bytes, start } = world.packets;
    // The router has just read the header, and written what it changed.
    const at = start[packet]!;
    const isV4 = bytes[at]! >>> 4 === 4;
    const destination = at + (isV4 ? DESTINATION4 : DESTINATION6);
    if (isV4 && this.lastWay !== null && word(bytes, destination) === this.lastAddress) {
      this.lastWay.send(packet);
      return;
    }
    const number = this.byAddress.find(bytes, destination, isV4 ? 4 : 6);
    if (number < 0) {
      world.drop(packet, this.node, world.reasons.destination_unreachable);
      return;
    }
    const way = this.ways[number]!;
    if (isV4) {
      this.lastAddress = word(bytes, destination);
      this.lastWay = way;
    }
    way.send(packet);
  }

  /** From a host. */
  receive(packet: number): void {
    const { world } = this;
    const way = this.find(packet);
    const router = this.routers[this.gateway];
    if (way >= 0) this.ways[way]!.send(packet);
    else if (router === undefined) world.drop(packet, this.node, world.reasons.destination_unreachable);
    else router.receive(packet, LAN_PORT);
  }

  /** Looks after the gateway. */
  fire(): void {
    const { routers, world } = this;
    const { now } = world.scheduler;
    const best = routers.findIndex((router) => router.up && router.egress.usable);
    const gateway = routers[this.gateway]!;
    if (best < 0 || best === this.gateway) {
      this.betterSince = -1;
    } else if (this.betterSince < 0) {
      this.betterSince = now;
    } else if (now - this.betterSince >= (gateway.up ? ADVERTISEMENT : MASTER_DOWN)) {
      this.gateway = best;
      this.betterSince = -1;
      world.recorder.event('gateway', `${routers[best]!.name} is the gateway of ${this.name}`);
    }
    world.scheduler.at(now + LOOK, this.handler);
  }

  private find(packet: number): number {
    const { bytes, start, length } = this.world.packets;
    if (!ip.read(bytes, start[packet]!, length[packet]!)) return -1;
    return this.byAddress.find(bytes, ip.destination, ip.family);
  }
}
