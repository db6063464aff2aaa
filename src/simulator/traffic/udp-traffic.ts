/** UDP at a constant rate, one way or with an echo. */
import { be16 } from '../../wire/bytes.js';
import { IpProtocol } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND } from '../core/time.js';
import type { World } from '../core/world.js';
import type { IcmpQuote } from '../node/icmp-quote.js';
import { DEFAULT_TTL, sealIpv4 } from '../node/ip-header.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import { buildDatagram, type DatagramSpec, leastSize, turnDatagram } from './datagram.js';
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
  readonly name: string;
  private readonly world: World;
  private readonly handler: number;
  private readonly pattern: Pattern;
  private readonly datagram: DatagramSpec;
  /** Four numbers of each flow, side by side: they are looked at together, and seldom. */
  private readonly flows: Float64Array;
  private readonly flowOfPort = new Map<number, number>();

  /** @param listener the server at the port; null: nobody listens there */
  constructor(
    private readonly spec: UdpTrafficSpec,
    private readonly ends: Ends,
    private readonly listener: UdpListener | null,
  ) {
    const { world } = ends.from;
    this.name = spec.name;
    this.world = world;
    this.handler = world.scheduler.register(this);
    this.pattern = new Pattern(world.packets);
    this.datagram = {
      ...{ source: ends.source, destination: ends.destination, sourcePort: 0, destinationPort: spec.port },
      payload: Math.max(spec.size - leastSize(ends.source), 0),
      ...{ ttl: DEFAULT_TTL, dontFragment: ends.from.pathMtuDiscovery, id: 0 },
    };
    this.flows = new Float64Array(FLOW_NUMBERS * spec.flows);
    const random = world.random(spec.name);
    for (let index = 0; index < spec.flows; index++) {
      this.flows[FLOW_NUMBERS * index + PHASE] = random.uint32() / 0x1_0000_0000;
    }
  }

  start(): void {
    const { spec, ends, world } = this;
    for (let index = 0; index < spec.flows; index++) {
      const port = ends.from.bindAny(IpProtocol.UDP, this);
      if (port < 0) throw new RangeError(`${ends.from.name} has no port left for ${spec.name}`);
      this.flows[FLOW_NUMBERS * index + NUMBER] = world.recorder.flow(spec.name, index);
      this.flows[FLOW_NUMBERS * index + PORT] = port;
      this.flowOfPort.set(port, index);
      this.listener?.expect(ends.source, port, this, index);
      this.plan(index);
    }
  }

  fire(index: number): void {
    const { spec, ends, world, pattern, flows, datagram } = this;
    const { packets, recorder, scheduler } = world;
    const { from } = ends;
    const at = FLOW_NUMBERS * index;
    datagram.sourcePort = flows[at + PORT]!;
    datagram.id = datagram.dontFragment ? 0 : from.takeId();
    const packet = buildDatagram(packets, pattern, datagram, index, flows[at + SENT]!);
    const flow = flows[at + NUMBER]!;
    packets.flow[packet] = flow;
    packets.born[packet] = scheduler.now;
    recorder.sent(flow, packet);
    if (spec.echo) recorder.asked(flow);
    from.sendDatagram(packet, ends.destination);
    flows[at + SENT]!++;
    this.plan(index);
  }

  /** At the server. */
  arrived(packet: number, ip: IpPacket, index: number): void {
    const { world, spec, ends } = this;
    const { packets, recorder, observer } = world;
    const { bytes } = packets;
    if (!spec.echo) {
      world.arrive(packet, ends.to.name);
      return;
    }
    // It keeps the time of its birth: that is when the question was asked.
    turnDatagram(bytes, ip.source, ip.destination, ip.addressBytes, ip.transport);
    if (ip.family === 4) {
      bytes[ip.at + 8] = DEFAULT_TTL;
      sealIpv4(bytes, ip.at);
    } else {
      bytes[ip.at + 7] = DEFAULT_TTL;
    }
    recorder.sent(this.flows[FLOW_NUMBERS * index + NUMBER]!, packet);
    if (observer !== null) observer.step(packet, ends.to.name, 'sends the datagram back', ends.to.mtu);
    ends.to.sendDatagram(packet, ends.source);
  }

  /** At the client. */
  receive(packet: number, ip: IpPacket): void {
    const { world, ends } = this;
    const { packets, recorder } = world;
    const index = this.flowOfPort.get(be16(packets.bytes, ip.transport + 2))!;
    const flow = this.flows[FLOW_NUMBERS * index + NUMBER]!;
    recorder.delivered(flow, packet);
    recorder.answered(flow, packets.born[packet]!);
    world.arrive(packet, ends.from.name);
  }

  hasSent(quote: IcmpQuote): boolean {
    return be16(this.world.packets.bytes, quote.transport + 2) === this.spec.port;
  }

  failed(): void {
    // A datagram is not sent again.
  }

  /** Puts in the next packet of a flow, by its number, so that no rounding adds up. */
  private plan(index: number): void {
    const { spec, world, flows } = this;
    const at = FLOW_NUMBERS * index;
    const time = spec.at + Math.floor(((flows[at + SENT]! + flows[at + PHASE]!) * SECOND) / spec.rate);
    if (spec.until === null || time < spec.until) world.scheduler.at(time, this.handler, index);
  }
}
