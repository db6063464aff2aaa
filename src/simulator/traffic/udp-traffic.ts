/** UDP at a constant rate, one way or with an echo. */
import { be16 } from '../../wire/bytes.js';
import { IpProtocol } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { Host } from '../node/host.js';
import type { IcmpQuote } from '../node/icmp-quote.js';
import { DEFAULT_TTL, sealIpv4 } from '../node/ip-header.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import { buildDatagram, DatagramSpec, leastSize, turnDatagram } from './datagram.js';
import type { Ends } from './ends.js';
import { Pattern } from './pattern.js';
import type { Traffic } from './traffic.js';
import type { UdpListener, UdpReceiver } from './udp-listener.js';

export type UdpTrafficSpec = Extract<TrafficSpec, { type: 'udp' }>;

const FLOW_NUMBERS = 4;
/** Packets sent so far. */
const SENT = 0;
/** Where in its interval the flow begins, so that not all send at once. 0 to 1. */
const PHASE = 1;
const PORT = 2;
/** The recorder's. */
const NUMBER = 3;

export class UdpTraffic implements Traffic, Handler, Socket, UdpReceiver {
  // What every packet needs comes first.
  private readonly world: World;
  private readonly from: Host;
  private readonly pattern: Pattern;
  private readonly datagram: DatagramSpec;
  /** Four numbers of each flow, side by side: they are looked at together, and seldom. */
  private readonly flows: Float64Array;
  readonly echo: boolean;
  private readonly handler: number;
  /** Packets per second; when the first may be sent, and none any more. */
  private readonly rate: number;
  private readonly at: Nanoseconds;
  private readonly until: Nanoseconds;
  private readonly ends: Ends;
  readonly name: string;
  private readonly flowOfPort = new Map<number, number>();

  /** @param listener the server at the port; null: nobody listens there */
  constructor(
    spec: UdpTrafficSpec,
    ends: Ends,
    private readonly listener: UdpListener | null,
  ) {
    const { source, destination, from } = ends;
    const { world } = from;
    this.world = world;
    this.from = from;
    this.pattern = new Pattern(world.packets);
    const payload = Math.max(spec.size - leastSize(source), 0);
    this.datagram = new DatagramSpec(source, destination, spec.port, payload, from.pathMtuDiscovery);
    this.flows = new Float64Array(FLOW_NUMBERS * spec.flows);
    this.echo = spec.echo;
    this.handler = world.scheduler.register(this);
    this.rate = spec.rate;
    this.at = spec.at;
    this.until = spec.until ?? Infinity;
    this.ends = ends;
    this.name = spec.name;
    const random = world.random(spec.name);
    for (let index = 0; index < spec.flows; index++) {
      this.flows[FLOW_NUMBERS * index + PHASE] = random.uint32() / 0x1_0000_0000;
    }
  }

  start(): void {
    const { name, ends, world, flows } = this;
    for (let index = 0; index < flows.length / FLOW_NUMBERS; index++) {
      const port = ends.from.bindAny(IpProtocol.UDP, this);
      if (port < 0) throw new RangeError(`${ends.from.name} has no port left for ${name}`);
      flows[FLOW_NUMBERS * index + NUMBER] = world.recorder.flow(name, index);
      flows[FLOW_NUMBERS * index + PORT] = port;
      this.flowOfPort.set(port, index);
      this.listener?.expect(ends.source, port, this, index);
      this.plan(index);
    }
  }

  fire(index: number): void {
    const { world, from, pattern, flows, datagram } = this;
    const { packets, recorder, scheduler } = world;
    const at = FLOW_NUMBERS * index;
    // As integers: a field that has once been given another number is slow for good.
    datagram.sourcePort = flows[at + PORT]! | 0;
    datagram.id = datagram.dontFragment ? 0 : from.takeId();
    const packet = buildDatagram(packets, pattern, datagram, index, flows[at + SENT]!);
    const flow = flows[at + NUMBER]! | 0;
    packets.flow[packet] = flow;
    packets.born[packet] = scheduler.now;
    recorder.sent(flow, packet);
    if (this.echo) recorder.asked(flow);
    from.sendDatagram(packet, datagram.destination);
    flows[at + SENT]!++;
    this.plan(index);
  }

  /** At the server: the datagram goes back. */
  arrived(packet: number, ip: IpPacket, index: number): void {
    const { world, ends } = this;
    const { packets, recorder, observer } = world;
    const { bytes } = packets;
    // It keeps the time of its birth: that is when the question was asked.
    turnDatagram(bytes, ip.source, ip.destination, ip.addressBytes, ip.transport);
    if (ip.family === 4) {
      bytes[ip.at + 8] = DEFAULT_TTL;
      sealIpv4(bytes, ip.at);
    } else {
      bytes[ip.at + 7] = DEFAULT_TTL;
    }
    recorder.sent(this.flows[FLOW_NUMBERS * index + NUMBER]! | 0, packet);
    if (observer !== null) observer.step(packet, ends.to.name, 'sends the datagram back', ends.to.mtu);
    ends.to.sendDatagram(packet, ends.source);
  }

  /** At the client. */
  receive(packet: number, ip: IpPacket): void {
    const { world, ends } = this;
    const { packets, recorder } = world;
    const index = this.flowOfPort.get(be16(packets.bytes, ip.transport + 2))!;
    const flow = this.flows[FLOW_NUMBERS * index + NUMBER]! | 0;
    recorder.delivered(flow, packet);
    recorder.answered(flow, packets.born[packet]!);
    world.arrive(packet, ends.from.name);
  }

  hasSent(quote: IcmpQuote): boolean {
    return be16(this.world.packets.bytes, quote.transport + 2) === this.datagram.destinationPort;
  }

  failed(): void {
    // A datagram is not sent again.
  }

  /** Puts in the next packet of a flow, by its number, so that no rounding adds up. */
  private plan(index: number): void {
    const { flows } = this;
    const at = FLOW_NUMBERS * index;
    const time = this.at + Math.floor(((flows[at + SENT]! + flows[at + PHASE]!) * SECOND) / this.rate);
    if (time < this.until) this.world.scheduler.at(time, this.handler, index);
  }
}
