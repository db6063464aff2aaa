/**
 * A customer's router: someone else's equipment, between a LAN, the Internet, circuits to the edge and tunnels.
 *
 *   LAN ──┐                    ┌── uplinks: plain packets, and outer packets of tunnels
 *         ├─ forward, firewall ┤
 *   local ┘   MTU, TTL, MSS    └── circuits: the same without the Internet between
 *
 * Packets for its own addresses are local: GRE comes out of a tunnel and is forwarded like anything else (a health
 * probe too: an answer to it is a packet that is routed back), pings are answered.
 */
import { decrementTtl, ttlOf } from '../../dataplane/forwarding.js';
import { IcmpError } from '../../dataplane/icmp-error.js';
import { EchoType, EtherType, IpProtocol } from '../../wire/protocol.js';
import type { Node } from '../core/node.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND } from '../../network/time.js';
import type { World } from '../core/world.js';
import { AddressSet } from './address-set.js';
import { answerEcho } from './echo.js';
import type { Egress } from './egress.js';
import type { Firewall } from './firewall.js';
import { Fragmenter } from './fragmenter.js';
import { IcmpQuote, Quote } from './icmp-quote.js';
import { isSumRight } from './ip-header.js';
import { IpPacket } from './ip-packet.js';
import type { Outlet } from './outlet.js';
import { Reassembler } from './reassembler.js';
import { RouterErrors, isTooBig } from './router-errors.js';
import { clampAt, type RouterInterface, type RouterPort } from './router-interface.js';
import type { RouterRoutes } from './router-routes.js';
import { GreHeader, type RouterTunnel } from './router-tunnel.js';
import { RouterTunnels } from './router-tunnels.js';

/** What a router is made of; see router-plan.ts, which reads it from a scenario. */
export interface RouterParts {
  readonly name: string;
  /** By number: the LAN is 0. */
  readonly ports: readonly RouterPort[];
  readonly routes: RouterRoutes;
  readonly egress: Egress;
  readonly firewall: Firewall | null;
  /** Whether ICMP too-big is sent, taken and let through. */
  readonly icmp: 'send' | 'filter';
}

/** Tunnels in tunnels that are taken off one packet. */
const MOST_NESTED = 4;
/** How long a router that watches its tunnels (keepalives, BFD, SLA probes) takes to see that one is cut off. */
const DETECTION = 3 * SECOND;

/**
 * What routers read packets with. One for all: a router is done with a packet before another one gets its turn, and
 * with thousands of routers what each of them has for itself is never in the cache.
 */
const IP = new IpPacket();
const GRE = new GreHeader();
const QUOTE = new IcmpQuote();

export class CustomerRouter implements Node, Handler {
  readonly name: string;
  /** A router that has failed drops everything. */
  up = true;
  readonly egress: Egress;
  readonly node: number;
  readonly ports: readonly RouterPort[];
  private readonly routes: RouterRoutes;
  private readonly firewall: Firewall | null;
  private readonly filtersIcmp: boolean;
  /** Whether any port clamps the MSS. */
  private readonly portsClamp: boolean;
  /** The port by which the packet came that the router is about. */
  private arrivedBy = 0;
  private own = new AddressSet([]);
  private tunnels = new RouterTunnels([]);
  private readonly ip = IP;
  private readonly gre = GRE;
  private readonly quote = QUOTE;
  private readonly fragmenter: Fragmenter;
  private readonly reassembler: Reassembler;
  private readonly errors: RouterErrors;
  private readonly handler: number;

  constructor(
    private readonly world: World,
    parts: RouterParts,
  ) {
    this.name = parts.name;
    this.ports = parts.ports;
    this.routes = parts.routes;
    this.firewall = parts.firewall;
    this.filtersIcmp = parts.icmp === 'filter';
    this.portsClamp = parts.ports.some(({ clamp }) => clamp !== null);
    this.egress = parts.egress;
    this.node = world.node(parts.name);
    this.fragmenter = new Fragmenter(world);
    this.reassembler = new Reassembler(world, this.node);
    this.errors = new RouterErrors(world);
    this.handler = world.scheduler.register(this);
    this.gatherAddresses();
  }

  /** Number of the port of this name: `lan`, an uplink's, an interconnect's. @throws RangeError without one */
  port(name: string): number {
    const number = this.ports.findIndex((port) => port.name === name);
    if (number < 0) throw new RangeError(`${this.name} has no port ${name}`);
    return number;
  }

  connect(port: number, outlet: Outlet): void {
    this.ports[port]!.outlet = outlet;
  }

  /**
   * Puts these in place of the tunnels before; one of the same name that is broken stays so.
   *
   * @param edge to the edge
   * @param sites to other sites
   */
  setTunnels(edge: readonly RouterTunnel[], sites: readonly RouterTunnel[]): void {
    for (const tunnel of edge) {
      const before = this.tunnel(tunnel.name);
      tunnel.broken = before?.broken ?? false;
      tunnel.knownDown = before?.knownDown ?? false;
    }
    this.tunnels = new RouterTunnels([...edge, ...sites]);
    this.routes.setPeers(
      this.tunnels.list.flatMap((to) =>
        [to.spec.peers.v4, to.spec.peers.v6].flatMap((address) =>
          address === null ? [] : [{ address, to }],
        ),
      ),
    );
    this.egress.setTunnels(edge);
    this.gatherAddresses();
  }

  tunnel(name: string): RouterTunnel | null {
    return this.tunnels.list.find((tunnel) => tunnel.name === name) ?? null;
  }

  /** Whether the router knows of no failure between it and the other end of a tunnel or circuit. */
  reaches(nexthop: string): boolean {
    const known = this.tunnel(nexthop) ?? this.ports.find(({ name }) => name === nexthop);
    return this.up && (known?.usable ?? false);
  }

  /** Cuts a tunnel off, or mends it: nothing passes at once, and the router finds out a few seconds later. */
  setBroken(name: string, broken: boolean): void {
    const tunnel = this.tunnel(name);
    if (tunnel === null) throw new RangeError(`${this.name} has no tunnel ${name}`);
    tunnel.broken = broken;
    this.world.scheduler.at(this.world.scheduler.now + DETECTION, this.handler);
  }

  /** Some tunnel was cut off or mended a while ago. */
  fire(): void {
    for (const tunnel of this.tunnels.list) tunnel.knownDown = tunnel.broken;
  }

  receive(packet: number, port: number): void {
    const { world } = this;
    const { packets, reasons } = world;
    if (!this.up) {
      world.drop(packet, this.node, reasons.router_down);
      return;
    }
    if (!this.read(packet)) {
      world.drop(packet, this.node, reasons.not_understood);
      return;
    }
    packets.length[packet] = this.ip.length;
    this.arrivedBy = port;
    this.input(packet, null, 0);
  }

  /** Routes a packet of the router's own: an answer, an error, the outer packet of a tunnel in a tunnel. */
  output(packet: number): void {
    const { world } = this;
    const to = this.read(packet) ? this.routeFor() : null;
    if (to === null) world.drop(packet, this.node, world.reasons.destination_unreachable);
    else this.sendOut(packet, to, false, null);
  }

  private read(packet: number): boolean {
    const { packets } = this.world;
    return this.ip.read(packets.bytes, packets.start[packet]!, packets.length[packet]!);
  }

  /**
   * A packet that came in; `ip` describes it.
   *
   * @param from the tunnel that it came out of; null: it came by a port (`arrivedBy`)
   */
  private input(packet: number, from: RouterTunnel | null, nested: number): void {
    const { packets } = this.world;
    if (from !== null) clampAt(from, packets, packet);
    else if (this.portsClamp) clampAt(this.ports[this.arrivedBy]!, packets, packet);
    if (this.own.find(packets.bytes, this.ip.destination, this.ip.family) >= 0) this.local(packet, nested);
    else this.forward(packet, from);
  }

  private local(packet: number, nested: number): void {
    const { world, ip } = this;
    const { reasons } = world;
    if (ip.fragment) {
      const whole = this.reassembler.take(packet);
      if (whole < 0) return;
      packet = whole;
      if (!this.read(packet)) {
        world.drop(packet, this.node, reasons.reassembly_failed);
        return;
      }
    }
    const { protocol, family } = ip;
    if (protocol === IpProtocol.GRE) this.decapsulate(packet, nested);
    else if (protocol === (family === 4 ? IpProtocol.ICMP : IpProtocol.ICMPV6)) this.receiveIcmp(packet);
    else world.drop(packet, this.node, reasons.port_closed);
  }

  private receiveIcmp(packet: number): void {
    const { world, ip } = this;
    const { packets, reasons } = world;
    const { bytes, kernels } = packets;
    const { transport, family, protocol } = ip;
    const size = ip.end - transport;
    const isRight = size >= 8 && isSumRight(bytes, kernels, ip.at, family, protocol, transport, size);
    const type = bytes[transport];
    if (isRight && type === (family === 4 ? EchoType.REQUEST4 : EchoType.REQUEST6)) {
      answerEcho(bytes, ip);
      if (world.observer !== null) world.observer.step(packet, this.name, 'answers the echo request', null);
      this.output(packet);
    } else if (isRight && this.quote.read(bytes, ip)) {
      this.learn();
      world.arrive(packet, this.name);
    } else {
      const isReply = type === (family === 4 ? EchoType.REPLY4 : EchoType.REPLY6);
      const unasked = isReply && this.firewall !== null;
      world.drop(packet, this.node, unasked ? reasons.firewall_denied : reasons.not_understood);
    }
  }

  /** An ICMP too-big about a tunnel's own packet lowers the tunnel's MTU (RFC 4459 §3.2). */
  private learn(): void {
    const { quote } = this;
    const { bytes } = this.world.packets;
    if (this.filtersIcmp || quote.kind !== Quote.TOO_BIG || quote.protocol !== IpProtocol.GRE) return;
    if (quote.mtu >= quote.length || !this.gre.read(bytes, quote.transport, quote.end)) return;
    const { source, destination, family } = quote;
    this.tunnels.find(bytes, destination, source, family, this.gre)?.learn(quote.mtu);
  }

  private decapsulate(packet: number, nested: number): void {
    const { world, ip, gre } = this;
    const { packets, reasons } = world;
    const { bytes } = packets;
    const isGre = nested < MOST_NESTED && gre.read(bytes, ip.transport, ip.end);
    const tunnel = isGre ? this.tunnels.find(bytes, ip.source, ip.destination, ip.family, gre) : null;
    const isWhole = !gre.hasChecksum || packets.kernels.sum(ip.transport, ip.end - ip.transport) === 0xffff;
    if (tunnel === null || !isWhole) {
      world.drop(packet, this.node, reasons.tunnel_unknown);
      return;
    }
    if (tunnel.broken) {
      world.drop(packet, this.node, reasons.link_down);
      return;
    }
    const inner = ip.transport + gre.length;
    packets.length[packet] = ip.end - inner;
    packets.start[packet] = inner;
    const { observer } = world;
    if (observer !== null) observer.step(packet, this.name, `decapsulates from ${tunnel.name}`, null);
    const isIp = gre.protocol === EtherType.IPV4 || gre.protocol === EtherType.IPV6;
    if (!isIp || !this.read(packet) || (ip.family === 4) !== (gre.protocol === EtherType.IPV4)) {
      world.drop(packet, this.node, reasons.not_understood);
      return;
    }
    packets.length[packet] = ip.length;
    this.input(packet, tunnel, nested + 1);
  }

  private forward(packet: number, tunnel: RouterTunnel | null): void {
    const { world, ip, firewall } = this;
    const { packets, scheduler, reasons } = world;
    const { bytes } = packets;
    const inside = firewall !== null && this.cameBy(tunnel).inside;
    if (firewall !== null && !firewall.admits(bytes, ip, inside, scheduler.now)) {
      world.drop(packet, this.node, reasons.firewall_denied);
      return;
    }
    if (this.filtersIcmp && isTooBig(bytes, ip)) {
      world.drop(packet, this.node, reasons.icmp_filtered);
      return;
    }
    if (ttlOf(bytes, ip.at, ip.family) <= 1) {
      this.sendError(packet, this.cameBy(tunnel), IcmpError.TIME_EXCEEDED, 0);
      world.drop(packet, this.node, reasons.time_exceeded);
      return;
    }
    const to = this.routeFor();
    if (to === null) {
      world.drop(packet, this.node, reasons.destination_unreachable);
      return;
    }
    this.sendOut(packet, to, true, tunnel);
  }

  /** The interface of a packet that came out of this tunnel or (null) by a port. */
  private cameBy(tunnel: RouterTunnel | null): RouterInterface {
    return tunnel ?? this.ports[this.arrivedBy]!;
  }

  /** @param isForwarded it came from elsewhere, out of this tunnel if it did so; else it is the router's own */
  private sendOut(
    packet: number,
    to: RouterInterface,
    isForwarded: boolean,
    tunnel: RouterTunnel | null,
  ): void {
    const { world, ip } = this;
    const { packets, reasons, observer } = world;
    const { mtu } = to;
    const isTooLong = ip.length > mtu;
    if (isTooLong && ip.dontFragment) {
      if (observer !== null) observer.step(packet, this.name, `cannot send to ${to.name}`, mtu);
      if (isForwarded && !this.filtersIcmp) {
        this.sendError(packet, this.cameBy(tunnel), IcmpError.TOO_BIG, mtu);
      }
      world.drop(packet, this.node, reasons.router_mtu_exceeded);
      return;
    }
    if (isForwarded) decrementTtl(packets.bytes, ip.at, ip.family);
    clampAt(to, packets, packet);
    if (observer !== null) observer.step(packet, this.name, `sends to ${to.name}`, mtu);
    if (!isTooLong) {
      to.send(packet);
      return;
    }
    this.fragmenter.cut4(packet, mtu);
    // A copy: a tunnel in a tunnel may have to cut the pieces again.
    for (const piece of [...this.fragmenter.pieces]) to.send(piece);
  }

  private routeFor(): RouterInterface | null {
    const { bytes } = this.world.packets;
    const { ip } = this;
    return this.routes.find(bytes, ip.destination, ip.family) ?? this.egress.choose(bytes, ip);
  }

  /** Tells the source of a packet that is still there, from the address of the interface that it came in by. */
  private sendError(
    packet: number,
    from: RouterInterface,
    kind: typeof IcmpError.TOO_BIG | typeof IcmpError.TIME_EXCEEDED,
    mtu: number,
  ): void {
    const { ip } = this;
    const source = (ip.family === 4 ? from.addresses.v4 : from.addresses.v6) ?? this.own.ofFamily(ip.family);
    const error = source === null ? -1 : this.errors.make(packet, ip, source, kind, mtu);
    if (error < 0) return;
    this.output(error);
    // The error has been read over what `ip` said of the packet.
    this.read(packet);
  }

  private gatherAddresses(): void {
    const interfaces: readonly RouterInterface[] = [...this.ports, ...this.tunnels.list];
    const all = interfaces
      .flatMap(({ addresses: { v4, v6 } }) => [v4, v6])
      .filter((address) => address !== null);
    const siteTunnels = this.tunnels.list.map(({ spec }) => spec.local);
    const unique = new Map([...all, ...siteTunnels].map((address) => [address.join(), address]));
    this.own = new AddressSet([...unique.values()]);
  }
}
