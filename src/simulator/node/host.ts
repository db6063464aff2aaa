/**
 * A host: its addresses, its sockets, and what every host does by itself (RFC 1122): checks what comes, puts
 * fragments together, answers pings, refuses what nobody listens for, and learns path MTUs.
 */
import { parseAddress } from '../../config/address.js';
import { be16, word } from '../../wire/bytes.js';
import { EchoType, ICMP_HEADER, IpProtocol, Ipv4Flag, TCP_HEADER, UDP_HEADER } from '../../wire/protocol.js';
import type { Node } from '../core/node.js';
import type { World } from '../core/world.js';
import type { HostSpec } from '../scenario/scenario.js';
import { AddressSet } from './address-set.js';
import { answerEcho } from './echo.js';
import { allowCuts, Fragmenter } from './fragmenter.js';
import { IcmpQuote, Quote } from './icmp-quote.js';
import { isSumRight, sealIpv4 } from './ip-header.js';
import { IpPacket } from './ip-packet.js';
import type { Outlet } from './outlet.js';
import { PathMtuCache } from './path-mtu-cache.js';
import { Reassembler } from './reassembler.js';
import { resetFor, unreachableFor } from './refusals.js';
import type { Socket } from './socket.js';

/** The part of a host's description that the host itself needs. */
export type HostOptions = Pick<
  HostSpec,
  'name' | 'addresses' | 'mtu' | 'mss' | 'path_mtu_discovery' | 'listens'
>;

const LEAST_HEADER = new Int32Array(256);
LEAST_HEADER[IpProtocol.UDP] = UDP_HEADER;
LEAST_HEADER[IpProtocol.TCP] = TCP_HEADER;
LEAST_HEADER[IpProtocol.ICMP] = ICMP_HEADER;
LEAST_HEADER[IpProtocol.ICMPV6] = ICMP_HEADER;

/** First port that is given to those who ask for any (Linux). */
const FIRST_PORT = 32_768;
const PORTS = 65_536;

/** One for all hosts, as with routers: a host is done with a packet before another one gets its turn. */
const IP = new IpPacket();
const QUOTE = new IcmpQuote();

export class Host implements Node {
  readonly name: string;
  readonly addresses: AddressSet;
  /** The first of them by IPv4, as it lies in packets. */
  private readonly hasFirst: boolean;
  private readonly first4: number;
  /** Bytes of the largest IP packet that it sends and takes. */
  readonly mtu: number;
  /** MSS that it offers; null: what fits into its MTU. */
  readonly mss: number | null;
  /** Sets DF, and believes ICMP too-big. */
  readonly pathMtuDiscovery: boolean;
  /** TCP and UDP ports that answer. */
  readonly listens: HostOptions['listens'];
  private readonly ip = IP;
  private readonly quote = QUOTE;
  private readonly fragmenter: Fragmenter;
  private readonly pathMtus = new PathMtuCache();
  private readonly sockets = new Map<number, Socket>();
  /** The socket that was found last, and its key: most hosts have one that matters. −1: none. */
  private lastKey = -1;
  private lastSocket: Socket | null = null;
  private readonly node: number;
  private readonly reassembler: Reassembler;
  private outlet: Outlet | null = null;
  private nextId: number;
  private nextPort = FIRST_PORT;

  constructor(
    readonly world: World,
    options: HostOptions,
  ) {
    this.name = options.name;
    this.addresses = new AddressSet(options.addresses.map((text) => bytesOf(text)));
    const first = this.addresses.ofFamily(4);
    this.hasFirst = first !== null;
    this.first4 = first === null ? 0 : word(first, 0);
    this.mtu = options.mtu;
    this.mss = options.mss;
    this.pathMtuDiscovery = options.path_mtu_discovery;
    this.listens = options.listens;
    this.node = world.node(options.name);
    this.fragmenter = new Fragmenter(world);
    this.reassembler = new Reassembler(world, this.node);
    this.nextId = world.random(`${options.name} ip id`).below(0x1_0000);
  }

  /** The host's one way out. */
  connect(outlet: Outlet): void {
    this.outlet = outlet;
  }

  /**
   * Listens. `port` is that of TCP or UDP, or of ICMP (both families) the identifier of echo requests.
   *
   * @throws RangeError when somebody does already
   */
  bind(protocol: number, port: number, socket: Socket): void {
    const key = socketKey(protocol, port);
    if (this.sockets.has(key)) throw new RangeError(`${this.name}: port ${port} is taken`);
    this.sockets.set(key, socket);
  }

  unbind(protocol: number, port: number): void {
    this.sockets.delete(socketKey(protocol, port));
    this.lastKey = -1;
  }

  socketAt(protocol: number, port: number): Socket | null {
    return this.sockets.get(socketKey(protocol, port)) ?? null;
  }

  /** Binds to a port that nobody has; -1 when there is none. */
  bindAny(protocol: number, socket: Socket): number {
    for (let tried = FIRST_PORT; tried < PORTS; tried++) {
      const port = this.nextPort;
      this.nextPort = port + 1 < PORTS ? port + 1 : FIRST_PORT;
      if (this.sockets.has(socketKey(protocol, port))) continue;
      this.sockets.set(socketKey(protocol, port), socket);
      return port;
    }
    return -1;
  }

  /** Bytes of the largest packet to this address that the path takes, as far as is known. */
  pathMtu(destination: Uint8Array): number {
    const family = destination.length === 4 ? 4 : 6;
    return this.pathMtus.get(destination, 0, family, this.world.scheduler.now, this.mtu);
  }

  /** A number for the next IPv4 packet that may be fragmented: not 0. */
  takeId(): number {
    this.nextId = (this.nextId + 1) & 0xffff;
    if (this.nextId === 0) this.nextId = 1;
    return this.nextId;
  }

  /**
   * Sends a packet that was made here. One longer than the host's MTU is fragmented, or with DF dropped, which is
   * what an application is told as "message too long".
   */
  send(packet: number): void {
    const { packets } = this.world;
    const { bytes } = packets;
    const at = packets.start[packet]!;
    if (packets.length[packet]! <= this.mtu) this.emit(packet);
    else if (bytes[at]! >>> 4 === 4 && (bytes[at + 6]! & Ipv4Flag.DONT_FRAGMENT) !== 0) {
      this.world.drop(packet, this.node, this.world.reasons.path_mtu_exceeded);
    } else this.sendPieces(packet, this.mtu);
  }

  /**
   * Sends a datagram as Linux does by default (IP_PMTUDISC_WANT): whole and with DF where the path is known to take
   * it, else in fragments that fit the path. Without path MTU discovery: without DF.
   */
  sendDatagram(packet: number, destination: Uint8Array): void {
    const { packets } = this.world;
    const mtu = this.pathMtu(destination);
    if (packets.length[packet]! <= mtu) this.emit(packet);
    else this.sendPieces(packet, mtu);
  }

  /** Sends a packet as it is, whatever it holds: what attackers and replayed captures do. */
  sendRaw(packet: number): void {
    this.emit(packet);
  }

  /** Sends a packet that must not be cut, if the path is known to take it. */
  sendWhole(packet: number, destination: Uint8Array): void {
    const { packets, reasons } = this.world;
    if (packets.length[packet]! > this.pathMtu(destination)) this.drop(packet, reasons.path_mtu_exceeded);
    else this.emit(packet);
  }

  /** Answers the packet that came last as one that nobody listens for, and drops it. */
  refuse(packet: number): void {
    const { packets, reasons } = this.world;
    const { ip } = this;
    const isTcp = ip.protocol === IpProtocol.TCP;
    const answer = isTcp ? resetFor(packets, ip) : unreachableFor(packets, ip, this.mtu);
    if (answer >= 0) this.answer(packet, answer);
    this.drop(packet, reasons.port_closed);
  }

  receive(packet: number, _port = 0): void {
    const { packets, observer } = this.world;
    const { bytes } = packets;
    const { ip } = this;
    if (!ip.read(bytes, packets.start[packet]!, packets.length[packet]!)) {
      this.drop(packet, this.world.reasons.not_understood);
      return;
    }
    const isFirst = ip.family === 4 && this.hasFirst && word(bytes, ip.destination) === this.first4;
    if (!isFirst && this.addresses.find(bytes, ip.destination, ip.family) < 0) {
      this.drop(packet, this.world.reasons.not_understood);
      return;
    }
    packets.length[packet] = ip.length;
    if (observer !== null) observer.step(packet, this.name, 'receives', this.mtu);
    if (ip.fragment) this.collect(packet);
    else this.deliver(packet);
  }

  /** A checked, whole packet for this host, described by `ip`. */
  private deliver(packet: number): void {
    const { bytes, kernels } = this.world.packets;
    const { ip } = this;
    const { reasons } = this.world;
    const { protocol, transport } = ip;
    const least = LEAST_HEADER[protocol < 0 ? 255 : protocol]!;
    const size = ip.end - transport;
    const isOther = protocol === (ip.family === 4 ? IpProtocol.ICMPV6 : IpProtocol.ICMP);
    if (least === 0 || size < least || isOther) {
      this.drop(packet, reasons.not_understood);
      return;
    }
    const hasNoSum = protocol === IpProtocol.UDP && ip.family === 4 && be16(bytes, transport + 6) === 0;
    if (!hasNoSum && !isSumRight(bytes, kernels, ip.at, ip.family, protocol, transport, size)) {
      this.drop(packet, reasons.not_understood);
      return;
    }
    if (protocol === IpProtocol.ICMP || protocol === IpProtocol.ICMPV6) {
      this.receiveIcmp(packet);
      return;
    }
    const socket = this.findSocket(socketKey(protocol, be16(bytes, transport + 2)));
    if (socket === null) this.refuse(packet);
    else socket.receive(packet, ip);
  }

  private findSocket(key: number): Socket | null {
    if (key === this.lastKey) return this.lastSocket;
    const socket = this.sockets.get(key);
    if (socket === undefined) return null;
    this.lastKey = key;
    this.lastSocket = socket;
    return socket;
  }

  private receiveIcmp(packet: number): void {
    const { bytes } = this.world.packets;
    const { ip, quote } = this;
    const { transport, family } = ip;
    const type = bytes[transport]!;
    if (type === (family === 4 ? EchoType.REQUEST4 : EchoType.REQUEST6)) {
      const { observer } = this.world;
      answerEcho(bytes, ip);
      if (observer !== null) observer.step(packet, this.name, 'answers the echo request', this.mtu);
      this.sendAnswer(packet);
    } else if (type === (family === 4 ? EchoType.REPLY4 : EchoType.REPLY6)) {
      const socket = this.sockets.get(socketKey(IpProtocol.ICMP, be16(bytes, transport + 4)));
      if (socket === undefined) this.drop(packet, this.world.reasons.port_closed);
      else socket.receive(packet, ip);
    } else if (quote.read(bytes, ip)) {
      this.receiveError();
      this.world.arrive(packet, this.name);
    } else {
      this.drop(packet, this.world.reasons.not_understood);
    }
  }

  /** An echo reply is as long as its request, which may be more than the path back takes. */
  private sendAnswer(packet: number): void {
    const { packets } = this.world;
    const { bytes } = packets;
    const { ip } = this;
    const mtu = this.pathMtus.get(bytes, ip.destination, ip.family, this.world.scheduler.now, this.mtu);
    if (packets.length[packet]! <= mtu) this.emit(packet);
    else this.sendPieces(packet, mtu);
  }

  private receiveError(): void {
    const { bytes } = this.world.packets;
    const { quote } = this;
    if (this.addresses.find(bytes, quote.source, quote.family) < 0) return;
    const socket = this.sockets.get(socketKey(quote.protocol, quote.localPort(bytes)));
    const isMine = socket === undefined ? this.isEchoReply() : socket.hasSent(quote);
    if (!isMine) return;
    if (quote.kind === Quote.TOO_BIG) {
      if (!this.pathMtuDiscovery || quote.mtu >= quote.length || quote.length > this.mtu) return;
      const { now } = this.world.scheduler;
      if (!this.pathMtus.lower(bytes, quote.destination, quote.family, now, quote.mtu)) return;
    }
    socket?.failed(quote);
  }

  private isEchoReply(): boolean {
    const { quote } = this;
    const type = this.world.packets.bytes[quote.transport]!;
    return quote.isIcmp && type === (quote.family === 4 ? EchoType.REPLY4 : EchoType.REPLY6);
  }

  /** Sends an answer to a packet that is still there. */
  private answer(packet: number, answer: number): void {
    const { packets, observer, scheduler } = this.world;
    packets.flow[answer] = packets.flow[packet]!;
    packets.born[answer] = scheduler.now;
    if (observer !== null) observer.child(packet, answer);
    this.emit(answer);
  }

  private collect(packet: number): void {
    const { world, ip } = this;
    const { packets } = world;
    const whole = this.reassembler.take(packet);
    if (whole < 0) return;
    if (ip.read(packets.bytes, packets.start[whole]!, packets.length[whole]!)) this.deliver(whole);
    else this.drop(whole, world.reasons.reassembly_failed);
  }

  private sendPieces(packet: number, mtu: number): void {
    const { packets } = this.world;
    const at = packets.start[packet]!;
    if (packets.bytes[at]! >>> 4 === 4) {
      allowCuts(packets.bytes, at, this.takeId());
      sealIpv4(packets.bytes, at);
      this.fragmenter.cut4(packet, mtu);
    } else {
      this.fragmenter.cut6(packet, mtu);
    }
    for (const piece of this.fragmenter.pieces) this.emit(piece);
  }

  private emit(packet: number): void {
    if (this.outlet === null) this.drop(packet, this.world.reasons.link_down);
    else this.outlet.send(packet);
  }

  private drop(packet: number, reason: number): void {
    this.world.drop(packet, this.node, reason);
  }
}

/** ICMP and ICMPv6 share their identifiers. */
function socketKey(protocol: number, port: number): number {
  return ((protocol === IpProtocol.ICMPV6 ? IpProtocol.ICMP : protocol) << 16) | port;
}

function bytesOf(text: string): Uint8Array {
  const address = parseAddress(text);
  if (address === null) throw new RangeError(`not an address: ${text}`);
  return address.bytes;
}
