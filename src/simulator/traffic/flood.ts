/**
 * Attacks (behaviour §6 counts them apart): packets of made-up sources, from several places at a time. They answer to
 * nothing and keep nothing.
 */
import { Random } from '../../traffic/random.js';
import { putBe16, putBe32 } from '../../wire/bytes.js';
import { IpProtocol, TCP_HEADER, TcpFlag } from '../../wire/protocol.js';
import type { Handler } from '../core/scheduler.js';
import { SECOND } from '../../network/time.js';
import type { World } from '../core/world.js';
import type { Host } from '../node/host.js';
import { DEFAULT_TTL, ipHeaderLength, putIpHeader, sealTransport } from '../node/ip-header.js';
import type { TrafficSpec } from '../scenario/scenario.js';
import { familyOf } from './ends.js';
import { Pattern } from './pattern.js';
import { putTcpHeader, SYN_OPTIONS, tcpPseudoSum } from './tcp-segment.js';
import type { Traffic } from './traffic.js';

export type FloodSpec = Extract<TrafficSpec, { type: 'flood' }>;

/** Ports of services that answer a small question with much (US-CERT TA14-017A). */
const REFLECTORS = [53, 123] as const;
/** Bytes of data in reflected packets: large DNS answers, and NTP's monlist of 468. */
const LEAST_REFLECTED = 468;
const MOST_REFLECTED = 1400;
const GRE_PAYLOAD = 64;

export interface FloodOptions {
  readonly hosts: readonly Host[];
  /** 4 or 16 bytes. */
  readonly destination: Uint8Array;
  /** What a SYN flood is for. */
  readonly port: number;
}

export class Flood implements Traffic, Handler {
  readonly name: string;
  sent = 0;
  private readonly world: World;
  private readonly handler: number;
  private readonly pattern: Pattern;
  private readonly random: Random;
  private readonly source: Uint8Array;
  private readonly family: 4 | 6;
  private flow = -1;

  constructor(
    private readonly spec: FloodSpec,
    private readonly options: FloodOptions,
  ) {
    const { hosts, destination } = options;
    if (hosts.length === 0) throw new RangeError(`${spec.name} comes from nowhere`);
    this.name = spec.name;
    this.world = hosts[0]!.world;
    this.handler = this.world.scheduler.register(this);
    this.pattern = new Pattern(this.world.packets);
    this.random = this.world.random(spec.name);
    this.source = new Uint8Array(destination.length);
    this.family = familyOf(destination);
  }

  start(): void {
    this.flow = this.world.recorder.flow(this.spec.name, 0);
    this.world.scheduler.at(this.spec.at, this.handler);
  }

  fire(): void {
    const { spec, world, flow } = this;
    const { packets, scheduler, recorder } = world;
    if (spec.until !== null && scheduler.now >= spec.until) return;
    this.drawSource();
    const packet = this.build();
    packets.flow[packet] = flow;
    packets.born[packet] = scheduler.now;
    recorder.sent(flow, packet);
    this.random.pick(this.options.hosts).sendRaw(packet);
    this.sent++;
    scheduler.at(spec.at + Math.floor((this.sent * SECOND) / spec.rate), this.handler);
  }

  private build(): number {
    switch (this.spec.kind) {
      case 'syn':
        return this.buildSyn();
      case 'reflection':
        return this.buildReflected();
      case 'gre':
        return this.buildGre();
    }
  }

  private buildSyn(): number {
    const { random, source, family } = this;
    const { destination, port } = this.options;
    const { packets } = this.world;
    const header = ipHeaderLength(family);
    const size = TCP_HEADER + SYN_OPTIONS;
    const packet = packets.take();
    const at = packets.start[packet]!;
    const mss = family === 4 ? 1460 : 1440;
    // prettier-ignore
    putTcpHeader(packets.bytes, at + header, random.between(1024, 65_535), port, random.uint32(), 0, TcpFlag.SYN,
      0xffff, mss, 0, 0, tcpPseudoSum(source, destination), 0);
    return this.finish(packet, IpProtocol.TCP, size);
  }

  private buildReflected(): number {
    const { random } = this;
    const { packets } = this.world;
    const payload = random.between(LEAST_REFLECTED, MOST_REFLECTED);
    const packet = packets.take();
    const udp = packets.start[packet]! + ipHeaderLength(this.family);
    const { bytes } = packets;
    putBe16(bytes, udp, random.pick(REFLECTORS));
    putBe16(bytes, udp + 2, random.between(1024, 65_535));
    putBe16(bytes, udp + 4, 8 + payload);
    this.pattern.put(udp + 8, random.below(1024), 0, payload);
    this.finish(packet, IpProtocol.UDP, 8 + payload);
    sealTransport(
      bytes,
      packets.kernels,
      packets.start[packet]!,
      this.family,
      IpProtocol.UDP,
      udp,
      8 + payload,
    );
    return packet;
  }

  /** GRE that no tunnel knows, with and without a key. */
  private buildGre(): number {
    const { random } = this;
    const { packets } = this.world;
    const packet = packets.take();
    const gre = packets.start[packet]! + ipHeaderLength(this.family);
    const hasKey = random.chance(0.5);
    putBe32(packets.bytes, gre, hasKey ? 0x2000_0800 : 0x0800);
    if (hasKey) putBe32(packets.bytes, gre + 4, random.uint32());
    const header = hasKey ? 8 : 4;
    this.pattern.put(gre + header, random.below(1024), 0, GRE_PAYLOAD);
    return this.finish(packet, IpProtocol.GRE, header + GRE_PAYLOAD);
  }

  private finish(packet: number, protocol: number, size: number): number {
    const { packets } = this.world;
    const { source, random } = this;
    const at = packets.start[packet]!;
    putIpHeader(
      packets.bytes,
      at,
      source,
      this.options.destination,
      protocol,
      size,
      DEFAULT_TTL,
      false,
      random.below(65_536),
    );
    packets.length[packet] = ipHeaderLength(this.family) + size;
    return packet;
  }

  /** A source that a packet could have: not private, not reserved. */
  private drawSource(): void {
    const { random, source } = this;
    const words = source.length / 4;
    for (let i = 0; i < words; i++) putBe32(source, i * 4, random.uint32());
    if (words === 1) source[0] = FIRST_BYTES[random.below(FIRST_BYTES.length)]!;
    else source[0] = 0x20 | (source[0]! & 0x0f);
  }
}

/** First bytes of IPv4 addresses that are all unicast and public (RFC 6890), as far as whole blocks of /8 are. */
const FIRST_BYTES = Array.from({ length: 222 }, (_, i) => i + 1).filter(
  (first) => ![10, 100, 127, 169, 172, 192, 198, 203].includes(first),
);
