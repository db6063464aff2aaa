/** Echo requests at a constant rate, as of ping(8). */
import { be16 } from '../../wire/bytes.js';
import { ICMP_HEADER, IpProtocol } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import type { Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import { Quote, type IcmpQuote } from '../node/icmp-quote.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import { Arrivals, type ArrivalSummary } from './arrivals.js';
import { buildEchoRequest, DatagramSpec, leastSize } from './datagram.js';
import type { Ends } from './ends.js';
import { Pattern } from './pattern.js';
import type { Traffic } from './traffic.js';

export type PingSpec = Extract<TrafficSpec, { type: 'ping' }>;

/** What ping(8) prints at its end. Times in nanoseconds; 0 without an answer. */
export interface PingSummary extends ArrivalSummary {
  readonly least: Nanoseconds;
  readonly mean: Nanoseconds;
  readonly most: Nanoseconds;
  /** ICMP errors that came instead: too big, unreachable or time exceeded. */
  readonly errors: number;
}

export class Ping implements Traffic, Handler, Socket {
  readonly name: string;
  private readonly world: World;
  private readonly handler: number;
  private readonly pattern: Pattern;
  private readonly arrivals = new Arrivals(1);
  private readonly request: DatagramSpec;
  private flow = -1;
  private count = 0;
  private answers = 0;
  private errors = 0;
  private least = Infinity;
  private most = 0;
  private sum = 0;

  constructor(
    private readonly spec: PingSpec,
    private readonly ends: Ends,
  ) {
    this.name = spec.name;
    this.world = ends.from.world;
    this.handler = this.world.scheduler.register(this);
    this.pattern = new Pattern(this.world.packets);
    const payload = Math.max(spec.size - leastSize(ends.source), 0);
    this.request = new DatagramSpec(ends.source, ends.destination, 0, payload, spec.dont_fragment);
  }

  start(): void {
    const { world, ends, spec } = this;
    this.flow = world.recorder.flow(spec.name, 0);
    this.request.sourcePort = ends.from.bindAny(IpProtocol.ICMP, this);
    if (this.request.sourcePort < 0)
      throw new RangeError(`${ends.from.name} has no identifier left for ${spec.name}`);
    world.scheduler.at(spec.at, this.handler);
  }

  get summary(): PingSummary {
    const { answers } = this;
    return {
      ...this.arrivals.of(0),
      least: answers === 0 ? 0 : this.least,
      mean: answers === 0 ? 0 : this.sum / answers,
      most: this.most,
      errors: this.errors,
    };
  }

  fire(): void {
    const { spec, ends, world, flow } = this;
    const { packets, scheduler, recorder } = world;
    const { from } = ends;
    if (spec.until !== null && scheduler.now >= spec.until) return;
    const sequence = this.arrivals.send(0, scheduler.now);
    const { request } = this;
    request.id = request.dontFragment ? 0 : from.takeId();
    const packet = buildEchoRequest(packets, this.pattern, request, sequence & 0xffff);
    packets.flow[packet] = flow;
    packets.born[packet] = scheduler.now;
    recorder.sent(flow, packet);
    recorder.asked(flow);
    if (request.dontFragment) from.sendWhole(packet, ends.destination);
    else from.send(packet);
    this.count++;
    scheduler.at(spec.at + this.count * spec.interval, this.handler);
  }

  receive(packet: number, ip: IpPacket): void {
    const { world, flow } = this;
    const { packets, scheduler, recorder } = world;
    const asked = packets.born[packet]!;
    const time = scheduler.now - asked;
    // The 16 bits of its number that come back belong to one of the last 65,536.
    const low = be16(packets.bytes, ip.transport + ICMP_HEADER - 2);
    const sequence = this.count - 1 - ((this.count - 1 - low) & 0xffff);
    this.arrivals.receive(0, sequence, scheduler.now);
    this.answers++;
    this.sum += time;
    this.least = Math.min(this.least, time);
    this.most = Math.max(this.most, time);
    recorder.delivered(flow, packet);
    recorder.answered(flow, asked);
    world.arrive(packet, this.ends.from.name);
  }

  hasSent(quote: IcmpQuote): boolean {
    return quote.isIcmp;
  }

  failed(quote: IcmpQuote): void {
    if (quote.kind !== Quote.NONE) this.errors++;
  }
}
