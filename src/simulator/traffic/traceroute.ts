/** The way to a host, as traceroute(8) finds it: UDP with rising TTL, and the ICMP errors about it. */
import { formatAddress } from '../../config/address.js';
import { be16 } from '../../wire/bytes.js';
import { IpProtocol } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import { MILLISECOND, SECOND, type Nanoseconds } from '../../network/time.js';
import type { World } from '../core/world.js';
import { Quote, type IcmpQuote } from '../node/icmp-quote.js';
import type { IpPacket } from '../node/ip-packet.js';
import type { Socket } from '../node/socket.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import { buildDatagram, DatagramSpec } from './datagram.js';
import type { Ends } from './ends.js';
import { Pattern } from './pattern.js';
import type { Traffic } from './traffic.js';

export type TracerouteSpec = Extract<TrafficSpec, { type: 'traceroute' }>;

/** One TTL. */
export interface Hop {
  readonly ttl: number;
  /** Who answered; null: nobody in time. */
  readonly address: string | null;
  readonly time: Nanoseconds;
}

/** What traceroute(8) sends to: one port for each hop. */
const FIRST_PORT = 33_434;
const MOST_HOPS = 30;
const PAYLOAD = 32;
const TIMEOUT = SECOND;

export class Traceroute implements Traffic, Handler, Socket {
  readonly name: string;
  /** In order of TTL, as far as it has come. */
  readonly hops: Hop[] = [];
  /** The destination itself has answered. */
  reached = false;
  private readonly world: World;
  private readonly handler: number;
  private readonly pattern: Pattern;
  private readonly probe: DatagramSpec;
  private flow = -1;
  private ttl = 0;
  private sentAt: Nanoseconds = 0;
  private over = false;

  constructor(
    private readonly spec: TracerouteSpec,
    private readonly ends: Ends,
  ) {
    this.name = spec.name;
    this.world = ends.from.world;
    this.handler = this.world.scheduler.register(this);
    this.pattern = new Pattern(this.world.packets);
    this.probe = new DatagramSpec(ends.source, ends.destination, FIRST_PORT, PAYLOAD, false);
  }

  start(): void {
    const { world, ends, spec } = this;
    this.flow = world.recorder.flow(spec.name, 0);
    this.probe.sourcePort = ends.from.bindAny(IpProtocol.UDP, this);
    if (this.probe.sourcePort < 0)
      throw new RangeError(`${ends.from.name} has no port left for ${spec.name}`);
    world.scheduler.at(spec.at, this.handler, 0);
  }

  /** The next TTL, unless the answer to the one before came meanwhile. @param ttl the one that was waited for */
  fire(ttl: number): void {
    if (this.over || ttl !== this.ttl) return;
    if (ttl > 0) this.hops.push({ ttl, address: null, time: 0 });
    this.next();
  }

  receive(packet: number, _ip: IpPacket): void {
    // Somebody listens at the port, and answers.
    this.world.recorder.delivered(this.flow, packet);
    this.finish();
    this.world.arrive(packet, this.ends.from.name);
  }

  hasSent(quote: IcmpQuote): boolean {
    return be16(this.world.packets.bytes, quote.transport + 2) === FIRST_PORT + this.ttl - 1;
  }

  failed(quote: IcmpQuote): void {
    if (this.over) return;
    const { world, ttl } = this;
    const { bytes } = world.packets;
    const { now } = world.scheduler;
    if (quote.kind === Quote.TOO_BIG) return;
    const address = formatAddress(bytes.slice(quote.from, quote.from + this.ends.source.length));
    this.hops.push({ ttl, address, time: now - this.sentAt });
    world.recorder.answered(this.flow, this.sentAt);
    if (quote.kind === Quote.UNREACHABLE) {
      this.reached = true;
      this.finish();
    } else {
      this.next();
    }
  }

  private next(): void {
    const { world, ends, spec } = this;
    const { packets, scheduler, recorder } = world;
    const { from } = ends;
    if (this.ttl === MOST_HOPS || (spec.until !== null && scheduler.now >= spec.until)) {
      this.finish();
      return;
    }
    this.ttl++;
    this.sentAt = scheduler.now;
    const { probe } = this;
    probe.destinationPort = FIRST_PORT + this.ttl - 1;
    probe.ttl = this.ttl;
    probe.id = from.takeId();
    const packet = buildDatagram(packets, this.pattern, probe, 0, this.ttl);
    packets.flow[packet] = this.flow;
    packets.born[packet] = scheduler.now;
    recorder.sent(this.flow, packet);
    recorder.asked(this.flow);
    from.send(packet);
    scheduler.at(scheduler.now + TIMEOUT, this.handler, this.ttl);
  }

  private finish(): void {
    if (this.over) return;
    this.over = true;
    const hops = this.hops.map(({ ttl, address, time }) =>
      address === null ? `${ttl} *` : `${ttl} ${address} ${(time / MILLISECOND).toFixed(3)} ms`,
    );
    const end = this.reached ? '' : ', not reached';
    this.world.recorder.event('traceroute', `${this.name}: ${hops.join(', ')}${end}`);
  }
}
